"""An answer that reaches its limit of tokens does not stop in the middle of a word."""

from __future__ import annotations

from tests.model.interaction.rehearsal import SILENCE, Rehearsal
from tests.model.interaction.scripted_parts import Scribe, scripted_model

LIMIT = 400
"""Tokens, here letters, of an answer of the scripted model."""


def test_what_stands_behind_the_last_clause_is_not_said() -> None:
    whole = "The sea is wide and deep. " * 14 + "It is blue, "
    reply = whole + "and it goes on and on" * 9
    assert len(whole) < LIMIT < len(reply)
    rehearsal = Rehearsal.begin(scripted_model(Scribe(replies={"sea": reply})))
    rehearsal.step(SILENCE, texts=("Tell me of the sea.",))
    rehearsal.wait_until_said()
    assert rehearsal.said_text() == whole.strip()
