"""`counterpoint bench redraw OUT.json`: its report anew, by the report's code of today.

A run of the test split takes hours and cannot be gone on with once the code has changed; how its
figures are shown may get better all the same. No figure is touched: they stay those of the result.

With `--from-clips N` they are made anew out of the clips that were played, of a run of this `--n`
that is over or not: beside the result, as `OUT.clips.json`, which says on how many clips it stands.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.assembling import from_clips, work_of
from tests.bench.files import replace_text, whole_lines
from tests.bench.records import Shard
from tests.bench.report import write_report
from tests.bench.results import null_records
from tests.bench.running import Draw

__all__ = ["anew", "main", "redraw"]


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


def anew(out: Path, n: int) -> Path:
    """Write a report of what was played of a kept run, by today's code; returns the page.

    Raises:
        ValueError: there is nothing that all targets have played.
    """
    result, records = from_clips(out, n)
    made = out.with_suffix(".clips.json")
    replace_text(made, json.dumps(result, indent=1) + "\n")
    page = made.with_suffix(".html")
    write_report(page, made.with_suffix(".md"), result, records)
    return page


def main(words: Sequence[str]) -> int:
    """0 when it was drawn, 2 when it cannot be."""
    parser = argparse.ArgumentParser(prog="counterpoint bench redraw", description=__doc__)
    parser.add_argument("result", type=Path, metavar="OUT.json")
    parser.add_argument("--from-clips", type=int, metavar="N", help="see above")
    options = parser.parse_args(words)
    try:
        again = options.from_clips
        print(redraw(options.result) if again is None else anew(options.result, again))
    except (OSError, ValueError, KeyError) as error:
        print(f"counterpoint bench redraw: {error}", file=sys.stderr)
        return 2
    return 0
