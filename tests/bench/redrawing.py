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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench import servers, sittings
from tests.bench.assembling import from_clips, work_of
from tests.bench.files import replace_text, whole_lines
from tests.bench.records import Record, Shard
from tests.bench.report import write_report
from tests.bench.results import HALVES, null_records
from tests.bench.running import Draw, plan
from tests.bench.stimuli.making import Half

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
    records = _of_run(Shard(shard, head), run)
    draw = Draw(run["split"], run["seed"])
    works = sorted({work_of(record.clip) for record in records}, key=lambda work: work.clip)
    nulls = null_records(draw.script(work) for work in works if work.suite != "voice")
    page = out.with_suffix(".html")
    write_report(page, out.with_suffix(".md"), result, [*records, *nulls])
    return page


def _of_run(shard: Shard, run: Mapping[str, Any]) -> list[Record]:
    """The records a result was made of: the shard may hold more, of an earlier and larger `--n`,
    and of a rival that was left out later."""
    gone = sittings.left_out(shard.sittings)
    none: dict[str, Any] = {"variant": [], "baseline": [], "target": [], "rival": []}
    asked = argparse.Namespace(**none | dict(run))
    targets = {one for one in servers.prefixes(asked) if one.rstrip(".") not in gone}
    records = [record for record in shard.records if record.target in targets]
    if "n" not in run:
        return records
    halves: list[Half] = [half for half in HALVES if run.get("half", "both") in (half, "both")]
    wanted = {work.clip for work in plan(run["suite"], run["n"], halves)}
    return [record for record in records if record.clip in wanted]


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
