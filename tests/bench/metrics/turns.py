"""Metrics 1 and 2: how soon we answer, and how often we take a pause for an end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.bench.metrics.activity import ClipLog, Label, bursts, content_onset
from tests.bench.metrics.statistics import Measure, bootstrap, mean, quantile, withheld

__all__ = ["ANSWERED_SHARE", "answer_delay", "filler_delay", "pause_measures", "pause_taken",
           "turn_measures"]  # fmt: skip

ANSWER_SECONDS: Final = 5.0
"""Later than this is no answer."""

EARLY_SECONDS: Final = 0.5
"""An answer may start this long before the person's last sample; sooner is a take-over."""

ANSWERED_SHARE: Final = 0.95
"""Below this share of answered turns a latency is withheld."""


def _starts(log: ClipLog, turn: Label, *, content: bool) -> float | None:
    for burst in bursts(log.agent):
        onset = content_onset(burst, log.utterances) if content else burst.start
        if onset is None or burst.end <= turn.end - EARLY_SECONDS:
            continue
        if burst.start < turn.end - EARLY_SECONDS:
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


def turn_measures(logs: Sequence[ClipLog], seed: int) -> dict[str, Measure]:
    """Metric 1 over every label `turn`; latencies withheld below 95 % answered."""
    turns = [(log, turn) for log in logs for turn in log.labelled("turn")]
    delays = [answer_delay(log, turn) for log, turn in turns]
    answered = [delay for delay in delays if delay is not None]
    first = [d for d in (filler_delay(log, turn) for log, turn in turns) if d is not None]
    share = bootstrap([[float(d is not None)] for d in delays], mean, seed)
    measures = {"turn.answered": share}
    enough = bool(turns) and share.value >= ANSWERED_SHARE
    for key, values, statistic in (
        ("turn.latency_mean_s", answered, mean),
        ("turn.latency_p50_s", answered, quantile(0.5)),
        ("turn.latency_p95_s", answered, quantile(0.95)),
        ("turn.filler_latency_mean_s", first, mean),
    ):
        rows = [[value] for value in values]
        measures[key] = bootstrap(rows, statistic, seed) if enough else withheld(len(rows), seed)
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
    pairs = [(log, pause) for log in logs for pause in log.labelled("pause")]
    return {
        "pause.takeover": bootstrap([[float(pause_taken(*pair))] for pair in pairs], mean, seed),
        "pause.takeover_late": bootstrap(
            [[float(pause_taken(*pair, slack_seconds=0.5))] for pair in pairs], mean, seed
        ),
    }
