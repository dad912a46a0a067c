"""Metrics 3 and 4: do we stop when interrupted, and only then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from tests.bench.metrics.activity import (
    BURST_JOIN_SECONDS,
    ClipLog,
    Interval,
    Label,
    LabelKind,
    bursts,
)  # fmt: skip
from tests.bench.metrics.statistics import Measure, Rows, bootstrap, grouped, mean, quantile

__all__ = ["IGNORED", "STOP_SILENCE_SECONDS", "YIELD_SECONDS", "balance_of", "overlap_measures",
           "overlap_rows", "speaks_on", "stop_delay", "stop_measures",
           "stretches", "talked_through", "untold"]  # fmt: skip

YIELD_SECONDS: Final = 2.0
STOP_SILENCE_SECONDS: Final = 0.5
"""Silence that makes a last voiced frame a stop where no event tells; shorter is a pause between
two phrases."""

IN_FLIGHT_SECONDS: Final = 0.1
"""Sound of an utterance may still come so long after the event that it was cut."""

HANG_UP_SECONDS: Final = 0.2
"""An utterance cut so shortly before the recording's end was cut by hanging up."""

TOLD_SECONDS: Final = 1.0
"""Whose speech ends by itself sooner behind an onset might have stopped or not. Longer than most
stops take: what is left out hangs then little on whether one would have stopped. (While it was 2.0
for interruptions, and the event's end and 1.0 for others, of a server that hardly ever yields half
the interruptions were left out, all of them not yielded to.)"""

FALSE_STOP_SECONDS: Final = 1.0
FALSE_ANSWER_SECONDS: Final = 2.0


def _over_at(log: ClipLog, time: float) -> tuple[str, float]:
    """How and when the utterance was over that was on at a time, the last that had begun.

    "done" or "cut", or "open" where no event says how: with the start of the next one, or never.
    Empty where the events tell of none.
    """
    begun = [number for number, one in enumerate(log.utterances) if one.started <= time]
    if not begun:
        return "", float("inf")
    last = log.utterances[begun[-1]]
    following = log.utterances[begun[-1] + 1 : begun[-1] + 2]
    hung_up = log.length > 0.0 and last.ended > log.length - HANG_UP_SECONDS
    if last.finished == "cut" and hung_up:
        return "open", float("inf")
    # On one channel, but an end may be told only when what comes next is already heard.
    return last.finished, min(last.ended, *(one.started for one in following), float("inf"))


def stretches(log: ClipLog, *, whole_ends: bool = False) -> tuple[Interval, ...]:
    """What we said, each stretch up to where we stopped.

    Where events tell of utterances they decide: a hole in which one was cut ends a stretch,
    however short it is; one inside an utterance that goes on ends none, however long, for it is a
    gap between two phrases; and what goes on when the call ends is on until then. Everywhere else,
    so for a target that tells no utterances, silence decides: 0.5 s of it are a stop.

    Args:
        log: the clip.
        whole_ends: whether an utterance that was said whole ends a stretch too, so that what comes
            behind it is a start of its own.
    """
    found: list[Interval] = []
    for voiced in sorted(log.agent):
        if found and _joined(log, found[-1].end, voiced.start, whole_ends=whole_ends):
            found[-1] = Interval(found[-1].start, max(found[-1].end, voiced.end))
        else:
            found.append(voiced)
    if found and _over_at(log, found[-1].end) == ("open", float("inf")):
        found[-1] = Interval(found[-1].start, max(found[-1].end, log.length))
    return tuple(found)


def _joined(log: ClipLog, start: float, end: float, *, whole_ends: bool) -> bool:
    """Whether a hole in our speech is no stop."""
    how, over = _over_at(log, start)
    if how and over >= end:
        return True
    if how == "cut":
        # A breath in what was on its way to us when it was cut.
        return end - over < IN_FLIGHT_SECONDS and end - start < BURST_JOIN_SECONDS
    return end - start < STOP_SILENCE_SECONDS and not (how and whole_ends)


def _speech_at(log: ClipLog, time: float) -> Interval | None:
    """The stretch of ours that is on at `time`."""
    return next((one for one in stretches(log) if one.start < time <= one.end), None)


def _ended_by_itself(log: ClipLog, end: float) -> bool:
    """Whether the events say that the utterance heard last before `end` was spoken whole."""
    over = [u for u in log.utterances if u.started <= end and u.finished != "open"]
    if not over:
        return False
    last = max(over, key=lambda u: u.started)
    return last.finished == "done" and abs(last.ended - end) < 0.6


def stop_delay(log: ClipLog, interruption: Label) -> float | None:
    """Person's onset to our last voiced frame (L_Y), seconds; `inf` when we never stop.

    What a stop is `stretches` tells, by events or by silence; who comes to the end of what he had
    to say no sooner than `TOLD_SECONDS` behind the onset has not stopped either. None when the clip
    cannot tell: we were not speaking at the onset, or had come to an end before that.
    """
    stretch = _speech_at(log, interruption.start)
    if stretch is None:
        return None
    if log.length and stretch.end > log.length - STOP_SILENCE_SECONDS:
        return float("inf")
    spoken = stretch.end - interruption.start
    if _ended_by_itself(log, stretch.end):
        return float("inf") if spoken >= TOLD_SECONDS else None
    return spoken


def speaks_on(log: ClipLog, interruption: Label) -> bool:
    """Whether our voice is on for longer than the two seconds from the onset, whatever ended it."""
    stretch = _speech_at(log, interruption.start)
    return stretch is not None and stretch.end - interruption.start > YIELD_SECONDS


def _stops(log: ClipLog) -> list[float]:
    found = (stop_delay(log, label) for label in log.labelled("interruption"))
    return [delay for delay in found if delay is not None]


def stop_measures(logs: Sequence[ClipLog], seed: int) -> dict[str, Measure]:
    """Metric 3 over labels `interruption` that fell on our speech, resampled by clip."""
    delays = [_stops(log) for log in logs]
    yielded = [[d for d in one if d <= YIELD_SECONDS] for one in delays]
    shares = [[float(d <= YIELD_SECONDS) for d in one] for one in delays]
    return {
        "stop.latency_mean_s": grouped(yielded, mean, seed),
        "stop.latency_p50_s": grouped(yielded, quantile(0.5), seed),
        "stop.latency_p95_s": grouped(yielded, quantile(0.95), seed),
        "stop.yielded": grouped(shares, mean, seed),
    }


def talked_through(log: ClipLog, label: Label) -> bool | None:
    """Whether we rightly ignored an event that asks for nothing.

    Wrong when, speaking at its onset, we stop between its onset and 1.0 s after its end, or,
    silent, we start between its onset and 2.0 s after its end. What came to its end by itself no
    sooner than `TOLD_SECONDS` behind the onset was not stopped; sooner, the clip cannot tell, and
    it is None. What a stop is `stretches` tells, by events or by silence.
    """
    stretch = _speech_at(log, label.start)
    if stretch is None:
        until = label.end + FALSE_ANSWER_SECONDS
        return not any(label.start <= b.start < until for b in bursts(log.agent))
    if stretch.end > label.end + FALSE_STOP_SECONDS:
        return True
    if log.length and stretch.end > log.length - STOP_SILENCE_SECONDS:
        return True
    if _ended_by_itself(log, stretch.end):
        return True if stretch.end - label.start >= TOLD_SECONDS else None
    return False


def untold(logs: Sequence[ClipLog]) -> tuple[int, int]:
    """How many events over our speech are left out, since it had ended by itself before the clip
    could tell: interruptions, and what asks for nothing."""
    return (
        sum(_speech_at(log, one.start) is not None and stop_delay(log, one) is None
            for log in logs for one in log.labelled("interruption")),
        sum(talked_through(log, one) is None
            for log in logs for kind in IGNORED for one in log.labelled(kind)),
    )  # fmt: skip


IGNORED: Final[tuple[LabelKind, ...]] = ("backchannel", "vocal_tic", "not_directed")
"""What asks for nothing: to be talked through, and not to be answered."""


def overlap_rows(logs: Sequence[ClipLog]) -> Rows:
    """One row per clip: yields, interruptions, then right and all for each kind of event."""
    table = np.zeros((len(logs), 8))
    for row, log in zip(table, logs, strict=True):
        stops = _stops(log)
        row[:2] = sum(delay <= YIELD_SECONDS for delay in stops), len(stops)
        for i, kind in enumerate(IGNORED):
            verdicts = [talked_through(log, label) for label in log.labelled(kind)]
            known = [verdict for verdict in verdicts if verdict is not None]
            row[2 + 2 * i : 4 + 2 * i] = sum(known), len(known)
    return table


def balance_of(rows: Rows) -> float:
    """B of rows as `overlap_rows` gives them; NaN without interruptions or without events."""
    sums = rows.sum(axis=0)
    shares = sums[0::2] / np.where(sums[1::2] > 0, sums[1::2], np.nan)
    ignored = shares[1:][np.isfinite(shares[1:])]
    if not len(ignored) or not np.isfinite(shares[0]):
        return float("nan")
    return float((shares[0] + ignored.mean()) / 2.0)


def overlap_measures(logs: Sequence[ClipLog], seed: int) -> dict[str, Measure]:
    """Metric 4: B = (R_Y + mean of the three shares) / 2, and the shares themselves."""
    table = overlap_rows(logs)
    told = int((table[:, 1] + table[:, 3] + table[:, 5] + table[:, 7]).sum())
    measures = {"overlap.balance": bootstrap(table, balance_of, seed, n=told)}
    for i, kind in enumerate(IGNORED):
        right, every = table[:, 2 + 2 * i], table[:, 3 + 2 * i]
        verdicts = np.repeat(right / np.maximum(every, 1), every.astype(int))
        measures[f"overlap.{kind}"] = bootstrap(verdicts.reshape(-1, 1), mean, seed)
    return measures
