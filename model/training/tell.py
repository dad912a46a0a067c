"""`python -m model.training.tell DIR`: what is in a folder of shards, and what its streams know.

Hours, events, and how well the belief and the teacher tell a turn's end from a pause inside a turn
so many micro-turns after the last voiced sample: area under the curve, .5 is chance.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from model.interaction import streams
from model.timebase import MICRO_TURN_SECONDS
from model.training import shards

__all__ = ["area", "main", "silences"]

AGES: Final = (0, 2, 4, 6, 9)
_COLUMNS: Final = (("belief", 0.0), ("teacher_end", -1.0))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what there is; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m model.training.tell", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shards", type=int, default=1000, help="at most so many")
    chosen = parser.parse_args(arguments)
    events: Counter[str] = Counter()
    values: dict[tuple[str, int], list[tuple[bool, float]]] = {}
    micro_turns = 0
    for index in shards.shard_indices(chosen.folder)[: chosen.shards]:
        for inputs, labels, _ in shards.read_conversations(chosen.folder, index):
            micro_turns += len(labels["event"])
            begun = labels["event"][(labels["event"] > 0) & (labels["event_age"] == 0)]
            events.update(streams.EVENTS[int(event)] for event in begun)
            columns = {**inputs, **labels}
            for ended, k, age in silences(labels):
                for name, _ in _COLUMNS:
                    values.setdefault((name, age), []).append((ended, float(columns[name][k])))
    hours = micro_turns * MICRO_TURN_SECONDS / 3600
    sys.stdout.write(f"{hours:.2f} h; events an hour: ")
    told = (f"{name} {count / max(hours, 1e-9):.0f}" for name, count in sorted(events.items()))
    sys.stdout.write(", ".join(told) + "\n")
    for name, absent in _COLUMNS:
        for age in AGES:
            sys.stdout.write(_line(name, age, absent, values.get((name, age), [])) + "\n")
    return 0


def silences(labels: streams.Arrays) -> Iterator[tuple[bool, int, int]]:
    """Of every silence of the person that lasts so long: whether the turn is over, k, and age."""
    event, age = labels["event"], labels["event_age"]
    for k in np.flatnonzero(np.isin(event, (streams.TURN_END, streams.PAUSE))):
        if int(age[k]) in AGES:
            yield bool(event[k] == streams.TURN_END), int(k), int(age[k])


def area(scores: Sequence[float], wanted: Sequence[bool]) -> float:
    """The chance that a wanted one has a higher score than another; ties count half.

    Raises:
        ValueError: there are none of one kind.
    """
    values, hits = np.asarray(scores, np.float64), np.asarray(wanted, bool)
    good, bad = int(hits.sum()), int((~hits).sum())
    if not good or not bad:
        raise ValueError("there must be some of both kinds")
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ends: npt.NDArray[np.float64] = np.cumsum(count).astype(np.float64)
    ranks = (ends - (count - 1) / 2)[place]
    return float((ranks[hits].sum() - good * (good + 1) / 2) / (good * bad))


def _line(name: str, age: int, absent: float, found: Sequence[tuple[bool, float]]) -> str:
    known = [(ended, value) for ended, value in found if value != absent]
    kinds = {ended for ended, _ in known}
    told = f"{name} at {age}: {len(known)} of {len(found)} known"
    if len(kinds) < 2:
        return told
    where = area([value for _, value in known], [ended for ended, _ in known])
    means = [np.mean([v for e, v in known if e is kind]) for kind in (True, False)]
    return f"{told}, AUC {where:.3f}, mean at ends {means[0]:.2f}, in pauses {means[1]:.2f}"


if __name__ == "__main__":
    sys.exit(main())
