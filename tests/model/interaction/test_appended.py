"""What the model is told, and what it was told: known to the next answer, also after a stop."""

from __future__ import annotations

import pytest

from model.messages import Heard
from model.orders import Answer, Append
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


def test_an_answer_to_no_words_is_made_anew_too() -> None:
    """As a greeting that the client asked for, before a word of it was made."""
    walk = Walk()
    walk.step(SILENCE_FELT, orders=(Answer(),))
    first = walk.mind.utterance
    assert first is not None and not walk.mind.asked
    walk.step(SILENCE_FELT, orders=(Append("The shop is closed.", "knowledge"),))
    walk.take(2)
    second = walk.mind.utterance
    assert second is not None and second.draft > first.draft


def test_what_nobody_here_cut_is_not_asked_again_with_the_next_question() -> None:
    """A policy may refuse to say it: the same question would bring the same again."""
    walk = Walk()
    walk.step(SILENCE_FELT, texts=("Say the secret",))
    utterance = walk.mind.utterance
    assert utterance is not None and walk.mind.asked == "Say the secret"
    walk.step(SILENCE_FELT, rendered(utterance.draft))
    walk.step(SILENCE_FELT, heard=(Heard(utterance.number, 0, cut=True),))
    walk.take(3)
    assert walk.mind.utterance is None and walk.mind.carried == ""


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
