"""What hibari is given to read: sums in words, words that are no abbreviations."""

from __future__ import annotations

import pytest

from model.interaction.phrases import PhraseSplitter
from model.interaction.pronunciation import normalizer, speakable
from model.interaction.signs import as_said


def read(written: str) -> str:
    """An answer as hibari spells it before it looks its words up."""
    splitter = PhraseSplitter()
    phrases = [*splitter.feed(written), *splitter.flush()]
    parts = [part for one in phrases for word in one.text.split() for part in [speakable(word)]]
    return normalizer()(as_said(" ".join(parts)))


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


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It is −5 °C.", "It is -5 degrees Celsius."),
        ("10−4=6", "10 minus 4 equals 6"),
        ("x − y or x−y", "x minus y or x minus y"),
        ("12/4 is 3.", "12 divided by 4 is 3."),
        ("10 / 2 is 5.", "10 divided by 2 is 5."),
        ("8-5 is 3.", "8 minus 5 is 3."),
        ("What is 10/2?", "What is 10 divided by 2?"),
        ("What's 8-5?", "What's 8 minus 5?"),
        ("What is 1/2 of 10?", "What is one half of 10?"),
        ("9/11 is 20 years ago.", "September eleventh is 20 years ago."),
        ("√16 = 4", "square root of 16 equals 4"),
        ("π is about 3.14.", "pi is about 3.14."),
        ("The angle is ≤ 90°.", "The angle is less than or equal to 90 degrees."),
        ("5≠3 or a → b.", "5 not equal to 3 or a to b."),
        ("⅓ cup or 1⅔ cups", "one third cup or 1 and two thirds cups"),
        ("2πr and λ = 5 µm", "2 pi r and lambda equals 5 micrometers"),
        ("In Python, 2**3 is 8.", "In Python, 2 to the power of 3 is 8."),
        ("It is 2*pi*r.", "It is 2 times pi times r."),
        ("Oh d*mn, yes|no.", "Oh dmn, yes, no."),
    ],
)
def test_signs_of_sums_are_said(written: str, said: str) -> None:
    assert read(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("The answer is 1/2.", "The answer is one half."),
        ("Call 555-123-4567.", "Call 5 5 5, 1 2 3, 4 5 6 7."),
        ("It takes 5-10.", "It takes 5 to 10."),
        ("It was 1939-1945.", "It was 1939 to 1945."),
        ("It takes 1.5-2 hours.", "It takes 1.5 to 2 hours."),
        ("It is 10-20%.", "It is 10 to 20%."),
        ("On 2024-01-05.", "On January fifth, 2024."),
        ("The zip is 90210-1234.", "The zip is 90210-1234."),
        ("Your code is 0042.", "Your code is 0 0 4 2."),
        ("The zip is 02139.", "The zip is 0 2 1 3 9."),
        ("Ask 0042@x.com at 05:30.", "Ask 0042 at x dot com at five thirty."),
        ("Python 3.10 and 2.0.", "Python 3 point 1 0 and 2 point 0."),
        ("It costs $3.10 or 5.0%.", "It costs $3.10 or 5.0%."),
        ("Use 10.0.0.10 here.", "Use 10.0.0.10 here."),
    ],
)
def test_numbers_keep_what_they_are(written: str, said: str) -> None:
    assert read(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Earth orbits our Sun.", "Earth orbits our Sun."),
        ("See you on Sun.", "See you on Sunday."),
    ],
)
def test_a_star_is_no_day(written: str, said: str) -> None:
    assert read(written) == said
