"""Moonshine's tokens: text of a token, tokens of a text."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Vocabulary"]

SPACE = "\u2581"
SPECIAL_TOKENS = 3
"""Unknown, first, last: they have no text."""


class Vocabulary:
    """The 32768 pieces in the order of their ids.

    Ids of merged pieces rise in the order in which the merges were learnt, so the ids alone say
    how a text is cut: of all neighbours, the pair whose piece has the lowest id is merged first.
    """

    def __init__(self, pieces: Sequence[str]) -> None:
        self._pieces = pieces
        self._ids = {piece: token for token, piece in enumerate(pieces) if piece}

    def text(self, token: int) -> str:
        """The text of one token; one that begins a word begins with a space."""
        piece = self._pieces[token]
        if token < SPECIAL_TOKENS or piece.startswith("<<"):
            return ""
        if piece.startswith("<0x"):
            byte = int(piece[3:5], 16)
            # A letter outside the vocabulary is written in bytes; English text has none, and half
            # a letter cannot be shown.
            return chr(byte) if byte < 128 else ""
        return piece.replace(SPACE, " ")

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text; letters outside the vocabulary are left out."""
        tokens: list[int] = []
        for word in text.split():
            tokens += self._merge(SPACE + word)
        return tokens

    def _merge(self, word: str) -> list[int]:
        parts = [letter for letter in word if letter in self._ids]
        while len(parts) > 1:
            ranks = [self._ids.get(a + b, 1 << 30) for a, b in zip(parts, parts[1:], strict=False)]
            best = min(ranks)
            if best == 1 << 30:
                break
            at = ranks.index(best)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return [self._ids[part] for part in parts]
