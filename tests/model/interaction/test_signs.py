"""What hibari is given to read: sums in words, words that are no abbreviations."""

from __future__ import annotations

import pytest

from model.interaction.phrases import PhraseSplitter
from model.interaction.pronunciation import speakable
from model.interaction.signs import as_said


def read(written: str) -> str:
    """An answer as hibari spells it before it looks its words up."""
    from hibari.g2p.normalize import normalize

    splitter = PhraseSplitter()
    phrases = [*splitter.feed(written), *splitter.flush()]
    parts = [part for one in phrases for word in one.text.split() for part in [speakable(word)]]
    return str(normalize(as_said(" ".join(parts))))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("The answer is no.", "The answer is no."),
        ("“Oh no.”", "“Oh no.”"),
        ("It goes around the Sun.", "It goes around the Sun."),
        ("See no. 5 there.", "See number 5 there."),
        ("5 × 3 = 15.", "5 times 3 equals 15."),
        ("2 * 3 = 6", "2 times 3 equals 6"),
        ("12 ÷ 4 = 3.", "12 divided by 4 equals 3."),
        ("9 - 4 = 5.", "9 minus 4 equals 5."),
        ("9 - 4 is 5.", "9 minus 4 is 5."),
        ("10-4=6.", "10 minus 4 equals 6."),
        ("10/2=5.", "10 divided by 2 equals 5."),
        ("Open 9 - 5 daily.", "Open 9 to 5 daily."),
        ("3-5 apples.", "3 to 5 apples."),
        ("It costs 5 € now.", "It costs 5 euros now."),
        ("2^3 = 8.", "2 to the power of 3 equals 8."),
        ("2³ is 8.", "2 cubed is 8."),
        ("1½ cups and ½ cup.", "1 and one half cups and one half cup."),
        ("50 m² of land.", "50 m squared of land."),
        ("Visit openai.com now.", "Visit openai dot com now."),
        ("*nice* and **bold**", "nice and bold"),
    ],
)
def test_what_is_meant_is_said(written: str, said: str) -> None:
    assert read(written) == said
