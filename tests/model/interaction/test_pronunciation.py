"""What hibari makes of written words: numerals, names, and which word each sound belongs to."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from model.interaction.pronunciation import Pronunciation, normalizer, written_words


@pytest.fixture(scope="module")
def pronunciation() -> Pronunciation:
    vocabulary = (resources.files("hibari") / "assets" / "vocab.json").read_text("utf-8")
    return Pronunciation(frozenset(json.loads(vocabulary)))


@pytest.mark.parametrize(
    "text",
    [
        "Queen Victoria ruled.",
        "King Charles and George Lucas.",
        "Edward Cullen, Peter Capaldi, Louis Vuitton.",
        "Mark Cuban and The Book Club.",
        "The book I've read.",
        "That's the part I'm best at.",
        "The book I like best.",
        "At this stage I would wait.",
        "The Book I recommend.",
        "I met James I think.",
        "Medicare Part C, USB Type C, Grade C, Level L.",
        "My stage Children play in class Chemistry.",
        "Class IC1.",
        "Gen Z and Gen Z's friends, Gen Alpha, Rev A.",
    ],
)
def test_a_name_or_a_letter_is_no_numeral_and_no_title(text: str) -> None:
    """Fails, too, when hibari's rules have other names than those that are replaced."""
    assert normalizer()(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Henry VIII had wives.", "Henry the eighth had wives."),
        ("Henry VIII's wives.", "Henry the eighth's wives."),
        ("Pope Leo XIV", "Pope Leo the fourteenth"),
        ("King Charles III", "King Charles the third"),
        ("Elizabeth I was queen.", "Elizabeth the first was queen."),
        ("World War I began.", "World War 1 began."),
        ("World War II ended.", "World War 2 ended."),
        ("Chapter IV", "Chapter 4"),
        ("Part I.", "Part 1."),
        ("Act I, Scene II", "Act 1, Scene 2"),
        ("Super Bowl XL", "Super Bowl 40"),
        ("Gen. Lee, Dr. J. Smith, St. O'Hara", "General Lee, Dr J. Smith, Saint O'Hara"),
    ],
)
def test_numerals_and_titles_are_said(text: str, said: str) -> None:
    assert normalizer()(text) == said


@pytest.mark.parametrize(
    ("text", "word", "sounds"),
    [
        ("It is −5 °C outside.", 2, "mˈInəs"),
        ("Here, 2**3 is eight.", 1, "pˈWəɹ"),
        ("The sum 2*pi*r is it.", 2, "pˈI"),
        ("Your code 0042 is good.", 2, "zˈɪɹO"),
        ("Now π is known.", 1, "pˈI"),
        ("Take ⅓ cup now.", 1, "θˈɜɹd"),
        ("It is ≤ ninety now.", 2, "lˈɛs"),
    ],
)
def test_what_a_sign_says_belongs_to_its_word(
    pronunciation: Pronunciation, text: str, word: int, sounds: str
) -> None:
    words = written_words(text)
    (breath,) = pronunciation.breaths(words)
    assert list(breath.owners) == sorted(breath.owners)
    assert set(breath.owners) == set(range(len(words)))
    pairs = zip(breath.phonemes, breath.owners, strict=True)
    assert sounds in "".join(phoneme for phoneme, owner in pairs if owner == word)
