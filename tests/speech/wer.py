"""Word error rate, and the spelling differences that are no errors.

Both texts are brought to the same form: lower case, no punctuation, contractions written out,
numbers in digits ("thirty three" and "33" are equal, as are "one" and "1").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Errors", "count_errors", "normalised", "word_error_rate"]

_CONTRACTIONS: Final = {
    "can't": "can not",
    "cannot": "can not",
    "gonna": "going to",
    "i'm": "i am",
    "let's": "let us",
    "mr": "mister",
    "mrs": "missus",
    "ok": "okay",
    "shan't": "shall not",
    "wanna": "want to",
    "won't": "will not",
}
_ENDINGS: Final = {
    "n't": "not",
    "'re": "are",
    "'ve": "have",
    "'ll": "will",
    "'d": "would",
}
# "it's" can be "it is", "it has" or a possessive: only after these is it surely a verb.
_IS: Final = frozenset("he she it that there here what where who how when this".split())

_UNITS: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS: Final = {
    "first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12,
}  # fmt: skip
_VALUES: Final = {word: value for value, word in enumerate(_UNITS)} | {
    word: 10 * value for value, word in enumerate(_TENS, start=2)
}
_LARGE: Final = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_SYMBOLS: Final = {"%": " percent ", "&": " and ", "#": " pound ", "*": " star ", "$": " dollars "}


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of one text, or of several added up."""

    substituted: int = 0
    deleted: int = 0
    inserted: int = 0
    words: int = 0
    """Words of the reference."""

    @property
    def rate(self) -> float:
        """Errors for each word of the reference; 1.0 for words where there should be none."""
        wrong = self.substituted + self.deleted + self.inserted
        return wrong / self.words if self.words else float(wrong > 0)

    def __add__(self, other: Errors) -> Errors:
        """The errors of both texts together."""
        return Errors(
            self.substituted + other.substituted,
            self.deleted + other.deleted,
            self.inserted + other.inserted,
            self.words + other.words,
        )


def word_error_rate(reference: str, recognised: str) -> float:
    """Substituted, deleted and inserted words for each word of `reference`."""
    return count_errors(reference, recognised).rate


def count_errors(reference: str, recognised: str) -> Errors:
    """The fewest errors that make `recognised` of `reference`, both normalised."""
    wanted, found = normalised(reference), normalised(recognised)
    # One row of the edit distance; of equal totals the first of (total, sub, del, ins) is taken.
    row = [(i, 0, 0, i) for i in range(len(found) + 1)]
    for i, word in enumerate(wanted, start=1):
        above, row = row, [(i, 0, i, 0)]
        for j, other in enumerate(found, start=1):
            total, subs, dels, ins = above[j - 1]
            wrong = int(word != other)
            choices = [(total + wrong, subs + wrong, dels, ins)]
            total, subs, dels, ins = above[j]
            choices.append((total + 1, subs, dels + 1, ins))
            total, subs, dels, ins = row[j - 1]
            choices.append((total + 1, subs, dels, ins + 1))
            row.append(min(choices))
    _, substituted, deleted, inserted = row[-1]
    return Errors(substituted, deleted, inserted, len(wanted))


def normalised(text: str) -> list[str]:
    """The words of `text` in the form in which they are compared."""
    text = text.casefold().replace("\u2019", "'")
    for symbol, spoken in _SYMBOLS.items():
        text = text.replace(symbol, spoken)
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    words: list[str] = []
    # A full stop inside a number stays: 2.5 is one word.
    for word in re.findall(r"\d+(?:\.\d+)?(?:st|nd|rd|th)?|[^\W\d_]+(?:'[^\W\d_]+)*", text):
        words += _written_out(word)
    return _in_digits(words)


def _written_out(word: str) -> list[str]:
    if word in _CONTRACTIONS:
        return _CONTRACTIONS[word].split()
    for ending, full in _ENDINGS.items():
        if word.endswith(ending) and len(word) > len(ending):
            return [word.removesuffix(ending), full]
    if word.endswith("'s") and word[:-2] in _IS:
        return [word[:-2], "is"]
    return [word.replace("'", "")]


def _in_digits(words: Sequence[str]) -> list[str]:
    """Spelled numbers as digits: "three hundred and five" is "305", "five five" stays two."""
    result: list[str] = []
    at = 0
    while at < len(words):
        value, used = _number(words[at:])
        if used:
            result.append(str(value))
            at += used
            continue
        word = words[at]
        ordinal = re.fullmatch(r"(\d+)(st|nd|rd|th)", word)
        result.append(f"#{ordinal[1]}" if ordinal else f"#{_ORDINALS[word]}" if word in _ORDINALS
                      else word)  # fmt: skip
        at += 1
    return result


def _number(words: Sequence[str]) -> tuple[int, int]:
    """The number that `words` begin with and how many of them it takes; 0 words for none."""
    total = part = used = 0
    smallest = 1 << 60
    for i, word in enumerate(words):
        if word in _VALUES:
            value = _VALUES[word]
            # "twenty one" goes on, "one two" and "one twenty" are two numbers.
            if value >= smallest or (smallest < 100 and not (value < 10 <= smallest)):
                break
            part += value
            smallest = value if value >= 20 or value == 0 else min(value, 9)
            if value < 20:
                smallest = 1
        elif word in _LARGE and used:
            size = _LARGE[word]
            if size == 100:
                part *= 100
            else:
                total, part = total + part * size, 0
            smallest = size
        elif word == "and" and smallest >= 100 and used and _starts_number(words[i + 1 :]):
            continue
        else:
            break
        used = i + 1
    return total + part, used


def _starts_number(words: Sequence[str]) -> bool:
    return bool(words) and words[0] in _VALUES
