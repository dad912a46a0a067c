"""pipecat's and WHIP's npm packages, unmodified, and our own element, in the same Chromium."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page

from model.interaction.backchannels import GOING_ON, TAKEN_IN
from tests.conformance.browser.conversing import (
    Conversations,
    Script,
    begun,
    check_history,
    counted,
    events,
    later,
    part,
    tape,
    turns,
)
from tests.conformance.judging import CLOCK, STORY, TELLER, WEATHER, understood
from tests.end_to_end.served import Served
from tests.speech.wer import normalised

pytestmark = [pytest.mark.browser, pytest.mark.weights, pytest.mark.timeout(400)]

OURS: Final = {"type": "counterpoint"}
WEATHER_TOOL: Final = {
    "name": "get_weather",
    "description": "Tells the weather in a city now.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
Ask = Callable[..., Any]

_LISTENING: Final = (*GOING_ON, *TAKEN_IN)
_RECORD_SECONDS: Final = 0.2
_WHOLE_SECONDS: Final = 1.0


class Record:
    """The server's record of the session that the page published to, asked for now and then."""

    def __init__(self, page: Page, ask: Ask) -> None:
        answers = page.evaluate("() => page.answers")
        headers = next(one for one in answers if one["status"] == 201)["headers"]
        self._path = f"/api/sessions/{headers['counterpoint-session']}/record.json"
        self._token = headers["counterpoint-resume-token"]
        self._ask = ask
        self._turns: list[dict[str, Any]] = []
        self._asked = self._changed = float("-inf")

    def turns(self, who: str) -> list[dict[str, Any]]:
        """The turns of one side."""
        now = time.monotonic()
        if now > self._asked + _RECORD_SECONDS:
            turns, self._asked = self._ask(self._path, self._token)["turns"], now
            if turns != self._turns:
                self._turns, self._changed = turns, now
        return [one for one in self._turns if one["who"] == who]

    def answers(self) -> list[dict[str, Any]]:
        """What we said, without signs of listening."""
        return [one for one in self.turns("agent") if one["said"] not in _LISTENING]

    def cut(self) -> bool:
        """The person interrupted an answer."""
        return any(one["cut"] and one["by"] == "floor" for one in self.answers())

    def whole(self, more_than: int = 1) -> bool:
        """An answer behind so many others was heard to its end."""
        ours = self.answers()
        answered = (
            len(ours) > more_than and ours[-1]["text"] == ours[-1]["said"] and not ours[-1]["cut"]
        )
        return answered and self._asked - self._changed > _WHOLE_SECONDS


@pytest.fixture(scope="module")
def held(
    opened: Callable[[], Page], secret: Callable[..., str], ask: Ask, key: str, served: Served
) -> Iterator[Conversations]:
    """The conversations of three clients, two at a time."""

    def pipecat(page: Page) -> Script:
        yield from begun(page, "pipecat", key, TELLER)
        cut = "() => page.events.some((e) => e.data?.type === 'agent.cut')"
        over = counted("BotStoppedSpeaking", 1)
        yield from turns(page, counted("BotStartedSpeaking"), cut, over)
        page.evaluate(
            "(settings) => page.client.sendClientRequest('settings.update', { settings })",
            {"tools": [WEATHER_TOOL], "tool_choice": "get_weather"},
        )
        page.evaluate("(text) => page.client.sendText(text)", WEATHER)
        yield counted("LLMFunctionCallStopped")
        yield counted("BotStoppedSpeaking", 2)
        yield from part(page)
        assert events(page, "MessageError") == []
        refused = page.evaluate(
            "() => page.client.sendClientRequest('agent.say', {}).catch((e) => e.data)"
        )
        assert refused["code"] == "bad_field" and "text" in refused["error"]
        none = "(settings) => page.client.sendClientRequest('settings.update', { settings })"
        page.evaluate(none, {"tools": [], "tool_choice": "auto"})
        page.evaluate("(text) => page.client.sendText(text)", STORY)
        yield counted("BotStartedSpeaking", 3)
        yield later(page, 1_000)
        assert page.evaluate("() => page.client.sendClientRequest('speech.stop', {})") is None
        yield counted("BotStoppedSpeaking", 3)
        yield from part(page)
        page.evaluate("() => page.client.disconnectBot()")
        yield counted("BotDisconnected")

    def element(page: Page) -> Script:
        yield from begun(page, "element", secret(OURS, uses=3), TELLER)
        yield counted("session.started")
        answering, over = counted("agent.started"), counted("agent.done")
        yield from turns(page, answering, counted("agent.cut"), over)
        page.evaluate("(text) => page.made.sendText(text)", WEATHER)
        yield "() => page.toolCalls.length > 0"
        yield counted("agent.done", 1)
        yield from part(page)
        page.evaluate("() => page.made.end()")

    def whip(page: Page) -> Script:
        # It fixes what the model is to be.
        settings = {"instructions": TELLER, "eagerness": 0.8, "tools": ["current_time"]}
        yield from begun(page, "whip", secret({**OURS, "settings": settings}))
        yield "() => page.hearing.connectionState === 'connected'"
        record = Record(page, ask)
        yield from turns(page, record.answers, record.cut, record.whole)
        calls = served.metric("server_tool_calls_total")
        page.evaluate("() => page.say('clock')")
        yield lambda: served.metric("server_tool_calls_total") > calls
        yield lambda: record.whole(2)
        yield from part(page)
        page.evaluate("() => page.whip.restart()")
        page.evaluate("() => page.whip.stop()")
        # The session is over, and with it what was listened to.
        yield "() => page.hearing.connectionState !== 'connected'"

    made = Conversations(opened, {"whip": whip, "pipecat": pipecat, "element": element})
    yield made
    made.close()


def data(page: Page, kind: str) -> list[Any]:
    return [one.get("data") for one in events(page, kind)]


def test_pipecats_client_holds_a_conversation_and_its_history_is_what_was_heard(
    held: Conversations, tmp_path: Path
) -> None:
    page = held.page("pipecat")
    assert data(page, "BotReady")[0]["version"] == "2.1.0"
    understood(" ".join(one["text"] for one in data(page, "UserTranscript") if one["final"]))
    assert len(events(page, "UserStartedSpeaking")) == len(events(page, "UserStoppedSpeaking"))
    assert data(page, "Metrics")[0]["ttfb"][0]["value"] > 0
    cut = next(one for one in data(page, "ServerMessage") if one["type"] == "agent.cut")
    assert cut["by"] == "floor" and cut["words_heard"] > 0
    (asked,) = data(page, "LLMFunctionCallInProgress")
    (over,) = data(page, "LLMFunctionCallStopped")
    assert asked["function_name"] == over["function_name"] == "get_weather"
    assert page.evaluate("() => page.toolCalls") == [asked["arguments"]["city"]]
    assert over["result"] == '{"weather": "sunny and warm"}' and not over["cancelled"]
    told = page.evaluate("() => page.pipecatHistory()")
    words = " ".join(one["text"] for one in data(page, "BotTtsText"))
    assert normalised(words) == normalised(" ".join(told))
    left = [one.get("spoken_progress") for one in data(page, "BotOutput")]
    assert any(one["remaining_text"] for one in left if one)
    # One answer is several segments; the interrupted one ends where the words it was heard with do.
    check_history(answers(told, cut["words_heard"]), tape(page, tmp_path))
    assert data(page, "Error") == []


def answers(segments: list[str], first_words: int) -> list[str]:
    """The segments of the answer that was interrupted, and all others."""
    first: list[str] = []
    rest = list(segments)
    while rest and len(" ".join(first).split()) < first_words:
        first.append(rest.pop(0))
    return [" ".join(first), " ".join(rest)]


def test_our_element_holds_a_conversation_and_its_captions_are_what_was_heard(
    held: Conversations, tmp_path: Path
) -> None:
    page = held.page("element")
    captions = page.evaluate("() => page.made.view.captions")
    person = [one for one in captions if one["who"] == "person" and not one["typed"]]
    understood(" ".join(word["text"] for one in person for word in one["words"]))
    ours = [one for one in captions if one["who"] == "agent" and one["wordsHeard"]]
    assert ours[0]["status"] == "cut" and ours[0]["cutBy"] == "floor", ours
    assert [city.casefold() for city in page.evaluate("() => page.toolCalls")] == ["rome"]
    told = ["".join(w["text"] for w in one["words"][: one["wordsHeard"]]) for one in ours]
    check_history(told, tape(page, tmp_path))
    assert page.evaluate("() => page.errors") == []


def test_whip_brings_a_voice_in_and_whep_hears_the_answers(
    held: Conversations, ask: Ask, tmp_path: Path
) -> None:
    page = held.page("whip")
    answers = [(one["method"], one["status"]) for one in page.evaluate("() => page.answers")]
    assert answers.count(("POST", 201)) == 2 and answers[-1] == ("DELETE", 200), answers
    # A restart of ICE is not served, which the client takes.
    assert set(answers[:-1]) == {("POST", 201), ("PATCH", 204), ("PATCH", 501)}, answers
    record = Record(page, ask)
    understood(" ".join(one["text"] for one in record.turns("person")), CLOCK)
    check_history([one["text"] for one in record.turns("agent")], tape(page, tmp_path))
