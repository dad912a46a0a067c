"""Metric 15: words recognised, words spoken, words shown against words heard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.metrics.statistics import Measure, bootstrap, mean, ratio

__all__ = ["CutCount", "heard_measures", "normal_words", "word_errors", "word_error_measures"]

_NUMBERS: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen".split()
)
_TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SHORT: Final = {"mr": "mister", "mrs": "missus", "dr": "doctor", "ok": "okay", "ya": "yeah"}


def _spell(number: int) -> list[str]:
    if number < 20:
        return [_NUMBERS[number]]
    if number < 100:
        tens, ones = divmod(number, 10)
        return [_TENS[tens - 2]] + ([_NUMBERS[ones]] if ones else [])
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return [_NUMBERS[hundreds], "hundred"] + (_spell(rest) if rest else [])
    return [_NUMBERS[int(digit)] for digit in str(number)]


def normal_words(text: str) -> list[str]:
    """Words for comparison: lower case, no punctuation, numbers below 1000 spelt out."""
    found: list[str] = []
    for word in re.findall(r"[a-z0-9']+", text.lower().replace("’", "'").replace("-", " ")):
        word = word.strip("'")
        if word.isdigit():
            found += _spell(int(word))
        elif word:
            found.append(_SHORT.get(word, word))
    return found


def word_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Substitutions + deletions + insertions, and the reference's length, in words."""
    wanted, given = normal_words(reference), normal_words(hypothesis)
    row = list(range(len(given) + 1))
    for i, word in enumerate(wanted, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(given, 1):
            best = min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
            diagonal, row[j] = row[j], best
    return row[-1], len(wanted)


def word_error_measures(
    key: str, pairs: Sequence[tuple[str, str]], seed: int
) -> dict[str, Measure]:
    """`<key>.wer` over (reference, hypothesis) pairs, resampled by pair."""
    rows = [[float(count) for count in word_errors(*pair)] for pair in pairs]
    return {f"{key}.wer": bootstrap(rows, ratio, seed)}


@dataclass(frozen=True, slots=True)
class CutCount:
    """One utterance that was cut: words the agent says were heard, words that were."""

    reported: int
    heard: int


def heard_measures(cuts: Sequence[CutCount], seed: int) -> dict[str, Measure]:
    """Mean absolute error in words, and the share right within one word."""
    apart = [abs(cut.reported - cut.heard) for cut in cuts]
    return {
        "heard.word_error": bootstrap([[float(a)] for a in apart], mean, seed),
        "heard.within_one": bootstrap([[float(a <= 1)] for a in apart], mean, seed),
    }
