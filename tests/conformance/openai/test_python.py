"""The unmodified Python package `openai`: secrets, calls, both transports, real speech both ways.

A person's recordings are answered by the small model; what the client believes was said is held
against what it was given to hear, judged by another project's recogniser.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import openai
import pytest
from openai import AsyncOpenAI

from tests.conformance.judging import STORY, TELLER, WEATHER, said, same, to_its_end
from tests.conformance.openai.talking import Event, Phone, Socket, Talker
from tests.end_to_end.served import Served
from tests.network.caller import Caller
from tests.speech.recordings import Recording
from tests.speech.wer import word_error_rate

pytestmark = [pytest.mark.weights, pytest.mark.timeout(240)]

SESSION: Event = {
    "type": "realtime",
    "instructions": TELLER,
    "audio": {
        "input": {
            "turn_detection": {"type": "semantic_vad", "eagerness": "high"},
            "transcription": {"model": "any"},
        }
    },
}


@contextlib.asynccontextmanager
async def socket(client: AsyncOpenAI) -> AsyncIterator[Talker]:
    """A conversation over one WebSocket."""
    async with client.realtime.connect(model="gpt-realtime") as connection:
        talker = Socket(connection)
        try:
            await talker.wait_for("session.created")
            yield talker
        finally:
            await talker.close()


@contextlib.asynccontextmanager
async def phone(client: AsyncOpenAI) -> AsyncIterator[Talker]:
    """A conversation over WebRTC, begun with a secret as a browser would."""
    made = await client.realtime.client_secrets.create(
        expires_after={"anchor": "created_at", "seconds": 60},
        session={"type": "realtime", "model": "gpt-realtime"},
    )
    assert made.value.startswith("ek_")
    caller = Caller("", rate=16_000, label="oai-events")
    browser = client.with_options(api_key=made.value)
    try:
        answer = await browser.realtime.calls.create(
            sdp=await caller.offer(), session={"type": "realtime", "model": "gpt-realtime"}
        )
        assert answer.response.headers["Location"].startswith("/v1/realtime/calls/rtc_")
        await caller.accept(answer.text)
        await caller.open(10.0)
        talker = Phone(caller)
        await talker.wait_for("session.created")
        yield talker
    finally:
        await caller.hang_up()


async def ask(talker: Talker, text: str) -> None:
    """Type, and ask for an answer."""
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": content}
    await talker.send({"type": "conversation.item.create", "item": item})
    await talker.send({"type": "response.create"})


async def retrieve(talker: Talker, item_id: str) -> Event:
    since = len(talker.events)
    await talker.send({"type": "conversation.item.retrieve", "item_id": item_id})
    told = await talker.wait_for("conversation.item.retrieved", since=since)
    item: Event = told["item"]
    return item


async def answered(talker: Talker, since: int) -> Event:
    """The next answer, over."""
    created = await talker.wait_for("response.created", 40.0, since=since)
    name = created["response"]["id"]
    done = await talker.wait_for(
        "response.done", 60.0, since=since, where=lambda one: one["response"]["id"] == name
    )
    response: Event = done["response"]
    return response


async def transcribed(talker: Talker, one: Recording, since: int) -> None:
    """What was said is understood."""
    kind = "conversation.item.input_audio_transcription.completed"
    told = await talker.wait_for(kind, 20.0, since=since)
    assert word_error_rate(one.text, told["transcript"]) <= 0.35, told
    order = [event["type"] for event in talker.events[since:]]
    assert order.index("input_audio_buffer.speech_started") < order.index(
        "input_audio_buffer.speech_stopped"
    )
    assert "conversation.item.input_audio_transcription.delta" in order


async def interrupted(talker: Talker) -> tuple[Event, Event]:
    """Two turns, of which the second interrupts the answer to the first; both answers."""
    await talker.send({"type": "session.update", "session": SESSION})
    updated = await talker.wait_for("session.updated")
    assert updated["session"]["instructions"] == SESSION["instructions"]
    talker.say(said()[0].audio)
    await until_heard(talker, 0, 1.5)
    since = len(talker.events)
    await transcribed(talker, said()[0], 0)
    talker.say(said()[1].audio)
    cut = await talker.wait_for("conversation.item.truncated", 30.0, since=since)
    first = await answered(talker, 0)
    assert first["status"] == "cancelled"
    assert first["status_details"]["reason"] == "turn_detected"
    assert cut["audio_end_ms"] > 1_000 and cut["item_id"] == first["output"][0]["id"]
    since = talker.events.index(cut)
    second = await answered(talker, since)
    assert to_its_end(second), second
    return first, second


async def whole(
    conversation: AbstractAsyncContextManager[Talker],
) -> tuple[Talker, list[Event]]:
    """A conversation over one transport, and its answers."""
    async with conversation as talker:
        answers = [*await interrupted(talker)]
        await calls_a_function(talker)
        answers.append(await cancelled_by_the_client(talker))
        await commits_nothing(talker)
        items = [await retrieve(talker, one["output"][0]["id"]) for one in answers]
    return talker, [{**one, "told": item} for one, item in zip(answers, items, strict=True)]


async def test_a_conversation_with_an_interruption_and_a_tool(client: AsyncOpenAI) -> None:
    for talker, answers in await asyncio.gather(whole(socket(client)), whole(phone(client))):
        for one in answers:
            text = one["told"]["content"][0]["transcript"]
            await asyncio.to_thread(same, text, talker.sound(one["id"]))


async def calls_a_function(talker: Talker) -> None:
    """The model asks for the client's function, is answered, and goes on to speak."""
    city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    about = "Tells the weather in a city now."
    tool = {"type": "function", "name": "weather", "description": about, "parameters": city}
    choice = {"type": "function", "name": "weather"}
    session = {"type": "realtime", "tools": [tool], "tool_choice": choice}
    since = len(talker.events)
    await talker.send({"type": "session.update", "session": session})
    await talker.wait_for("session.updated", since=since)
    await ask(talker, WEATHER)
    response = await answered(talker, since)
    call = response["output"][-1]
    assert call["type"] == "function_call" and call["name"] == "weather", response
    assert "city" in json.loads(call["arguments"])
    assert (await retrieve(talker, call["id"]))["call_id"] == call["call_id"]
    since = len(talker.events)
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "It is sunny."}
    await talker.send({"type": "conversation.item.create", "item": output})
    await talker.send({"type": "response.create"})
    response = await answered(talker, since)
    assert to_its_end(response) and response["output"][0]["role"] == "assistant", response


async def cancelled_by_the_client(talker: Talker) -> Event:
    since = len(talker.events)
    session = {"type": "realtime", "tools": [], "tool_choice": "auto"}
    await talker.send({"type": "session.update", "session": session})
    await ask(talker, STORY)
    await until_heard(talker, since, 1.2)
    await talker.send({"type": "response.cancel"})
    response = await answered(talker, since)
    assert response["status_details"]["reason"] == "client_cancelled"
    since = len(talker.events)
    await talker.send({"type": "response.cancel", "event_id": "once-more"})
    error = await talker.wait_for("error", since=since)
    assert error["error"]["code"] == "response_cancel_not_active"
    assert error["error"]["event_id"] == "once-more"
    return response


async def commits_nothing(talker: Talker) -> None:
    since = len(talker.events)
    await talker.send({"type": "input_audio_buffer.commit", "event_id": "nothing"})
    error = (await talker.wait_for("error", since=since))["error"]
    assert error["code"] == "input_audio_buffer_commit_empty" and error["event_id"] == "nothing"


async def until_heard(talker: Talker, since: int, sound_seconds: float) -> None:
    """Wait until so much of the next answer was heard."""
    created = await talker.wait_for("response.created", 40.0, since=since)
    name = created["response"]["id"]
    kind = "response.output_audio_transcript.delta"
    await talker.wait_for(kind, 30.0, since=since, where=lambda one: one["response_id"] == name)
    await asyncio.sleep(sound_seconds)


async def test_a_server_listens_in_and_hangs_up(client: AsyncOpenAI) -> None:
    caller = Caller("", rate=16_000, label="oai-events")
    try:
        answer = await client.realtime.calls.create(sdp=await caller.offer())
        call_id = answer.response.headers["Location"].rsplit("/", 1)[1]
        await caller.accept(answer.text)
        await caller.open(10.0)
        async with client.realtime.connect(call_id=call_id) as sideband:
            created = await sideband.recv()
            assert created.type == "session.created"
            await sideband.session.update(session={"type": "realtime", "instructions": "Hum."})
            updated = await caller.wait_for("session.updated", 10.0)
            assert updated["session"]["instructions"] == "Hum."
            assert (await sideband.recv()).type == "session.updated"
            await client.realtime.calls.hangup(call_id)
            with pytest.raises(Exception, match=r"1000|close"):
                for _ in range(20):
                    await sideband.recv()
    finally:
        await caller.hang_up()
    with pytest.raises(openai.NotFoundError):
        await client.realtime.calls.hangup(call_id)


async def test_who_has_no_key_gets_the_documented_error(served: Served) -> None:
    async with AsyncOpenAI(api_key="wrong", base_url=f"{served.url}/v1", max_retries=0) as other:
        with pytest.raises(openai.AuthenticationError) as refused:
            await other.realtime.client_secrets.create()
        assert refused.value.code == "invalid_api_key"
        with pytest.raises(openai.AuthenticationError):
            await other.realtime.calls.create(sdp="v=0")
