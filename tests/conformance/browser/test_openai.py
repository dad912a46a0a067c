"""OpenAI's npm packages, unmodified, in a real Chromium on a page of another origin."""

from __future__ import annotations

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
from tests.conformance.judging import (
    DONE,
    ERRAND,
    MORE,
    TELLER,
    WEATHER,
    remembered,
    to_its_end,
    understood,
)
from tests.speech.wer import normalised

pytestmark = [pytest.mark.browser, pytest.mark.weights, pytest.mark.timeout(400)]

REALTIME: Final = {"type": "realtime"}
_BEGUN: Final = counted("output_audio_buffer.started")
_CUT: Final = counted("conversation.item.truncated")
_INTERRUPTED: Final = "output_audio_interrupted"
"""One code of Live's `info`, of which another tells of an answer that may grow no longer."""
_OURS: Final = "session.output_transcript.delta"


_ENDED: Final = (
    "page.events.filter((e) => e.type === 'response.done'"
    " && (e.response.status === 'completed'"
    " || e.response.status_details?.reason === 'max_output_tokens')"
    " && e.response.output.some((item) => item.type === 'message'))"
)
"""Answers that were heard to their ends, of which some are where they may grow no longer."""


def answered(more_than: int) -> str:
    """So many answers were heard to their ends."""
    return f"() => {_ENDED}.length > {more_than}"


def fell_silent(since: str) -> str:
    """Since the first event of a type or code we spoke in Live, and then no more."""
    return f"() => page.fellSilent('{since}')"


@pytest.fixture(scope="module")
def held(opened: Callable[[], Page], secret: Callable[..., str]) -> Iterator[Conversations]:
    """The conversations of all classes, two at a time."""

    def agents(page: Page) -> Script:
        yield from begun(page, "agent", secret(REALTIME), TELLER)
        yield from turns(page, _BEGUN, _CUT, answered(0))
        page.evaluate("(text) => page.session.sendMessage(text)", WEATHER)
        yield "() => page.toolCalls.length > 0"
        yield answered(1)
        yield from part(page)
        page.evaluate("(text) => page.session.sendMessage(text)", MORE)
        yield counted("output_audio_buffer.started", 3)
        yield later(page, 1_000)
        page.evaluate("() => page.session.interrupt()")
        yield counted("conversation.item.truncated", 1)
        yield counted("conversation.item.retrieved", 1)
        yield from part(page)
        page.evaluate("() => page.session.close()")

    def plain(page: Page) -> Script:
        yield from begun(page, "plain", secret(REALTIME), TELLER)
        yield counted("session.updated")
        yield from turns(page, _BEGUN, _CUT, answered(0))
        content = [{"type": "input_text", "text": WEATHER}]
        item = {"type": "message", "role": "user", "content": content}
        for event in (
            {"type": "conversation.item.create", "item": item},
            {"type": "response.create"},
        ):
            page.evaluate("(event) => page.connection.send(event)", event)
        yield "() => page.toolCalls.length > 0"
        yield answered(1)
        yield from part(page)
        page.evaluate("() => page.connection.close()")

    def live(page: Page) -> Script:
        yield from begun(page, "live", secret(None), TELLER, DONE)
        yield counted("session.started")
        interrupted = f"() => page.events.some((e) => e.code === '{_INTERRUPTED}')"
        yield from turns(page, counted(_OURS, 2), interrupted, fell_silent(_INTERRUPTED))
        page.evaluate("() => page.say('errand')")
        yield counted("session.commentary.appended")
        yield fell_silent("session.commentary.appended")
        yield from part(page)
        page.evaluate("() => page.connection.send({ type: 'session.close', event_id: 'bye' })")
        yield counted("session.closed")

    def socket(page: Page) -> Script:
        yield from begun(page, "socket", secret(REALTIME), TELLER)

    scripts = {"agents": agents, "plain": plain, "live": live, "socket": socket}
    made = Conversations(opened, scripts)
    yield made
    made.close()


def assistant(page: Page) -> list[dict[str, Any]]:
    """What the session's own history says that we said."""
    items: list[dict[str, Any]] = page.evaluate(
        "() => page.session.history.filter((one) => one.role === 'assistant')"
    )
    return [one for one in items if one["content"] and one["content"][0].get("transcript")]


def test_the_agents_sdk_holds_a_conversation_and_its_history_is_what_was_heard(
    held: Conversations, tmp_path: Path
) -> None:
    page = held.page("agents")
    assert page.evaluate("() => page.begun").startswith("rtc_")
    person = page.evaluate(
        "() => page.session.history.filter((one) => one.role === 'user')"
        ".map((one) => one.content[0].transcript ?? '')"
    )
    understood(" ".join(person[:2]))
    assert [city.casefold() for city in page.evaluate("() => page.toolCalls")] == ["rome"]
    told = assistant(page)
    statuses = [one["status"] for one in told]
    assert statuses[0] == statuses[-1] == "incomplete", told
    answers = [one["response"] for one in events(page, "response.done")]
    cut = [one["status"] for one in answers if not to_its_end(one)]
    assert cut == ["cancelled", "cancelled"], answers
    check_history([one["content"][0]["transcript"] for one in told], tape(page, tmp_path))
    assert page.evaluate("() => page.errors") == []


def test_openais_own_class_holds_a_conversation_and_its_items_are_what_was_heard(
    held: Conversations, tmp_path: Path
) -> None:
    page = held.page("plain")
    kinds = page.evaluate("() => page.events.map((e) => e.type)")
    assert kinds[0] == "session.created" and "error" not in kinds, kinds
    kind = "conversation.item.input_audio_transcription.completed"
    understood(" ".join(one["transcript"] for one in events(page, kind)))
    assert [city.casefold() for city in page.evaluate("() => page.toolCalls")] == ["rome"]
    answers = [one["response"] for one in events(page, "response.done")]
    assert answers[0]["status_details"]["reason"] == "turn_detected", answers[0]
    items = [item for one in answers for item in one["output"] if item["type"] == "message"]
    texts = [item["content"][0]["transcript"] for item in items if item["content"]]
    check_history([text for text in texts if text], tape(page, tmp_path))


def test_openais_live_class_holds_a_conversation_and_its_transcript_is_what_was_heard(
    held: Conversations, tmp_path: Path
) -> None:
    page = held.page("live")
    told = page.evaluate("() => page.events")
    at = next(at for at, event in enumerate(told) if event.get("code") == _INTERRUPTED)
    assert told[at]["type"] == "info" and told[at]["reason"] == "floor"
    assert told[-1]["reason"] == "close_requested" and told[-1]["client_event_id"] == "bye"
    history = page.evaluate("() => page.history")
    understood(" ".join(one["text"] for one in history if one["speaker"] == "user"), ERRAND)
    (task,) = page.evaluate("() => page.toolCalls")
    assert set(normalised(task)) & set(normalised(ERRAND)), task
    assert events(page, "session.commentary.appended")[0]["client_event_id"] == "done"
    ours = [
        "".join(one["delta"] for one in these if one["type"] == _OURS)
        for these in (told[:at], told[at:])
    ]
    text = " ".join(one["text"] for one in history if one["speaker"] == "assistant")
    assert without_listening(text) == without_listening(" ".join(ours))
    check_history(ours, tape(page, tmp_path))


def without_listening(text: str) -> list[str]:
    """The words that are no signs of listening: the package's history leaves some of those out."""
    given = {word for text in (*GOING_ON, *TAKEN_IN) for word in normalised(text)}
    return [word for word in normalised(text) if word not in given]


def test_the_agents_sdk_holds_a_conversation_over_a_socket_too(held: Conversations) -> None:
    page = held.page("socket")
    remembered(page.evaluate("() => page.outcome"))


def test_a_secret_that_is_used_up_is_told_by_the_sdk(
    opened: Callable[[], Page], secret: Callable[..., str]
) -> None:
    page, once = opened(), secret(REALTIME)
    page.evaluate("(given) => page.plain(...given)", [once, TELLER])
    told = refused(page, "agent", once)
    assert "401" in told and "secret" in told, told
    page.context.close()


def test_a_key_that_has_all_its_sessions_is_told_by_the_sdks(
    opened: Callable[[], Page], secret: Callable[..., str], keys: tuple[dict[str, str], Path]
) -> None:
    page, shown = opened(), secret(REALTIME, keys[0]["single"], uses=3)
    page.evaluate("(given) => page.plain(...given)", [shown, TELLER])
    told = refused(page, "agent", shown)
    assert "429" in told and "already holds 1 sessions" in told, told
    told = refused(page, "plain", shown)
    assert "429 session_limit_exceeded, again in 5 s" in told, told
    page.evaluate("() => page.connection.close()")
    page.context.close()


def refused(page: Page, what: str, shown: str) -> str:
    """What the class says when it cannot begin."""
    ask = f"(given) => page.{what}(...given).then(() => '', (e) => `${{e}} ${{e.cause ?? ''}}`)"
    return str(page.evaluate(ask, [shown, TELLER]))
