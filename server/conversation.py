"""The record of a conversation: who said what, when, and how much of it was heard. Pure.

All times are seconds of the conversation's clock, which the Session keeps: it begins with the
first Session and goes on through resumptions. Agent words keep samples of their utterance (24 kHz).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from model.messages import AgentWord, Turn, Word
from model.timebase import SPEAKING_RATE, seconds

__all__ = ["AgentTurn", "Conversation", "PersonTurn", "words_heard"]

MAX_TURNS: Final = 2_000
MAX_CHARACTERS: Final = 2_000_000
MAX_WORDS: Final = 50_000
"""Beyond any of these bounds the oldest turn is forgotten first. Two hours in which somebody always
speaks have less than half as many words. A word takes some hundred bytes, and hundreds of
conversations are kept."""

MAX_APPENDED: Final = 32
"""What a client put into the model's memory without its being said, the newest."""

REMEMBERED_CHARACTERS: Final = 32_000
"""What a resumed stream is given at most; a decoder's window holds less."""

AgentState = Literal["queued", "speaking", "done", "cut"]


def words_heard(words: list[AgentWord], heard_samples: int) -> int:
    """How many words, from the first on, were heard: those of which more than half was played."""
    for index, word in enumerate(words):
        if 2 * heard_samples <= word.start_samples + word.end_samples:
            return index
    return len(words)


@dataclass(slots=True, eq=False)
class PersonTurn:
    """One segment of what the person said or typed."""

    segment: int
    words: tuple[Word, ...] = ()
    final: bool = False
    typed: bool = False

    @property
    def text(self) -> str:
        """The words with single spaces between them."""
        return " ".join(word.text.strip() for word in self.words)

    @property
    def start_seconds(self) -> float:
        """When the first word began; 0 without words."""
        return self.words[0].start_seconds if self.words else 0.0

    @property
    def end_seconds(self) -> float:
        """When the last word ended; 0 without words."""
        return self.words[-1].end_seconds if self.words else 0.0


@dataclass(slots=True, eq=False)
class AgentTurn:
    """One utterance of ours, with how much of it was heard."""

    utterance: int
    words: list[AgentWord] = field(default_factory=list)
    state: AgentState = "queued"
    start_seconds: float = 0.0
    heard_samples: int = 0
    cut_by: str = ""
    listening: bool = False
    """It is a sign of listening, which the model does not remember."""

    @property
    def words_heard(self) -> int:
        """How many words, from the first on, the person heard."""
        if self.state == "done":
            return len(self.words)
        return words_heard(self.words, self.heard_samples)

    @property
    def text(self) -> str:
        """The text that was heard."""
        return "".join(word.text for word in self.words[: self.words_heard]).strip()

    @property
    def said(self) -> str:
        """The text that was meant to be heard."""
        return "".join(word.text for word in self.words).strip()

    @property
    def end_seconds(self) -> float:
        """When the last heard sample was heard."""
        return self.start_seconds + seconds(self.heard_samples, SPEAKING_RATE)


class Conversation:
    """The turns of one conversation in the order in which they began, bounded; see `MAX_TURNS`."""

    def __init__(self) -> None:
        self.turns: deque[PersonTurn | AgentTurn] = deque()
        # With the number of turns that had begun before.
        self._appended: deque[tuple[int, Turn]] = deque(maxlen=MAX_APPENDED)
        self.forgotten = 0
        self.next_segment = 0
        self.next_utterance = 0
        self._segments: dict[int, PersonTurn] = {}
        self._utterances: dict[int, AgentTurn] = {}
        self._characters = 0
        self._words = 0

    def copy(self) -> Conversation:
        """The turns as they are, which change no more; to be read elsewhere."""
        copy = Conversation()
        copy.forgotten = self.forgotten
        copy.turns.extend(
            replace(turn, words=list(turn.words)) if isinstance(turn, AgentTurn) else replace(turn)
            for turn in self.turns
        )
        return copy

    def person_words(
        self, segment: int, words: tuple[Word, ...], *, final: bool, typed: bool = False
    ) -> None:
        """Replace the words of a segment; words of a segment that is final are not replaced."""
        turn = self._segments.get(segment)
        if turn is None:
            if segment < self.next_segment:
                return  # forgotten, or final and gone from the index
            turn = PersonTurn(segment)
            self._segments[segment] = turn
            self.next_segment = segment + 1
            self.turns.append(turn)
        if turn.final:
            return
        self._count(turn, -1)
        turn.words, turn.final, turn.typed = words, final, typed
        self._count(turn, 1)
        self._forget()

    def append(self, turn: Turn) -> None:
        """The model was told of this, which nobody said."""
        self._appended.append((self.forgotten + len(self.turns), turn))

    def said(
        self, utterance: int, words: tuple[AgentWord, ...], *, listening: bool = False
    ) -> None:
        """Append words to an utterance; those of an utterance that is over are ignored."""
        turn = self._agent(utterance)
        if turn is None or turn.state in ("done", "cut"):
            return
        turn.listening = listening
        turn.words.extend(words)
        self._characters += sum(len(word.text) for word in words)
        self._words += len(words)
        self._forget()

    def started(self, utterance: int, at_seconds: float) -> None:
        """The utterance's first sample was sent."""
        turn = self._agent(utterance)
        if turn is not None and turn.state == "queued":
            turn.state, turn.start_seconds = "speaking", at_seconds
            # It takes its place in the record when it is heard, not when it was thought of.
            self.turns.remove(turn)
            self.turns.append(turn)

    def heard(self, utterance: int, heard_samples: int) -> None:
        """So many samples of the utterance were heard; never fewer than before."""
        turn = self._utterances.get(utterance)
        if turn is not None and turn.state in ("queued", "speaking"):
            turn.heard_samples = max(turn.heard_samples, heard_samples)

    def done(self, utterance: int, heard_samples: int) -> None:
        """The utterance was heard to its end."""
        self.heard(utterance, heard_samples)
        self._end(utterance, "done", "")

    def cut(self, utterance: int, heard_samples: int, by: str) -> None:
        """The rest of the utterance will not be heard; `by` says who cut it."""
        turn = self._utterances.get(utterance)
        if turn is not None and turn.state in ("queued", "speaking"):
            turn.heard_samples = heard_samples  # a client may know that it was less than reported
        self._end(utterance, "cut", by)

    def shorten(self, utterance: int, heard_samples: int) -> str | None:
        """Less of an utterance was heard than was believed: the text that was; None for no news."""
        turn = self._utterances.get(utterance)
        if turn is None or heard_samples >= turn.heard_samples:
            return None
        turn.heard_samples = max(0, heard_samples)
        turn.state, turn.cut_by = "cut", turn.cut_by or "client"
        return turn.text

    def find(self, utterance: int) -> AgentTurn | None:
        """The utterance; None for one that is not known or forgotten."""
        return self._utterances.get(utterance)

    def words_heard(self, utterance: int) -> int:
        """How many words of the utterance were heard; 0 for one that is not known."""
        turn = self._utterances.get(utterance)
        return turn.words_heard if turn is not None else 0

    def settle(self) -> None:
        """End what is open, as when the engine or the peer is gone: segments final, speech cut."""
        for turn in self.turns:
            if isinstance(turn, PersonTurn):
                turn.final = True
            elif turn.state in ("queued", "speaking"):
                turn.state, turn.cut_by = "cut", turn.cut_by or "engine"

    def as_turns(self, characters: int = REMEMBERED_CHARACTERS) -> tuple[Turn, ...]:
        """What is remembered, as it was heard: the newest turns of at most `characters` in all.

        Neighbours of the same speaker become one turn, except after a cut.
        """
        return self._remembered((), characters)

    def as_known(self) -> tuple[Turn, ...]:
        """The same with what the model was told between them, for a model that begins anew."""
        return self._remembered(self._appended, REMEMBERED_CHARACTERS)

    def _remembered(
        self, appended: Iterable[tuple[int, Turn]], characters: int
    ) -> tuple[Turn, ...]:
        turns: list[Turn] = []
        waiting = deque(appended)
        for place, turn in enumerate(self.turns, self.forgotten):
            while waiting and waiting[0][0] <= place:
                turns.append(waiting.popleft()[1])
            text = turn.text
            if not text or (isinstance(turn, AgentTurn) and turn.listening):
                continue
            who: Literal["person", "agent"] = "person" if isinstance(turn, PersonTurn) else "agent"
            cut = isinstance(turn, AgentTurn) and turn.state == "cut"
            if turns and turns[-1].who == who and not turns[-1].cut:
                turns[-1] = Turn(who, f"{turns[-1].text} {text}", cut)
            else:
                turns.append(Turn(who, text, cut))
        turns.extend(turn for _, turn in waiting)
        kept = len(turns)
        room = characters
        while kept and room >= len(turns[kept - 1].text):
            kept -= 1
            room -= len(turns[kept].text)
        return tuple(turns[kept:])

    def _agent(self, utterance: int) -> AgentTurn | None:
        turn = self._utterances.get(utterance)
        if turn is None and utterance >= self.next_utterance:
            turn = AgentTurn(utterance)
            self._utterances[utterance] = turn
            self.next_utterance = utterance + 1
            self.turns.append(turn)
        return turn

    def _end(self, utterance: int, state: AgentState, by: str) -> None:
        turn = self._utterances.get(utterance)
        if turn is not None and turn.state in ("queued", "speaking"):
            turn.state, turn.cut_by = state, by

    def _forget(self) -> None:
        while len(self.turns) > MAX_TURNS or (self._is_full and len(self.turns) > 1):
            oldest = self.turns.popleft()
            self._count(oldest, -1)
            self.forgotten += 1
            if isinstance(oldest, PersonTurn):
                self._segments.pop(oldest.segment, None)
            else:
                self._utterances.pop(oldest.utterance, None)

    @property
    def _is_full(self) -> bool:
        return self._characters > MAX_CHARACTERS or self._words > MAX_WORDS

    def _count(self, turn: PersonTurn | AgentTurn, times: int) -> None:
        self._characters += times * sum(len(word.text) for word in turn.words)
        self._words += times * len(turn.words)
