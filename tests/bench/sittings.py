"""The sittings of a run: on what each was played, and that a run of the test split is known of."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.bench.files import as_lines, whole_lines
from tests.bench.records import Record, Shard, ShardMismatch
from tests.bench.running import UNSTEADY_SECONDS, SittingEnded

__all__ = ["checkpoint", "conditions", "left_out", "log_begun", "log_measured", "parts_of",
           "same_machine", "without", "versions_of"]  # fmt: skip

ROOT: Final = Path(__file__).parents[2]
_SAME: Final = ("processor", "cores")

Fields = Mapping[str, Any]


def checkpoint(path: Path | None) -> dict[str, str] | None:
    """Path, below the checkout where it is, and SHA-256 of the checkpoint a run is told of."""
    if path is None:
        return None
    whole = path.resolve()
    shown = whole.relative_to(ROOT) if whole.is_relative_to(ROOT) else whole
    return {"path": str(shown), "sha256": hashlib.sha256(whole.read_bytes()).hexdigest()}


def same_machine(sittings: Sequence[Fields], machine: Fields) -> None:
    """Refuse to go on with what was begun on another processor.

    Raises:
        ShardMismatch: it was.
    """
    first = sittings[0]["machine"] if sittings else machine
    for name in _SAME:
        if first[name] != machine[name]:
            raise ShardMismatch(
                f"this run was begun on {name} {first[name]}, here it is {machine[name]}: one "
                "run's figures are of one machine; go on there, or insist with --other-machine"
            )


def left_out(sittings: Sequence[Fields]) -> dict[str, str]:
    """Rivals that a sitting went on without, with reasons: they are not in this run any more."""
    return {name: why for one in sittings for name, why in one["without"].items()}


def without(absent: Mapping[str, str], *, allowed: bool) -> dict[str, str]:
    """The rivals a kept run goes on without, with reasons.

    Raises:
        SittingEnded: one could not be started, and that is not allowed.
    """
    if absent and not allowed:
        whys = "; ".join(f"{name}: {why}" for name, why in absent.items())
        raise SittingEnded(
            f"not begun, for what was asked for is not there: {whys}. Where it cannot be had, "
            "--without-rival leaves it out of this run for good"
        )
    return dict(absent)


def versions_of(sittings: Sequence[Fields]) -> dict[str, Any]:
    """What each rival said of itself, by name; of the last sitting that had it."""
    gone = left_out(sittings)
    every = {name: said for one in sittings for name, said in one["rivals"].items()}
    return {name: said for name, said in every.items() if name not in gone}


def conditions(records: Iterable[Record]) -> dict[str, Any]:
    """Load while the clips were played, how many stayed unsteady after their last try, and how far
    our onsets of the agent lay from an independent voice activity detector's (median of calls)."""
    played = [record for record in records if record.client]
    loads = [record.load for record in played]
    unsteady = sum(record.client["late_p99"] > UNSTEADY_SECONDS for record in played)
    p50, p95 = np.percentile(loads, (50, 95)) if loads else (None, None)
    apart = [record.client["vad"] for record in played if record.client.get("vad")]
    return {
        "clips": len(played),
        "load_p50": None if p50 is None else round(float(p50), 2),
        "load_p95": None if p95 is None else round(float(p95), 2),
        "unsteady": unsteady,
        "vad_ms": round(1000 * float(np.median(apart)), 1) if apart else None,
    }


def parts_of(records: Iterable[Record]) -> dict[str, list[dict[str, str]]]:
    """What each server said it is made of, by prefix or `ours`; two where that changed."""
    found: dict[str, list[dict[str, str]]] = {}
    for record in records:
        if record.parts:
            said = found.setdefault(record.target or "ours", [])
            if dict(record.parts) not in said:
                said.append(dict(record.parts))
    return found


def log_begun(
    path: Path, head: Fields, machine: Fields, shard: Shard | None, *, fresh: bool
) -> None:
    """Write down that a run began; once for a shard, and for a suite without one until it ends.

    A look at the test split counts whether or not anything comes of it.
    """
    known = shard is not None and bool(shard.sittings)
    if shard is None and not fresh:
        ours = json.loads(json.dumps(dict(head)))
        states = [one.get("state") for one in whole_lines(path) if _is_of(one["run"], ours)]
        known = states[-1:] == ["begun"]
    if not known:
        run = dict(head) | {"started": round(time.time())}
        _append(path, {"state": "begun", "run": run, "machine": machine, "measures": {}})


def log_measured(path: Path, result: Fields) -> None:
    """Write down what came of it."""
    fields = {name: result[name] for name in ("run", "machine", "measures")}
    _append(path, {"state": "measured"} | fields)


def _is_of(run: Fields, head: Fields) -> bool:
    """Whether a line is of the run with this head; beside it a line tells sizes and times."""
    return all(name in run and run[name] == value for name, value in head.items())


def _append(path: Path, fields: Fields) -> None:
    with path.open("a") as file:
        file.write(as_lines([fields]))
