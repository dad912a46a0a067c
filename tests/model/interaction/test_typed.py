"""Typed text is told in no more words than a browser keeps, and whole."""

from __future__ import annotations

import pytest

from model.interaction.step import MOST_TYPED
from model.messages import PersonWords
from model.orders import Say
from tests.model.interaction.rehearsal import SILENCE, Rehearsal
from tests.model.interaction.scripted_parts import LOUD, Scribe, scripted_model


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("one  two\nthree", 3),
        ("a " * MOST_TYPED, MOST_TYPED),
        ("a " * (MOST_TYPED + 1), MOST_TYPED // 2 + 1),
        ("a " * 8_192, 482),
    ],
)
def test_a_long_text_is_told_in_few_pieces(text: str, count: int) -> None:
    rehearsal = Rehearsal.begin(scripted_model(Scribe(), ""))
    rehearsal.step(SILENCE, texts=(text,))
    (told,) = rehearsal.told(PersonWords)
    assert told.typed and told.final and len(told.words) == count <= MOST_TYPED
    assert " ".join(word.text for word in told.words) == " ".join(text.split())


@pytest.mark.parametrize("spoken", [2, 3, 5, 8])
@pytest.mark.parametrize("later", [0, 1, 40])
def test_who_speaks_and_types_at_once_loses_no_word(spoken: int, later: int) -> None:
    """What is typed waits for the words that were being said, and both are one question."""
    scribe = Scribe(replies={"by train": "In an hour."})
    rehearsal = Rehearsal.begin(scripted_model(scribe, "How far is it"))
    for _ in range(spoken):
        rehearsal.step(LOUD)
    rehearsal.wait(later)
    assert bool(rehearsal.sent) is (later == 40), "answered before, or not"
    rehearsal.step(SILENCE, texts=("by train",))
    rehearsal.wait_until_said()
    assert rehearsal.person_text() == ["How far is it", "by train"]
    asked = "<person by train>" if later == 40 else "<person How far is it by train>"
    rehearsal.wait(5)
    assert f"{asked}<agent In an hour." in scribe.text()


def test_typing_stops_us_at_once_though_what_is_said_is_still_being_recognised() -> None:
    rehearsal = Rehearsal.begin(scripted_model(Scribe(), "And"))
    rehearsal.order(Say("A long story about a bear, a hare, and a very old house by the sea."))
    while not rehearsal.heard.get(1):
        rehearsal.wait(1)
    rehearsal.step(LOUD)
    rehearsal.step(LOUD, texts=("Tell me the time",))
    rehearsal.wait(2)
    assert rehearsal.cut == {1}
    rehearsal.wait(30)
    assert rehearsal.person_text() == ["And", "Tell me the time"]


def test_a_command_is_obeyed_at_once_whatever_was_said_before_it() -> None:
    scribe = Scribe()
    rehearsal = Rehearsal.begin(scripted_model(scribe, "How far is it"))
    for _ in range(3):
        rehearsal.step(LOUD)
    rehearsal.step(SILENCE, texts=("stop",), commands=("stop",))
    rehearsal.wait(40)
    assert not rehearsal.sent
