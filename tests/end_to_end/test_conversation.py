"""A conversation through the real server with a scripted engine: heard truth, commands, ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.end_to_end.served import Served, server, until_metric
from tests.network.caller import Caller
from tests.steady import undisturbed
from tests.waiting import until

WORD_SAMPLES = 12_000

# Processes are started, and the machine may be busy with other tests.
pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One server for all tests that leave it as it was."""
    with server(script="enter") as running:
        yield running


def type_text(caller: Caller, text: str) -> int:
    """Type; returns how many events had come before."""
    caller.send({"type": "text.send", "text": text})
    return len(caller.events)


async def say_until_word(caller: Caller, word: int) -> None:
    await caller.open()
    type_text(caller, "say 20")
    await caller.wait_for("agent.heard", where=lambda e: e["words_heard"] >= word)


async def agent_turn(served: Served, caller: Caller) -> dict[str, Any]:
    """The agent's newest turn as the record has it."""
    session, token = caller.answer["session"], caller.answer["resume_token"]
    status, _, text = await asyncio.to_thread(
        served.request,
        f"/api/sessions/{session}/record.json",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert status == 200
    turns = [turn for turn in json.loads(text)["turns"] if turn["who"] == "agent"]
    found: dict[str, Any] = turns[-1]
    return found


@pytest.mark.parametrize(
    ("ask", "by"),
    [
        ({"type": "speech.stop"}, "stop"),
        ({"type": "text.send", "text": "yield"}, "floor"),
        ({"type": "text.send", "text": "Be quiet, please."}, "quiet"),
    ],
)
async def test_a_cut_is_the_same_for_client_record_and_engine(
    served: Served, ask: dict[str, str], by: str
) -> None:
    async with served.call() as caller:
        await say_until_word(caller, 3)
        seen = len(caller.events)
        caller.send(ask)
        cut = await caller.wait_for("agent.cut", since=seen)
        assert cut["by"] == by
        told = await caller.wait_for(
            "person.words", since=seen, where=lambda e: e["words"][0]["text"] == "cut"
        )
        _, utterance, samples = (word["text"] for word in told["words"])
        assert (int(utterance), round(int(samples) / 24)) == (cut["utterance"], cut["heard_ms"])
        turn = await agent_turn(served, caller)
        assert turn["cut"] and turn["by"] == by
        assert [word["heard"] for word in turn["words"]].count(True) == cut["words_heard"]
        assert cut["words_heard"] == round(int(samples) / WORD_SAMPLES)
        # And then there is silence: what the engine still sent is not heard.
        came = len(caller.heard.arrivals)
        await until(lambda: len(caller.heard.arrivals) >= came + 25)
        peaks = [float(np.abs(frame).max()) for _, frame in caller.heard.frames()]
        assert max(peaks) > 0.01 > max(peaks[-10:]), "200 ms, half a second later"
        assert not any(e["type"] == "agent.started" for e in caller.events[seen:])


@pytest.mark.timeout(120)
@undisturbed
async def test_speech_that_comes_at_once_is_played_in_its_own_time(served: Served) -> None:
    async with served.call() as caller:
        await caller.open()
        type_text(caller, "burst 3")
        done = await caller.wait_for("agent.done")
        assert (done["heard_ms"], done["words_heard"]) == (1500, 3)
        steps = [e["heard_ms"] for e in caller.events if e["type"] == "agent.heard"]
        assert steps == sorted(steps) and 4 <= len(steps) <= 10
        latency = await caller.wait_for("latency")
        assert latency["utterance"] == done["utterance"]
        assert 0 <= latency["latency_ms"] < 1500
        turn = await agent_turn(served, caller)
        assert (turn["text"], turn["cut"]) == ("w0 w1 w2", False)


async def test_a_sign_of_listening_is_no_answer(served: Served) -> None:
    async with served.call() as caller:
        await caller.open()
        type_text(caller, "listen")
        listening = await caller.wait_for("agent.done")
        seen = len(caller.events)
        type_text(caller, "say 1")
        answer = await caller.wait_for("agent.done", since=seen)
        told = [event["utterance"] for event in caller.events if event["type"] == "latency"]
        assert told == [answer["utterance"]] != [listening["utterance"]]


async def test_an_answer_is_one_though_a_sign_of_listening_never_sounded(served: Served) -> None:
    async with served.call() as caller:
        await caller.open()
        type_text(caller, "nod")
        await caller.wait_for("floor")
        type_text(caller, "say 1")
        answer = await caller.wait_for("agent.done")
        told = [event["utterance"] for event in caller.events if event["type"] == "latency"]
        assert told == [answer["utterance"]]


async def test_goodbye_ends_the_session_when_it_was_heard(served: Served) -> None:
    async with served.call() as caller:
        await caller.open()
        type_text(caller, "Thanks, goodbye!")
        assert (await caller.wait_for("session.ending"))["reason"] == "goodbye"
        assert (await caller.wait_for("session.ended"))["reason"] == "goodbye"
        kinds = [event["type"] for event in caller.events]
        assert kinds.index("agent.done") < kinds.index("session.ended")


async def test_goodbye_in_the_middle_of_an_answer_is_answered_by_a_farewell_alone(
    served: Served,
) -> None:
    async with served.call() as caller:
        await say_until_word(caller, 3)
        seen = len(caller.events)
        type_text(caller, "Goodbye!")
        cut = await caller.wait_for("agent.cut", since=seen)
        assert cut["by"] == "quiet"
        assert (await caller.wait_for("session.ended"))["reason"] == "goodbye"
        done = await caller.wait_for("agent.done", since=seen)
        assert done["utterance"] > cut["utterance"] and done["words_heard"] == 1


async def test_hanging_up_ends_the_session_and_gives_its_row_back(served: Served) -> None:
    async with served.call() as caller:
        await caller.open()
        caller.send({"type": "session.end"})
        assert (await caller.wait_for("session.ended"))["reason"] == "hung_up"
        await until_metric(served, "engine_streams", 0)


async def test_nobody_stays_for_ever() -> None:
    with server("--idle-seconds=3", "--session-seconds=8", script="enter") as short:
        async with short.call() as silent, short.call() as busy:
            await busy.open()

            async def chat() -> None:
                while True:
                    type_text(busy, "hello")
                    await asyncio.sleep(0.3)

            chatting = asyncio.create_task(chat())
            assert (await silent.wait_for("session.ended"))["reason"] == "idle"
            assert (await busy.wait_for("session.ended"))["reason"] == "limit"
            chatting.cancel()
