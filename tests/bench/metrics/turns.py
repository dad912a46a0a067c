"""Metrics 1 and 2: how soon we answer, and how often we take a pause for an end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.bench.metrics.activity import (
    EVENT_SLACK_SECONDS,
    ClipLog,
    Interval,
    Label,
    bursts,
    content_onset,
)
from tests.bench.metrics.overlap import STOP_SILENCE_SECONDS
from tests.bench.metrics.statistics import Measure, grouped, mean, quantile, withheld

__all__ = ["ANSWERED_SHARE", "answer_delay", "asked", "filler_delay", "pause_measures",
           "pause_taken", "turn_measures"]  # fmt: skip

ANSWER_SECONDS: Final = 5.0
"""Later than this is no answer."""

EARLY_SECONDS: Final = 0.5
"""An answer may start this long before the person's last sample; sooner is a take-over."""

ANSWERED_SHARE: Final = 0.95
"""Below this share of answered turns a latency is withheld."""


def _goes_on(log: ClipLog, burst: Interval, before: float) -> bool:
    """Whether a burst only goes on with what was begun before that time: behind a phrase's gap, no
    utterance having ended in between."""
    stretch = next(
        one for one in bursts(log.agent, STOP_SILENCE_SECONDS)
        if one.start <= burst.start <= one.end
    )  # fmt: skip
    until = burst.start + EVENT_SLACK_SECONDS
    ended = any(stretch.start < one.ended <= until for one in log.utterances)
    return stretch.start < before and not ended


def _starts(log: ClipLog, turn: Label, *, content: bool) -> float | None:
    for burst in bursts(log.agent):
        onset = content_onset(burst, log.utterances) if content else burst.start
        if onset is None or burst.end <= turn.end - EARLY_SECONDS:
            continue
        early = turn.end - EARLY_SECONDS
        if burst.start < early or _goes_on(log, burst, early):
            continue  # it was already talking: that is a take-over, not an answer
        if onset <= turn.end + ANSWER_SECONDS:
            return onset - turn.end
        return None
    return None


def answer_delay(log: ClipLog, turn: Label) -> float | None:
    """Person's last voiced sample to the first voiced sample of our content, seconds.

    None when not answered: no content starts from 0.5 s before to 5 s after the turn's end.
    Negative when we start before the end.
    """
    return _starts(log, turn, content=True)


def filler_delay(log: ClipLog, turn: Label) -> float | None:
    """The same to our first voiced sample of any kind ("well" counts)."""
    return _starts(log, turn, content=False)


def asked(log: ClipLog, turn: Label) -> bool:
    """Whether this turn can be answered: not when it is an interruption that we talk through.

    That is metric 3's to count; no event counts twice. What is no stop there is none here: a
    phrase's gap must not make the rest of what we were saying an early answer.
    """
    barges = [i for i in log.labelled("interruption") if i.start <= turn.start <= i.end]
    return not any(
        stretch.start < barge.start and stretch.end > turn.end - EARLY_SECONDS
        for barge in barges
        for stretch in bursts(log.agent, STOP_SILENCE_SECONDS)
    )


def turn_measures(
    logs: Sequence[ClipLog], seed: int, *, least_answered: float = ANSWERED_SHARE
) -> dict[str, Measure]:
    """Metric 1 over every label `turn`, resampled by clip; withheld below 95 % answered.

    `least_answered` is for what is judged and not published.
    """
    clips = [[t for t in log.labelled("turn") if asked(log, t)] for log in logs]
    pairs = list(zip(logs, clips, strict=True))
    delays = [[answer_delay(log, turn) for turn in turns] for log, turns in pairs]
    fillers = [[filler_delay(log, turn) for turn in turns] for log, turns in pairs]
    answered = [[d for d in one if d is not None] for one in delays]
    first = [[d for d in one if d is not None] for one in fillers]
    share = grouped([[float(d is not None) for d in one] for one in delays], mean, seed)
    measures = {"turn.answered": share}
    enough = share.n > 0 and share.value >= least_answered
    for key, values, statistic in (
        ("turn.latency_mean_s", answered, mean),
        ("turn.latency_p50_s", answered, quantile(0.5)),
        ("turn.latency_p95_s", answered, quantile(0.95)),
        ("turn.filler_latency_mean_s", first, mean),
    ):
        found = grouped(values, statistic, seed)
        measures[key] = found if enough else withheld(found.n, seed)
    return measures


def pause_taken(log: ClipLog, pause: Label, slack_seconds: float = 0.0) -> bool:
    """Whether a burst of ours starts in the pause (or up to `slack_seconds` after it).

    Any start counts, a backchannel too: what is cut off when the person goes on would otherwise
    look like one.
    """
    return any(
        pause.start <= burst.start < pause.end + slack_seconds for burst in bursts(log.agent)
    )


def pause_measures(logs: Sequence[ClipLog], seed: int) -> dict[str, Measure]:
    """Metric 2 over every label `pause`; `takeover_late` also counts 0.5 s after the pause."""

    def share(slack_seconds: float) -> Measure:
        taken = [
            [float(pause_taken(log, pause, slack_seconds)) for pause in log.labelled("pause")]
            for log in logs
        ]
        return grouped(taken, mean, seed)

    return {"pause.takeover": share(0.0), "pause.takeover_late": share(0.5)}
