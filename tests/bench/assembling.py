"""A result out of the clips that were played: of a run that is over, and of one that is not yet."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tests.bench import sittings
from tests.bench.files import whole_lines
from tests.bench.machines import by_machine
from tests.bench.matched import matched
from tests.bench.metrics.statistics import Measure
from tests.bench.records import Record, Shard
from tests.bench.results import compared, failures, measures_of, null_records, unreached
from tests.bench.running import Draw, Work, plan, wants
from tests.bench.servers import prefixes, variants
from tests.bench.stimuli.making import Half

__all__ = ["assembled", "from_clips", "work_of"]


def assembled(
    records: Sequence[Record], found: dict[str, Measure], seed: int, variants: Sequence[str]
) -> dict[str, Any]:
    """Measures by key, those of `load` at some number of sessions apart, and what compares them.

    Args:
        records: of all targets and nulls.
        found: what was measured beside the clips.
        seed: of the run.
        variants: prefixes of ours with one setting changed.
    """
    every = measures_of(records, seed) | found
    return {
        "measures": {key: m.as_json() for key, m in sorted(every.items()) if "load_" not in key},
        "load": {key: m.as_json() for key, m in sorted(every.items()) if "load_" in key},
        "paired": {
            target: {key: measure.as_json() for key, measure in pairs.items()}
            for target, pairs in compared(records, seed, variants).items()
        },
        "matched": matched(records, seed, variants),
        "unreached": unreached(records),
        "conditions": sittings.conditions(records),
        "parts": sittings.parts_of(records),
        "failed": failures(records),
    }


def from_clips(out: Path, n: int) -> tuple[dict[str, Any], list[Record]]:
    """The figures of a kept run by today's code, over the clips that all its targets have played.

    What is read is left as it is: the run may be going on.

    Args:
        out: of the run, whether it is there or not; its clips are beside it.
        n: of the run, to tell how much of it there is.

    Returns:
        A result that says of itself how many clips it stands on (`run.clips`, of `run.planned`),
        and its records with the nulls'.

    Raises:
        ValueError: no clip was played by all.
    """
    lines = whole_lines(out.with_suffix(".shard.jsonl"))
    if not lines:
        raise ValueError(f"{out.with_suffix('.shard.jsonl')} is not there, or is empty")
    head = lines[0]
    shard = _copied(out.with_suffix(".shard.jsonl"), head)
    asked = argparse.Namespace(**{"variant": [], **head})
    gone = sittings.left_out(shard.sittings)
    targets = [one for one in prefixes(asked) if one.rstrip(".") not in gone]
    planned = plan(head["suite"], n)
    done = [w for w in planned if all(shard.has(t, w.clip) for t in targets if wants(t, w))]
    if not done:
        raise ValueError("no clip has been played by all targets yet")
    clips = {work.clip for work in done}
    draw = Draw(head["split"], head["seed"])
    records = [r for r in shard.records if r.clip in clips and r.target in targets]
    records += null_records(draw.script(work) for work in done if work.suite != "voice")
    result = {
        "run": head | {"n": n, "clips": len(done), "planned": len(planned)},
        "machine": shard.sittings[-1]["machine"],
        "calibration": shard.sittings[-1]["calibration"],
        **assembled(records, _beside(out, head), head["seed"], variants(asked)),
        "sittings": shard.sittings,
        "machines": by_machine(shard, records, head["seed"]),
        "rivals": sittings.versions_of(shard.sittings),
        "not_measured": [f"{name}: not measured: {why}" for name, why in gone.items()],
    }
    return result, records


def _copied(path: Path, head: dict[str, Any]) -> Shard:
    """A shard cuts off what a kill left, and whoever still writes would lose it."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / path.name
        shutil.copy(path, copy)
        return Shard(copy, head)


def _beside(out: Path, head: dict[str, Any]) -> dict[str, Measure]:
    kept = out.with_suffix(".beside.json")
    known = json.loads(kept.read_text()) if kept.is_file() else {"head": {}, "parts": {}}
    if not head.items() <= known["head"].items():
        return {}
    parts = known["parts"].values()
    return {key: Measure.of_json(one) for found in parts for key, one in found.items()}


def work_of(clip: str) -> Work:
    """The clip with this name."""
    suite, half, number = clip.rsplit("-", 2)
    return Work(suite, cast(Half, half), int(number))
