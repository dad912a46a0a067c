"""One micro-turn of one row: what came in and what jobs found, to what goes out. Pure but for jobs.

`RowStep` is built for one micro-turn and thrown away; it collects what changes, and the caller
commits all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from model.engine.engine import RowInput, RowOutput
from model.engine.jobs import Job, Priority, Work
from model.interaction import hearing, results, speaking, work
from model.interaction.floor import Decided, Observation, decide
from model.interaction.mind import Draft, Mind
from model.interaction.speaking import Utterance
from model.interaction.work import Parts
from model.messages import (
    Event,
    Floor,
    MicroTurnOutput,
    PersonState,
    PersonWords,
    Speech,
    Turn,
    Word,
)
from model.timebase import MICRO_TURN_SECONDS

__all__ = ["RowStep"]

CUT_REPORT_MICRO_TURNS: Final = 10
"""How long Playout's report of a cut is awaited; after that the last report counts."""

FAREWELL: Final = "Goodbye!"

DRAFT_SILENCE_SECONDS: Final = 0.1
"""Silence of the person after which an answer is drafted; the floor decides later whether it is
said. One micro-turn: a draft is cheap to drop, and every answer begins that much earlier."""


@dataclass(slots=True)
class RowStep:
    """The micro-turn of one row in the making."""

    mind: Mind
    given: RowInput
    parts: Parts
    events: list[Event] = field(default_factory=list)
    speech: list[Speech] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def run(self, activity: Sequence[float]) -> tuple[Mind, RowOutput]:
        """Advance by one micro-turn.

        Args:
            activity: probabilities of the person's voice in the frames of this micro-turn.
        """
        for _, _, value in self.given.results:
            self.mind, events = results.enter(self.mind, value)
            self.events += events
        self._hear_playout()
        self._read()
        self._obey()
        self._listen(activity)
        self._decide(activity)
        self._answer()
        self._speak()
        turn = self.given.turn
        output = MicroTurnOutput(turn.stream, turn.k, tuple(self.speech), tuple(self.events))
        return self.mind, RowOutput(output, tuple(self.cancelled), tuple(self.jobs))

    # ---- what came in ----------------------------------------------------------------------

    def _hear_playout(self) -> None:
        for heard in self.given.turn.heard:
            utterance = self.mind.utterance
            if utterance is None or heard.utterance != utterance.number:
                continue
            utterance = speaking.played(utterance, heard.samples)
            self.mind = replace(self.mind, utterance=utterance)
            if heard.cut:
                self._cancel("language")
                self._settle(cut=True)
        utterance = self.mind.utterance
        if utterance is None:
            return
        if utterance.over:  # also when it was cut too late to be cut
            self._settle(cut=False)
        elif self.mind.cut_k >= 0 and self._k - self.mind.cut_k > CUT_REPORT_MICRO_TURNS:
            self._settle(cut=True)

    def _settle(self, cut: bool) -> None:
        """The utterance is over: Language remembers what was heard of it, to the word."""
        utterance = self.mind.utterance
        assert utterance is not None
        text = speaking.heard_text(utterance)
        memory = self.parts.memories[self.mind.row]
        carried = self.mind.carried
        if text.strip():
            if self.mind.answering:
                remembering = memory.settle(text, cut)
            else:
                remembering = memory.record(Turn("agent", text.strip(), cut))
            job = work.settle(utterance.number, cut, memory, remembering)
            self._submit("language", Priority.SPEECH, job, lasting=True)
        else:
            # Nothing of the answer was heard: what was asked is still to be answered.
            carried = results.carry(self.mind.asked, carried)
        self.mind = replace(self.mind, utterance=None, cut_k=-1, asked="", carried=carried)

    def _read(self) -> None:
        for text in self.given.turn.texts:
            number = self.mind.hearing.number + 1
            if self.mind.hearing.segment is not None:
                self._end_segment(answered=True)
            at = self._now
            words = tuple(Word(word, at, at) for word in text.split())
            self.events.append(PersonWords(number, words, final=True, typed=True))
            heard = replace(self.mind.hearing, number=number)
            carried = results.carry(self.mind.carried, text)
            self.mind = replace(self.mind, hearing=heard, carried=carried, unanswered=True)
            self._drop_draft()
            self._yield(1.0)

    def _obey(self) -> None:
        for command in self.given.turn.commands:
            self._drop_draft()
            self._yield(1.0, tell=False)
            self.mind = replace(self.mind, unanswered=False)
            if command == "quiet":
                muted = replace(self.mind.hearing, muted=self.mind.hearing.segment is not None)
                self.mind = replace(self.mind, hearing=muted)
            else:
                self._end_segment(answered=False)
            if command == "goodbye":
                self.mind = replace(self.mind, sayings=(FAREWELL,))
            self.mind = replace(self.mind, asked="", carried="")

    def _listen(self, activity: Sequence[float]) -> None:
        heard = hearing.take_in(self.mind.hearing, self.given.turn.audio, activity, self._k)
        if hearing.wants_partial(heard, self._k):
            assert heard.segment is not None
            job = work.listen(self.parts.ears, heard.number, heard.segment)
            self._submit("ears", Priority.SPEECH, job)
            heard = replace(heard, busy=True, asked_k=self._k)
        self.mind = replace(self.mind, hearing=heard)

    # ---- the floor -------------------------------------------------------------------------

    def _decide(self, activity: Sequence[float]) -> None:
        mind = self.mind
        observation = Observation(
            activity=tuple(activity),
            speaking=mind.utterance is not None and mind.cut_k < 0,
            words=tuple(word.text for word in mind.hearing.words),
            end_of_turn=None if mind.end_of_turn is None else mind.end_of_turn.probability,
            end_of_turn_age=0 if mind.end_of_turn is None else self._k - mind.end_of_turn.k,
            typed=mind.unanswered,
        )
        settings = self.parts.floor.with_eagerness(mind.settings.eagerness)
        decided = decide(mind.floor, observation, settings)
        self.mind = replace(mind, floor=decided.state)
        self._follow(decided)

    def _follow(self, decided: Decided) -> None:
        if decided.person != self.mind.doing:
            self.mind = replace(self.mind, doing=decided.person)
            self.events.append(PersonState(decided.person, decided.person_probability))
        if decided.person == "speaking" and not self._falling_silent:
            self._drop_draft()
        asks = decided.wants_end_of_turn and decided.decision != "take"
        if asks and self.mind.hearing.segment is not None:
            audio = hearing.last_seconds(self.mind.hearing)
            self._cancel("turn")
            self._submit(
                "turn", Priority.ENDS_TURN, work.judge(self.parts.end_of_turn, audio, self._k)
            )
        if decided.decision == "yield":
            self._yield(decided.probability)
        if decided.decision == "take":
            self._take(decided.probability)
        elif hearing.is_over(self.mind.hearing, self._k):
            self._end_segment(answered=False)

    def _take(self, probability: float) -> None:
        draft = self.mind.draft
        if draft is None or draft.nothing or self.mind.hearing.muted:
            if self.mind.utterance is None and (draft is not None or self.mind.hearing.muted):
                self._end_segment(answered=False)
            return
        if draft.failed:
            self._end_segment(answered=False)
            self.mind = replace(self.mind, sayings=(results.APOLOGY,))
            return
        if not draft.text or not (draft.spoken or draft.complete):
            # There is nothing to say yet, and until then the person may go on, unspoken to: the
            # segment stays open, and the offer stands.
            floor = replace(self.mind.floor, offered_seconds=0.0)
            self.mind = replace(self.mind, floor=floor)
            return
        self.events.append(Floor("take", probability))
        self._end_segment(answered=True)
        utterance = self._begin(draft.number, answering=True)
        for spoken in draft.spoken:
            utterance = speaking.append(utterance, spoken)
        if draft.complete:
            utterance = speaking.finish(utterance)
        self.mind = replace(self.mind, utterance=utterance, draft=None)

    def _yield(self, probability: float, tell: bool = True) -> None:
        utterance = self.mind.utterance
        if utterance is None or self.mind.cut_k >= 0:
            return
        if tell:
            self.events.append(Floor("yield", probability))
        self._cancel("language")
        self.mind = replace(self.mind, cut_k=self._k)
        if not utterance.sent_samples:
            self._settle(cut=True)  # Playout has never heard of it and will report nothing.

    # ---- what goes out ---------------------------------------------------------------------

    def _answer(self) -> None:
        """Begin a draft when there is something to answer and Language's row is free."""
        mind = self.mind
        if mind.utterance is not None or mind.draft is not None:
            return
        if mind.sayings:
            self.mind = replace(self.mind, sayings=mind.sayings[1:])
            self._say(mind.sayings[0])
        elif mind.unanswered:
            draft = self._start_draft(segment=0)
            self.events.append(Floor("take", 1.0))
            self.mind = replace(self.mind, draft=None, unanswered=False)
            self._begin(draft.number, answering=True)
        elif self._falling_silent and mind.hearing.segment and not mind.hearing.muted:
            self._start_draft(segment=mind.hearing.number)

    def _start_draft(self, segment: int) -> Draft:
        number = self.mind.drafts + 1
        listen: Work | None = None
        if segment:
            heard = self.mind.hearing.segment
            assert heard is not None
            listen = work.listen(self.parts.ears, segment, heard, number)
            self._cancel("ears")
            hearing_on = replace(self.mind.hearing, busy=False, asked_k=self._k)
            self.mind = replace(self.mind, hearing=hearing_on)
        job = work.answer(number, self.parts, self.mind.row, listen, self.mind.carried)
        self._submit("language", Priority.SPEECH, job)
        draft = Draft(number, segment, text="" if segment else self.mind.carried)
        self.mind = replace(self.mind, draft=draft, drafts=number)
        return draft

    def _say(self, text: str) -> None:
        number = self.mind.drafts + 1
        self.mind = replace(self.mind, drafts=number)
        self._submit("language", Priority.SPEECH, work.say(number, self.parts.voice, text))
        self._begin(number, answering=False)

    def _begin(self, draft: int, answering: bool) -> Utterance:
        """A new utterance takes the floor; what the person said so far is what it answers."""
        mind = self.mind
        utterance = Utterance(mind.utterances + 1, draft)
        asked, carried = (mind.carried, "") if answering else ("", mind.carried)
        self.mind = replace(
            mind,
            utterance=utterance,
            utterances=utterance.number,
            answering=answering,
            cut_k=-1,
            asked=asked,
            carried=carried,
        )
        return utterance

    def _speak(self) -> None:
        if self.mind.utterance is None or self.mind.cut_k >= 0:
            return
        utterance, speech, events = speaking.send(self.mind.utterance)
        self.speech += speech
        self.events += events
        if utterance.complete and not utterance.rendered_samples:
            self.mind = replace(self.mind, utterance=None)
        else:
            self.mind = replace(self.mind, utterance=utterance)

    # ---- small things ----------------------------------------------------------------------

    @property
    def _falling_silent(self) -> bool:
        """The person may have finished: an answer is worth its work, though not yet the floor."""
        floor = self.mind.floor
        return floor.turn and floor.silence_seconds + 1e-6 >= DRAFT_SILENCE_SECONDS

    @property
    def _k(self) -> int:
        return self.given.turn.k

    @property
    def _now(self) -> float:
        return self._k * MICRO_TURN_SECONDS

    def _submit(self, lane: str, priority: Priority, job: Work, lasting: bool = False) -> None:
        self.jobs.append(Job(self.given.turn.stream, lane, priority, job, lasting))

    def _cancel(self, lane: str) -> None:
        """Abandon a lane's jobs: those under way, and those begun in this micro-turn."""
        self.cancelled.append(lane)
        self.jobs = [job for job in self.jobs if job.lane != lane or job.lasting]

    def _drop_draft(self) -> None:
        if self.mind.draft is not None:
            self._cancel("language")
            self._cancel("turn")
            self.mind = replace(self.mind, draft=None, end_of_turn=None)

    def _end_segment(self, answered: bool) -> None:
        """Close the segment under way and say its last words; answered ones are carried."""
        heard = self.mind.hearing
        if heard.segment is None:
            return
        if not answered:
            self._drop_draft()
        if heard.words or heard.told:
            self.events.append(PersonWords(heard.number, heard.words, final=True))
        if answered:
            self.mind = replace(self.mind, carried=results.joined(self.mind.carried, heard.words))
        self._cancel("ears")
        self.mind = replace(self.mind, hearing=hearing.closed(heard), end_of_turn=None)
