"""Parts that are small and do as they are told: whole conversations in milliseconds, no weights.

The person's sound is loud or silent; whoever listens is told what was said. Language's tokens are
characters, so that a row can be read. Voice speaks twenty letters a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch

from model.interaction.counterpoint import CounterpointModel
from model.interaction.floor import FloorSettings
from model.interaction.intent import INTENTS
from model.interaction.memory import Memory
from model.interaction.parts import Pieces, Spoken, SpokenWord, TextPieces
from model.interaction.rules import Rules
from model.interaction.work import Parts
from model.messages import Audio, Word
from model.timebase import HEARING_BLOCK_SAMPLES, HEARING_RATE, SPEAKING_RATE

__all__ = ["LOUD", "Scribe", "scripted_model"]

LOUD = np.full(HEARING_BLOCK_SAMPLES, 0.5, np.float32)
OPEN, CLOSE = 0x110000, 0x110001
LETTER_SECONDS = 0.05


class Letters:
    """Token by token to text."""

    def push(self, token: int) -> str:
        return chr(token)

    def end(self) -> str:
        return ""


@dataclass
class Scribe:
    """A `LanguagePart` whose tokens are characters.

    Attributes:
        replies: what it answers, by a piece of the turn before it.
        wanted: words that make a tool likely, by a piece of the tool's description.
        writes: what it would write where it may choose.
        longest: characters of the longest instructions.
        earlier: what was said before to nearly the same, of each reply begun.
        thinks: what `thought` gives, by a piece of what stands there; else zeros.
    """

    rows: int = 2
    replies: dict[str, str] = field(default_factory=dict)
    wanted: dict[str, str] = field(default_factory=dict)
    writes: str = ""
    longest: int = 1000
    thinks: dict[str, torch.Tensor] = field(default_factory=dict)
    held_: list[list[int]] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)
    _written: int = 0

    def __post_init__(self) -> None:
        self.held_ = [[] for _ in range(self.rows)]

    def text(self, row: int = 0) -> str:
        """What the row holds, turns in angle brackets."""
        marks = {OPEN: "<", CLOSE: ">"}
        return "".join(marks.get(one) or chr(one) for one in self.held_[row])

    def chat_prefix(self, instructions: str) -> list[int]:
        if len(instructions) > self.longest:
            raise ValueError(f"at most {self.longest} letters fit: shorten the instructions")
        return self._turn(f"system {instructions}")

    def person_turn(self, text: str) -> list[int]:
        return self._turn(f"person {text}")

    def person_open(self, text: str) -> list[int]:
        return self._turn(f"person {text}")[:-1]

    def note(self, text: str) -> list[int]:
        return self._turn(f"note {text}")

    def tool_call(self, name: str, arguments: str) -> list[int]:
        return self._turn(f"call {name} {arguments}")

    def tool_answer(self, name: str, text: str, failed: bool, tell: bool) -> list[int]:
        what = "failed" if failed else "tool" if tell else "known"
        return self._turn(f"{what} {name} {text}")

    def agent_open(self) -> list[int]:
        return [OPEN, *self.encode("agent ")]

    def agent_close(self, cut: bool) -> list[int]:
        return [*self.encode("/" if cut else ""), CLOSE]

    def is_end(self, token: int) -> bool:
        return token == CLOSE

    def text_stream(self) -> TextPieces:
        return Letters()

    def encode(self, text: str) -> list[int]:
        return [ord(one) for one in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(chr(one) for one in ids if one < OPEN)

    def held(self, row: int) -> list[int]:
        return self.held_[row]

    def length(self, row: int) -> int:
        return len(self.held_[row])

    def append(self, row: int, ids: Sequence[int]) -> Pieces[None]:
        yield None
        self.held_[row] += ids

    def begin(self, row: int, prefix: Sequence[int]) -> Pieces[None]:
        yield None
        self.held_[row] = list(prefix)

    def next_tokens(self, rows: Sequence[int]) -> list[int]:
        return [self._next(row) for row in rows]

    def begin_reply(self, row: int, ids: Sequence[int], earlier: Sequence[int] = ()) -> Pieces[int]:
        self.earlier.append("".join(map(chr, earlier)))
        yield from self.append(row, ids)
        return self._next(row)

    def choose(
        self,
        row: int,
        fits: Callable[[int], bool],
        always: Sequence[int] = (),
        behind: Sequence[int] = (),
        ahead: Sequence[float] = (),
    ) -> Pieces[int]:
        yield None
        self.held_[row] += behind
        wish = self.writes[self._written : self._written + 1]
        if wish and (fits(ord(wish)) or ord(wish) in always):
            self._written += 1
            self.held_[row].append(ord(wish))
            return ord(wish)
        found = always[0] if always else next((n for n in range(32, 127) if fits(n)), -1)
        if found >= 0:
            self.held_[row].append(found)
        return found

    def likelihood(self, row: int, ids: Sequence[int], scored: int) -> Pieces[float]:
        yield None
        note, said = self.decode(ids[:-scored]), self.decode(ids[-scored:])
        likely = any(about in note and word in said for about, word in self.wanted.items())
        return 0.0 if likely else -float(scored)

    def thought(self, row: int, start: int, end: int) -> torch.Tensor:
        said = self.decode(self.held_[row][start:end])
        found = (state for words, state in self.thinks.items() if words in said)
        return next(found, torch.zeros(len(INTENTS) + 1))

    def truncate(self, row: int, length: int) -> None:
        del self.held_[row][length:]

    def pin(self, row: int, length: int) -> None:
        pass

    def fork(self, source: int, target: int) -> None:
        self.held_[target] = list(self.held_[source])

    def reset(self, row: int) -> None:
        self.held_[row] = []

    def _turn(self, text: str) -> list[int]:
        return [OPEN, *self.encode(text), CLOSE]

    def _next(self, row: int) -> int:
        held = self.text(row)
        asked, _, said = held.rpartition("<agent ")
        last = asked[asked.rfind("<") :]
        reply = next((r for words, r in self.replies.items() if words in last), "Yes.")
        token = ord(reply[len(said)]) if len(said) < len(reply) else CLOSE
        self.held_[row].append(token)
        return token


@dataclass
class Last:
    """How loud the rows last were."""

    last: Any


class Loudness:
    """Voice is what is loud."""

    def new_state(self, rows: int) -> Last:
        return Last(torch.zeros(rows))

    def reset(self, state: Last, row: int) -> Last:
        return state

    def step(self, audio: Any, state: Last, mask: Any) -> tuple[Any, Last]:
        loud = (audio.abs().amax(-1, keepdim=True) > 0.1).float()
        return loud.expand(-1, 3), Last(loud[:, 0])


class Finished:
    """Every silence ends a turn."""

    def probability(self, audio: Audio) -> Pieces[float]:
        yield None
        return 0.99


@dataclass
class Told:
    """Ears that are told what was said."""

    words: str = "Hello there."
    max_seconds: float = 30.0

    def transcribe(self, audio: Audio, guess: Sequence[Word] = ()) -> Pieces[tuple[Word, ...]]:
        yield None
        loud = np.flatnonzero(np.abs(audio) > 0.1) / HEARING_RATE
        if not len(loud):
            return ()
        words = self.words.split()
        step = (loud[-1] - loud[0]) / max(len(words), 1)
        begins = [float(loud[0] + n * step) for n in range(len(words))]
        return tuple(Word(word, at, at + step) for word, at in zip(words, begins, strict=True))


class Plain:
    """A voice of so many letters a second."""

    def render(self, text: str) -> Pieces[Spoken]:
        yield None
        words, at = [], 0.0
        for place, word in enumerate(text.split()):
            shown = f" {word}" if place or text.startswith(" ") else word
            words.append(SpokenWord(shown, at, at + len(shown) * LETTER_SECONDS))
            at = words[-1].end_seconds
        audio = np.full(round(at * SPEAKING_RATE), 0.1, np.float32)
        return Spoken(audio, tuple(words))


def scripted_model(scribe: Scribe, words: str = "Hello there.") -> CounterpointModel:
    """The interaction model over these parts, with the rules on the floor."""
    rules = Rules(cast(Any, Loudness()), cast(Any, Finished()), FloorSettings())
    memories = tuple(Memory(scribe, row) for row in range(scribe.rows))
    parts = Parts(Told(words), Plain(), memories, rules, answer_tokens=400)
    return CounterpointModel(cast(Any, scribe), parts)
