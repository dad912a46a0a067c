"""What clients order, through the real model over scripted parts: said, remembered, answered."""

from __future__ import annotations

import pytest

from model.interaction.work import UNSPEAKABLE
from model.messages import Floor, PersonWords, Remembered, Saying, StreamSettings
from model.orders import (
    Answer,
    Append,
    Cancel,
    ChangeSettings,
    Clear,
    Commit,
    Hold,
    Order,
    Refused,
    Resume,
    Say,
    SayPolicy,
    Truncate,
)
from tests.model.interaction.rehearsal import SILENCE, Rehearsal
from tests.model.interaction.scripted_parts import LOUD, Scribe, scripted_model

LONG = "The sea is wide and deep, and it goes on and on, further than anybody can see."
MANUAL = StreamSettings(manual_turns=True)


def begun(
    settings: StreamSettings | None = None, words: str = "Hello there.", **replies: str
) -> tuple[Rehearsal, Scribe]:
    """A conversation; `words` is whatever the person says aloud."""
    scribe = Scribe(replies=replies)
    return Rehearsal.begin(scripted_model(scribe, words), settings), scribe


def speak(rehearsal: Rehearsal, blocks: int = 8) -> None:
    for _ in range(blocks):
        rehearsal.step(LOUD)


def sayings(rehearsal: Rehearsal) -> list[tuple[str, str, int]]:
    return [(one.say, one.state, one.utterance) for one in rehearsal.told(Saying)]


# ---- say -----------------------------------------------------------------------------------------


def test_a_text_is_said_in_these_words_and_remembered() -> None:
    rehearsal, scribe = begun()
    rehearsal.order(Say("Your taxi is here.", say="taxi"))
    rehearsal.wait_until_said()
    rehearsal.wait(2)
    assert sayings(rehearsal) == [("taxi", "began", 1)]
    assert rehearsal.said_text() == "Your taxi is here."
    assert scribe.text().endswith("<agent Your taxi is here.>")


@pytest.mark.parametrize("policy", ["when_free", "never_over_person"])
def test_a_text_waits_until_the_person_was_answered(policy: SayPolicy) -> None:
    rehearsal, _ = begun(there="I am here.")
    speak(rehearsal)
    rehearsal.order(Say("Your taxi is here.", policy, say="taxi"), block=LOUD)
    rehearsal.wait_until_said()
    assert rehearsal.said_text() == "I am here."
    rehearsal.wait(30)
    assert sayings(rehearsal) == [("taxi", "began", 2)]
    assert rehearsal.said_text() == "I am here. Your taxi is here."


def test_the_highest_priority_goes_first_then_the_oldest_and_more_than_fit_are_dropped() -> None:
    rehearsal, _ = begun()
    wishes = [Say("One.", say="a"), Say("Two.", say="b"), Say("Three.", priority=5, say="c")]
    rehearsal.order(*wishes, *(Say("Much.", say=f"more{n}") for n in range(15)))
    dropped = [say for say, state, _ in sayings(rehearsal) if state == "dropped"]
    assert dropped == ["more13", "more14"]
    rehearsal.wait(60)
    assert [say for say, state, _ in sayings(rehearsal) if state == "began"][:3] == ["c", "a", "b"]


def test_now_is_said_over_ourselves_and_over_the_person_to_its_end() -> None:
    rehearsal, scribe = begun(there=LONG)
    speak(rehearsal)
    rehearsal.wait(20)
    assert rehearsal.heard[1] > 0
    rehearsal.order(Say("There is a fire, please leave.", "now", say="fire"), block=LOUD)
    assert rehearsal.cut == {1}
    speak(rehearsal, 20)
    assert sayings(rehearsal) == [("fire", "began", 2)]
    assert "yield" not in [decision for _, decision in rehearsal.decisions()]
    rehearsal.wait(60)
    assert rehearsal.said(2)[-1].text == " leave."
    assert 2 not in rehearsal.cut
    assert len(rehearsal.sent) == 3, "what the person said meanwhile is answered"
    assert "<agent There is a fire, please leave.>" in scribe.text()


def test_an_answer_that_a_text_cut_off_before_it_was_heard_is_given_behind_it() -> None:
    rehearsal, _ = begun(there="I am here.")
    rehearsal.step(SILENCE, texts=("Are you there",))
    rehearsal.order(Say("Wait.", "now"))
    rehearsal.wait(60)
    assert rehearsal.said_text().endswith("Wait. I am here.")


def test_a_text_never_over_the_person_stops_at_their_first_sound() -> None:
    for policy, stops in (("never_over_person", True), ("when_free", False)):
        rehearsal, _ = begun()
        rehearsal.order(Say(LONG, policy))  # type: ignore[arg-type]
        rehearsal.wait(10)
        rehearsal.step(LOUD)
        assert ("yield" in [decision for _, decision in rehearsal.decisions()]) == stops


def test_a_stop_drops_what_waits() -> None:
    rehearsal, _ = begun()
    rehearsal.order(Say(LONG, say="a"), Say("Two.", say="b"))
    rehearsal.wait(5)
    rehearsal.step(SILENCE, commands=("stop",))
    rehearsal.wait(60)
    assert sayings(rehearsal) == [("a", "began", 1), ("b", "dropped", -1)]
    assert rehearsal.cut == {1} and len(rehearsal.sent) == 1


# ---- append and answer ---------------------------------------------------------------------------


def test_what_is_appended_is_remembered_and_not_answered() -> None:
    rehearsal, scribe = begun()
    rehearsal.order(
        Append("The shop closes at six."), Append("I am Ann.", "person"), Append("Hi.", "agent")
    )
    rehearsal.wait(40)
    held = "<note The shop closes at six.><person I am Ann.><agent Hi.>"
    assert scribe.text().endswith(held)
    assert rehearsal.sent == {}
    rehearsal.order(Answer())
    rehearsal.wait_until_said()
    assert rehearsal.said_text() == "Yes."
    rehearsal.wait(2)
    assert scribe.text().endswith(f"{held}<agent Yes.>"), "nobody said anything in between"


def test_what_is_appended_while_we_speak_stands_behind_what_was_heard() -> None:
    rehearsal, scribe = begun(sea=LONG)
    rehearsal.step(SILENCE, texts=("Tell me of the sea",))
    rehearsal.wait(15)
    rehearsal.order(Append("It rains."))
    rehearsal.wait_until_said()
    rehearsal.wait(3)
    assert scribe.text().endswith(f"<agent {LONG}><note It rains.>")


def test_an_answer_is_given_to_the_words_so_far_though_the_person_goes_on() -> None:
    rehearsal, scribe = begun(MANUAL, there="I am here.")
    speak(rehearsal)
    rehearsal.order(Answer(), block=LOUD)
    for _ in range(20):
        if rehearsal.sent:
            break
        rehearsal.step(LOUD)
    assert rehearsal.sent
    assert rehearsal.person_text() == ["Hello there."]


# ---- cancel, hold, truncate ----------------------------------------------------------------------


@pytest.mark.parametrize("wait", [0, 3, 30])
def test_what_was_cancelled_is_not_answered_again(wait: int) -> None:
    rehearsal, scribe = begun(sea=LONG)
    rehearsal.step(SILENCE, texts=("Tell me of the sea",))
    rehearsal.wait(wait)
    rehearsal.order(Cancel())
    rehearsal.wait(20)
    rehearsal.step(SILENCE, texts=("Hello there",))
    rehearsal.wait(30)
    assert "<person Tell me of the sea>" in scribe.text()
    assert "<person Hello there>" in scribe.text(), "by itself, without what was cancelled"
    assert max(rehearsal.sent) == 2


def test_a_draft_that_is_cancelled_leaves_its_words_and_no_answer() -> None:
    rehearsal, scribe = begun(there="I am here.")
    speak(rehearsal)
    rehearsal.step(SILENCE)
    rehearsal.order(Cancel())
    rehearsal.wait(50)
    assert rehearsal.sent == {}
    assert rehearsal.person_text() == ["Hello there."]
    assert "<person Hello there.>" in scribe.text()


def test_a_cancellation_of_nothing_is_none() -> None:
    rehearsal, _ = begun(there="I am here.")
    rehearsal.order(Cancel())
    speak(rehearsal, 4)
    rehearsal.order(Cancel(), block=LOUD)
    rehearsal.wait_until_said()
    assert rehearsal.said_text() == "I am here."


def test_held_we_are_silent_and_listen_and_then_go_on_and_answer() -> None:
    rehearsal, _ = begun(sea=LONG, there="I am here.")
    rehearsal.step(SILENCE, texts=("Tell me of the sea",))
    rehearsal.wait(15)
    rehearsal.order(Hold())
    before = rehearsal.heard[1]
    speak(rehearsal)
    rehearsal.wait(60)
    assert rehearsal.heard[1] == before and rehearsal.cut == set()
    assert rehearsal.person_text()[-1] == "Hello there."
    rehearsal.order(Resume())
    rehearsal.wait(100)
    assert "".join(word.text for word in rehearsal.said(1)) == LONG
    assert "".join(word.text for word in rehearsal.said(2)) == "I am here."


def test_what_is_said_just_before_the_hold_ends_is_answered_too() -> None:
    rehearsal, _ = begun(sea=LONG, there="I am here.")
    rehearsal.step(SILENCE, texts=("Tell me of the sea",))
    rehearsal.wait(15)
    rehearsal.order(Hold())
    speak(rehearsal)
    rehearsal.wait(4)
    rehearsal.order(Resume())
    rehearsal.wait(120)
    assert "".join(word.text for word in rehearsal.said(2)) == "I am here."


def test_texts_wait_while_we_are_held() -> None:
    rehearsal, _ = begun()
    rehearsal.order(Hold())
    rehearsal.order(Say("Now.", "now"), Say("Later."))
    rehearsal.wait(30)
    assert rehearsal.sent == {}
    rehearsal.order(Resume())
    rehearsal.wait(60)
    assert rehearsal.said_text() == "Now. Later."


def test_a_truncation_of_what_is_over_corrects_the_memory_to_the_word() -> None:
    rehearsal, scribe = begun(sea="The sea is wide.", moon="The moon is far.")
    for text in ("Tell me of the sea", "Tell me of the moon"):
        rehearsal.step(SILENCE, texts=(text,))
        rehearsal.wait(40)
    rehearsal.order(Truncate(2, "The moon"))
    rehearsal.wait(2)
    assert scribe.text().endswith("<person Tell me of the moon><agent The moon/>")
    rehearsal.order(Truncate(1, "The sea is"))
    rehearsal.wait(2)
    assert "<agent The sea is/><person Tell me of the moon><agent The moon/>" in scribe.text()
    rehearsal.order(Truncate(1, ""))
    rehearsal.wait(2)
    assert "sea><person Tell me of the moon><agent The moon/>" in scribe.text()
    corrected = rehearsal.told(Remembered)[2:]
    assert [(one.utterance, one.text, one.cut) for one in corrected] == [
        (2, "The moon", True),
        (1, "The sea is", True),
        (1, "", True),
    ]


# ---- manual turns --------------------------------------------------------------------------------


def test_in_manual_turns_nothing_is_answered_before_it_is_asked_for() -> None:
    rehearsal, scribe = begun(MANUAL, there="I am here.")
    speak(rehearsal)
    rehearsal.wait(60)
    rehearsal.step(SILENCE, texts=("And typed.",))
    rehearsal.wait(60)
    assert rehearsal.sent == {}
    rehearsal.order(Answer())
    rehearsal.wait_until_said()
    rehearsal.wait(2)
    assert "<person Hello there. And typed.>" in scribe.text()


def test_a_turn_is_committed_with_its_last_words_and_answered_later() -> None:
    rehearsal, scribe = begun(MANUAL, there="I am here.")
    speak(rehearsal, 5)
    rehearsal.order(Commit(), block=LOUD)
    rehearsal.wait(4)
    assert rehearsal.person_text() == ["Hello there."]
    rehearsal.wait(40)
    assert rehearsal.sent == {}
    rehearsal.order(Answer())
    rehearsal.wait_until_said()
    rehearsal.wait(2)
    assert "<person Hello there.><agent I am here.>" in scribe.text()


def test_a_turn_is_committed_and_answered_in_one_breath() -> None:
    rehearsal, _ = begun(MANUAL, there="I am here.")
    speak(rehearsal, 5)
    rehearsal.order(Commit(), Answer(), block=LOUD)
    rehearsal.wait_until_said()
    assert rehearsal.said_text() == "I am here." and rehearsal.person_text() == ["Hello there."]


def test_a_commit_of_nothing_is_refused_where_it_has_a_name() -> None:
    rehearsal, _ = begun(MANUAL)
    rehearsal.order(Commit("first"), Commit())
    assert [one.order for one in rehearsal.told(Refused)] == ["first"]
    speak(rehearsal, 5)
    rehearsal.order(Commit("second"), block=LOUD)
    rehearsal.wait(4)
    assert rehearsal.person_text() == ["Hello there."]
    rehearsal.order(Commit("third"))
    assert [one.order for one in rehearsal.told(Refused)] == ["first", "third"]


def test_what_is_cleared_was_never_said() -> None:
    rehearsal, scribe = begun(MANUAL)
    speak(rehearsal)
    rehearsal.wait(3)
    assert rehearsal.told(PersonWords)
    rehearsal.order(Clear())
    assert rehearsal.told(PersonWords)[-1].words == ()
    rehearsal.wait(10)
    rehearsal.order(Answer())
    rehearsal.wait_until_said()
    assert "<person" not in scribe.text()


def test_what_is_cleared_before_anything_was_committed_goes_with_its_pauses() -> None:
    rehearsal, scribe = begun(MANUAL)
    for _ in range(2):
        speak(rehearsal)
        rehearsal.wait(30)
    assert rehearsal.person_text() == ["Hello there."] * 2
    rehearsal.order(Clear(), Answer())
    rehearsal.wait_until_said()
    assert "<person" not in scribe.text()


@pytest.mark.parametrize(
    "orders",
    [
        [(Commit(), Clear(), Answer())],
        [(Commit(), Answer(), Clear())],
        [(Commit(),), (Clear(),), (Answer(),)],
        [(Commit(),), (Answer(),), (Clear(),)],
    ],
)
@pytest.mark.parametrize("apart", [0, 5])
def test_a_turn_that_was_committed_is_not_cleared_nor_is_its_answer(
    orders: list[tuple[Order, ...]], apart: int
) -> None:
    rehearsal, scribe = begun(MANUAL, there="I am here.")
    speak(rehearsal, 5)
    for together in orders:
        rehearsal.order(*together)
        rehearsal.wait(apart)
    rehearsal.wait_until_said()
    rehearsal.wait(2)
    assert rehearsal.person_text() == ["Hello there."]
    assert scribe.text().endswith("<person Hello there.><agent I am here.>")


def test_what_is_said_behind_a_committed_turn_is_cleared_alone() -> None:
    rehearsal, scribe = begun(MANUAL, there="I am here.")
    speak(rehearsal, 5)
    rehearsal.order(Commit())
    rehearsal.wait(5)
    for _ in range(2):
        speak(rehearsal)
        rehearsal.wait(3)
        rehearsal.order(Clear())
    assert rehearsal.person_text() == ["Hello there.", "", ""]
    rehearsal.order(Answer())
    rehearsal.wait_until_said()
    rehearsal.wait(2)
    assert scribe.text().endswith("<person Hello there.><agent I am here.>")


def test_an_answer_to_what_is_cleared_is_not_given() -> None:
    rehearsal, scribe = begun(MANUAL)
    speak(rehearsal)
    rehearsal.order(Answer(), Clear())
    rehearsal.wait(40)
    assert rehearsal.sent == {} and "<person" not in scribe.text()


# ---- settings ------------------------------------------------------------------------------------


def test_instructions_change_in_the_midst_of_it_and_what_was_said_stays() -> None:
    rehearsal, scribe = begun(sea="The sea is wide.")
    rehearsal.step(SILENCE, texts=("Tell me of the sea",))
    rehearsal.wait(5)
    rehearsal.order(ChangeSettings(StreamSettings(instructions="Be a pirate."), "1"))
    rehearsal.wait(40)
    said = "<system Be a pirate.><person Tell me of the sea><agent The sea is wide.>"
    assert scribe.text() == said
    assert rehearsal.told(Refused) == []


def test_instructions_that_do_not_fit_are_refused_and_nothing_changes() -> None:
    rehearsal, scribe = begun()
    before = scribe.text()
    settings = StreamSettings(instructions="x" * 2000, manual_turns=True)
    rehearsal.order(ChangeSettings(settings, "7"))
    (refused,) = rehearsal.told(Refused)
    assert refused.order == "7" and "shorten" in refused.reason
    rehearsal.wait(5)
    assert scribe.text() == before
    rehearsal.step(SILENCE, texts=("Hello",))
    rehearsal.wait_until_said()


def test_eagerness_changes_how_long_a_pause_may_be() -> None:
    took = {}
    for eagerness in (0.0, 0.5, 1.0):
        rehearsal, _ = begun(there="I am here.")
        rehearsal.engine.model.parts.floor._settings = patient()  # type: ignore[attr-defined]
        rehearsal.order(ChangeSettings(StreamSettings(eagerness=eagerness)))
        speak(rehearsal)
        silent = rehearsal.k
        rehearsal.wait_until_said()
        (k, _) = next(one for one in rehearsal.decisions() if one[1] == "take")
        took[eagerness] = k - silent
    assert took[1.0] < took[0.5] < took[0.0] <= 30, took


def patient() -> object:
    from model.interaction.floor import FloorSettings

    return FloorSettings(sure=2.0, likely=2.0)


def test_a_change_to_manual_turns_drops_what_was_in_the_making() -> None:
    rehearsal, _ = begun(there="I am here.")
    speak(rehearsal)
    rehearsal.step(SILENCE)
    rehearsal.order(ChangeSettings(MANUAL))
    rehearsal.wait(60)
    assert rehearsal.sent == {} and "take" not in [one.decision for one in rehearsal.told(Floor)]


def test_an_answer_that_cannot_be_said_is_told_of_and_remembered() -> None:
    rehearsal, scribe = begun(code="```python\nprint(1)\n```")
    rehearsal.order(Append("Show me code.", "person"), Answer())
    rehearsal.wait_until_said()
    rehearsal.wait(2)
    assert rehearsal.said_text() == UNSPEAKABLE
    assert scribe.text().endswith(f"<agent {UNSPEAKABLE}>")
