"""ChatML around plain text: the turns of a conversation as token ids (SmolLM2, Qwen2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

__all__ = ["ChatTokens", "TextStream", "shared"]

_OPEN: Final = "<|im_start|>"
_CLOSE: Final = "<|im_end|>"
_CUT_NOTE: Final = "(Interrupted.)"
"""A note of its own, because a small model imitates what stands in its own turns: with a dash at
their ends, it answers "Four plus three equals —" after two or three interruptions."""

_BROKEN: Final = "\ufffd"
_LONGEST_CHARACTER: Final = 8


def shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with: what was read of one need not be read for the other."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


class ChatTokens:
    """A tokenizer and the marks between turns; text from outside can never make such a mark."""

    def __init__(self, tokenizer: Any, end_ids: Sequence[int]) -> None:
        open_id, close_id = tokenizer.token_to_id(_OPEN), tokenizer.token_to_id(_CLOSE)
        if open_id is None or close_id is None:
            raise ValueError(
                f"this tokenizer has no {_OPEN} and {_CLOSE}: it does not speak ChatML"
            )
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self._open: int = open_id
        self.close_id: int = close_id
        # A model that opens the next turn by itself has ended this one.
        self._ends = frozenset({*end_ids, open_id, close_id})

    @classmethod
    def from_file(cls, path: Path, end_ids: Sequence[int]) -> ChatTokens:
        """Read `tokenizer.json`."""
        from tokenizers import Tokenizer

        return cls(Tokenizer.from_file(str(path)), end_ids)

    def encode(self, text: str) -> list[int]:
        """Ids of plain text; special tokens in it are spelt out, not special."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, special tokens left out."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def prefix(self, instructions: str, examples: Sequence[tuple[str, str]] = ()) -> list[int]:
        """The first turn, what the model should be, and exchanges that show it."""
        ids = self._turn("system", instructions)
        for person, agent in examples:
            ids += self.person_turn(person) + self._turn("assistant", agent)
        return ids

    def note(self, text: str) -> list[int]:
        """Something the model should know without having heard it."""
        return self._turn("system", text)

    def person_turn(self, text: str) -> list[int]:
        """What the person said, whole."""
        return self._turn("user", text)

    def person_open(self, text: str) -> list[int]:
        """What the person has said so far; their turn is still open."""
        return [self._open, *self.encode(f"user\n{text.strip()}")]

    def agent_open(self) -> list[int]:
        """What stands before a reply."""
        return [self._open, *self.encode("assistant\n")]

    def agent_close(self, cut: bool) -> list[int]:
        """What stands after a reply, with a note behind it when the person cut it off."""
        return [self.close_id, *self.encode("\n"), *(self.note(_CUT_NOTE) if cut else [])]

    def is_end(self, token: int) -> bool:
        """Whether a sampled token ends the reply; it is no part of its text."""
        return token in self._ends

    def _turn(self, role: str, text: str) -> list[int]:
        spoken = self.encode(f"{role}\n{text.strip()}")
        return [self._open, *spoken, self.close_id, *self.encode("\n")]


class TextStream:
    """Tokens of one reply to text, as soon as whole characters are known.

    The pieces joined are the text of all tokens.
    """

    def __init__(self, tokens: ChatTokens) -> None:
        self._tokens = tokens
        self._settled: list[int] = []
        self._waiting: list[int] = []

    def push(self, token: int) -> str:
        """The text that `token` completes; empty while a character is still in parts."""
        self._waiting.append(token)
        text = self._new_text()
        if text.endswith(_BROKEN) and len(self._waiting) < _LONGEST_CHARACTER:
            return ""
        self._settled, self._waiting = self._waiting, []
        return text

    def end(self) -> str:
        """What was still waiting; broken characters are left out."""
        text = self._new_text().rstrip(_BROKEN)
        self._settled, self._waiting = [], []
        return text

    def _new_text(self) -> str:
        """Decoded after the settled tokens: some decoders treat a first token differently."""
        before = self._tokens.decode(self._settled)
        return self._tokens.decode(self._settled + self._waiting)[len(before) :]
