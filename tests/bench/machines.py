"""A run that went on on another machine: its figures on each, beside those of all together.

Every clip is played to all targets before the next, so that what is compared is of one machine;
what is told in seconds is a mixture, of which this says what is in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from tests.bench.records import Record, Shard
from tests.bench.results import measures_of

__all__ = ["FIGURES", "by_machine", "named", "places"]

FIGURES: Final = ("turn.latency_mean_s", "pause.takeover", "stop.latency_p50_s", "overlap.balance",
                  "human.turn.latency_mean_s", "human.pause.takeover")  # fmt: skip


_KERNEL: Final = re.compile(r"^Linux-(?P<release>.+?)-(?:x86_64|aarch64)\b")


def named(machine: Mapping[str, Any]) -> str:
    """What tells a machine from another; of memory whole GiB, which a reboot does not change.

    Virtual processors of several generations bear one name ("AMD EPYC"): hosts whose kernels are
    not the same count as two machines, as does one host before and behind an update.
    """
    cores, memory = machine.get("cores", "?"), machine.get("memory_gib")
    size = "?" if memory is None else f"{memory:.0f}"
    kernel = _KERNEL.match(str(machine.get("system", "")))
    release = f", Linux {kernel['release']}" if kernel else ""
    return f"{machine.get('processor', '')}, {cores} cores, {size} GiB{release}"


def places(sittings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The machines of a run, each once, in the order in which they were first used."""
    return list(dict.fromkeys(named(one.get("machine") or {}) for one in sittings))


def by_machine(shard: Shard, records: Sequence[Record], seed: int) -> list[dict[str, Any]]:
    """For each machine its calls, their load, and by target the figures; empty of one machine.

    Args:
        shard: which knows in which sitting a record was made.
        records: those that count; of nulls there are none.
        seed: of the run.
    """
    found: list[dict[str, Any]] = []
    whole = places(shard.sittings)
    for place in whole if len(whole) > 1 else ():
        here = [
            r
            for r in records
            if (k := shard.sitting_of(r)) is not None
            and named(shard.sittings[k].get("machine") or {}) == place
        ]
        if not here:
            continue
        measures = measures_of(here, seed)
        targets = sorted({record.target for record in here})
        found.append({
            "machine": place,
            "calls": len(here),
            "load_p50": round(float(np.median([record.load for record in here])), 2),
            "targets": {
                target: {
                    key: one.as_json()
                    for key in FIGURES
                    if (one := measures.get(f"{target}{key}")) is not None
                }
                for target in targets
            },
        })  # fmt: skip
    return found
