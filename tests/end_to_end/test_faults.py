"""Bad input and faults, through the real server: nobody else notices, and who is hit is told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from aiortc.exceptions import InvalidStateError

from tests.end_to_end.served import Served, metric, server, tone, until_metric
from tests.network.caller import Caller, Refused
from tests.server.scripted_engine import REFUSED
from tests.steady import undisturbed

# Processes are started, and the machine may be busy with other tests.
pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def echo() -> Iterator[Served]:
    """One server with the echo engine for all tests that leave it as it was."""
    with server("--engine=rows=3") as served:
        yield served


@pytest.fixture(scope="module")
def scripted_server() -> Iterator[Served]:
    """One server with the scripted engine."""
    with server("--engine-silence-seconds=6", "--engine-restarts=20", script="enter") as served:
        yield served


@pytest.fixture
def scripted(scripted_server: Served) -> Served:
    """That server with an engine at work, whatever the test before did to it."""
    scripted_server.wait_ready()
    return scripted_server


# ---- the data channel --------------------------------------------------------------------------


async def alive(caller: Caller, mark: float) -> None:
    """The session answers."""
    caller.send({"type": "ping", "sent_ms": mark})
    await caller.wait_for("pong", where=lambda event: event["sent_ms"] == mark)


async def test_bad_messages_are_answered_and_the_session_goes_on(echo: Served) -> None:
    async with echo.call() as caller:
        await caller.open()
        for message, code in (
            ("x" * 20_000, "too_large"),
            ("{", "bad_json"),
            (b"\x00\x01", "bad_json"),
            ('{"type":"session.started","event_id":"e1"}', "unknown_type"),
            ('{"type":"text.send","event_id":"e2"}', "bad_field"),
        ):
            caller.send(message)
            seen = len(caller.events)
            answer = await caller.wait_for("error", since=seen)
            assert answer["code"] == code
        named = [event.get("event_id") for event in caller.events if event["type"] == "error"]
        assert named == [None, None, None, "e1", "e2"]
        await alive(caller, 1)
    seqs = [event["seq"] for event in caller.events]
    assert seqs == list(range(len(seqs)))


async def test_a_flood_hits_its_own_session_and_no_other(echo: Served) -> None:
    """Ten thousand messages as fast as they go: an error or the end for who sends them."""
    async with echo.call() as other, echo.call() as flood:
        await flood.open()
        await alive(other, 1)
        with contextlib.suppress(InvalidStateError):  # closed in the midst of it
            for n in range(10_000):
                flood.send('{"type":"speech.stop"}')
                if n % 500 == 0:
                    await asyncio.sleep(0)
        # Which of the two it is depends on how fast this side can send; both are in the dialect.
        error = await flood.wait_for("error")
        assert error["code"] == "too_fast"
        seen = len(other.events)
        await alive(other, 2)
        other.say(tone(0.3))
        await other.wait_for("agent.done", since=seen)
        assert all(event["type"] not in ("error", "session.ended") for event in other.events)
    await until_metric(echo, "sessions", 0)


# ---- the client goes ---------------------------------------------------------------------------


async def test_a_client_that_vanishes_is_noticed_and_can_come_back(echo: Served) -> None:
    async with echo.call() as caller:
        caller.say(tone(0.6))
        done = await caller.wait_for("agent.done")
        assert done["words_heard"] > 0
        await caller.vanish()
        await until_metric(echo, "sessions", 0)
        await until_metric(echo, "engine_streams", 0)
        assert await metric(echo, "conversations_parked") >= 1
        token, session = caller.answer["resume_token"], caller.answer["session"]
    async with echo.call(extra={"resume": token}) as again:
        started = await again.wait_for("session.started")
        assert (again.answer["session"], started["resumed"]) == (session, True)
        assert [turn["who"] for turn in started["turns"]] == ["agent"]
        again.say(tone(0.3))
        told = await again.wait_for("agent.started")
        assert told["utterance"] > done["utterance"]


async def test_who_resumes_a_session_that_goes_on_replaces_it(echo: Served) -> None:
    async with echo.call() as first:
        await first.wait_for("session.started")
        async with echo.call(extra={"resume": first.answer["resume_token"]}) as second:
            assert (await first.wait_for("session.ended"))["reason"] == "replaced"
            await second.open()
            await alive(second, 1)
            assert await metric(echo, "sessions") == 1


async def test_an_unknown_token_begins_a_new_conversation(echo: Served) -> None:
    async with echo.call(extra={"resume": "of a server long gone"}) as caller:
        assert (await caller.wait_for("session.started"))["resumed"] is False


async def test_the_record_is_the_persons_to_take_and_to_delete(echo: Served) -> None:
    async with echo.call() as caller:
        await caller.open()
        caller.send({"type": "text.send", "text": "remember <this>"})
        await caller.wait_for("person.words")
        path = f"/api/sessions/{caller.answer['session']}"
        mine = {"Authorization": f"Bearer {caller.answer['resume_token']}"}

        def ask(where: str, method: str = "GET", key: dict[str, str] | None = None) -> Any:
            return echo.request(path + where, method=method, headers=mine if key is None else key)

        assert (await asyncio.to_thread(ask, "/record.json", "GET", {}))[0] == 403
        status, _, text = await asyncio.to_thread(ask, "/record.json")
        assert status == 200 and b"remember <this>" in text
        status, _, text = await asyncio.to_thread(ask, "/record.vtt")
        assert status == 200 and b"remember &lt;this&gt;" in text
        assert (await asyncio.to_thread(ask, "", "DELETE"))[0] == 204
        assert (await caller.wait_for("session.ended"))["reason"] == "deleted"
        assert (await asyncio.to_thread(ask, "/record.json"))[0] == 404


# ---- the engine --------------------------------------------------------------------------------


async def talk_through_a_killed_engine(served: Served, back_seconds: float) -> None:
    """The person is told within a second, and goes on with an intact record in time."""
    await asyncio.to_thread(served.wait_ready)
    async with served.call() as caller:
        await caller.open()
        caller.send({"type": "text.send", "text": "say 1"})
        await caller.wait_for("agent.done")
        caller.send({"type": "text.send", "text": "say 40"})
        await caller.wait_for("agent.heard", where=lambda event: event["words_heard"] >= 2)
        loop = asyncio.get_running_loop()
        seen, killed = len(caller.events), loop.time()
        os.kill(served.engines()[0].pid, signal.SIGKILL)
        cut = await caller.wait_for("agent.cut", 1, since=seen)
        await caller.wait_for("engine", 1, since=seen, where=lambda e: e["state"] == "restarting")
        assert loop.time() - killed <= 1.0
        assert cut["by"] == "engine" and 2 <= cut["words_heard"] < 40
        await caller.wait_for("engine", 10, since=seen, where=lambda e: e["state"] == "ready")
        assert loop.time() - killed <= back_seconds
        seen = len(caller.events)
        caller.send({"type": "text.send", "text": "recall"})
        words = await caller.wait_for(
            "person.words", since=seen, where=lambda event: not event["typed"]
        )
        spoken = " ".join(f"w{n}" for n in range(cut["words_heard"]))
        remembered = " ".join(word["text"] for word in words["words"])
        assert remembered == f"person:say 1 | agent:w0 | person:say 40 | agent:{spoken}/cut"
        caller.send({"type": "text.send", "text": "say 1"})
        done = await caller.wait_for("agent.done", since=seen)
        assert done["utterance"] > cut["utterance"]


@pytest.mark.timeout(120)
@undisturbed
async def test_an_engine_killed_in_mid_sentence(scripted: Served) -> None:
    await talk_through_a_killed_engine(scripted, 10.0)


@pytest.mark.timeout(180)
@undisturbed
async def test_an_engine_killed_in_mid_sentence_with_a_spare() -> None:
    with server("--spare-engines=1", script="enter") as served:
        await until_metric(served, "engine_spare_ready", 1)
        await talk_through_a_killed_engine(served, 3.0)


async def test_an_engine_that_hangs_is_replaced(scripted: Served) -> None:
    async with scripted.call() as caller:
        await caller.open()
        os.kill(scripted.engines()[0].pid, signal.SIGSTOP)
        lost = await caller.wait_for("engine", where=lambda event: event["state"] == "restarting")
        seen = caller.events.index(lost)
        await caller.wait_for("engine", since=seen, where=lambda e: e["state"] == "ready")
        await alive(caller, 1)


async def test_an_engine_that_is_too_slow(scripted: Served) -> None:
    """The person is told; audio is dropped rather than late; typed text is not lost."""
    dropped = await metric(scripted, "blocks_dropped_total")
    async with scripted.call() as caller:
        await caller.open()
        caller.send({"type": "text.send", "text": "sleep 3"})
        slow = await caller.wait_for("engine", where=lambda event: event["state"] == "slow")
        caller.send({"type": "text.send", "text": "still there"})
        await caller.wait_for(
            "person.words", where=lambda e: [w["text"] for w in e["words"]] == ["still", "there"]
        )
        assert await metric(scripted, "blocks_dropped_total") >= dropped + 4
        seen = len(caller.events)
        await caller.wait_for("health", since=seen, where=lambda e: e["behind_ms"] <= 300)
        seen = caller.events.index(slow)
        await caller.wait_for("engine", since=seen, where=lambda e: e["state"] == "ready")


async def test_an_engine_that_gives_one_stream_up_leaves_the_others(scripted: Served) -> None:
    restarts = await metric(scripted, "engine_restarts")
    async with scripted.call() as other, scripted.call() as caller:
        await caller.open()
        await other.open()
        caller.send({"type": "text.send", "text": "fail"})
        assert (await caller.wait_for("session.ended"))["reason"] == "internal"
        await alive(other, 1)
    assert await metric(scripted, "engine_restarts") == restarts


async def test_who_is_refused_by_the_engine_is_told_though_the_channel_is_not_open_yet(
    scripted: Served,
) -> None:
    async with scripted.call(extra={"settings": {"instructions": REFUSED}}) as caller:
        error = await caller.wait_for("error")
        assert error["fatal"] and "instructions are too long" in error["message"]
        assert (await caller.wait_for("session.ended"))["reason"] == "internal"


def test_an_engine_that_cannot_be_started_ends_the_server_with_an_error() -> None:
    with server("--engine-restarts=1", script="enter_broken", ready=False) as served:
        assert served.spawned.process.wait(50) == 1
        assert "ended 2 times in a row" in served.spawned.output()


# ---- the end -----------------------------------------------------------------------------------


async def test_sigterm_tells_everybody_and_ends_in_time() -> None:
    with server("--drain-seconds=5") as served:
        async with served.call() as caller:
            await caller.open()
            loop = asyncio.get_running_loop()
            told = loop.time()
            os.kill(served.spawned.process.pid, signal.SIGTERM)
            ending = await caller.wait_for("session.ending")
            assert (ending["reason"], ending["in_ms"]) == ("shutdown", 5000)
            with pytest.raises(Refused) as refusal:
                async with served.call():
                    pass
            assert refusal.value.body["error"]["code"] == "shutting_down"
            assert (await caller.wait_for("session.ended"))["reason"] == "shutdown"
        code = await asyncio.to_thread(served.spawned.process.wait, 30)
        assert code == 0
        assert loop.time() - told <= 5.0 + 9.0
