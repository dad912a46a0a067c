"""The word error rate on cases counted by hand."""

from __future__ import annotations

import pytest

from tests.speech.wer import Errors, count_errors, normalised, word_error_rate


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ten of Clubs.", "10 of clubs"),
        ("Press 1, or two!", "press 1 or 2"),
        ("thirty-three", "33"),
        ("33", "33"),
        ("twenty one", "21"),
        ("five five", "5 5"),
        ("one two three", "1 2 3"),
        ("twenty twenty", "20 20"),
        ("fifteen twenty", "15 20"),
        ("three hundred and five", "305"),
        ("one thousand two hundred thirty four people", "1234 people"),
        ("1,234 people", "1234 people"),
        ("two thousand and five", "2005"),
        ("nineteen eighty four", "19 84"),
        ("a hundred", "a hundred"),
        ("salt and pepper", "salt and pepper"),
        ("two and three", "2 and 3"),
        ("the first and the 2nd", "the #1 and the #2"),
        ("I can't; you won't; they've gone", "i can not you will not they have gone"),
        ("It\u2019s John's", "it is johns"),
        ("Mr. Dashwood, ill-disposed", "mister dashwood ill disposed"),
        ("50% of 2.5", "50 percent of 2.5"),
        ("", ""),
        (" ... ", ""),
    ],
)
def test_normalised(text: str, words: str) -> None:
    assert " ".join(normalised(text)) == words


@pytest.mark.parametrize(
    ("reference", "recognised", "errors"),
    [
        ("a b c", "a b c", Errors(0, 0, 0, 3)),
        ("a b c", "a x c", Errors(1, 0, 0, 3)),
        ("a b c", "a c", Errors(0, 1, 0, 3)),
        ("a b c", "a b b c", Errors(0, 0, 1, 3)),
        ("a b c d", "b c d e", Errors(0, 1, 1, 4)),
        ("a b", "", Errors(0, 2, 0, 2)),
        ("", "a b", Errors(0, 0, 2, 0)),
        ("Ten of clubs", "10 of gloves!", Errors(1, 0, 0, 3)),
        ("press twenty one", "press 21", Errors(0, 0, 0, 2)),
    ],
)
def test_count_errors(reference: str, recognised: str, errors: Errors) -> None:
    assert count_errors(reference, recognised) == errors


def test_rate() -> None:
    assert word_error_rate("a b c d", "a b c x") == 0.25
    assert word_error_rate("", "") == 0.0
    assert word_error_rate("", "anything at all") == 1.0
    assert (Errors(1, 0, 0, 4) + Errors(0, 1, 2, 4)).rate == 0.5
