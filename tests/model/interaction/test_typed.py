"""Typed text is told in no more words than a browser keeps, and whole."""

from __future__ import annotations

import pytest

from model.interaction.step import MOST_TYPED
from model.messages import PersonWords
from tests.model.interaction.rehearsal import SILENCE, Rehearsal
from tests.model.interaction.scripted_parts import Scribe, scripted_model


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
