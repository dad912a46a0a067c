"""Metric 5: short acknowledgements where a listener gives them, judged against a metronome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from tests.bench.metrics.activity import ClipLog, Interval, Label, bursts, utterance_of
from tests.bench.metrics.statistics import Measure, Rows, bootstrap, mean

__all__ = ["backchannel_measures", "best_metronome", "matches", "short_events", "take_over"]

TOLERANCE_SECONDS: Final = 0.5
SHORT_SECONDS: Final = 1.0
SHORT_WORDS: Final = 2

# The metronomes tried: every period from 0.5 to 20 s on a grid, eight phases each.
_PERIODS: Final = np.concatenate([np.arange(0.5, 4.0, 0.125), np.arange(4.0, 20.1, 0.5)])
_PHASES: Final = np.arange(8) / 8.0


def _is_short(log: ClipLog, burst: Interval) -> bool:
    """Meant to be short: an answer that was cut off within a second is a take-over, no "mhm".

    Of a target that tells nothing, what ends while the person speaks counts as cut off: its hasty
    starts would else pass for acknowledgements that ours are not given.
    """
    utterance = utterance_of(burst, log.utterances)
    if log.utterances:
        cut = utterance is not None and utterance.finished == "cut"
    else:
        cut = any(spoken.start < burst.end <= spoken.end for spoken in log.person)
    words = len(utterance.words) if utterance is not None else 0
    return burst.length < SHORT_SECONDS and words <= SHORT_WORDS and not cut


def _within(burst: Interval, span: Label) -> bool:
    return span.start <= burst.start < span.end


def short_events(log: ClipLog, span: Label) -> tuple[float, ...]:
    """Onsets of our events of under 1 s and at most two words inside the monologue."""
    return tuple(b.start for b in bursts(log.agent) if _within(b, span) and _is_short(log, b))


def take_over(log: ClipLog, span: Label) -> bool:
    """Whether anything longer of ours starts while the person holds the floor."""
    return any(_within(b, span) and not _is_short(log, b) for b in bursts(log.agent))


def matches(events: Sequence[float], opportunities: Sequence[float]) -> int:
    """Largest number of one-to-one pairs within ± 0.5 s; both sorted."""
    found = i = j = 0
    while i < len(events) and j < len(opportunities):
        apart = events[i] - opportunities[j]
        if abs(apart) <= TOLERANCE_SECONDS:
            found, i, j = found + 1, i + 1, j + 1
        elif apart < 0:
            i += 1
        else:
            j += 1
    return found


def _f1(rows: Rows) -> float:
    """F1 of columns matched, given, wanted; 0 where nothing matched."""
    matched, given, wanted = rows.sum(axis=0)[:3]
    return float(2 * matched / (given + wanted)) if matched else 0.0


def _metronome_rows(spans: Sequence[tuple[Label, tuple[float, ...]]]) -> Rows:
    """Counts of every metronome on every monologue, `[monologues, metronomes, 3]`."""
    table = np.zeros((len(spans), len(_PERIODS) * len(_PHASES), 3))
    for row, (span, wanted) in zip(table, spans, strict=True):
        tries = ((p, f) for p in _PERIODS for f in _PHASES)
        for cell, (period, phase) in zip(row, tries, strict=True):
            beats = np.arange(span.start + period * (phase or 1.0), span.end, period)
            cell[:] = matches(list(beats), wanted), len(beats), len(wanted)
    return table


def _best(table: Rows) -> float:
    matched, given, wanted = np.moveaxis(table.sum(axis=0), -1, 0)
    return float(np.max(2 * matched / np.maximum(given + wanted, 1)))


def _spans(logs: Sequence[ClipLog]) -> list[tuple[ClipLog, Label, tuple[float, ...]]]:
    return [
        (log, span, tuple(o.start for o in log.labelled("opportunity")
                          if span.start <= o.start < span.end))
        for log in logs for span in log.labelled("monologue")
    ]  # fmt: skip


def best_metronome(logs: Sequence[ClipLog]) -> float:
    """The best F1 any metronome of the grid reaches on these monologues."""
    spans = [(span, wanted) for _, span, wanted in _spans(logs)]
    return _best(_metronome_rows(spans)) if spans else float("nan")


def backchannel_measures(logs: Sequence[ClipLog], seed: int) -> dict[str, Measure]:
    """Metric 5 over labels `monologue` and `opportunity`; resampled by monologue."""
    spans = _spans(logs)
    metronomes = _metronome_rows([(span, wanted) for _, span, wanted in spans])
    ours = np.zeros((len(spans), 3))
    for row, (log, span, wanted) in zip(ours, spans, strict=True):
        events = short_events(log, span)
        row[:] = matches(events, wanted), len(events), len(wanted)
    chosen = np.arange(len(spans), dtype=np.float64).reshape(-1, 1)

    def gain(rows: Rows) -> float:
        picked = rows[:, 0].astype(int)
        return _f1(ours[picked]) - _best(metronomes[picked])

    return {
        "backchannel.f1": bootstrap(ours, _f1, seed),
        "backchannel.f1_gain": bootstrap(chosen, gain, seed),
        "backchannel.takeover": bootstrap(
            [[float(take_over(log, span))] for log, span, _ in spans], mean, seed
        ),
    }
