"""Metrics 1 and 2: how soon we answer, and how often we take a pause for an end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from tests.bench.metrics.activity import (
    ClipLog,
    Label,
    begun_in,
    bursts,
    content_onset,
    recording_of,
)  # fmt: skip
from tests.bench.metrics.overlap import speaks_on, stretches
from tests.bench.metrics.statistics import Measure, grouped, mean, quantile, withheld

__all__ = ["ANSWERED_SHARE", "answer_delay", "asked", "filler_delay", "pause_measures",
           "pause_taken", "pauses", "turn_measures"]  # fmt: skip

ANSWER_SECONDS: Final = 5.0
"""Later than this is no answer."""

EARLY_SECONDS: Final = 0.5
"""An answer may start this long before the person's last sample; sooner is a take-over."""

PAUSE_SECONDS: Final = (0.3, 1.5)
"""What is shorter belongs to fluent speech; what is longer may be an end."""

_GRID_SECONDS: Final = 0.01
"""Two marks of one place differ by less."""

ANSWERED_SHARE: Final = 0.95
"""Below this share of answered turns a latency is withheld."""


def _goes_on(log: ClipLog, at: float, before: float) -> bool:
    """Whether what is heard at a time only goes on with what was begun before another: behind a
    gap between two phrases, no utterance being over in between."""
    said = stretches(log, whole_ends=True)
    return next(one for one in said if one.start <= at <= one.end).start < before


def pauses(log: ClipLog) -> tuple[Label, ...]:
    """The pauses inside turns in which we could start to speak: those that were put there and the
    speaker's own silences of 0.3 to 1.5 s, in order; without those at whose start we are speaking.
    """
    put = log.labelled("pause")
    own = [
        Label("pause", before.end, after.start)
        for turn in log.labelled("turn")
        for before, after in pairwise(sorted(log.person))
        if turn.start - _GRID_SECONDS <= before.start and after.end <= turn.end + _GRID_SECONDS
        and PAUSE_SECONDS[0] <= after.start - before.end <= PAUSE_SECONDS[1]
        and not any(one.start < after.start and before.end < one.end for one in put)
    ]  # fmt: skip
    # A hole in what goes on, as while somebody hesitates, is no silence of ours.
    spoken = stretches(log, whole_ends=True)
    found = sorted({*put, *own}, key=lambda one: one.start)
    return tuple(one for one in found if not any(b.start < one.start < b.end for b in spoken))


def _no_answer(log: ClipLog, start: float, turn: Label) -> bool:
    """Whether a start before the turn's end is none: in a pause it is a take-over, and what was
    taken back before the person had ended answers nothing."""
    if start >= turn.end:
        return False
    if any(pause.start <= start < pause.end for pause in pauses(log)):
        return True
    said = (one for one in stretches(log, whole_ends=True) if one.start <= start <= one.end)
    return any(one.end <= turn.end for one in said)


def _starts(log: ClipLog, turn: Label, *, content: bool) -> float | None:
    early = turn.end - EARLY_SECONDS
    for burst in bursts(log.agent):
        for start, utterance in begun_in(burst, log.utterances):
            onset = content_onset(start, utterance, log.agent) if content else start
            if onset is None or start < early:
                continue  # it was already talking: that is a take-over, not an answer
            if start == burst.start and _goes_on(log, start, early):
                continue
            if _no_answer(log, start, turn):
                continue
            return onset - turn.end if onset <= turn.end + ANSWER_SECONDS else None
    return None


def answer_delay(log: ClipLog, turn: Label) -> float | None:
    """Person's last voiced sample to the first voiced sample of our content, seconds.

    None when not answered: no content starts from 0.5 s before to 5 s after the turn's end, that of
    an utterance which began sooner or in a pause, a take-over, and one that was over before the end
    not counted. Negative when we start before the end.
    """
    return _starts(log, turn, content=True)


def filler_delay(log: ClipLog, turn: Label) -> float | None:
    """The same to our first voiced sample of any kind ("well" counts)."""
    return _starts(log, turn, content=False)


def asked(log: ClipLog, turn: Label) -> bool:
    """Whether this turn can be answered: not when it is an interruption that we talk through.

    That is metric 3's to count; no event counts twice. Who is silent two seconds behind its onset,
    by whatever, is asked as everybody is.
    """
    barges = (b for b in log.labelled("interruption") if b.start <= turn.start <= b.end)
    return not any(speaks_on(log, barge) for barge in barges)


def turn_measures(
    logs: Sequence[ClipLog], seed: int, *, least_answered: float = ANSWERED_SHARE
) -> dict[str, Measure]:
    """Metric 1 over every label `turn`, resampled by clip; withheld below 95 % answered.

    `least_answered` is for what is judged and not published.
    """
    recordings = [recording_of(log) for log in logs]
    clips = [[t for t in log.labelled("turn") if asked(log, t)] for log in logs]
    pairs = list(zip(logs, clips, strict=True))
    delays = [[answer_delay(log, turn) for turn in turns] for log, turns in pairs]
    fillers = [[filler_delay(log, turn) for turn in turns] for log, turns in pairs]
    answered = [[d for d in one if d is not None] for one in delays]
    first = [[d for d in one if d is not None] for one in fillers]
    share = grouped([[float(d is not None) for d in one] for one in delays], mean, seed, recordings)
    measures = {"turn.answered": share}
    enough = share.n > 0 and share.value >= least_answered
    for key, values, statistic in (
        ("turn.latency_mean_s", answered, mean),
        ("turn.latency_p50_s", answered, quantile(0.5)),
        ("turn.latency_p95_s", answered, quantile(0.95)),
        ("turn.filler_latency_mean_s", first, mean),
    ):
        found = grouped(values, statistic, seed, recordings)
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
    """Metric 2 over all `pauses`; `takeover_late` also counts 0.5 s after the pause."""

    def share(slack_seconds: float) -> Measure:
        taken = [
            [float(pause_taken(log, pause, slack_seconds)) for pause in pauses(log)] for log in logs
        ]
        return grouped(taken, mean, seed, [recording_of(log) for log in logs])

    return {"pause.takeover": share(0.0), "pause.takeover_late": share(0.5)}
