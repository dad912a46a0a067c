"""Metric 15: words recognised, words spoken, words shown against words heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.metrics.statistics import Measure, bootstrap, mean, ratio
from tests.speech.wer import count_errors

__all__ = ["CutCount", "heard_measures", "word_error_measures", "word_errors", "words_heard"]


def word_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Substitutions + deletions + insertions, and the reference's length, in words."""
    errors = count_errors(reference, hypothesis)
    return errors.substituted + errors.deleted + errors.inserted, errors.words


def words_heard(announced: Sequence[str], recognised: str) -> int:
    """How many of the announced words were heard, judged by what was recognised of the audio.

    The prefix with the fewest word errors against the recognised text; of equal ones the longest.
    """
    errors = [
        (word_errors(recognised, " ".join(announced[:count]))[0], -count)
        for count in range(len(announced) + 1)
    ]
    return -min(errors)[1]


def word_error_measures(
    key: str, pairs: Sequence[tuple[str, str]], seed: int, recordings: Sequence[str] = ()
) -> dict[str, Measure]:
    """`<key>.wer` over (reference, hypothesis) pairs, resampled by pair, or by the recording that
    was played for each."""
    rows = [[float(count) for count in word_errors(*pair)] for pair in pairs]
    return {f"{key}.wer": bootstrap(rows, ratio, seed, recordings=recordings)}


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
