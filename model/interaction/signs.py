"""Signs of sums, fractions and units as they are said, and abbreviations that are words too. Pure.

hibari reads "no." as "number", "9 - 4" as a range and "10/2" as a date; what is meant shows by
what stands beside it.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["KEPT_WHOLE", "SIGNS", "as_said", "spoken_fractions"]

SIGNS: Final = {
    "×": "times", "*": "times", "÷": "divided by", "−": "minus", "±": "plus or minus",
    "€": "euros", "£": "pounds", "¥": "yen", "$": "dollars",
}  # fmt: skip
"""Signs that stand alone between words."""

KEPT_WHOLE: Final = "½¼¾²³"
"""Compatibility forms would make "12" of "1½", and "50 m2" of "50 m²"."""

_FRACTION: Final = re.compile(r"(?<=\d)(?=[½¼¾])")
# Words that end sentences; "no. 5" stands before something else, and "on Sun." without "the".
_WORD_TOO: Final = re.compile(r"(?<![\w.])(no|fig|(?<=[Tt]he )Sun)\.(?=[\"'”’)\]]*$)")
_EQUALS: Final = re.compile(r"=|\b(?:is|are|equals|equal|makes|make|gives|leaves)\b")
_SPACED_MINUS: Final = re.compile(r"(?<=\d) [-−–] (?=\d)")
_MINUS: Final = re.compile(r"(?<=\d)[-−–](?=\d[\d.,]*\s?=)")
_OVER: Final = re.compile(r"(?<=\d)\s?/\s?(?=\d[\d.,]*\s?=)")


def spoken_fractions(word: str) -> str:
    """One word with "and" before a fraction behind a number."""
    return _FRACTION.sub(" and ", word)


def as_said(sentence: str) -> str:
    """A sentence with its sums in words; what ends it is no abbreviation."""
    if (found := _EQUALS.search(sentence)) is not None:
        before, after = sentence[: found.start()], sentence[found.start() :]
        sentence = _SPACED_MINUS.sub(" minus ", before) + after
    sentence = _OVER.sub(" divided by ", _MINUS.sub(" minus ", sentence))
    return _WORD_TOO.sub(r"\1 .", sentence)
