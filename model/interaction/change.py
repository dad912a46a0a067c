"""What one micro-turn changes for one row: its mind, what goes out, the jobs it begins and ends.

A `RowChange` is built for one micro-turn and thrown away; it collects, and the caller commits all
of it or nothing. Here are the moves that others are made of.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from model.engine.engine import RowInput, RowOutput
from model.engine.jobs import Job, Priority, Work
from model.interaction import hearing, results, resuming, seeing, speaking, wishes, work
from model.interaction.mind import Draft, Manner, Mind
from model.interaction.resuming import Remainder
from model.interaction.speaking import Utterance
from model.interaction.wishes import Outcome, Untold
from model.interaction.work import Parts
from model.messages import Event, Floor, MicroTurnOutput, PersonWords, Saying, Speech, Turn
from model.orders import Say
from model.timebase import MICRO_TURN_SECONDS

__all__ = ["RowChange"]


@dataclass(slots=True)
class RowChange:
    """The micro-turn of one row in the making."""

    mind: Mind
    given: RowInput
    parts: Parts
    events: list[Event] = field(default_factory=list)
    speech: list[Speech] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    drafted: int = 0
    dropped: int = 0

    @property
    def k(self) -> int:
        """The micro-turn's number."""
        return self.given.turn.k

    @property
    def now(self) -> float:
        """Where the micro-turn begins, in seconds of the stream."""
        return self.k * MICRO_TURN_SECONDS

    @property
    def output(self) -> RowOutput:
        """What the row's step gives."""
        turn = self.given.turn
        output = MicroTurnOutput(turn.stream, turn.k, tuple(self.speech), tuple(self.events))
        return RowOutput(
            output, tuple(self.cancelled), tuple(self.jobs), self.drafted, self.dropped
        )

    # ---- jobs ------------------------------------------------------------------------------

    def submit(self, lane: str, priority: Priority, job: Work, lasting: bool = False) -> None:
        """Begin a job when the step is committed."""
        self.jobs.append(Job(self.given.turn.stream, lane, priority, job, lasting))

    def cancel(self, lane: str) -> None:
        """Abandon a lane's jobs: those under way, and those begun in this micro-turn."""
        self.cancelled.append(lane)
        self.jobs = [job for job in self.jobs if job.lane != lane or job.lasting]

    # ---- listening -------------------------------------------------------------------------

    def listen(self) -> None:
        """Recognise what is open of the segment; before all else, since all else follows from the
        words."""
        heard = self.mind.hearing
        assert heard.segment is not None
        job = work.listen(self.parts.ears, heard.number, heard.segment)
        self.submit("ears", Priority.ENDS_TURN, job)
        self.mind = replace(self.mind, hearing=replace(heard, busy=True, asked_k=self.k))

    def end_segment(self, answered: bool) -> None:
        """Close the segment under way and say its last words; answered ones are carried."""
        heard = self.mind.hearing
        if heard.segment is None:
            return
        if not answered:
            self.drop_draft()
        if heard.words or heard.told:
            self.events.append(PersonWords(heard.number, heard.words, final=True))
        if answered:
            self.mind = replace(self.mind, carried=results.joined(self.mind.carried, heard.words))
        self.cancel("ears")
        self.mind = replace(self.mind, hearing=hearing.closed(heard))
        self.forget()

    # ---- wishes ----------------------------------------------------------------------------

    def wish(self, **changes: Any) -> None:
        """Replace fields of the mind's `Wishes`."""
        self.mind = replace(self.mind, wishes=replace(self.mind.wishes, **changes))

    def drop_sayings(self) -> None:
        """What waits to be said will not be."""
        for one in self.mind.wishes.sayings:
            self.tell_saying(one, "dropped")
        self.wish(sayings=())

    def tell_saying(self, say: Say, state: Literal["began", "dropped"]) -> None:
        """Tell whoever ordered a saying what became of it; one of our own has no name."""
        if say.say:
            utterance = self.mind.utterances if state == "began" else -1
            self.events.append(Saying(say.say, state, utterance))

    def hush_tools(self) -> None:
        """Nobody waits any more for what tools answer: it is remembered, and not spoken."""
        self.remember(*self.mind.wishes.outcomes)
        called = tuple(replace(one, quiet=True) for one in self.mind.wishes.called)
        self.wish(called=called, outcomes=())

    def forgo(self, asked: str) -> None:
        """Words of the person that nobody will answer; they are remembered."""
        if asked:
            self.remember(Turn("person", asked))

    def remember(self, *told: Untold) -> None:
        """Let Language know, as soon as nothing is under way in its row."""
        self.wish(untold=wishes.queued(self.mind.wishes.untold, told))

    def tell_language(self) -> None:
        """Write into Language's row what waits for it, if no answer is under way there."""
        mind = self.mind
        answering = mind.answering or mind.manner == "rest"
        busy = mind.draft is not None or (mind.utterance is not None and answering)
        if busy or not mind.wishes.untold:
            return
        job = work.remember(self.parts.memories[mind.row], mind.wishes.untold)
        self.submit("language", Priority.SPEECH, job, lasting=True)
        self.wish(untold=())

    # ---- drafts ----------------------------------------------------------------------------

    def start_draft(self, segment: int, outcomes: tuple[Outcome, ...] = ()) -> Draft:
        """Begin an answer to a segment, or (0) to what was typed, or to what tools gave."""
        self.tell_language()
        number = self.mind.drafts + 1
        listen: Work | None = None
        carried = "" if outcomes else self.mind.carried
        if segment and (hearing.read(self.mind.hearing) or self._listens_beside()):
            carried = results.joined(carried, self.mind.hearing.words)
        elif segment:
            heard = self.mind.hearing.segment
            assert heard is not None
            listen = work.listen(self.parts.ears, segment, heard, number)
            self.cancel("ears")
            hearing_on = replace(self.mind.hearing, busy=False, asked_k=self.k)
            self.mind = replace(self.mind, hearing=hearing_on)
        settings = self.mind.settings
        choice = wishes.tool_choice(self.mind.wishes, settings, outcomes)
        seen = seeing.sighted(self.mind) if self.parts.sight is not None else None
        asked = work.Asked(listen, carried, outcomes, settings.tools, choice, seen)
        job = work.answer(number, self.parts, self.mind.row, asked)
        # What was said is needed at once, by the floor too; what is made of it takes its turn.
        urgent = Priority.SPEECH if listen is None else Priority.ENDS_TURN
        self.submit("language", urgent, job)
        draft = Draft(number, segment, text="" if listen is not None else carried)
        self.mind = replace(self.mind, draft=draft, drafts=number)
        self.drafted += 1
        return draft

    def _listens_beside(self) -> bool:
        """Whether the answer may begin on the words so far, while the last of the voice is being
        recognised: should that give other words, they are answered instead. Not where the client
        wants an answer now, whatever is said."""
        heard = self.mind.hearing
        if self.mind.wishes.answer or not hearing.nearly_read(heard):
            return False
        if not heard.busy or heard.asked_k < heard.voiced_k:
            self.cancel("ears")
            self.listen()
        return True

    def read_ahead(self) -> None:
        """Let Language read what the person has said so far; the last word may still change."""
        mind, heard = self.mind, self.mind.hearing
        known = heard.words[:-1]
        waits = len(known) - heard.ahead >= work.AHEAD_WORDS
        if heard.segment is None or heard.muted or not waits:
            return
        choice = wishes.tool_choice(mind.wishes, mind.settings, ())
        if choice != "none" or mind.wishes.outcomes:
            return  # Something else is read before the person's words then.
        text = results.joined(mind.carried, known)
        judged = bool(mind.looking.shown or mind.looking.watches)
        job = work.read_ahead(self.parts, mind.row, text, judged)
        self.submit("language", Priority.SPEECH, job)
        self.mind = replace(mind, hearing=replace(heard, ahead=len(known)))

    def drop_draft(self) -> None:
        """The answer in the making is not wanted."""
        if self.mind.draft is not None:
            self._read_again_soon(self.mind.draft)
            self.answer_otherwise()
            self.cancel("turn")
            self.forget()

    def answer_otherwise(self) -> None:
        """The answer in the making is to other words than were said; what was judged of the
        person's turn is about its sound, and counts."""
        if self.mind.draft is not None:
            self.cancel("language")
            self.mind = replace(self.mind, draft=None)
            self.dropped += 1

    def _read_again_soon(self, draft: Draft) -> None:
        """A draft that was recognising the segment takes with it what it was asked for: the next
        partial is due at once, and not a while after it."""
        heard = self.mind.hearing
        if draft.segment == heard.number and not draft.text and not draft.nothing:
            asked_k = min(heard.asked_k, heard.read_k)
            self.mind = replace(self.mind, hearing=replace(heard, asked_k=asked_k))

    # ---- speaking --------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Say a set text."""
        number = self.mind.drafts + 1
        self.mind = replace(self.mind, drafts=number)
        self.submit("language", Priority.SPEECH, work.say(number, self.parts.voice, text))
        self.begin(number, answering=False)

    def go_on(self, rest: Remainder) -> None:
        """Say what was left of the utterance that was cut, and what Language says behind it."""
        number = 0 if rest.whole else self.mind.drafts + 1
        utterance = self.begin(number, answering=False, manner="rest")
        if rest.words:
            utterance = speaking.append(utterance, resuming.spoken(rest))
        if rest.whole:
            utterance = speaking.finish(utterance, rest.limited)
        else:
            self.mind = replace(self.mind, drafts=number)
            job = work.go_on(number, self.parts, self.mind.row, rest.text)
            self.submit("language", Priority.SPEECH, job)
        self.mind = replace(self.mind, utterance=utterance)

    def begin(
        self,
        draft: int,
        answering: bool,
        manner: Manner = "",
        telling: tuple[Outcome, ...] = (),
    ) -> Utterance:
        """A new utterance takes the floor; it answers what the person said so far, or tells what
        tools gave."""
        mind = self.mind
        utterance = Utterance(mind.utterances + 1, draft, listening=manner == "backchannel")
        asks = answering and not telling
        self.mind = replace(
            mind,
            utterance=utterance,
            utterances=utterance.number,
            answering=answering,
            manner=manner,
            cut_k=-1,
            cut_by_floor=False,
            remainder=None,
            asked=mind.carried if asks else "",
            carried="" if asks else mind.carried,
        )
        self.wish(saying=None, telling=telling, cancelled=False)
        if asks:
            self.wish(committed="")
        return utterance

    def stop(self, probability: float, tell: bool = True, by_floor: bool = False) -> None:
        """Stop speaking, if we do; Playout reports how far we were heard. Who was stopped by the
        floor, and by nothing else, may go on from there."""
        self.mind = replace(self.mind, cut_by_floor=by_floor, remainder=None)
        utterance = self.mind.utterance
        if utterance is None or self.mind.cut_k >= 0:
            return
        if tell:
            self.events.append(Floor("yield", probability))
        self.abandon_answer()
        self.mind = replace(self.mind, cut_k=self.k)
        if not utterance.sent_samples:
            self.settle(cut=True)  # Playout has never heard of it and will report nothing.

    def abandon_answer(self) -> None:
        """No more is to be said of the utterance; a sign of listening leaves Language alone."""
        if self.mind.manner != "backchannel":
            self.cancel("language")

    def settle(self, cut: bool) -> None:
        """The utterance is over: Language remembers what was heard of it, to the word."""
        utterance = self.mind.utterance
        assert utterance is not None
        text = speaking.heard_text(utterance)
        rest: Remainder | None = None
        again = self.mind.manner == "rest" and utterance.draft > 0
        if self.mind.manner == "backchannel":
            pass
        elif text.strip() or again:  # Where Language went on, its row is to be closed again.
            if cut and self.mind.cut_by_floor:
                thinks = (self.mind.answering or again) and not utterance.complete
                rest = resuming.remainder(utterance, self.k, more=thinks)
            self._commit(utterance.number, text, cut)
        else:
            self._unheard()
        self.mind = replace(
            self.mind, utterance=None, cut_k=-1, cut_by_floor=False, remainder=rest, asked=""
        )
        self.wish(saying=None, telling=(), cancelled=False)

    def give_up(self) -> None:
        """The utterance is nothing: what it would have answered is remembered."""
        self.forgo(self.mind.asked)
        self.remember(*self.mind.wishes.telling)
        self.mind = replace(self.mind, utterance=None, cut_k=-1, asked="")
        self.wish(saying=None, telling=(), cancelled=False)

    def _commit(self, number: int, text: str, cut: bool) -> None:
        memory = self.parts.memories[self.mind.row]
        if self.mind.manner == "rest":
            remembering = memory.rejoin(text, cut, number)
        elif self.mind.answering:
            remembering = memory.settle(text, cut, number)
        else:
            remembering = memory.record(Turn("agent", text.strip(), cut), number)
        job = work.settle(number, cut, memory, remembering)
        self.submit("language", Priority.SPEECH, job, lasting=True)

    def _unheard(self) -> None:
        """Nothing of the answer was heard: what was asked is still to be answered, unless the
        client wants no answer."""
        told = self.mind.wishes
        if told.cancelled:
            self.forgo(self.mind.asked)
            self.remember(*told.telling)
            return
        carried = results.carry(self.mind.asked, self.mind.carried)
        self.mind = replace(self.mind, carried=carried)
        committed = results.carry(self.mind.asked, told.committed)
        self.wish(outcomes=(*told.telling, *told.outcomes), committed=committed)

    def forget(self) -> None:
        """What was judged of the person's turn no longer counts."""
        self.mind = replace(self.mind, floor=self.parts.floor.forget(self.mind.floor))
