"""Both sides of a session without a network: numbering, commands, who hears what."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from model.messages import (
    AgentWord,
    Command,
    Heard,
    PersonWords,
    Said,
    Speech,
    Turn,
    UtteranceDone,
    Word,
)
from model.timebase import HEARING_BLOCK_SAMPLES
from model.timebase import SPEAKING_FRAME_SAMPLES as FRAME
from server.conversation import Conversation
from server.hearing import Hearing
from server.policy import Policy
from server.session_events import AgentProgress, Problem, SessionEvent
from server.speaking import Speaking
from server.steering_events import AgentComplete


class Prude(Policy):
    """Refuses one word."""

    def before_spoken(self, text: str) -> str | None:
        return None if "damn" in text else text


@dataclass
class Stage:
    """One of our sides, and what it told whom."""

    conversation: Conversation = field(default_factory=Conversation)
    events: list[SessionEvent] = field(default_factory=list)
    over: list[int] = field(default_factory=list)
    speaking: Speaking = field(init=False)

    def __post_init__(self) -> None:
        self.speaking = Speaking(
            self.conversation,
            Prude(),
            self.events.append,
            now=lambda: 12.0,
            on_started=lambda utterance: None,
            on_over=self.over.append,
        )

    def say(self, utterance: int, text: str, frames: int, k: int = 0) -> None:
        words = text.split()
        each = frames * FRAME // len(words)
        said = tuple(AgentWord(f" {w}", n * each, (n + 1) * each) for n, w in enumerate(words))
        self.speaking.said(Said(utterance, said), k)
        self.speaking.push(Speech(utterance, 0, np.ones(frames * FRAME, np.float32)), k)

    def play(self, frames: int) -> int:
        return sum(self.speaking.next_frame() is not None for _ in range(frames))

    def progress(self) -> list[AgentProgress]:
        return [event for event in self.events if isinstance(event, AgentProgress)]


def test_record_client_and_engine_are_told_the_same_cut() -> None:
    stage = Stage()
    stage.say(0, "one two three four", 40)
    stage.play(3 + 16)
    stage.speaking.cut("floor")
    assert tuple(stage.speaking.heard()) == (Heard(0, 16 * FRAME, cut=True),)
    assert stage.progress() == [AgentProgress("cut", 0, 16 * FRAME, 2, by="floor")]
    assert stage.conversation.as_turns() == (Turn("agent", "one two", cut=True),)
    assert stage.over == [0]


def test_an_utterance_heard_to_its_end() -> None:
    stage = Stage()
    stage.say(0, "one two", 10)
    stage.speaking.finish(UtteranceDone(0, 10 * FRAME))
    stage.play(13)
    assert stage.progress() == [AgentProgress("done", 0, 10 * FRAME, 2)]
    assert stage.conversation.as_turns() == (Turn("agent", "one two"),)


@pytest.mark.parametrize("limited", [True, False])
def test_the_client_is_told_which_answer_reached_its_limit(limited: bool) -> None:
    stage = Stage()
    stage.say(0, "one", 10)
    stage.speaking.restart()
    stage.say(0, "two", 10)
    stage.speaking.finish(UtteranceDone(0, 10 * FRAME, limited))
    assert stage.events[-1] == AgentComplete(1, 10 * FRAME, limited)


def test_speech_made_before_the_engine_knew_of_the_stop_is_never_heard() -> None:
    stage = Stage()
    stage.speaking.deafen(5)
    stage.speaking.cut("stop")
    stage.say(0, "too late", 10, k=4)
    assert stage.play(20) == 0
    assert tuple(stage.speaking.heard()) == (Heard(0, 0, cut=True),)
    stage.say(1, "as asked", 10, k=5)
    assert stage.play(20) == 10


def test_numbers_go_on_after_a_restart_and_the_engine_never_knows() -> None:
    stage = Stage()
    stage.say(0, "one", 10)
    stage.say(1, "two", 10)
    stage.play(5)
    stage.speaking.cut("engine")
    stage.speaking.restart()
    stage.say(0, "three", 10)
    stage.play(2 + 5)  # two of the fade
    assert tuple(stage.speaking.heard()) == (Heard(0, 2 * FRAME),)
    assert [event.utterance for event in stage.events if isinstance(event, Said)] == [0, 1, 2]


def test_a_restart_before_anything_was_recorded_does_not_silence_the_new_engine() -> None:
    stage = Stage()
    stage.speaking.push(Speech(7, 0, np.ones(10 * FRAME, np.float32)), 0)
    stage.speaking.restart()
    stage.say(0, "hello", 10)
    assert stage.play(20) == 10


def test_a_refused_phrase_is_not_spoken_and_ends_its_utterance() -> None:
    stage = Stage()
    stage.say(0, "well", 10)
    stage.speaking.said(Said(0, (AgentWord(" damn", 10 * FRAME, 20 * FRAME),)), 0)
    stage.speaking.push(Speech(0, 10 * FRAME, np.ones(10 * FRAME, np.float32)), 0)
    assert stage.play(40) == 10
    assert stage.conversation.as_turns() == (Turn("agent", "well", cut=True),)


def test_too_much_speech_is_an_error_event() -> None:
    stage = Stage()
    stage.say(0, "hello", 10)
    stage.speaking.push(Speech(0, 10 * FRAME, np.ones(31 * 24_000, np.float32)), 0)
    stage.play(1)
    assert any(isinstance(event, Problem) and event.code == "internal" for event in stage.events)


# ---- the person's side -------------------------------------------------------------------------


def words(segment: int, text: str, final: bool = True) -> PersonWords:
    return PersonWords(segment, tuple(Word(w, 0.5, 1.0) for w in text.split()), final)


def test_a_segment_is_obeyed_once_and_as_soon_as_it_is_clear() -> None:
    hearing = Hearing(0, Conversation(), Policy(), offset_seconds=0.0)
    obeyed: list[Command] = []
    for text, final in (("be", False), ("be quiet", False), ("be quiet", True)):
        hearing.words(words(0, text, final), True, obeyed.append)
    assert obeyed == ["quiet"]
    hearing.words(words(1, "goodbye"), True, obeyed.append)
    assert obeyed == ["quiet", "goodbye"]


def test_a_stop_that_goes_on_to_ask_for_something_is_answered_after_all() -> None:
    hearing = Hearing(0, Conversation(), Policy(), offset_seconds=0.0)
    obeyed: list[Command] = []

    def commands(text: str, speaking: bool, final: bool = False) -> tuple[Command, ...]:
        hearing.words(words(0, text, final), speaking, obeyed.append)
        k = hearing.intake.next_k
        hearing.intake.add(k, np.zeros(HEARING_BLOCK_SAMPLES, np.float32))
        turn = hearing.intake.take()
        assert turn is not None
        hearing.intake.answered(k)
        return turn.commands

    assert commands("Stop", True) == ()
    assert obeyed == ["quiet"]
    assert commands("Stop.", False) == ()  # We fell silent: that unsays nothing.
    assert commands("Stop there, I only", False) == ("heed",)
    assert commands("Stop there, I only wanted", False) == ()
    assert commands("Stop it.", False, True) == ()
    assert obeyed == ["quiet", "quiet"]


def test_a_stop_that_was_read_late_does_not_silence_the_next_question() -> None:
    hearing = Hearing(0, Conversation(), Policy(), offset_seconds=0.0)
    obeyed: list[Command] = []
    hearing.words(words(0, "Stop."), False, obeyed.append)
    assert obeyed == ["quiet"]
    hearing.words(words(1, "What is", final=False), False, obeyed.append)
    hearing.words(words(1, "What is two plus two?"), False, obeyed.append)
    hearing.intake.add(0, np.zeros(HEARING_BLOCK_SAMPLES, np.float32))
    turn = hearing.intake.take()
    assert turn is not None and turn.commands == ("heed",)


def test_whoever_says_stop_again_and_again_is_obeyed_once() -> None:
    hearing = Hearing(0, Conversation(), Policy(), offset_seconds=0.0)
    obeyed: list[Command] = []
    for count in range(1, 13):
        hearing.words(words(0, "stop " * count, final=False), True, obeyed.append)
    hearing.intake.add(0, np.zeros(HEARING_BLOCK_SAMPLES, np.float32))
    turn = hearing.intake.take()
    assert obeyed == ["quiet"] and turn is not None and turn.commands == ()


def test_typed_words_are_obeyed_when_they_come_and_recorded_when_they_were_read() -> None:
    conversation = Conversation()
    hearing = Hearing(0, conversation, Policy(), offset_seconds=0.0)
    obeyed: list[Command] = []
    assert hearing.typed("Stop!", False, obeyed.append)
    assert obeyed == ["quiet"]
    assert conversation.as_turns() == ()
    read = PersonWords(0, (Word("Stop!", 1.0, 1.0),), True, typed=True)
    hearing.words(read, False, obeyed.append)
    assert obeyed == ["quiet"]
    assert conversation.as_turns() == (Turn("person", "Stop!"),)


def test_times_are_the_sessions_for_the_client_and_the_conversations_for_the_record() -> None:
    conversation = Conversation()
    hearing = Hearing(0, conversation, Policy(), offset_seconds=100.0)
    told = hearing.words(words(0, "hello"), False, lambda command: None)
    assert told.words[0].start_seconds == 0.5
    assert conversation.turns[0].start_seconds == pytest.approx(100.5)
    assert hearing.take_latency(1.5) == 0.5
    assert hearing.take_latency(1.6) is None, "that was answered"
    hearing.words(words(1, "hello"), False, lambda command: None)
    assert hearing.take_latency(40.0) is None, "that is no answer to it"


def test_segments_go_on_after_a_restart() -> None:
    conversation = Conversation()
    hearing = Hearing(0, conversation, Policy(), offset_seconds=0.0)
    hearing.words(words(4, "before"), False, lambda command: None)
    hearing.restart()
    told = hearing.words(words(0, "after"), False, lambda command: None)
    assert told.segment == 5
    assert conversation.as_turns() == (Turn("person", "before after"),)
