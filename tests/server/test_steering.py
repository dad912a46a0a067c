"""A client's hand on its conversation: what is told at once, what is ordered, what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from model.messages import AgentWord, Refused, Said, Saying, Speech, StreamSettings, ToolCall
from model.orders import (
    MAX_ORDERS,
    Answer,
    Append,
    Cancel,
    ChangeSettings,
    Hold,
    Order,
    Resume,
    Say,
    ToolAnswer,
    Truncate,
)
from server.conversation import Conversation
from server.course import Course, SessionClock
from server.dialects.pace import CHANGES_A_SECOND
from server.hearing import Hearing
from server.looking import Looking
from server.policy import Policy
from server.session_events import Problem, SessionEvent, StopSpeaking
from server.speaking import Speaking
from server.steering import Steering
from server.steering_events import (
    AnswerAsked,
    Appended,
    CancelAsked,
    HoldAsked,
    HoldChanged,
    ResumeAsked,
    SayAsked,
    SettingsAsked,
    SettingsChanged,
    ToolAnswered,
    ToolEnded,
    TruncateAsked,
)
from server.stream_settings import changed, read_settings
from tests.model.interaction.scripted_parts import LOUD

TOOL = {"name": "get_weather", "parameters": {"type": "object"}, "timeout_ms": 100}


class Hand:
    """A Steering with everything it touches; nothing else is there."""

    def __init__(self, **settings: Any) -> None:
        self.told: list[SessionEvent] = []
        self.conversation = Conversation()
        loop = asyncio.get_running_loop()
        self.course = Course(read_settings(settings), SessionClock(loop), stream_open=True)
        self.hearing = Hearing(1, self.conversation, Policy(), 0.0)
        self.speaking = Speaking(
            self.conversation,
            Policy(),
            self.told.append,
            now=lambda: 0.0,
            on_started=lambda _: None,
            on_over=lambda _: None,
        )
        looking = Looking({}, self.hearing, self.told.append)
        self.steering = Steering(
            self.conversation,
            self.course,
            self.hearing,
            self.speaking,
            looking,
            self.told.append,
        )
        self._k = 0

    def orders(self) -> list[Order]:
        """What the next micro-turn carries."""
        return list(self._turn().orders)

    def answers(self) -> list[ToolAnswer]:
        """Tools' answers that it carries."""
        return list(self._turn().answers)

    def active(self) -> bool:
        """Something is being heard, or held."""
        return self.speaking.active

    def problems(self) -> list[Problem]:
        return [one for one in self.told if isinstance(one, Problem)]

    def speak(self) -> None:
        """The engine says a short word and goes on for a while; the word is heard."""
        self.speaking.said(Said(0, (AgentWord("Hello", 0, 960), AgentWord(" you", 960, 9_600))), 0)
        self.speaking.push(Speech(0, 0, LOUD[:1].repeat(9_600)), 0)
        for _ in range(8):
            self.speaking.next_frame()

    def _turn(self) -> Any:
        self.hearing.intake.answered(self._k)
        self.hearing.intake.add(self._k, LOUD)
        turn = self.hearing.intake.take()
        assert turn is not None
        self._k = turn.k
        return turn


async def test_orders_travel_in_their_order_and_silence_is_at_once() -> None:
    hand = Hand()
    hand.speak()
    assert hand.active()
    hand.steering.act(CancelAsked())
    assert not hand.active()
    assert hand.orders() == [Cancel()]
    hand.steering.act(AnswerAsked())
    hand.steering.act(Appended("It rains."))
    assert hand.orders() == [Answer(), Append("It rains.")]
    assert [turn.text for turn in hand.conversation.as_known() if turn.who == "knowledge"] == [
        "It rains."
    ]


async def test_a_hold_stops_the_sound_and_a_resume_lets_it_go_on() -> None:
    hand = Hand()
    hand.speak()
    hand.steering.act(HoldAsked())
    _ = hand.speaking.next_frame(), hand.speaking.next_frame()  # It fades out.
    assert hand.speaking.next_frame() is None and hand.active()
    hand.steering.act(ResumeAsked())
    assert hand.speaking.next_frame() is not None
    assert [one.held for one in hand.told if isinstance(one, HoldChanged)] == [True, False]
    assert hand.orders() == [Hold(), Resume()]


async def test_a_text_now_cuts_us_here_and_others_wait() -> None:
    hand = Hand()
    hand.speak()
    hand.steering.act(SayAsked("Later.", say="a"))
    assert hand.active()
    hand.steering.act(SayAsked("Now.", "now"))
    assert not hand.active()
    assert [one.say for one in hand.orders() if isinstance(one, Say)] == ["a", "say-1"]


async def test_texts_are_bounded_and_named_once() -> None:
    hand = Hand()
    hand.steering.act(SayAsked("x", say="a"))
    hand.steering.act(SayAsked("x", say="a", event_id="twice"))
    for _ in range(16):
        hand.steering.act(SayAsked("x", event_id="more"))
    assert [one.event_id for one in hand.problems()] == ["twice", "more"]
    hand.steering.told(Saying("a", "began", 3))
    hand.steering.act(SayAsked("x", say="a"))
    assert len(hand.problems()) == 2, "its name is free again, and there is room"


async def test_more_orders_than_fit_are_refused_by_name() -> None:
    hand = Hand()
    for _ in range(8 * MAX_ORDERS + 1):
        hand.steering.act(AnswerAsked("late"))
    assert [one.event_id for one in hand.problems()] == ["late"]
    assert [len(hand.orders()) for _ in range(9)] == [MAX_ORDERS] * 8 + [0]


async def test_a_history_of_more_than_one_micro_turn_carries_comes_in_its_order() -> None:
    hand = Hand()
    turns = [Append(f"turn {n}") for n in range(MAX_ORDERS + 8)]
    for turn in turns:
        hand.steering.act(Appended(turn.text))
    hand.steering.act(AnswerAsked())
    assert hand.problems() == []
    assert [*hand.orders(), *hand.orders()] == [*turns, Answer()]


async def test_a_truncation_cuts_what_is_heard_and_corrects_what_is_over() -> None:
    hand = Hand()
    hand.steering.act(TruncateAsked(5, 0, "none"))
    assert [one.event_id for one in hand.problems()] == ["none"]
    hand.speak()
    number = hand.speaking.number(0)
    hand.speaking.cut("floor")
    hand.orders()
    hand.steering.act(TruncateAsked(number, 0))
    assert hand.orders() == [Truncate(0, "")]


async def test_settings_hold_until_the_engine_refuses_them() -> None:
    hand = Hand()
    hand.steering.act(SettingsAsked({"eagerness": 0.9}, "e"))
    (order,) = hand.orders()
    assert isinstance(order, ChangeSettings) and order.settings.eagerness == 0.9
    hand.steering.told(Refused(order.order, "Too long."))
    assert hand.course.settings == StreamSettings()
    assert [one.event_id for one in hand.problems()] == ["e"]
    said = [one.settings.eagerness for one in hand.told if isinstance(one, SettingsChanged)]
    assert said == [0.9, 0.5]
    hand.steering.act(SettingsAsked({"eagerness": 2}, "bad"))
    assert hand.problems()[-1].event_id == "bad" and hand.orders() == []


async def test_settings_refused_late_do_not_undo_those_that_came_after() -> None:
    hand = Hand()
    hand.steering.act(SettingsAsked({"instructions": "far too long"}, "long"))
    hand.steering.act(SettingsAsked({"instructions": "Be brief."}, "brief"))
    first, second = (one for one in hand.orders() if isinstance(one, ChangeSettings))
    hand.steering.told(Refused(first.order, "Too long."))
    assert hand.course.settings.instructions == "Be brief."
    hand.steering.told(Refused(second.order, "Too long as well."))
    assert hand.course.settings == StreamSettings()
    assert [one.event_id for one in hand.problems()] == ["long", "brief"]


def test_a_tool_choice_names_what_is_there() -> None:
    settings = read_settings({"tools": [TOOL], "tool_choice": "get_weather"})
    assert settings.tool_choice == "get_weather"
    assert changed(settings, {"tool_choice": "required"}).tool_choice == "required"
    refused: list[dict[str, Any]] = [{"tool_choice": "other"}, {"tools": []}, {"tool_choice": 5}]
    for wrong in refused:
        with pytest.raises(Exception, match="tool_choice"):
            changed(settings, wrong)


async def test_an_answer_may_choose_a_tool_that_is_there() -> None:
    hand = Hand(tools=[TOOL])
    hand.steering.act(AnswerAsked("a", "get_weather"))
    hand.steering.act(AnswerAsked("b", "other"))
    assert hand.orders() == [Answer("get_weather")]
    assert [one.event_id for one in hand.problems()] == ["b"]


async def test_a_call_of_the_clients_is_told_and_answered_once() -> None:
    hand = Hand(tools=[TOOL])
    call = ToolCall("call_1", "get_weather", "{}")
    hand.steering.told(call)
    assert call in hand.told
    hand.steering.act(ToolAnswered("call_1", "sunny"))
    assert hand.answers() == [ToolAnswer("call_1", "sunny")]
    assert ToolEnded("call_1", False, "sunny") in hand.told
    hand.steering.act(ToolAnswered("call_1", "again", event_id="twice"))
    assert hand.problems()[-1].event_id == "twice"


async def test_a_tools_name_may_begin_with_anything_a_name_may_have() -> None:
    hand = Hand(tools=[{**TOOL, "name": "-weather"}])
    hand.steering.told(ToolCall("call_1", "-weather", "{}"))
    hand.steering.act(ToolAnswered("call_1", "sunny"))
    assert hand.answers() == [ToolAnswer("call_1", "sunny", False)] and hand.orders() == []
    hand.steering.close()


async def test_a_call_without_an_answer_and_one_of_no_tool_fail() -> None:
    hand = Hand(tools=[TOOL])
    hand.steering.told(ToolCall("call_1", "gone", "{}"))
    assert [(one.call, one.failed) for one in hand.answers()] == [("call_1", True)]
    hand.steering.told(ToolCall("call_2", "get_weather", "{}"))
    await asyncio.sleep(0.2)
    (late,) = hand.answers()
    assert late.failed and "0.1 s" in late.text


async def test_a_new_engine_is_told_what_the_old_ones_tool_answered() -> None:
    hand = Hand(tools=[TOOL])
    hand.steering.told(ToolCall("call_1", "get_weather", "{}"))
    hand.steering.act(SayAsked("x", say="a"))
    hand.steering.act(HoldAsked())
    hand.hearing.restart()
    hand.steering.restart()
    assert hand.told[-1] == Saying("a", "dropped") and hand.orders() == [Hold()]
    hand.steering.act(ToolAnswered("call_1", "sunny"))
    knowledge = Append("The tool get_weather answered: sunny")
    assert hand.orders() == [knowledge, Answer()]
    hand.steering.close()


async def test_an_answer_asked_for_while_the_engine_is_started_again_is_given() -> None:
    hand = Hand()
    hand.course.stream_open = False
    hand.steering.act(AnswerAsked(tool_choice="none"))
    assert hand.orders() == []
    hand.hearing.restart()
    hand.steering.restart()
    assert hand.orders() == [Answer("none")]
    hand.steering.restart()
    assert hand.orders() == [], "once"
    hand.steering.close()


@pytest.mark.parametrize("stop", [CancelAsked(), StopSpeaking()])
async def test_an_answer_that_was_asked_for_and_stopped_meanwhile_is_not_given(
    stop: CancelAsked | StopSpeaking,
) -> None:
    hand = Hand()
    hand.course.stream_open = False
    hand.steering.act(AnswerAsked())
    hand.steering.act(stop)
    hand.hearing.restart()
    hand.steering.restart()
    assert hand.orders() == []
    hand.steering.close()


async def test_settings_change_a_few_times_a_second_and_no_more() -> None:
    hand = Hand()
    for number in range(CHANGES_A_SECOND + 1):
        hand.steering.act(SettingsAsked({"eagerness": number / 10}))
    (refused,) = [one for one in hand.told if isinstance(one, Problem)]
    assert "a second" in refused.message
    assert hand.course.settings.eagerness == (CHANGES_A_SECOND - 1) / 10


async def test_a_tool_that_answers_while_the_engine_is_started_again_is_heard() -> None:
    hand = Hand(tools=[TOOL])
    for call in ("call_1", "call_2"):
        hand.steering.told(ToolCall(call, "get_weather", "{}"))
    hand.steering.act(ToolAnswered("call_1", "sunny"))
    hand.course.stream_open = False
    hand.steering.lost(hand.hearing.intake.lost())
    hand.steering.act(ToolAnswered("call_2", "windy"))
    hand.hearing.restart()
    hand.steering.restart()
    known = [turn.text for turn in hand.conversation.as_known() if turn.who == "knowledge"]
    assert known == [
        "A tool that was asked answered: sunny",
        "The tool get_weather answered: windy",
    ]
    assert hand.orders() == [Answer()]
    hand.steering.close()
