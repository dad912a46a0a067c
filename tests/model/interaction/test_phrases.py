"""Cutting text into phrases while it is written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.interaction.phrases import MAX_PHRASE_LENGTH, Phrase, PhraseSplitter, Splitting


def _split(text: str, piece: int = 4) -> list[Phrase]:
    """Feed a text in pieces of a few characters, as a language model gives it."""
    splitter = PhraseSplitter()
    phrases: list[Phrase] = []
    for start in range(0, len(text), piece):
        phrases += splitter.feed(text[start : start + piece])
    return phrases + list(splitter.flush())


def _texts(text: str, piece: int = 4) -> list[str]:
    return [phrase.text for phrase in _split(text, piece)]


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("Yes.", ["Yes."]),
        ("No. I do not.", ["No.", " I do not."]),
        ("Well, yes.", ["Well, yes."]),
        (
            "Sure, I can help with that. What is it?",
            ["Sure, I can help", " with that.", " What is it?"],
        ),
        ("If it rains, we stay.", ["If it rains,", " we stay."]),
        ("I'm sorry, I did not hear you.", ["I'm sorry,", " I did not hear you."]),
        ("Lemons make a fine punch with ice.", ["Lemons make a fine punch", " with ice."]),
        ("The two old friends met again in Rome.", ["The two old friends met again", " in Rome."]),
        (
            "The capital of France is Paris and it has a tower.",
            ["The capital of France", " is Paris and it has a tower."],
        ),
        (
            "Dr. Smith paid $3.50 for it, e.g. at 3.15 p.m. He left.",
            ["Dr. Smith paid $3.50", " for it, e.g. at 3.15 p.m.", " He left."],
        ),
        ("Mr. J. K. Jones vs. the U.S. team", ["Mr. J. K. Jones vs. the U.S. team"]),
        ("It is at 12 Main St. It is open.", ["It is at 12 Main St.", " It is open."]),
        ("The answer is B. Let's go.", ["The answer is B.", " Let's go."]),
        ("We met in Dec. It was cold.", ["We met in Dec.", " It was cold."]),
        (
            "I saw Henry A. Wallace, St. James St. now",
            ["I saw Henry A. Wallace,", " St. James St. now"],
        ),
        ("Really?! Wait... what? Go!", ["Really?!", " Wait...", " what?", " Go!"]),
        ('She said "no." Then she left.', ['She said "no."', " Then she left."]),
        ("Pi is 3.14159, more or less.", ["Pi is 3.14159,", " more or less."]),
        ("See No. 5 and No. 6.", ["See No. 5 and No. 6."]),
        ("One\ntwo\n\nthree", ["One", " two", " three"]),
    ],
)
def test_cuts_where_speech_may_pause(text: str, phrases: list[str]) -> None:
    assert _texts(text) == phrases
    assert _texts(text, piece=1) == phrases
    assert _texts(text, piece=1_000) == phrases


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("**Bold** and *soft* and `code`.", "Bold and soft and code."),
        ("Read [the docs](https://x.y/z) now.", "Read the docs now."),
        ("![A cat](cat.png) sleeps.", "A cat sleeps."),
        ("# Title\n- one\n* two\n1. three", "Title one two 1. three"),
        ("Try:\n```python\nprint('no. never')\n```\nDone.", "Try: Done."),
        ("Inline ```x = 1``` code", "Inline code"),
        ("Nice 😀 work 🎉!", "Nice work !"),
        ("snake_case and 5*3 stay", "snake_case and 5*3 stay"),
        ("> quoted &amp; escaped<br/> text[1]", "quoted & escaped text"),
        ("| a | b |\n|---|---|\n| c | d |", "a b c d"),
        ("See https://example.com/a_b*c now", "See https://example.com/a_b*c now"),
        ("2**3, x**n, (a+b)*c, 2*pi*r", "2**3, x**n, (a+b)*c, 2*pi*r"),
        ("**R**andom un**believ**able ***x***", "Random unbelievable x"),
        ("Plan *B*-ish 2*-3, **Top 5**-list", "Plan B-ish 2*-3, Top 5-list"),
        ("|yes|**no**| and my__name", "yes|no and my__name"),
        ("It is ≤ 5, so √ → ∞.", "It is ≤ 5, so √ → ∞."),
        ("Here:\n```\n" + "a1b2" * 99 + "\n```\nDone.", "Here: Done."),
        ("Here: ```" + "a1b2" * 99 + "``` done.", "Here: done."),
        ("---\n***\n", ""),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_leaves_out_what_cannot_be_read_aloud(written: str, spoken: str) -> None:
    assert "".join(_texts(written)) == spoken


def test_the_first_phrase_comes_as_soon_as_it_is_certain() -> None:
    splitter = PhraseSplitter()
    assert splitter.feed("Once upon a time,") == ()
    assert [phrase.text for phrase in splitter.feed(" ")] == ["Once upon a time,"]


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("The capital is Paris.", "The capital is Paris."),
        ("Really?", "Really?"),
        ("I don't.", "I don't."),
        ("The capital of France is", "The capital of France"),
        ("The capital is", None),
        ("Once upon a time,", "Once upon a time,"),
        ("Well,", None),
        ("It costs 1,", None),
        ("It costs 3.", None),
        ("It is 5 p.m.", None),
        ("I asked Dr.", None),
        ("I live in the U.", None),
        ('She said "no.', None),
        ("```print.", None),
    ],
)
def test_the_first_sentence_does_not_wait_for_what_comes_behind_it(
    text: str, phrase: str | None
) -> None:
    splitter = PhraseSplitter()
    assert splitter.feed(text) == ()
    assert [one.text for one in splitter.hasten()] == ([] if phrase is None else [phrase])
    assert splitter.hasten() == ()


def test_what_was_hastened_loses_nothing() -> None:
    splitter = PhraseSplitter()
    text = "We live here. You live there."
    splitter.feed(text[:13])
    hastened = splitter.hasten()
    rest = (*splitter.feed(text[13:]), *splitter.hasten(), *splitter.flush())
    assert [*hastened, *rest] == _split(text)
    text = "Well, as you say, it is late."
    pieces = [phrase for token in re.findall(r" ?[a-zA-Z]+|[,.]", text)
              for phrase in (*splitter.feed(token), *splitter.hasten())]  # fmt: skip
    assert [*pieces, *splitter.flush()] == _split(text)
    splitter.feed("Ask example.")
    hastened = splitter.hasten()
    rest = (*splitter.feed("com now."), *splitter.flush())
    assert "".join(one.text for one in (*hastened, *rest)) == "Ask example. com now."


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Plants use light. They make food, a process called photosynth", [" They make food,"]),
        ("Plants use light. They make food.", [" They make food."]),
        ("Plants use light. They make fo", []),
        ("I see. The sea is a wide place of water and fi", [" The sea is a wide place of water"]),
        ("They make fo", ["They make fo"]),
        ("", []),
    ],
)
def test_a_text_that_breaks_off_ends_with_something_whole(text: str, rest: list[str]) -> None:
    splitter = PhraseSplitter()
    splitter.feed(text)
    assert [phrase.text for phrase in splitter.break_off()] == rest
    assert splitter.flush() == ()


def test_later_phrases_grow() -> None:
    clause = "one two three four five, "
    lengths = [len(phrase.text) for phrase in _split(clause * 30)]
    assert lengths[0] < lengths[1] < lengths[2] < lengths[3]
    assert lengths[3] >= 120


def test_pauses_follow_the_punctuation() -> None:
    phrases = _split("In the end, we won; nobody knew why: it rained all day. So be it\nEnd")
    pauses = {phrase.text.split()[-1]: phrase.pause_seconds for phrase in phrases}
    assert pauses["end,"] == 0.12
    assert pauses["day."] == pauses["it"] == 0.25
    assert pauses["End"] == 0.0


def test_a_splitting_is_a_value() -> None:
    """Two continuations of one beginning do not know of each other: a draft may be abandoned."""
    start, _ = Splitting().feed("I would like ")
    one, two = start.feed("tea. ")[1], start.feed("coffee. ")[1]
    assert [phrase.text for phrase in (*one, *two)] == ["I would like tea.", "I would like coffee."]


@given(
    text=st.text(alphabet="ab cD.,!?\n*_`#[]()-0159😀é:\"'", max_size=400),
    piece=st.integers(1, 30),
)
def test_nothing_is_lost_whatever_the_pieces(text: str, piece: int) -> None:
    phrases = _split(text, piece)
    assert phrases == _split(text, piece=1)
    assert all(0 < len(phrase.text) <= MAX_PHRASE_LENGTH for phrase in phrases)
    for phrase in phrases[1:]:
        assert phrase.text.startswith(" ")
    letters = [c for c in "".join(phrase.text for phrase in phrases) if c.isalnum()]
    rest = iter(text)
    assert all(letter in rest for letter in letters), "a letter was invented or moved"


def test_a_word_without_end_is_cut() -> None:
    phrases = _split("x" * 1_000, piece=7)
    assert "".join(phrase.text for phrase in phrases).replace(" ", "") == "x" * 1_000
    assert all(len(phrase.text) <= MAX_PHRASE_LENGTH for phrase in phrases)
    assert len(phrases) <= 12


def test_long_sentences_are_cut_at_clauses() -> None:
    sentence = "the quick brown fox jumps over the lazy dog and runs into the deep dark wood, " * 8
    phrases = _split(sentence.strip() + ".")
    assert all(len(phrase.text) <= MAX_PHRASE_LENGTH for phrase in phrases)
    assert all(phrase.text[-1] in ",." for phrase in phrases[1:])
    assert "".join(phrase.text for phrase in phrases) == sentence.strip() + "."
