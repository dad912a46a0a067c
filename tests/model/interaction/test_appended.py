"""What the model is told, and what it was told: known to the next answer, also after a stop."""

from __future__ import annotations

import pytest

from model.orders import Append
from tests.model.interaction.rehearsal import SILENCE
from tests.model.interaction.test_commands import begun
from tests.model.interaction.walk import SILENCE as SILENCE_FELT
from tests.model.interaction.walk import VOICE, Walk, rendered


@pytest.mark.parametrize("spoken", [False, True])
def test_an_answer_of_which_nothing_was_rendered_is_made_anew_with_what_is_appended(
    spoken: bool,
) -> None:
    walk = Walk()
    walk.take(8, VOICE)
    while walk.mind.draft is None:
        walk.step(SILENCE_FELT)
    if spoken:
        # Nothing is known yet of what was said, so that it is not given either.
        walk.step(SILENCE_FELT, rendered(walk.mind.draft.number))
    before = walk.mind.draft
    assert before is not None
    output = walk.step(SILENCE_FELT, orders=(Append("The shop is closed.", "knowledge"),))
    assert walk.mind.draft is not None
    assert (walk.mind.draft.number == before.number) == spoken
    if not spoken:
        lasting = [job.lasting for job in output.jobs if job.lane == "language"]
        assert lasting == [True, False], "it is written before it is answered"


def test_what_is_appended_behind_a_typed_question_stands_before_its_answer() -> None:
    rehearsal, scribe = begun(sea="The sea is wide.")
    rehearsal.step(
        SILENCE, texts=("Tell me of the sea",), orders=(Append("It is calm.", "knowledge"),)
    )
    rehearsal.wait_until_said()
    rehearsal.wait(2)
    assert rehearsal.said_text() == "The sea is wide."
    assert scribe.text().index("note It is calm.") < scribe.text().index("agent The sea")


@pytest.mark.parametrize("begun_to_speak", [False, True])
def test_what_was_asked_before_a_stop_is_known_and_not_answered(begun_to_speak: bool) -> None:
    rehearsal, scribe = begun(anna="A poem, then, on the sea, and what it is to be far from home.")
    rehearsal.step(SILENCE, texts=("My name is Anna",))
    if begun_to_speak:
        while not rehearsal.heard.get(1):
            rehearsal.wait(1)
    rehearsal.step(SILENCE, commands=("stop",))
    rehearsal.wait(30)
    assert "<person My name is Anna>" in scribe.text()
    assert len(rehearsal.sent) <= 1
    rehearsal.step(SILENCE, texts=("Who am I",))
    rehearsal.wait(30)
    assert scribe.text().count("My name is Anna") == 1
