"""A conversation through the real parts, jobs run to their end between micro-turns."""

from __future__ import annotations

import numpy as np
import pytest

from model.interaction.counterpoint import CounterpointModel
from model.interaction.speaking import LEAD_SAMPLES, heard_text
from model.messages import (
    Floor,
    PersonWords,
    Remembered,
    StreamSettings,
    Turn,
    UtteranceDone,
)
from tests.model.interaction.conftest import Saying
from tests.model.interaction.rehearsal import SILENCE, Rehearsal
from tests.speech.wer import word_error_rate

pytestmark = [pytest.mark.weights, pytest.mark.timeout(120)]

QUESTION = "What is the capital city of France?"
LONG_REQUEST = "Tell me about the history of ships."


def remembered(model: CounterpointModel, row: int = 0) -> str:
    """What the row of Language holds up to what is committed, as text."""
    memory = model.parts.memories[row]
    return memory.text()


def speaking_about_ships(model: CounterpointModel, person: Saying, blocks: int = 12) -> Rehearsal:
    """A conversation in which we have been heard to speak for `blocks` micro-turns."""
    rehearsal = Rehearsal.begin(model)
    rehearsal.hear(person(LONG_REQUEST))
    for _ in range(60):
        rehearsal.step(SILENCE)
        if rehearsal.heard.get(1, 0) >= blocks * 2400:
            return rehearsal
    raise AssertionError("the answer was too short to be interrupted")


def test_a_spoken_question_is_recognised_and_answered_aloud(
    small_model: CounterpointModel, person: Saying
) -> None:
    rehearsal = Rehearsal.begin(small_model)
    rehearsal.hear(person(QUESTION))
    rehearsal.wait_until_said()
    assert word_error_rate(QUESTION, " ".join(rehearsal.person_text())) <= 0.15
    assert [decision for _, decision in rehearsal.decisions()] == ["take"]
    assert len(rehearsal.said(1)) >= 2
    assert np.abs(np.concatenate(rehearsal.sent[1])).max() > 0.05
    rehearsal.wait(2)
    assert rehearsal.said_text() in remembered(small_model)


def test_words_come_as_partials_while_the_person_speaks(
    small_model: CounterpointModel, person: Saying
) -> None:
    rehearsal = Rehearsal.begin(small_model)
    rehearsal.hear(person("The weather in the mountains was cold and windy for seven days."))
    partials = [e for _, e in rehearsal.events if isinstance(e, PersonWords) and not e.final]
    counts = [len(partial.words) for partial in partials]
    assert len(counts) >= 3
    assert counts[0] < counts[-1]


def test_speech_goes_out_no_further_ahead_than_its_lead(
    small_model: CounterpointModel, person: Saying
) -> None:
    rehearsal = Rehearsal.begin(small_model)
    rehearsal.hear(person(LONG_REQUEST))
    for _ in range(40):
        rehearsal.step(SILENCE)
        for number, parts in rehearsal.sent.items():
            ahead = sum(map(len, parts)) - rehearsal.heard.get(number, 0)
            assert ahead <= LEAD_SAMPLES
    assert rehearsal.sent


def test_an_interruption_is_yielded_to_and_remembered_to_the_word(
    small_model: CounterpointModel, person: Saying
) -> None:
    rehearsal = speaking_about_ships(small_model, person)
    began = rehearsal.k
    rehearsal.hear(person("No wait, tell me about the moon."))
    yields = [k for k, decision in rehearsal.decisions() if decision == "yield"]
    assert len(yields) == 1
    assert yields[0] - began <= 10
    assert rehearsal.cut == {1}
    heard = rehearsal.heard[1]
    words = [w for w in rehearsal.said(1) if (w.start_samples + w.end_samples) / 2 <= heard]
    text = "".join(word.text for word in words)
    rehearsal.wait(40)
    memory = remembered(small_model)
    assert f"{text.strip()}\nsystem\n(Interrupted.)" in memory, "the last word heard is its last"
    assert len(rehearsal.sent) == 2, "the interruption was not answered"


def test_an_acknowledgement_does_not_stop_us(
    small_model: CounterpointModel, person: Saying
) -> None:
    rehearsal = speaking_about_ships(small_model, person)
    rehearsal.hear(person("Okay."))
    rehearsal.wait(10)
    assert "yield" not in [decision for _, decision in rehearsal.decisions()]


def test_stop_silences_at_once_and_nothing_more_comes(
    small_model: CounterpointModel, person: Saying
) -> None:
    rehearsal = speaking_about_ships(small_model, person)
    rehearsal.step(SILENCE, commands=("stop",))
    sent = len(rehearsal.sent[1])
    rehearsal.wait(20)
    assert len(rehearsal.sent[1]) == sent
    assert list(rehearsal.sent) == [1]


def test_quiet_is_not_answered_but_the_next_question_is(
    small_model: CounterpointModel, person: Saying
) -> None:
    rehearsal = speaking_about_ships(small_model, person)
    rehearsal.hear(person("Be quiet."))
    rehearsal.step(SILENCE, commands=("quiet",))
    rehearsal.wait(30)
    assert list(rehearsal.sent) == [1]
    rehearsal.hear(person(QUESTION))
    rehearsal.wait(30)
    assert list(rehearsal.sent) == [1, 2]


def test_what_goes_on_behind_a_stop_is_answered(
    small_model: CounterpointModel, person: Saying
) -> None:
    rehearsal = speaking_about_ships(small_model, person)
    rehearsal.hear(person("Stop!"))
    rehearsal.step(SILENCE, commands=("quiet",))
    rehearsal.hear(person("What is the capital of France?"))
    # The server reads the last words when the floor has long been taken.
    rehearsal.wait(9)
    rehearsal.step(SILENCE, commands=("heed",))
    rehearsal.wait(40)
    assert list(rehearsal.sent) == [1, 2]


def test_goodbye_is_answered_by_goodbye(small_model: CounterpointModel, person: Saying) -> None:
    rehearsal = Rehearsal.begin(small_model)
    rehearsal.hear(person("Goodbye."))
    rehearsal.step(SILENCE, commands=("goodbye",))
    rehearsal.wait(20)
    assert "".join(word.text for word in rehearsal.said(max(rehearsal.sent))) == "Goodbye!"


def test_typed_text_is_answered_aloud_and_interrupts(
    small_model: CounterpointModel, person: Saying
) -> None:
    rehearsal = speaking_about_ships(small_model, person)
    rehearsal.step(SILENCE, texts=("What is two plus two?",))
    rehearsal.wait(30)
    typed = [e for _, e in rehearsal.events if isinstance(e, PersonWords) and e.typed]
    assert [" ".join(w.text for w in e.words) for e in typed] == ["What is two plus two?"]
    assert rehearsal.cut == {1}
    assert list(rehearsal.sent) == [1, 2]


def test_a_greeting_is_spoken_first_and_remembered(small_model: CounterpointModel) -> None:
    rehearsal = Rehearsal.begin(small_model, StreamSettings(greeting="Hello, I am listening."))
    rehearsal.wait_until_said()
    rehearsal.wait(2)
    assert rehearsal.said_text() == "Hello, I am listening."
    assert "Hello, I am listening." in remembered(small_model)


def test_who_comes_back_is_not_greeted_again(small_model: CounterpointModel) -> None:
    turns = (Turn("person", "My name is Amara."), Turn("agent", "Nice to meet you, Amara."))
    settings = StreamSettings(greeting="Hello, I am listening.")
    rehearsal = Rehearsal.begin(small_model, settings, turns)
    rehearsal.wait(30)
    assert rehearsal.sent == {}


def test_a_resumed_conversation_remembers_its_turns(small_model: CounterpointModel) -> None:
    turns = (Turn("person", "My name is Amara."), Turn("agent", "Nice to meet you,", cut=True))
    Rehearsal.begin(small_model, turns=turns)
    assert "My name is Amara." in remembered(small_model)
    assert "Nice to meet you," in remembered(small_model)


def test_a_long_past_is_not_read_back_whole(small_model: CounterpointModel) -> None:
    turns = tuple(
        Turn(who, f"This is turn {n}. " + "And so it went on and on. " * 12)
        for n in range(12)
        for who in ("person", "agent")
    )
    rehearsal = Rehearsal.begin(small_model, turns=turns)
    text = remembered(small_model)
    assert "This is turn 11." in text
    assert "This is turn 3." not in text
    assert rehearsal.engine.jobs.waiting() == 0


def test_noise_and_silence_are_not_answered(small_model: CounterpointModel) -> None:
    rehearsal = Rehearsal.begin(small_model)
    rng = np.random.default_rng(1)
    rehearsal.wait(10)
    rehearsal.hear(rng.normal(0, 0.05, 32_000).astype(np.float32))
    rehearsal.wait(30)
    assert rehearsal.sent == {}


def test_every_utterance_ends_with_its_length(
    small_model: CounterpointModel, person: Saying
) -> None:
    rehearsal = Rehearsal.begin(small_model)
    rehearsal.hear(person(QUESTION))
    rehearsal.wait_until_said()
    done = [event for _, event in rehearsal.events if isinstance(event, UtteranceDone)]
    assert [(d.utterance, d.samples) for d in done] == [(1, sum(map(len, rehearsal.sent[1])))]
    assert not any(isinstance(e, Floor) and e.decision == "yield" for _, e in rehearsal.events)


def test_heard_text_takes_words_of_which_more_than_half_was_heard() -> None:
    from model.interaction.speaking import Utterance
    from model.messages import AgentWord

    words = (AgentWord("One", 0, 100), AgentWord(" two", 100, 200))
    assert heard_text(Utterance(1, 1, words=words, heard_samples=150)) == "One"
    assert heard_text(Utterance(1, 1, words=words, heard_samples=151)) == "One two"


def test_what_is_remembered_is_told(small_model: CounterpointModel, person: Saying) -> None:
    rehearsal = speaking_about_ships(small_model, person)
    rehearsal.step(SILENCE, commands=("stop",))
    rehearsal.wait(8)
    told = [event for _, event in rehearsal.events if isinstance(event, Remembered)]
    heard = rehearsal.heard[1]
    words = [w for w in rehearsal.said(1) if (w.start_samples + w.end_samples) / 2 <= heard]
    assert [(t.utterance, t.cut) for t in told] == [(1, True)]
    assert told[0].text == "".join(word.text for word in words)
