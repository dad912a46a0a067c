"""One stream's row of Language: what is committed, and the exchange that is under way.

Touched by jobs of the stream's `language` lane only, which run one after another. `committed` is
the row's length after the last exchange that was decided and heard; whatever lies beyond it is a
draft, and beginning another draft forgets it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from model.interaction.parts import BeyondWindow, LanguagePart, Pieces
from model.interaction.prompt import DEFAULT_INSTRUCTIONS
from model.messages import Turn

__all__ = ["Memory"]

REMEMBERED_TURNS: Final = 24
"""Turns read back into a row that lost its place; older ones would not fit its window anyway."""

READ_BACK_TOKENS: Final = 1024
"""The most that is read back of them: half of the usual window, and what a slow machine reads in
some seconds. Nobody is answered before it is read."""

LONGEST_TURN_TOKENS: Final = 512
"""Of a longer turn the end is read: the question usually stands there."""


class Memory:
    """What Language knows of one conversation."""

    def __init__(self, language: LanguagePart, row: int) -> None:
        self.language = language
        self.row = row
        self._committed = 0
        self._instructions = ""
        self._turns: deque[Turn] = deque(maxlen=REMEMBERED_TURNS)
        self._asked = ""
        self._reply_start = 0
        self._reply: list[int] = []
        self._cut_start = 0

    def prime(self, instructions: str, turns: Sequence[Turn]) -> Pieces[None]:
        """Empty the row, read the instructions, pin them, and read back earlier turns."""
        self._instructions = instructions or DEFAULT_INSTRUCTIONS
        self._turns = deque(turns, maxlen=REMEMBERED_TURNS)
        yield from self.read_again()

    def ask(self, text: str) -> Pieces[None]:
        """Begin a draft: the person said `text`; the next token is the first of our answer."""
        self._asked, self._reply = text, []
        yield from self._go_back()
        yield from self._append(self._person(text) + self.language.agent_open())
        self._reply_start = self.language.length(self.row)

    def took(self, token: int) -> None:
        """A token of the answer was sampled (and stands in the row)."""
        self._reply.append(token)

    def settle(self, heard: str, cut: bool) -> Pieces[str]:
        """The answer was heard as far as `heard`: commit the exchange so, and mark a cut.

        Tokens that spell a prefix of what was heard stay; the rest is read anew. Returns what the
        row now holds of the answer.
        """
        self._turns.append(Turn("person", self._asked))
        self._turns.append(Turn("agent", heard.strip(), cut))
        kept, text = self._spelling(heard)
        self.language.truncate(self.row, self._reply_start + kept)
        rest = self.language.encode(heard[len(text) :]) if len(heard) > len(text) else []
        yield from self._append(rest)
        spoken = self.language.length(self.row) - self._reply_start
        held = self.language.held(self.row)[-spoken:] if spoken else []
        yield from self._append(self.language.agent_close(cut))
        self._committed = self.language.length(self.row)
        self._cut_start = self._reply_start if cut else 0
        self._reply = []
        return self.language.decode(held)

    def rejoin(self, heard: str, cut: bool) -> Pieces[str]:
        """What we said last was cut and then went on: `heard` belongs to the same turn."""
        whole, start = heard.strip(), self._cut_start
        if self._turns and self._turns[-1].who == "agent" and self._turns[-1].cut:
            whole = f"{self._turns.pop().text} {whole}"
        else:
            start = 0  # Something else was said in between.
        self._turns.append(Turn("agent", whole, cut))
        if not start or start > self._committed:
            yield from self.read_again()
            return heard.strip()
        try:
            self.language.truncate(self.row, start)
        except BeyondWindow:
            yield from self.read_again()
            return heard.strip()
        yield from self._append(self.language.encode(whole) + self.language.agent_close(cut))
        self._committed = self.language.length(self.row)
        self._cut_start = start if cut else 0
        return heard.strip()

    def record(self, turn: Turn) -> Pieces[str]:
        """Commit a turn that needs no answer, or one we said without Language; returns its text."""
        self._cut_start = 0
        yield from self._go_back()
        self._turns.append(turn)
        yield from self._append(self._ids(turn))
        self._committed = self.language.length(self.row)
        return turn.text

    def read_again(self) -> Pieces[str]:
        """Write the row anew from the turns as text; returns what was last said by us."""
        self._cut_start = 0
        self.language.reset(self.row)
        prefix = self.language.chat_prefix(self._instructions)
        yield from self._append(prefix)
        self.language.pin(self.row, len(prefix))
        for ids in self._latest(READ_BACK_TOKENS):
            yield from self._append(ids)
        self._committed = self.language.length(self.row)
        return next((turn.text for turn in reversed(self._turns) if turn.who == "agent"), "")

    def text(self) -> str:
        """What the row holds up to what is committed, without the marks between turns."""
        return self.language.decode(self.language.held(self.row)[: self._committed])

    def _spelling(self, heard: str) -> tuple[int, str]:
        """How many tokens of the reply spell a prefix of what was heard, and that prefix."""
        kept, text = 0, ""
        for count in range(1, len(self._reply) + 1):
            so_far = self.language.decode(self._reply[:count])
            if not heard.startswith(so_far):
                break
            kept, text = count, so_far
        return kept, text

    def _go_back(self) -> Pieces[None]:
        """Forget what is not committed; read the text again if the row no longer can."""
        try:
            if self._committed:
                self.language.truncate(self.row, self._committed)
                return
        except BeyondWindow:
            pass  # Too much was overwritten since; the text is read again.
        yield from self.read_again()

    def _latest(self, most_tokens: int) -> list[list[int]]:
        """Token ids of the latest turns, oldest first, as many as fit."""
        latest: list[list[int]] = []
        for turn in reversed(self._turns):
            ids = self._ids(turn)
            most_tokens -= len(ids)
            if most_tokens < 0:
                break
            latest.append(ids)
        return latest[::-1]

    def _ids(self, turn: Turn) -> list[int]:
        if turn.who == "person":
            return self._person(turn.text)
        text = self.language.encode(turn.text)[:LONGEST_TURN_TOKENS]
        return [*self.language.agent_open(), *text, *self.language.agent_close(turn.cut)]

    def _person(self, text: str) -> list[int]:
        # Four characters a token and more: encoding only what can count bounds the work too.
        ids = self.language.encode(text[-LONGEST_TURN_TOKENS * 8 :])
        if len(ids) > LONGEST_TURN_TOKENS:
            text = self.language.decode(ids[-LONGEST_TURN_TOKENS:])
        return self.language.person_turn(text)

    def _append(self, ids: Sequence[int]) -> Pieces[None]:
        yield from self.language.append(self.row, ids)
