"""Scenes of a conversation, one after another, with voices rendered and times fixed.

We behave in them as something that talks does, not as it should: late, sometimes wrongly. What
would have been right is the business of `labels`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from model.timebase import HEARING_RATE, MICRO_TURN_SECONDS, SPEAKING_RATE, samples, seconds
from model.training.render.bodies import SOFT, TICS, tic
from model.training.render.cast import Split
from model.training.render.manners import MANNERS
from model.training.render.noises import level_to
from model.training.render.parts import Conversation, OtherPart, OwnPart, Pause, PersonPart
from model.training.render.speech import Persona, draw_persona, own_phrases, say
from model.training.render.splice import closed, one_after_another, with_pauses
from model.training.scripts import timing
from model.training.scripts.writer import Line, Writer

__all__ = ["stage"]

Generator = np.random.Generator
SPEECH_DB: Final = -23.0
LEVEL_SPREAD_DB: Final = 2.5
LEVEL_SPREAD_OVER_US_DB: Final = 5.0
"""Of each thing said, and of what is said over us: loudness must not tell who wants the floor."""
_HANDED_OVER: Final = 0.05  # Of the scenes: another person has the microphone, as near.


def stage(generator: Generator, split: Split, least_seconds: float) -> Conversation:
    """A conversation that lasts `least_seconds` or a little longer."""
    director = _Director(generator, split)
    if generator.random() < 0.4:
        director.notice("greetings")
    while director.now < least_seconds - 2.0:
        director.scene()
    return director.finished()


class _Director:
    """Draws what happens next and places it on the stream's clock."""

    def __init__(self, generator: Generator, split: Split) -> None:
        self._generator = generator
        self._split: Split = split
        self._manners = MANNERS[split]
        self._writer = Writer(generator, split)
        self._persona = draw_persona(generator, split)
        self._delay = timing.transport_delay(generator)
        self._person: list[PersonPart] = []
        self._own: list[OwnPart] = []
        self._others: list[OtherPart] = []
        self.now = float(generator.uniform(0.3, 1.5))

    def scene(self) -> None:
        """One scene, and perhaps another subject."""
        names, weights = zip(*self._manners.scenes, strict=True)
        name = str(self._generator.choice(names, p=weights))
        scenes: dict[str, Callable[[], None]] = {
            "exchange": self._exchange,
            "story": self._story,
            "aside": self._aside,
            "quiet": self._quiet,
            "abandoned": self._abandoned,
            "ignored": self._ignored,
            "notice": lambda: self.notice("own_notices"),
        }
        scenes[name]()
        if self._generator.random() < _HANDED_OVER:
            self._persona = draw_persona(
                self._generator, self._split, (self._persona.voice.person,)
            )
        if self._generator.random() < 0.35:
            self._writer.new_subject()

    def finished(self) -> Conversation:
        """What was staged, with two seconds and more after it."""
        last = max([self.now, *(part.end_seconds for part in self._own)])
        micro_turns = int((last + 2.2) / MICRO_TURN_SECONDS)
        order = sorted(self._person, key=lambda part: part.start)
        return Conversation(
            self._persona, micro_turns, self._delay, tuple(order), tuple(self._own),
            tuple(self._others), {"voice": self._persona.voice.name},
        )  # fmt: skip

    # ---- scenes ---------------------------------------------------------------------------------

    def _exchange(self) -> None:
        line = self._writer.turn(self._manners.brief)
        part = self._says("turn", line, self._next_start())
        if part.pauses and self._generator.random() < 0.12 and self._blunder(part):
            return
        for pause in part.pauses:
            self._acknowledge(pause.start, self._manners.misplaced)
        self._acknowledge(part.last, self._manners.misplaced_at_end)
        self._catch_breath(part)
        self._answer(part.last)

    def _story(self) -> None:
        """Sentence after sentence; in some of the gaps we say "mhm"."""
        lines = [say(self._persona, line) for line in self._writer.story()]
        told, words, gaps = one_after_another(self._generator, lines)
        start = samples(self._next_start(), HEARING_RATE)
        patient = self._manners.patient
        pauses = tuple(Pause(a + start, b + start, not patient, True) for a, b in gaps[:-1])
        audio = closed(self._generator, told := level_to(told, self._level()))
        part = PersonPart("turn", start, audio, words, pauses, spoken=len(told))
        self._person.append(part)
        for pause in pauses:
            self._acknowledge(pause.start, 0.5)
        self._acknowledge(part.last, 3.0 * self._manners.misplaced_at_end)
        self._catch_breath(part)
        self.now = seconds(part.last, HEARING_RATE)
        self._answer(part.last)

    def _aside(self) -> None:
        """The person talks to somebody in the room, who may answer."""
        start = self._next_start()
        for _ in range(int(self._generator.integers(1, 3))):
            part = self._says("aside", Line(self._writer.pick("asides")), start)
            start = seconds(part.last, HEARING_RATE) + timing.answer_gap(self._generator)
            if self._generator.random() < 0.5:
                start = self._somebody_else(start, "asides") + 0.3
        self.now = max(self.now, start + self._generator.uniform(0.5, 2.0))

    def _quiet(self) -> None:
        """Nothing is said to us for a while; the person may cough, or say "okay" to our answer."""
        at = self._next_start()
        end = at + self._generator.uniform(2.0, 7.0)
        if self._own and self._generator.random() < 0.5:
            part = self._says("backchannel", Line(self._writer.pick("backchannels")), at)
            at = seconds(part.last, HEARING_RATE) + 0.4
        while at < end - 1.0 and self._generator.random() < 0.8:
            if self._generator.random() < 0.25:
                at = self._somebody_else(at, "programmes")
            else:
                at = self._tic(at)
            at += self._generator.uniform(0.5, 3.0)
        self.now = max(end, at)

    def _abandoned(self) -> None:
        """A sentence is broken off; after a long silence the person says something else."""
        part = self._says("turn", self._writer.abandoned(), self._next_start())
        wait = self._generator.uniform(1.2, 3.0)
        self.now = seconds(part.last, HEARING_RATE) + wait
        following = self._says("turn", self._writer.turn(), self.now)
        self._answer(following.last)

    def _ignored(self) -> None:
        """We miss a turn; the person waits and says something more."""
        part = self._says("turn", self._writer.turn(), self._next_start())
        self.now = seconds(part.last, HEARING_RATE) + self._generator.uniform(1.6, 3.5)
        again = self._writer.short_turn() if self._generator.random() < 0.3 else self._writer.turn()
        following = self._says("turn", again, self.now)
        self._answer(following.last)

    def notice(self, kind: str) -> None:
        """We speak first."""
        self._over(self._speak("notice", [self._writer.pick(kind)], self.now))

    # ---- pieces of scenes ---------------------------------------------------------------------

    def _next_start(self) -> float:
        """When the person is heard next: soon after what they heard of us, or after a rest.

        One law for all that is said or done: how long ago we spoke must not tell a question from
        an "okay" or a word to somebody else.
        """
        heard_end = max([0.5, *(part.end_seconds + self._delay for part in self._own[-1:])])
        if self.now <= heard_end + 0.05:
            start = heard_end + timing.floor_offset(self._generator)
        else:
            start = self.now + abs(timing.floor_offset(self._generator))
        if thought := timing.thought(self._generator, self._manners.thought):
            start = max(self.now, heard_end) + thought
        free = max((seconds(p.last, HEARING_RATE) for p in self._person), default=0.0) + 0.15
        return max(start, free, 0.3)

    def _answer(self, end: int, depth: int = 0) -> None:
        """We answer a turn that ended at sample `end`; the person does something meanwhile."""
        gap = timing.answer_gap(self._generator, self._manners.slow, self._manners.longest_gap)
        wanted = seconds(end, HEARING_RATE) + gap
        least, most = self._manners.sentences
        count = int(self._generator.integers(least, most + 1))
        own = self._speak("answer", self._writer.answer(count), wanted)
        self._over(own, depth)

    def _over(self, own: OwnPart, depth: int = 0) -> None:
        """What the person does while we speak."""
        self.now = own.end_seconds + self._delay
        length = own.end_seconds - own.start_seconds
        if length < 1.4:
            return
        early = self._generator.random() < self._manners.early
        span = (0.15, min(1.5, length - 0.6)) if early else (0.5, length - 0.6)
        at = own.start_seconds + self._delay + self._generator.uniform(*span)
        while at < own.end_seconds - 0.5:
            self._once_over(at, depth)
            ends = [seconds(part.last, HEARING_RATE) for part in self._person[-1:]]
            self.now = max([self.now, *ends])
            if self._own[-1].k != own.k or self._own[-1].faded:
                return
            own = self._own[-1]
            self.now = max(self.now, own.end_seconds + self._delay)
            if self._generator.random() > self._manners.again:
                return
            at = max([at, *ends]) + self._generator.uniform(*self._manners.apart)

    def _once_over(self, at: float, depth: int) -> None:
        """One thing, or nothing, at a time at which we sound."""
        draw, done = self._generator.random(), ""
        for kind, share in self._manners.over_us:
            done = kind if 0.0 <= draw < share else done
            draw -= share
        if done == "interruption" and depth < self._manners.depth:
            self._interrupt(at, depth)
        elif done == "backchannel":
            self._says("backchannel", Line(self._writer.pick("backchannels")), at)
        elif done == "tic":
            self._tic(at)
        elif done == "aside":
            self._says("aside", Line(self._writer.pick("asides")), at)
            if self._generator.random() < 0.4:
                self._somebody_else(at + 1.5, "asides")
        elif done == "other":
            self._somebody_else(at, "programmes")
        if done != "interruption":  # For nothing, too, or it would prove that something began.
            begun = self._others[-1:] if done == "other" else self._person[-1:] if done else []
            self._hesitate(seconds(begun[0].first, HEARING_RATE) if begun else at)
        if done not in ("", "interruption") and self._generator.random() < self._manners.false_stop:
            self._stop_in_error(at)

    def _interrupt(self, at: float, depth: int) -> None:
        line = self._writer.interruption()
        part = self._says("interruption", line, at)
        self._hesitate(seconds(part.first, HEARING_RATE))
        stop = seconds(part.first, HEARING_RATE) + self._stop_delay()
        if self._generator.random() < 0.9:
            self._cut(stop)
        self.now = max(seconds(part.last, HEARING_RATE), self._own[-1].end_seconds + self._delay)
        if part.wanted:
            # Whoever was not stopped goes on until the person is done, and answers then.
            end = max(part.last, samples(self._own[-1].end_seconds, HEARING_RATE))
            self._answer(end, depth + 1)

    def _hesitate(self, onset: float) -> None:
        """Now and then we hold our breath, whatever began at `onset`: that tells nothing of it."""
        if self._generator.random() < self._manners.hesitation:
            self._own[-1] = self._own[-1].held(*timing.hesitation(self._generator, onset))

    def _stop_in_error(self, at: float) -> None:
        """We stop for what began at `at`, unless we have said all by then, and say the rest when it
        is over."""
        if not self._cut(at + self._stop_delay()):
            return
        over = max((seconds(part.last, HEARING_RATE) for part in self._person), default=0.0)
        rest = self._generator.uniform(0.2, 2.0)
        self._speak("resumed", self._writer.answer(1), max(over, at) + rest)
        self.now = self._own[-1].end_seconds + self._delay

    def _acknowledge(self, sample: int, chance: float) -> None:
        """We may say "mhm" at, or a little after, what the person said until `sample`."""
        if self._generator.random() >= chance:
            return
        wanted = seconds(sample, HEARING_RATE) + timing.backchannel_delay(self._generator)
        self._speak("backchannel", [self._writer.pick("own_backchannels")], wanted)

    def _blunder(self, part: PersonPart) -> bool:
        """We take a pause for the end; the person goes on and we stop."""
        pause = part.pauses[int(self._generator.integers(len(part.pauses)))]
        wanted = seconds(pause.start, HEARING_RATE) + self._generator.uniform(0.15, 0.6)
        if wanted + 0.1 > seconds(pause.end, HEARING_RATE):
            return False
        self._speak("mistake", self._writer.answer(2), wanted)
        self._cut(seconds(pause.end, HEARING_RATE) + self._stop_delay())
        self._answer(part.last)
        return True

    def _stop_delay(self) -> float:
        return timing.stop_delay(self._generator, self._manners.stops_late)

    def _cut(self, at: float) -> bool:
        """End what we say at `at`; whether there was something to cut."""
        own = self._own[-1]
        sent = samples(at - own.start_seconds, SPEAKING_RATE)
        if cuts := 0 < sent < own.sent:
            self._own[-1] = replace(own, sent=sent, faded=True)
        return cuts

    def _speak(self, kind: str, lines: Sequence[str], wanted: float) -> OwnPart:
        """We begin at the first micro-turn from `wanted` on, and not over ourselves."""
        before = self._own[-1].end_seconds if self._own else 0.0
        k = int(np.ceil(max(wanted, before + 0.1) / MICRO_TURN_SECONDS - 1e-6))
        said = own_phrases(self._generator, lines)
        part = OwnPart(kind, k, said.audio, said.words, len(said.audio))  # type: ignore[arg-type]
        self._own.append(part)
        return part

    def _level(self, spread_db: float = LEVEL_SPREAD_DB) -> float:
        return SPEECH_DB + float(self._generator.normal(0.0, spread_db))

    def _says(self, kind: str, line: Line, start: float) -> PersonPart:
        said = say(self._persona, line.text)
        last = len(said.words) - 1
        places = [place for place in line.pauses if place[0] < last]
        at = samples(max(start, 0.1), HEARING_RATE)
        pauses: tuple[Pause, ...] = ()
        if places:
            said, spans = with_pauses(self._generator, said, places)
            doubtful = [number in line.doubtful for number, _ in places]
            pauses = tuple(
                Pause(a + at, b + at, doubt) for (a, b), doubt in zip(spans, doubtful, strict=True)
            )
        # An "okay" and an interruption alike: softer and louder, one told them apart at .8 (AUC).
        over_us = kind in ("backchannel", "interruption")
        level = self._level(LEVEL_SPREAD_OVER_US_DB if over_us else LEVEL_SPREAD_DB)
        level -= 4.0 if kind == "aside" else 0.0
        audio = closed(self._generator, level_to(said.audio, level))
        wanted = None if line.silences else kind in ("turn", "interruption")
        part = PersonPart(kind, at, audio, said.words, pauses, line.complete, wanted,  # type: ignore[arg-type]
                          spoken=len(said.audio))  # fmt: skip
        self._person.append(part)
        self.now = max(self.now, seconds(part.last, HEARING_RATE))
        return part

    def _catch_breath(self, part: PersonPart) -> None:
        """Of the person's silences, pauses and the end alike, some begin with a breath."""
        for sample in (*(pause.start for pause in part.pauses), part.last):
            if self._generator.random() < self._manners.catches_breath:
                self._tic(seconds(sample, HEARING_RATE) + self._generator.uniform(0.0, 0.4), SOFT)

    def _tic(self, start: float, kinds: Sequence[str] = TICS) -> float:
        kind = kinds[int(self._generator.integers(len(kinds)))]
        audio = tic(self._generator, kind, SPEECH_DB + float(self._generator.normal(-2.0, 4.0)))
        part = PersonPart("tic", samples(start, HEARING_RATE), audio, wanted=False)
        self._person.append(part)
        return start + seconds(len(audio), HEARING_RATE)

    def _somebody_else(self, start: float, kind: str) -> float:
        other: Persona = draw_persona(self._generator, self._split, (self._persona.voice.person,))
        said = say(other, self._writer.pick(kind))
        audio = level_to(said.audio, SPEECH_DB - float(self._generator.uniform(4, 16)))
        self._others.append(OtherPart(samples(start, HEARING_RATE), audio, said.words))
        return start + seconds(len(audio), HEARING_RATE)
