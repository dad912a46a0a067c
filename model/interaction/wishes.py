"""What a client ordered and is not done yet, and what tools were asked for: part of a `Mind`.

Everything here waits for its moment: sayings for a free floor, what is to be remembered for
Language's row, an answer that was asked for for its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from model.messages import Turn
from model.orders import Say, StreamSettings

__all__ = [
    "MOST_CALLS",
    "MOST_SAYINGS",
    "MOST_UNTOLD",
    "Called",
    "Correction",
    "Outcome",
    "Prefix",
    "Untold",
    "Wishes",
    "queued",
    "tool_choice",
]

MOST_SAYINGS: Final = 16
MOST_UNTOLD: Final = 64
MOST_CALLS: Final = 4
"""Tool calls that may wait for their answers."""


@dataclass(frozen=True, slots=True)
class Called:
    """A tool that Language asked for.

    Attributes:
        name: of the tool.
        arguments: a JSON object as text.
        call: unique within the stream; empty while it is only part of a draft.
        quiet: nobody waits for the answer any more; it is remembered, not spoken.
    """

    name: str
    arguments: str
    call: str = ""
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool answered, or why it did not."""

    called: Called
    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Correction:
    """Of an utterance that is over only `text` was heard."""

    utterance: int
    text: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """Other instructions stand before the conversation from now on."""

    instructions: str


Untold = Turn | Called | Outcome | Correction | Prefix
"""What enters Language's row as soon as no answer is under way in it."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What waits.

    Attributes:
        held: be silent and listen, until told otherwise.
        sayings: texts to be said, the first one first, at most `MOST_SAYINGS`.
        saying: what the utterance under way says, if it was ordered.
        answer: what is there is to be answered, whatever the floor thinks.
        tool_choice: what that answer may call; empty for what the settings say.
        committing: the last segment that the client ended or cleared, 0 for none; one that is open
            still ends once its words are known.
        commit_k: since when.
        commit: what the client calls the order to end it.
        committed: of what is carried, the words up to the last turn that the client ended.
        kept: the segment whose words are answered later, when it ends without an answer.
        cancelled: what the utterance that is being cut answers is not to be answered again.
        untold: what waits for Language's row, oldest first, at most `MOST_UNTOLD`.
        called: tools that have not answered.
        outcomes: what they answered, to be spoken when the floor is free.
        telling: what the utterance under way tells of them.
        calls: how many tools were asked for in all.
    """

    held: bool = False
    sayings: tuple[Say, ...] = ()
    saying: Say | None = None
    answer: bool = False
    tool_choice: str = ""
    committing: int = 0
    commit_k: int = 0
    commit: str = ""
    committed: str = ""
    kept: int = 0
    cancelled: bool = False
    untold: tuple[Untold, ...] = ()
    called: tuple[Called, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    telling: tuple[Outcome, ...] = ()
    calls: int = 0

    @property
    def unyielding(self) -> bool:
        """What is being said is said to its end, whoever speaks."""
        return self.saying is not None and self.saying.policy == "now"


def queued(untold: Sequence[Untold], more: Iterable[Untold]) -> tuple[Untold, ...]:
    """What waits for Language's row, with more behind it; beyond the bound the oldest is lost,
    and it is far older than what fits the row."""
    waiting = list(untold)
    for one in more:
        if isinstance(one, Prefix):
            waiting = [other for other in waiting if not isinstance(other, Prefix)]
        waiting.append(one)
    return tuple(waiting[-MOST_UNTOLD:])


def tool_choice(wishes: Wishes, settings: StreamSettings, outcomes: Sequence[Outcome]) -> str:
    """What an answer may call: `auto`, `none`, `required`, or the name of a tool.

    One call an answer: what a tool gave is told, and begins no other call.
    """
    if outcomes or not settings.tools or len(wishes.called) >= MOST_CALLS:
        return "none"
    return wishes.tool_choice or settings.tool_choice
