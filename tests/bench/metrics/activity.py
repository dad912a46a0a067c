"""What every metric reads: who was voiced when at the client, with labels of what it meant.

Times are seconds on the client's clock, 0 = first sample the client sent; they come from sample
counts and are exact to one sample. Nothing here does I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

__all__ = [
    "BURST_JOIN_SECONDS",
    "CONFIRM_SECONDS",
    "EVENT_SLACK_SECONDS",
    "FILLERS",
    "LEVEL_DB",
    "SIGNS",
    "ClipLog",
    "HeardWord",
    "Interval",
    "Label",
    "LabelKind",
    "Utterance",
    "begun_in",
    "bursts",
    "content_onset",
    "recording_of",
    "utterance_of",
    "voiced_intervals",
]

LEVEL_DB: Final = -45.0
"""The fixed level of an onset, dB below full scale (RMS of a window)."""

WINDOW_SECONDS: Final = 0.02
CONFIRM_SECONDS: Final = 0.06
STEP_SECONDS: Final = 0.005
# Holes shorter than this belong to one voiced interval: the closure of a stop consonant.
HOLE_SECONDS: Final = 0.06

BURST_JOIN_SECONDS: Final = 0.3
"""Voiced intervals nearer than this are one burst: a breath inside a sentence is no new start."""

FILLERS: Final = frozenset(
    "well hmm hm mm um uh er erm so okay ok right mhm mm-hm mm-hmm "
    "uh-huh yeah yes sure ah oh".split()
)
"""Words that may open an answer without being its content, lower case, no punctuation."""

SIGNS: Final = frozenset({"i see", "oh i see", "got it"})
"""Signs of listening of more than one word; told as one word they are no content either."""

LabelKind = Literal[
    "turn", "pause", "interruption", "backchannel", "vocal_tic", "not_directed",
    "opportunity", "monologue",
]  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """`[start, end)` in seconds."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not self.end >= self.start:
            raise ValueError(f"an interval ends before it starts: {self.start} … {self.end}")

    @property
    def length(self) -> float:
        """Seconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Label:
    """What a span of the stimulus means.

    turn: a whole turn that asks for an answer; its end is the person's last voiced sample.
    pause: silence inside a turn. interruption, backchannel, vocal_tic, not_directed: first to
    last voiced sample of that event. opportunity: an instant (start = end) at which a listener
    would acknowledge. monologue: the span in which the person holds the floor.
    """

    kind: LabelKind
    start: float
    end: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class HeardWord:
    """One word the agent announced, in seconds from the first sample of its utterance."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the events said of one utterance of the agent.

    Attributes:
        started: client time at which `agent.started` arrived.
        words: in order; empty where a rival announces none.
        finished: how it ended; "open" when no event said so.
        ended: client time of that event (`inf` when open).
        words_heard: the count the agent reported when it ended.
    """

    started: float
    words: tuple[HeardWord, ...] = ()
    finished: Literal["done", "cut", "open"] = "open"
    ended: float = float("inf")
    words_heard: int = 0


@dataclass(frozen=True, slots=True)
class ClipLog:
    """One clip as the client saw it.

    Attributes:
        clip: its name, unique in a run.
        half: where the person's audio comes from.
        speaker: the voice or the human speaker.
        person: voiced intervals of the person, from the stimulus' labels (without noise).
        agent: voiced intervals received at the client, sorted, not overlapping.
        labels: what the stimulus meant.
        utterances: from the events, in order of start.
        length: seconds recorded.
    """

    clip: str
    half: Literal["synthetic", "human"]
    speaker: str
    person: tuple[Interval, ...]
    agent: tuple[Interval, ...]
    labels: tuple[Label, ...]
    utterances: tuple[Utterance, ...] = ()
    length: float = 0.0

    def labelled(self, kind: LabelKind) -> tuple[Label, ...]:
        """Its labels of one kind, in order."""
        return tuple(label for label in self.labels if label.kind == kind)


def recording_of(log: ClipLog) -> str:
    """Which recording of a person a clip plays, by speaker and words; empty for a synthetic one.

    Recordings are few and drawn with replacement, so that clips share them.
    """
    if log.half != "human":
        return ""
    return f"{log.speaker}: {' '.join(label.text for label in log.labels if label.text)}"


def _window_levels(audio: npt.NDArray[np.float32], window: int, step: int) -> npt.NDArray[np.bool_]:
    """Whether the window starting at each step is above the level, shape `[steps]`."""
    total = np.concatenate([[0.0], np.cumsum(audio.astype(np.float64) ** 2)])
    starts = np.arange(0, max(len(audio) - window + 1, 0), step)
    power = (total[starts + window] - total[starts]) / window
    return np.asarray(power > 10.0 ** (LEVEL_DB / 10.0), dtype=np.bool_)


def voiced_intervals(audio: npt.NDArray[np.float32], rate: int) -> tuple[Interval, ...]:
    """Voiced intervals of float32 `[samples]` in [-1, 1], by the bench's one definition of onset.

    An interval starts at the first 20 ms whose level is above -45 dB of full scale and whose
    next 40 ms are too (60 ms confirmed); its first 5 ms and one of its last two must be above as
    well, so that a window that merely touches the sound does not count. It ends with the last
    5 ms step above the level before a hole of 60 ms.
    """
    step = round(STEP_SECONDS * rate)
    per_window = round(WINDOW_SECONDS / STEP_SECONDS)
    per_confirm = round(CONFIRM_SECONDS / STEP_SECONDS)
    fine = _window_levels(audio, step, step)
    coarse = _window_levels(audio, step * per_window, step)
    found: list[Interval] = []
    hole = round(HOLE_SECONDS / STEP_SECONDS)
    at, steps = 0, len(coarse)
    while at < steps:
        confirmed = coarse[at : at + per_confirm : per_window]
        lasting = fine[at + per_confirm - 2 : at + per_confirm].any()
        if not (
            fine[at] and len(confirmed) * per_window >= per_confirm and confirmed.all() and lasting
        ):
            at += 1
            continue
        last = at
        for later in range(at, len(fine)):
            if fine[later]:
                last = later
            elif later - last > hole:
                break
        found.append(Interval(at * step / rate, (last + 1) * step / rate))
        at = last + 1
    return tuple(found)


def bursts(
    intervals: tuple[Interval, ...], join_seconds: float = BURST_JOIN_SECONDS
) -> tuple[Interval, ...]:
    """Intervals with the gaps shorter than `join_seconds` closed."""
    joined: list[Interval] = []
    for interval in sorted(intervals):
        if joined and interval.start - joined[-1].end < join_seconds:
            joined[-1] = Interval(joined[-1].start, max(joined[-1].end, interval.end))
        else:
            joined.append(interval)
    return tuple(joined)


def _plain(word: str) -> str:
    return word.strip().strip(".,;:!?…-—\"'").lower()


EVENT_SLACK_SECONDS: Final = 0.5
"""An event and the sound it is about travel on two roads; they differ by less."""


def _is_filler(word: str) -> bool:
    """Whether a word as it was announced, which may be several, says nothing yet."""
    plain = _plain(word)
    return plain in SIGNS or all(part in FILLERS for part in plain.split())


def utterance_of(burst: Interval, utterances: tuple[Utterance, ...]) -> Utterance | None:
    """The utterance whose start lies nearest to the burst's, or None beyond half a second."""
    near = min(utterances, key=lambda u: abs(u.started - burst.start), default=None)
    if near is None or abs(near.started - burst.start) > EVENT_SLACK_SECONDS:
        return None
    return near


def begun_in(
    burst: Interval, utterances: tuple[Utterance, ...]
) -> tuple[tuple[float, Utterance | None], ...]:
    """What begins in a burst, and when: (time of its first voiced sample, utterance), in order.

    The first begins with the burst, None where no event tells of it: the next phrase of what was
    said before, or a rival without events. A sign of listening and the answer behind it may be one
    burst: later utterances begin in it as long after the first as their events say.
    """
    first = utterance_of(burst, utterances)
    told = burst.start if first is None else first.started
    later = (one for one in utterances if told < one.started < burst.end)
    return ((burst.start, first), *((burst.start + one.started - told, one) for one in later))


def content_onset(
    start: float, utterance: Utterance | None, voiced: tuple[Interval, ...] = ()
) -> float | None:
    """Time of the first voiced sample of an utterance's content, None when it is all filler.

    Words tell how far into its sound they are. Where that falls into a silence of what was
    `voiced`, the sound behind it was still awaited, and its next start is the onset. Without words
    (a rival that announces none) its own start, which is given, is taken.
    """
    if utterance is None or not utterance.words:
        return start
    first = utterance.words[0].start
    for word in utterance.words:
        if not _is_filler(word.text):
            onset = start + max(word.start - first, 0.0)
            after = (one for one in sorted(voiced) if one.end > onset)
            return max(onset, next(after, Interval(onset, onset)).start)
    return None
