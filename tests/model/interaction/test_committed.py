"""Turns that the client ends: what is said behind one is no part of it, and a clear leaves it."""

from __future__ import annotations

import pytest

from model.orders import Answer, Clear, Commit, Hold, Refused, Resume
from tests.model.interaction.rehearsal import SILENCE, Rehearsal
from tests.model.interaction.scripted_parts import LOUD
from tests.model.interaction.test_commands import MANUAL, begun, speak


def refused(rehearsal: Rehearsal) -> list[str]:
    return [one.order for one in rehearsal.told(Refused)]


@pytest.mark.parametrize("apart", [0, 1])
def test_what_is_said_behind_a_committed_turn_is_another_turn(apart: int) -> None:
    """Also while its answer is being made: it is neither joined to that turn nor lost."""
    rehearsal, scribe = begun(MANUAL, there="I am here.")
    speak(rehearsal, 5)
    rehearsal.order(Commit(), Answer(), block=LOUD)
    rehearsal.wait(apart)
    speak(rehearsal, 6)
    rehearsal.wait_until_said()
    rehearsal.wait(30)
    assert rehearsal.person_text() == ["Hello there."] * 2
    assert scribe.text().count("<person") == 1
    rehearsal.order(Answer())
    rehearsal.wait(60)
    turn = "<person Hello there.><agent I am here.>"
    assert scribe.text().endswith(turn + turn)


def test_a_committed_turn_ends_though_its_answer_has_to_wait() -> None:
    rehearsal, _ = begun(MANUAL, there="I am here.")
    speak(rehearsal, 5)
    rehearsal.order(Hold(), Commit(), Answer(), block=LOUD)
    rehearsal.wait(5)
    assert rehearsal.person_text() == ["Hello there."]
    rehearsal.order(Resume())
    rehearsal.wait_until_said()
    assert rehearsal.said_text() == "I am here."


def test_a_clear_leaves_a_committed_turn_behind_which_something_else_had_ended() -> None:
    rehearsal, scribe = begun(MANUAL, there="I am here.")
    speak(rehearsal, 5)
    rehearsal.order(Commit())
    rehearsal.wait(5)
    speak(rehearsal)
    rehearsal.wait(30)
    assert rehearsal.person_text() == ["Hello there."] * 2
    rehearsal.order(Clear())
    rehearsal.order(Answer())
    rehearsal.wait_until_said()
    rehearsal.wait(2)
    assert scribe.text().endswith("<person Hello there.><agent I am here.>")
    assert scribe.text().count("<person") == 1
    rehearsal.order(Answer())
    rehearsal.wait(40)
    assert "<person Hello there." not in scribe.text().split("<agent I am here.>")[1]


@pytest.mark.parametrize("asked", [False, True])
def test_a_commit_of_a_sound_without_words_is_refused_where_it_has_a_name(asked: bool) -> None:
    rehearsal, _ = begun(MANUAL, words="")
    speak(rehearsal, 3)
    rehearsal.order(Commit("cough"), *((Answer(),) if asked else ()), block=LOUD)
    rehearsal.wait(10)
    assert refused(rehearsal) == ["cough"]
    rehearsal.wait(60)
    assert refused(rehearsal) == ["cough"] and rehearsal.person_text() == []


@pytest.mark.parametrize("cleared", [False, True])
def test_a_turn_that_is_committed_long_after_its_last_word_was_said(cleared: bool) -> None:
    """Silence has ended the segment before the client did; a clear leaves it, too."""
    rehearsal, _ = begun(MANUAL, there="I am here.")
    speak(rehearsal, 5)
    rehearsal.wait(40)
    rehearsal.order(Commit("send"), *((Clear(),) if cleared else ()))
    rehearsal.order(Answer())
    rehearsal.wait_until_said()
    assert refused(rehearsal) == [] and rehearsal.said_text() == "I am here."
    rehearsal.order(Commit("again"))
    assert refused(rehearsal) == ["again"]


def test_a_cough_behind_words_is_no_reason_to_refuse_their_commit() -> None:
    rehearsal, _ = begun(MANUAL, words="", there="I am here.")
    rehearsal.step(SILENCE, texts=("Hello there",))
    speak(rehearsal, 3)
    rehearsal.order(Commit("send"), Answer(), block=LOUD)
    rehearsal.wait_until_said()
    assert refused(rehearsal) == [] and rehearsal.said_text() == "I am here."
