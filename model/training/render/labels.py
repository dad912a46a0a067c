"""What would have been right in every micro-turn of a conversation, and what is to come.

Exact: everything follows from where the dry voices sound. The columns are `streams.LABELS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.interaction import streams
from model.timebase import HEARING_BLOCK_SAMPLES as BLOCK
from model.timebase import HEARING_RATE, SPEAKING_BLOCK_SAMPLES, samples
from model.training.render.parts import Conversation, OwnPart, PersonPart, voiced_spans

__all__ = ["SHORTEST_PAUSE", "Silence", "labels", "silences"]

_GRID: Final = HEARING_RATE // 100
_PER_BLOCK: Final = BLOCK // _GRID
LISTEN, TAKE, HOLD, YIELD, BACKCHANNEL = range(5)
SPEAKING, PAUSING, FINISHED, ACKNOWLEDGING, ELSEWHERE, SILENT = range(6)

SHORTEST_PAUSE: Final = 3
"""Micro-turns of a silence that is taken for an end, or not; the bench and dev count no shorter."""

_PLACE_SECONDS: Final = (-0.25, 0.5)
_AFTER_OVERLAP: Final = 10
_AFTER_OTHER: Final = 20
_DOUBTFUL: Final = 0.4
_LATE_SILENCE_SECONDS: Final = 1.5
"""A silence longer than most pauses, after words that were not all: both decisions can be right."""

_YIELD_MICRO_TURNS: Final = 15
_TOO_LATE: Final = 0.3
"""Weight of a stop that is due for longer than that: going on is nearly as good by then."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence inside a turn: last voiced sample, first voiced again; see `parts.Pause`."""

    start: int
    end: int
    doubtful: bool
    place: bool


def silences(part: PersonPart) -> list[Silence]:
    """All silences inside the part, put there or its own."""
    found: list[Silence] = []
    for (_, start), (end, _) in zip(part.voiced, part.voiced[1:], strict=False):
        inside = [p for p in part.pauses if p.start < end and p.end > start]
        found.append(Silence(start, end, any(p.doubtful for p in inside),
                             any(p.place for p in inside)))  # fmt: skip
    return found


def labels(conversation: Conversation) -> streams.Arrays:
    """The columns of `streams.LABELS`, `[micro-turns, …]`."""
    made = streams.nothing(streams.LABELS, conversation.micro_turns)
    made["live"][:] = True
    made["floor"][:], made["floor_weight"][:] = LISTEN, 1.0
    made["person"][:], made["person_weight"][:] = SILENT, 1.0
    _Painter(conversation, made).paint()
    made["projection"][:] = _projection(conversation)
    made["projection_weight"][:] = 1.0
    # What comes after the end of the recording is not known.
    made["projection_weight"][-20:] = 0.0
    _number(made)
    streams.check(made, streams.LABELS)
    return made


class _Painter:
    """Paints spans of micro-turns, the less important first."""

    def __init__(self, conversation: Conversation, made: streams.Arrays) -> None:
        self._conversation = conversation
        self._made = made
        self._begun: npt.NDArray[np.int64] = np.full(conversation.micro_turns, -1, np.int64)
        made["event_age"] = self._begun

    def paint(self) -> None:
        """Fill floor, person, event; `event_age` holds the first micro-turn of each event."""
        talk = self._conversation
        for other in talk.others:
            spans = voiced_spans(other.audio)
            if spans:
                self._elsewhere(other.start + spans[0][0], other.start + spans[-1][1])
        for part in talk.person:
            if part.kind in ("tic", "aside"):
                self._elsewhere(part.first, part.last)
        for own in talk.own:
            self._own(own)
        for part in talk.person:
            if part.kind == "backchannel":
                self._acknowledging(part)
        for part in talk.person:
            if part.kind in ("turn", "interruption"):
                self._turn(part)
        for own in talk.own:
            if own.kind == "mistake":
                self._mistake(own)

    def _set(self, name: str, first: int, last: int, value: float) -> None:
        self._made[name][max(first, 0) : max(last, 0)] = value

    def _event(self, first: int, last: int, event: int) -> None:
        first = max(first, 0)
        self._set("event", first, last, event)
        self._begun[first : max(last, 0)] = first

    def _speaking(self, k: int) -> OwnPart | None:
        """What of ours is sounding at the end of micro-turn `k`."""
        at = (k + 1) / 10
        for own in self._conversation.own:
            if own.start_seconds < at - 1e-6 < own.end_seconds:
                return own
        return None

    def _own(self, own: OwnPart) -> None:
        first, last = own.k, _block(samples(own.end_seconds, HEARING_RATE))
        self._set("floor", first, last, HOLD)
        if own.kind == "resumed":
            self._set("floor", self._silent_since(own), first, TAKE)
        if own.kind == "notice":  # Nothing in the streams says that we will speak.
            self._set("floor_weight", own.k - 3, own.k, 0.0)

    def _silent_since(self, own: OwnPart) -> int:
        """The first micro-turn before `own` in which neither side sounds."""
        conversation, start = self._conversation, own.start_seconds
        ends = [_block(part.last) + 1 for part in conversation.person
                if part.last < samples(start, HEARING_RATE)]  # fmt: skip
        ours = [_block(samples(part.end_seconds, HEARING_RATE)) + 1
                for part in conversation.own if part.end_seconds <= start]  # fmt: skip
        return min(max([0, *ends, *ours]), own.k)

    def _elsewhere(self, start: int, end: int) -> None:
        first, last = _block(start), _block(end) + 1
        self._set("person", first, last, ELSEWHERE)
        over = self._speaking(first) is not None
        event = streams.OVERLAP if over else streams.OTHER_SOUND
        # Where we speak, there is nothing to take.
        begun = [own.k for own in self._conversation.own if own.k >= last and not over]
        self._event(first, min([last + (_AFTER_OVERLAP if over else _AFTER_OTHER), *begun]), event)

    def _acknowledging(self, part: PersonPart) -> None:
        self._elsewhere(part.first, part.last)
        self._set("person", _block(part.first), _block(part.last) + 1, ACKNOWLEDGING)

    def _turn(self, part: PersonPart) -> None:
        first, last = _block(part.first), _block(part.last)
        self._set("person", first, last + 1, SPEAKING)
        self._event(first, last, streams.NO_EVENT)
        self._floor_while_spoken(part, first, last)
        for silence in silences(part):
            self._silence(silence)
        due = np.flatnonzero(self._made["floor"][max(first, 0) : last + 1] == YIELD)
        if part.kind == "interruption" and len(due):
            # A gap in it, as after "yes, and", ends no interruption.
            self._event(first, max(first, 0) + int(due[-1]) + 1, streams.INTERRUPTION)
        if part.complete:
            self._ended(part, last)
        else:
            self._broken_off(part, last)

    def _floor_while_spoken(self, part: PersonPart, first: int, last: int) -> None:
        """Under the person's turn we listen; what of ours still sounds is to stop, or just ends."""
        for k in range(max(first, 0), min(last + 1, self._conversation.micro_turns)):
            own = self._speaking(k)
            if own is None:
                self._set("floor", k, k + 1, LISTEN)
                self._set("floor_weight", k, k + 1, 1.0)
            elif part.kind == "interruption":
                self._set("floor", k, k + 1, YIELD)
                # Nobody can know it in the first tenth of a second.
                self._set("floor_weight", k, k + 1, 0.5 if k <= first + 1 else 1.0)
            elif own.kind not in ("backchannel", "mistake"):
                self._set("floor_weight", k, k + 1, 0.3)  # They come in on our last words.

    def _silence(self, silence: Silence) -> None:
        first, last = _block(silence.start), _block(silence.end)
        if last <= first:
            return
        self._set("person", first + 1, last, PAUSING)
        if last - first >= SHORTEST_PAUSE:
            self._event(first, last, streams.PAUSE)
        if silence.doubtful:
            self._set("person_weight", first, last, _DOUBTFUL)
            self._set("floor_weight", first, last, _DOUBTFUL)
        if silence.place:
            low = _block(silence.start + samples(_PLACE_SECONDS[0], HEARING_RATE))
            high = _block(silence.start + samples(_PLACE_SECONDS[1] + 0.25, HEARING_RATE))
            self._event(low, high, streams.BACKCHANNEL_PLACE)
            for k in range(max(first, 0), min(high, self._conversation.micro_turns)):
                if self._speaking(k) is not None:
                    continue  # It is held while it sounds, like all that we say.
                given = self._given(first, k)
                self._set("floor", k, k + 1, LISTEN if given else BACKCHANNEL)
                self._set("floor_weight", k, k + 1, 1.0 if given else _DOUBTFUL)

    def _given(self, first: int, k: int) -> bool:
        kinds = (own for own in self._conversation.own if own.kind == "backchannel")
        return any(first - 3 <= own.k <= k for own in kinds)

    def _ended(self, part: PersonPart, last: int) -> None:
        """From the last voiced sample, or ours if later, until we answer or they go on."""
        conversation = self._conversation
        ours = [samples(own.end_seconds, HEARING_RATE) for own in conversation.own
                if own.k <= last and own.kind != "backchannel"]  # fmt: skip
        end = max(ours, default=0)
        # Not before the first micro-turn in which nothing of ours sounds any more.
        due = max(last, -(-end // BLOCK))
        if part.kind == "interruption" and _block(end) > last:
            self._not_stopped(_block(part.first), last, _block(end))
        answers = [own.k for own in conversation.own if own.k > last and own.kind != "backchannel"]
        again = [_block(p.first) for p in conversation.person
                 if p is not part and p.first >= part.last and p.kind != "tic"]  # fmt: skip
        until = min([conversation.micro_turns, *answers, *again])
        if part.wanted is None:  # Silence, or time, was asked for: nothing is owed.
            self._set("person", last + 1, until, SILENT)
            self._set("floor_weight", due, until, 0.0)
            return
        self._set("person", last + 1, until, FINISHED)
        self._set("floor", due, until, TAKE)
        self._set("floor_weight", due, until, 1.0)
        if due < until:
            self._event(due, until, streams.TURN_END)
            self._acknowledged(due, until)

    def _acknowledged(self, due: int, until: int) -> None:
        """While a "mhm" of ours sounds behind the turn, nothing else can be begun."""
        for own in self._conversation.own:
            first, end = own.k, -(-samples(own.end_seconds, HEARING_RATE) // BLOCK)
            if own.kind == "backchannel" and first < until and end > due:
                span = max(first, due), min(end, until)
                self._set("floor", *span, HOLD)
                self._event(*span, streams.NO_EVENT)

    def _not_stopped(self, first: int, last: int, end: int) -> None:
        """The interruption was shorter than we were slow: we are to stop all the same."""
        self._set("floor", last + 1, end, YIELD)
        self._set("floor_weight", last + 1, end, 1.0)
        self._set("floor_weight", max(last + 1, first + _YIELD_MICRO_TURNS), end, _TOO_LATE)
        self._event(first, end, streams.INTERRUPTION)

    def _broken_off(self, part: PersonPart, last: int) -> None:
        after = [p.first for p in self._conversation.person if p.first >= part.last]
        until = _block(min(after)) if after else self._conversation.micro_turns
        self._set("person", last + 1, until, PAUSING)
        late = last + round(_LATE_SILENCE_SECONDS * 10)
        self._event(last, min(until, late), streams.PAUSE)
        self._set("floor_weight", late, until, 0.0)
        self._set("person_weight", late, until, 0.3)

    def _mistake(self, own: OwnPart) -> None:
        """Begun in a pause: to be stopped, above all once the person goes on."""
        first, last = own.k, _block(samples(own.end_seconds, HEARING_RATE))
        self._set("floor", first, last, YIELD)
        pausing = self._made["person"][first:last] == PAUSING
        self._made["floor_weight"][first:last] = np.where(pausing, 0.3, 1.0)
        speaking = np.flatnonzero(~pausing)
        if len(speaking):
            self._event(first + int(speaking[0]), last, streams.INTERRUPTION)


def _block(sample: int) -> int:
    return sample // BLOCK


def _mask(spans: Sequence[tuple[int, int]], length: int) -> npt.NDArray[np.float64]:
    mask = np.zeros(length // _GRID)
    for start, end in spans:
        mask[max(start, 0) // _GRID : max(end, 0) // _GRID] = 1.0
    return mask


def _projection(conversation: Conversation) -> npt.NDArray[Any]:
    """Shares of the windows in which each side is voiced, `[micro-turns, 2, 4]`."""
    person = [span for part in conversation.person if part.kind != "tic" for span in part.voiced]
    own: list[tuple[int, int]] = []
    for part in conversation.own:
        start = samples(part.start_seconds, HEARING_RATE)
        heard = part.audio[: part.sent]
        # On the grid of 10 ms both rates agree.
        ratio = BLOCK / SPEAKING_BLOCK_SAMPLES
        step = round(_GRID / ratio)
        count = len(heard) // step
        power = np.mean(np.square(heard[: count * step].reshape(-1, step)), axis=1)
        loud = np.flatnonzero(power > 1e-5)
        own += [(start + int(i) * _GRID, start + (int(i) + 1) * _GRID) for i in loud]
    out = np.zeros((conversation.micro_turns, 2, 4), np.float16)
    for side, spans in enumerate((person, own)):
        mask = _mask(spans, conversation.length)
        total = np.concatenate([[0.0], np.cumsum(mask), np.full(200, mask.sum())])
        ends = (np.arange(conversation.micro_turns) + 1) * _PER_BLOCK
        for window, (near, far) in enumerate(streams.PROJECTION_SECONDS):
            low, high = ends + round(near * 100), ends + round(far * 100)
            out[:, side, window] = (total[high] - total[low]) / (high - low)
    return out


def _number(made: streams.Arrays) -> None:
    """Turn the first micro-turn of each event into its age."""
    count = len(made["event"])
    begun = made["event_age"]
    age = np.where((made["event"] > 0) & (begun >= 0), np.arange(count) - begun, 0)
    made["event_age"] = age.astype(np.int16)
