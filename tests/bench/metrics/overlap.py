"""Metrics 3 and 4: do we stop when interrupted, and only then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from tests.bench.metrics.activity import ClipLog, Interval, Label, LabelKind, bursts
from tests.bench.metrics.statistics import Measure, Rows, bootstrap, grouped, mean, quantile

__all__ = ["IGNORED", "STOP_SILENCE_SECONDS", "YIELD_SECONDS", "balance_of", "overlap_measures",
           "overlap_rows", "stop_delay", "stop_measures", "talked_through"]  # fmt: skip

YIELD_SECONDS: Final = 2.0
STOP_SILENCE_SECONDS: Final = 0.5
"""Silence that makes a last voiced frame a stop; shorter is a pause between two phrases."""

FALSE_STOP_SECONDS: Final = 1.0
FALSE_ANSWER_SECONDS: Final = 2.0


def _speech_at(log: ClipLog, time: float) -> Interval | None:
    """The stretch of ours, holes up to a stop's silence closed, that is on at `time`."""
    for stretch in bursts(log.agent, STOP_SILENCE_SECONDS):
        if stretch.start < time <= stretch.end:
            return stretch
    return None


def _ended_by_itself(log: ClipLog, end: float) -> bool:
    """Whether the events say that the utterance heard last before `end` was spoken whole."""
    over = [u for u in log.utterances if u.started <= end and u.finished != "open"]
    if not over:
        return False
    last = max(over, key=lambda u: u.started)
    return last.finished == "done" and abs(last.ended - end) < 0.6


def stop_delay(log: ClipLog, interruption: Label) -> float | None:
    """Person's onset to our last voiced frame (L_Y), seconds; `inf` when we never stop.

    None when the clip cannot tell: we were not speaking at the onset, or what we said simply
    came to its end within the two seconds.
    """
    stretch = _speech_at(log, interruption.start)
    if stretch is None:
        return None
    if log.length and stretch.end > log.length - STOP_SILENCE_SECONDS:
        return float("inf")
    if _ended_by_itself(log, stretch.end):
        return None if stretch.end - interruption.start <= YIELD_SECONDS else float("inf")
    return stretch.end - interruption.start


def _stops(log: ClipLog) -> list[float]:
    found = (stop_delay(log, label) for label in log.labelled("interruption"))
    return [delay for delay in found if delay is not None]


def stop_measures(logs: Sequence[ClipLog], seed: int) -> dict[str, Measure]:
    """Metric 3 over labels `interruption` that fell on our speech, resampled by clip."""
    delays = [_stops(log) for log in logs]
    yielded = [[d for d in one if d <= YIELD_SECONDS] for one in delays]
    shares = [[float(d <= YIELD_SECONDS) for d in one] for one in delays]
    return {
        "stop.latency_p50_s": grouped(yielded, quantile(0.5), seed),
        "stop.latency_p95_s": grouped(yielded, quantile(0.95), seed),
        "stop.yielded": grouped(shares, mean, seed),
    }


def talked_through(log: ClipLog, label: Label) -> bool | None:
    """Whether we rightly ignored an event that asks for nothing.

    Wrong when, speaking at its onset, we stop between its onset and 1.0 s after its end, or,
    silent, we start between its onset and 2.0 s after its end. None when our speech simply came
    to its end in that time.
    """
    stretch = _speech_at(log, label.start)
    if stretch is None:
        until = label.end + FALSE_ANSWER_SECONDS
        return not any(label.start <= b.start < until for b in bursts(log.agent))
    if stretch.end > label.end + FALSE_STOP_SECONDS:
        return True
    if log.length and stretch.end > log.length - STOP_SILENCE_SECONDS:
        return True
    return None if _ended_by_itself(log, stretch.end) else False


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
