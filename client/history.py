"""What was said and heard so far, as the server's record has it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from client.agent_events import AgentCut, AgentDone, AgentHeard, AgentStarted, AgentWords
from client.events import PersonWords, SessionStarted
from client.values import Event, Turn, Word

__all__ = ["HeardTurn", "History"]

MAX_TURNS: Final = 2_000
"""Beyond that the oldest turn is forgotten, as the server forgets it."""


@dataclass(frozen=True, slots=True)
class HeardTurn:
    """What one side said.

    Attributes:
        who: whose words.
        text: as far as it was heard.
        said: all of it, also what was not heard.
        cut: whether it was cut off.
        number: the segment of a person's turn, the utterance of an agent's; below 0 for one that
            was told only when an earlier conversation was gone on with.
        at_ms: when it began, on the session's clock.
    """

    who: Literal["person", "agent"]
    text: str
    said: str
    cut: bool
    number: int
    at_ms: int


@dataclass(slots=True)
class _Open:
    who: Literal["person", "agent"]
    number: int
    at_ms: int
    words: tuple[Word, ...] = ()
    heard: int = 0
    state: Literal["queued", "speaking", "done", "cut"] = field(default="queued")

    def as_turn(self) -> HeardTurn:
        if self.who == "person":
            text = " ".join(word.text.strip() for word in self.words)
            return HeardTurn(self.who, text, text, False, self.number, self.at_ms)
        said = "".join(word.text for word in self.words).strip()
        text = "".join(word.text for word in self.words[: self.heard]).strip()
        return HeardTurn(self.who, text, said, self.state == "cut", self.number, self.at_ms)


class History:
    """Turns in the order in which they began; an utterance's place is where it was first heard."""

    def __init__(self) -> None:
        self._turns: dict[tuple[str, int], _Open] = {}

    @property
    def turns(self) -> tuple[HeardTurn, ...]:
        """Those of which something was heard."""
        return tuple(turn for turn in self if turn.text)

    def __iter__(self) -> Iterator[HeardTurn]:
        return (one.as_turn() for one in self._turns.values())

    def utterance(self, number: int) -> HeardTurn | None:
        """One of the agent's; None for one that is not known."""
        found = self._turns.get(("agent", number))
        return found.as_turn() if found else None

    def hear(self, event: Event) -> None:
        """Take an event into account."""
        match event:
            case SessionStarted(resumed=False):
                self._turns.clear()  # The server knows nothing of them, and counts from 0.
            case SessionStarted(turns=turns):
                self._resumed(turns)
            case PersonWords():
                turn = self._at("person", event.segment, event.at_ms)
                if turn.state != "done":
                    turn.words = event.words
                    turn.state = "done" if event.final else "speaking"
            case AgentWords():
                turn = self._at("agent", event.utterance, event.at_ms)
                if turn.state in ("queued", "speaking"):
                    turn.words += event.words
            case AgentStarted():
                turn = self._at("agent", event.utterance, event.at_ms)
                if turn.state == "queued":
                    turn.state, turn.at_ms = "speaking", event.at_ms
                    key = ("agent", event.utterance)
                    self._turns[key] = self._turns.pop(key)
            case AgentHeard() | AgentDone() | AgentCut():
                self._heard(event)

    def truncate(self, utterance: int, heard_ms: int) -> None:
        """Less was heard of an utterance that is over than was believed."""
        turn = self._turns.get(("agent", utterance))
        if turn is None or turn.state not in ("done", "cut"):
            return
        # A word was heard when more than half of it was played, as the server counts.
        half = ((word.start_ms + word.end_ms) / 2 for word in turn.words)
        heard = sum(middle < heard_ms for middle in half)
        if heard < turn.heard:
            turn.heard, turn.state = heard, "cut"

    def _heard(self, event: AgentHeard | AgentDone | AgentCut) -> None:
        turn = self._at("agent", event.utterance, event.at_ms)
        if turn.state in ("done", "cut"):
            return
        turn.heard = event.words_heard
        if isinstance(event, AgentDone):
            turn.state = "done"
        elif isinstance(event, AgentCut):
            turn.state = "cut"

    def _resumed(self, turns: Sequence[Turn]) -> None:
        """The server went on without us for a while, and tells what it remembers of that."""
        if not self._turns:
            for number, turn in enumerate(turns, -len(turns)):
                self._turns[turn.who, number] = _before(turn, number)
            return
        told = next((turn for turn in reversed(turns) if turn.who == "agent"), None)
        for one in reversed(self._turns.values()):
            if one.who != "agent" or one.state in ("done", "cut"):
                continue
            if told is not None and (heard := _heard_of(one, told.text)):
                one.heard = heard
                one.state = "cut" if told.cut or heard < len(one.words) else "done"
                told = None
            else:
                one.state = "cut"

    def _at(self, who: Literal["person", "agent"], number: int, at_ms: int) -> _Open:
        turn = self._turns.get((who, number))
        if turn is None:
            turn = self._turns[who, number] = _Open(who, number, at_ms)
            while len(self._turns) > MAX_TURNS:
                del self._turns[next(iter(self._turns))]
        return turn


def _before(turn: Turn, number: int) -> _Open:
    """A turn of which nothing but its text is known."""
    word = Word(text=turn.text, start_ms=0, end_ms=0)
    return _Open(turn.who, number, 0, (word,), 1, "cut" if turn.cut else "done")


def _heard_of(turn: _Open, told: str) -> int:
    """How many of an utterance's words a text ends with, which may have others before; 0 for
    none."""
    for heard in range(len(turn.words), 0, -1):
        text = "".join(word.text for word in turn.words[:heard]).strip()
        if told == text or told.endswith(f" {text}"):
            return heard
    return 0
