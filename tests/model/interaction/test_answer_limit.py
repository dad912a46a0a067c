"""An answer that reaches its limit of tokens does not stop in the middle of a word."""

from __future__ import annotations

from tests.model.interaction.rehearsal import SILENCE, Rehearsal
from tests.model.interaction.scripted_parts import Scribe, scripted_model

LIMIT = 400
"""Tokens, here letters, of an answer of the scripted model."""


def test_no_half_word_is_said() -> None:
    whole = "The sea is wide and deep. " * 14
    reply = whole + "Further than anybody has ever sailed it continues northwards " * 3
    assert len(whole) < LIMIT < len(reply)
    rehearsal = Rehearsal.begin(scripted_model(Scribe(replies={"sea": reply})))
    rehearsal.step(SILENCE, texts=("Tell me of the sea.",))
    rehearsal.wait_until_said()
    said = rehearsal.said_text()
    assert said.startswith(whole) and reply.startswith(f"{said} ") and len(said) < LIMIT
