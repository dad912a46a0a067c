"""One target's sums by clip, so that two or more are resampled together over the clips they share.

A latency is a mean over answered turns: of a side that answered fewer than 95 % of its turns it
tells nothing, and must not stand in any comparison.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tests.bench.metrics.activity import ClipLog, recording_of
from tests.bench.metrics.overlap import YIELD_SECONDS, balance_of, overlap_rows, stop_delay
from tests.bench.metrics.statistics import Measure, bootstrap, withheld
from tests.bench.metrics.turns import ANSWERED_SHARE, answer_delay, asked, pause_taken, pauses
from tests.bench.records import Record

__all__ = ["Chosen", "Side", "in_order", "name_of", "resampled", "shared_sides", "unanswered"]

Chosen = npt.NDArray[np.int_]
"""Numbers of clips, one as often as it was drawn."""


class Side:
    """Sums by clip of one target: latencies, take-overs, overlaps, stops."""

    def __init__(self, logs: Sequence[ClipLog]) -> None:
        self._answers = np.zeros((len(logs), 3))
        self._pauses = np.zeros((len(logs), 2))
        self._overlaps = overlap_rows(logs)
        self._stops: list[list[float]] = []
        for i, log in enumerate(logs):
            turns = [answer_delay(log, turn) for turn in log.labelled("turn") if asked(log, turn)]
            known = [delay for delay in turns if delay is not None]
            self._answers[i] = sum(known), len(known), len(turns)
            taken = [pause_taken(log, pause) for pause in pauses(log)]
            self._pauses[i] = sum(taken), len(taken)
            stops = [stop_delay(log, label) for label in log.labelled("interruption")]
            self._stops.append([s for s in stops if s is not None and s <= YIELD_SECONDS])

    @property
    def answered(self) -> float:
        """Share of all its turns, NaN without any."""
        total = self._answers.sum(axis=0)
        return float(total[1] / total[2]) if total[2] else float("nan")

    def latency(self, chosen: Chosen) -> float:
        """Mean over these clips, seconds, NaN without any."""
        total = self._answers[chosen].sum(axis=0)
        return float(total[0] / total[1]) if total[1] else float("nan")

    def takeover(self, chosen: Chosen) -> float:
        """Share of pauses."""
        total = self._pauses[chosen].sum(axis=0)
        return float(total[0] / total[1]) if total[1] else float("nan")

    def balance(self, chosen: Chosen) -> float:
        """B."""
        return balance_of(self._overlaps[chosen])

    def stop(self, chosen: Chosen) -> float:
        """Median of those that stopped, seconds."""
        every = [value for i in chosen for value in self._stops[int(i)]]
        return float(np.median(every)) if every else float("nan")


def shared_sides(
    records: Sequence[Record], halves: Sequence[str], targets: Sequence[str]
) -> tuple[list[Side], list[str]]:
    """A side for each target over the clips that all of them played, and for each of those clips
    the recording it plays, empty for none."""
    logs: dict[str, dict[str, ClipLog]] = {target: {} for target in targets}
    for record in records:
        if record.target in logs and record.log is not None and record.log.half in halves:
            if record.suite != "voice":
                logs[record.target][record.clip] = record.log
    shared = sorted(set.intersection(*(set(known) for known in logs.values())))
    sides = [Side([logs[target][clip] for clip in shared]) for target in targets]
    return sides, [recording_of(logs[targets[0]][clip]) for clip in shared]


def resampled(
    recordings: Sequence[str], statistic: Callable[[Chosen], float], seed: int
) -> Measure:
    """A statistic of the clips of `shared_sides`, given the numbers of those that were drawn."""
    count = len(recordings)
    if not count or not np.isfinite(statistic(np.arange(count))):
        return withheld(0, seed, "no such event in these clips")
    rows = np.arange(count, dtype=np.float64).reshape(-1, 1)
    return bootstrap(
        rows, lambda drawn: statistic(drawn[:, 0].astype(int)), seed, recordings=recordings
    )


def name_of(target: str) -> str:
    """`rival.pipecat.` → `rival.pipecat`, ours by that word."""
    return target.rstrip(".") or "ours"


def in_order(target: str) -> tuple[str, int]:
    """To sort by: the settings of one policy by their number."""
    number = re.search(r"(\d+)\.$", target)
    return (target[: number.start()], int(number[1])) if number else (target, -1)


def unanswered(sides: Mapping[str, Side]) -> str:
    """Why no latency may be compared: who answered too few turns; empty when all did enough."""
    few = {target: side for target, side in sides.items() if not side.answered >= ANSWERED_SHARE}
    return "; ".join(
        f"{name_of(target)} answered {side.answered:.1%} of turns"
        if np.isfinite(side.answered)
        else f"{name_of(target)} was asked nothing"
        for target, side in few.items()
    )
