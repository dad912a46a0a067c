"""One stream's row of Language: what is committed, and the exchange that is under way.

Touched by jobs of the stream's `language` lane only, which run one after another. `committed` is
the row's length after the last exchange that was decided and heard; whatever lies beyond it is a
draft, and beginning another draft forgets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from model.interaction.language import Language
from model.interaction.parts import Pieces
from model.messages import Turn

__all__ = ["Memory"]

PRIMED_TURNS: Final = 24
"""Turns read back into a resumed conversation; older ones are no longer in the window anyway."""


class Memory:
    """What Language knows of one conversation."""

    def __init__(self, language: Language, row: int) -> None:
        self.language = language
        self.row = row
        self.committed = 0
        self._reply_start = 0
        self._reply: list[int] = []

    def prime(self, instructions: str, turns: Sequence[Turn]) -> Pieces[None]:
        """Empty the row, read the instructions, pin them, and read back earlier turns."""
        self.language.reset(self.row)
        prefix = self.language.chat_prefix(instructions)
        yield from self.language.append(self.row, prefix)
        self.language.pin(self.row, len(prefix))
        for turn in turns[-PRIMED_TURNS:]:
            if turn.who == "person":
                ids = self.language.person_turn(turn.text)
            else:
                ids = self.language.agent_open() + self.language.encode(turn.text)
                ids += self.language.agent_close(turn.cut)
            yield from self.language.append(self.row, ids)
        self.committed = self.language.length(self.row)

    def ask(self, text: str) -> Pieces[None]:
        """Begin a draft: the person said `text`; the next token is the first of our answer."""
        self.language.truncate(self.row, self.committed)
        self._reply = []
        ids = self.language.person_turn(text) + self.language.agent_open()
        yield from self.language.append(self.row, ids)
        self._reply_start = self.language.length(self.row)

    def took(self, token: int) -> None:
        """A token of the answer was sampled (and stands in the row)."""
        self._reply.append(token)

    def settle(self, heard: str, cut: bool) -> Pieces[None]:
        """The answer was heard as far as `heard`: commit the exchange so, and mark a cut.

        Tokens that spell a prefix of what was heard stay; the rest is read anew.
        """
        kept, text = 0, ""
        for count in range(1, len(self._reply) + 1):
            so_far = self.language.decode(self._reply[:count])
            if not heard.startswith(so_far):
                break
            kept, text = count, so_far
        self.language.truncate(self.row, self._reply_start + kept)
        rest = self.language.encode(heard[len(text) :]) if len(heard) > len(text) else []
        yield from self.language.append(self.row, rest + self.language.agent_close(cut))
        self.committed = self.language.length(self.row)
        self._reply = []

    def record(self, who: str, text: str) -> Pieces[None]:
        """Commit a turn that needs no answer, or one we said without Language."""
        self.language.truncate(self.row, self.committed)
        if who == "person":
            ids = self.language.person_turn(text)
        else:
            ids = self.language.agent_open() + self.language.encode(text)
            ids += self.language.agent_close(False)
        yield from self.language.append(self.row, ids)
        self.committed = self.language.length(self.row)
