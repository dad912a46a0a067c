"""The protocols behind which the parts of the interaction model can be replaced.

Work that may take longer than a few milliseconds is *pieces*: a generator that yields between
pieces of at most about 30 ms and returns its result. A long pass yields `PAUSE` wherever it
may be cut, however soon that is. Whoever runs it may stop asking at any yield; then the work never
happened, except where a part says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor

from model.engine.pieces import Pause
from model.messages import Audio, Word

__all__ = [
    "BeyondWindow",
    "Ears",
    "LanguagePart",
    "Pieces",
    "Spoken",
    "SpokenWord",
    "TextPieces",
    "Voice",
]

Result = TypeVar("Result")
Pieces = Generator[Pause | None, None, Result]


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One word of a rendered phrase, in seconds from the start of its audio."""

    text: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """A rendered phrase: float32 at 24 kHz, trimmed of leading and trailing silence."""

    audio: Audio
    words: tuple[SpokenWord, ...]


class Ears(Protocol):
    """Audio to words with times."""

    max_seconds: float
    """The longest audio one call accepts; longer audio is the caller's to cut."""

    def transcribe(self, audio: Audio, guess: Sequence[Word] = ()) -> Pieces[tuple[Word, ...]]:
        """Recognise 16 kHz float32 `[samples]`; word times are seconds from its first sample.

        Silence, noise or too little audio give an empty tuple, never an error. `guess` is what an
        earlier call heard at the beginning of the same audio; it may save work.
        """


class Voice(Protocol):
    """Phrases to audio."""

    def render(self, text: str) -> Pieces[Spoken]:
        """Speak one phrase of at most 400 characters.

        The texts of the words, joined, equal `text`; text with nothing to pronounce gives no
        audio and its words zero length.
        """


class BeyondWindow(Exception):
    """What a row should go back to is overwritten: reset it and read the text again."""


class TextPieces(Protocol):
    """Tokens of one reply to text, as soon as whole characters are known."""

    def push(self, token: int) -> str:
        """The text that `token` completes; empty while a character is still in parts."""

    def end(self) -> str:
        """What was still waiting."""


class LanguagePart(Protocol):
    """Rows of one decoder. Token ids are ints; rows are 0 … rows - 1."""

    rows: int

    def chat_prefix(self, instructions: str) -> list[int]:
        """What stands first in a row; raises ValueError when the instructions are too long."""

    def person_turn(self, text: str) -> list[int]:
        """What the person said, whole."""

    def person_open(self, text: str) -> list[int]:
        """What the person has said so far; `person_turn` begins with the same tokens."""

    def note(self, text: str) -> list[int]:
        """Something the model should know without having heard it."""

    def tool_call(self, name: str, arguments: str) -> list[int]:
        """That a tool was asked for, with a JSON object as text."""

    def tool_answer(self, name: str, text: str, failed: bool, tell: bool) -> list[int]:
        """What a tool answered, or why it did not, to be told to the person next or just known."""

    def agent_open(self) -> list[int]:
        """What stands before a reply."""

    def agent_close(self, cut: bool) -> list[int]:
        """What stands after a reply; marked when the person cut it off."""

    def is_end(self, token: int) -> bool:
        """Whether a sampled token ends the reply; it is no part of its text."""

    def text_stream(self) -> TextPieces:
        """Turns the tokens of one reply into text piece by piece."""

    def held(self, row: int) -> list[int]:
        """The token ids that the row still sees, oldest first."""

    def pin(self, row: int, length: int) -> None:
        """Keep the first `length` tokens of the row visible for ever."""

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text; special tokens in it are not special."""

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids, special tokens left out."""

    def length(self, row: int) -> int:
        """Committed tokens in the row."""

    def append(self, row: int, ids: Sequence[int]) -> Pieces[None]:
        """Read tokens into a row, in pieces."""

    def begin(self, row: int, prefix: Sequence[int]) -> Pieces[None]:
        """Empty the row, read the prefix into it and pin it, in pieces."""

    def next_tokens(self, rows: Sequence[int]) -> list[int]:
        """Sample one token for each row and append it; one batched step."""

    def begin_reply(self, row: int, ids: Sequence[int], earlier: Sequence[int] = ()) -> Pieces[int]:
        """Read tokens into a row that is not empty, and append the next, in pieces; it may be
        known sooner where nearly the same was answered `earlier`."""

    def thought(self, row: int, start: int, end: int) -> Tensor:
        """What middle layers made of the tokens at these places: `[width]`."""

    def choose(
        self,
        row: int,
        fits: Callable[[int], bool],
        always: Sequence[int] = (),
        behind: Sequence[int] = (),
        ahead: Sequence[float] = (),
    ) -> Pieces[int]:
        """Append what goes `behind` the row, and the likeliest token that fits, or is one of
        `always`, whose first ones are so many nats `ahead`; -1 when there is none."""

    def likelihood(self, row: int, ids: Sequence[int], scored: int) -> Pieces[float]:
        """How likely the last `scored` of some ids would be next, as a sum of logarithms."""

    def truncate(self, row: int, length: int) -> None:
        """Forget all tokens from `length` on; raises BeyondWindow when it no longer can."""

    def fork(self, source: int, target: int) -> None:
        """Make row `target` a copy of row `source`."""

    def reset(self, row: int) -> None:
        """Empty the row."""
