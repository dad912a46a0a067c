"""`counterpoint bench redraw OUT.json`: its report anew, by the report's code of today.

A run of the test split takes hours and cannot be gone on with once the code has changed; how its
figures are shown may get better all the same. No figure is touched: they stay those of the result.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from tests.bench.files import whole_lines
from tests.bench.records import Shard
from tests.bench.report import write_report
from tests.bench.results import null_records
from tests.bench.running import Draw, Work
from tests.bench.stimuli.making import Half

__all__ = ["main", "redraw"]


def redraw(out: Path) -> Path:
    """Write page, text and pictures beside a result again; returns the page.

    Raises:
        OSError: there is no such result.
        ValueError: the clips beside it are gone, or of another run.
    """
    result = json.loads(out.read_text())
    shard = out.with_suffix(".shard.jsonl")
    if not (lines := whole_lines(shard)):
        raise ValueError(f"{shard} with the clips of {out} is not there, or is empty")
    head, run = lines[0], result["run"]
    if any(run.get(name) != head.get(name) for name in ("commit", "seed", "split", "suite")):
        raise ValueError(f"{shard} holds the clips of another run than {out}")
    records = Shard(shard, head).records
    draw = Draw(run["split"], run["seed"])
    works = sorted({work_of(record.clip) for record in records}, key=lambda work: work.clip)
    nulls = null_records(draw.script(work) for work in works if work.suite != "voice")
    page = out.with_suffix(".html")
    write_report(page, out.with_suffix(".md"), result, [*records, *nulls])
    return page


def work_of(clip: str) -> Work:
    """The clip with this name."""
    suite, half, number = clip.rsplit("-", 2)
    return Work(suite, cast(Half, half), int(number))


def main(words: Sequence[str]) -> int:
    """0 when it was drawn, 2 when it cannot be."""
    parser = argparse.ArgumentParser(prog="counterpoint bench redraw", description=__doc__)
    parser.add_argument("result", type=Path, metavar="OUT.json")
    options = parser.parse_args(words)
    try:
        print(redraw(options.result))
    except (OSError, ValueError, KeyError) as error:
        print(f"counterpoint bench redraw: {error}", file=sys.stderr)
        return 2
    return 0
