"""One micro-turn of one row: what came in and what jobs found, to what goes out. Pure but for jobs.

In two halves, since the floor senses all rows at once in between: `RowStep.take_in` enters what is
known, `RowStep.act` does what the floor makes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from model.engine.engine import RowInput, RowOutput
from model.interaction import commands, hearing, results, sight_step, speaking, turns
from model.interaction.change import RowChange
from model.interaction.floor_port import RowSeen, Sensed
from model.interaction.mind import Hearing, Mind
from model.interaction.work import Parts
from model.messages import PersonWords, Word

__all__ = ["RowStep"]

CUT_REPORT_MICRO_TURNS: Final = 10
"""How long Playout's report of a cut is awaited; after that the last report counts."""

TYPED_MICRO_TURNS: Final = 20
"""So long what was typed waits for the words that were being said."""

MOST_TYPED: Final = 500
"""Words that typed text is told in: of a longer text each holds several."""


class RowStep:
    """The micro-turn of one row; built for it and thrown away.

    Args:
        mind: the row as the last micro-turn left it.
        given: what came in, and what jobs found.
        parts: what jobs work with.
    """

    def __init__(self, mind: Mind, given: RowInput, parts: Parts) -> None:
        self.change = RowChange(mind, given, parts)

    def take_in(self) -> RowSeen:
        """Enter what jobs found, what Playout reports, what was typed and what is demanded."""
        change = self.change
        for _, _, value in change.given.results:
            change.mind, events = results.enter(change.mind, value, change.parts.floor, change.k)
            change.events += events
        sight_step.take_in(change)
        commands.foresee(change)
        self._hear_playout()
        self._read()
        commands.take_in(change)
        return RowSeen(change.mind, change.given.turn)

    def act(self, sensed: Sensed) -> tuple[Mind, RowOutput]:
        """Decide, answer and speak; `sensed` is what the floor made of `take_in`."""
        change = self.change
        self._listen(sensed.voiced)
        commands.close_turn(change)
        verdict = change.parts.floor.decide(change.mind, change.given.turn, sensed)
        turns.follow(change, verdict)
        turns.answer(change, verdict)
        turns.hesitate(change, verdict)
        sight_step.act(change)
        change.tell_language()
        self._speak()
        return change.mind, change.output

    # ---- what came in ----------------------------------------------------------------------

    def _hear_playout(self) -> None:
        change = self.change
        for heard in change.given.turn.heard:
            utterance = change.mind.utterance
            if utterance is None or heard.utterance != utterance.number:
                continue
            utterance = speaking.played(utterance, heard.samples)
            change.mind = replace(change.mind, utterance=utterance)
            if heard.cut:
                change.abandon_answer()
                change.settle(cut=True)
        utterance = change.mind.utterance
        if utterance is None:
            return
        if utterance.over:  # also when it was cut too late to be cut
            change.settle(cut=False)
        elif change.mind.cut_k >= 0 and change.k - change.mind.cut_k > CUT_REPORT_MICRO_TURNS:
            change.settle(cut=True)

    def _read(self) -> None:
        """Enter what was typed, behind what was said before it."""
        change, turn = self.change, self.change.given.turn
        if not (turn.texts or change.mind.typed):
            return
        typed_k = change.mind.typed_k if change.mind.typed else change.k
        texts = (*change.mind.typed, *turn.texts)
        # A command, or an order, is about all there is.
        waits = not (turn.commands or turn.orders) and _unread(
            change.mind.hearing, typed_k, change.k
        )
        change.mind = replace(change.mind, typed=texts if waits else (), typed_k=typed_k)
        if not waits:
            self._enter(texts)
            return
        change.drop_draft()
        if turn.texts and not change.mind.wishes.unyielding:
            change.stop(1.0)
        if not change.mind.hearing.busy:
            change.listen()

    def _enter(self, texts: Sequence[str]) -> None:
        change = self.change
        for text in texts:
            number = change.mind.hearing.number + 1
            if change.mind.hearing.segment is not None:
                change.end_segment(answered=True)
            at = change.now
            words = tuple(Word(piece, at, at) for piece in _pieces(text))
            change.events.append(PersonWords(number, words, final=True, typed=True))
            heard = replace(change.mind.hearing, number=number)
            carried = results.carry(change.mind.carried, text)
            waits = not change.mind.settings.manual_turns
            change.mind = replace(change.mind, hearing=heard, carried=carried, unanswered=waits)
            change.drop_draft()
            if not change.mind.wishes.unyielding:
                change.stop(1.0)

    def _listen(self, voiced: bool) -> None:
        change = self.change
        heard = hearing.take_in(change.mind.hearing, change.given.turn.audio, voiced, change.k)
        change.mind = replace(change.mind, hearing=heard)
        if hearing.wants_partial(heard, change.k):
            change.listen()
        saying = change.mind.wishes.saying
        if voiced and saying is not None and saying.policy == "never_over_person":
            change.stop(1.0)

    # ---- what goes out ---------------------------------------------------------------------

    def _speak(self) -> None:
        change = self.change
        if change.mind.utterance is not None and change.mind.cut_k < 0:
            utterance, speech, events = speaking.send(change.mind.utterance)
            change.speech += speech
            change.events += events
            change.mind = replace(change.mind, utterance=utterance)
            if utterance.complete and not utterance.rendered_samples:
                change.give_up()
        floor = change.parts.floor.spoke(change.mind.floor, change.speech)
        change.mind = replace(change.mind, floor=floor)


def _unread(heard: Hearing, typed_k: int, k: int) -> bool:
    """Whether the last words that were said when somebody typed are still being recognised."""
    if heard.segment is None or heard.muted or k - typed_k >= TYPED_MICRO_TURNS:
        return False
    read = heard.read_k >= typed_k - 1 or not hearing.unread(heard)
    return not read or heard.busy


def _pieces(text: str) -> list[str]:
    """The words of a text, or, where they are too many, neighbours together."""
    words = text.split()
    size = max(1, -(-len(words) // MOST_TYPED))
    return [" ".join(words[first : first + size]) for first in range(0, len(words), size)]
