"""pipecat's addresses: offers, candidates, sessions that are started first, and who may go on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.served import Served, server
from tests.network.caller import Caller, Refused

pytestmark = pytest.mark.timeout(60)

READY = {"label": "rtvi-ai", "type": "client-ready", "id": "r", "data": {"version": "2.1.0"}}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One server that does what typed text tells it."""
    ice = ("--page-ice-servers", "turn:turn.example:3478", "--turn-secret", "s")
    with server(*ice, script="enter") as running:
        yield running


def call(served: Served, path: str = "/pipecat/api/offer", **extra: Any) -> Caller:
    return Caller(f"{served.url}{path}", loopback=True, label="chat", extra=extra)


async def ask(
    served: Served, method: str, path: str, body: Any, **headers: str
) -> tuple[int, dict[str, Any]]:
    status, _, text = await asyncio.to_thread(
        served.request,
        path,
        method=method,
        body=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **headers},
    )
    return status, json.loads(text)


async def say(caller: Caller, text: str) -> None:
    await caller.open(10.0)
    sent = {"type": "send-text", "id": "t", "data": {"content": text}}
    caller.send({"label": "rtvi-ai", **sent})


async def test_a_conversation_with_an_interruption(served: Served) -> None:
    async with call(served) as caller:
        await caller.open(10.0)
        caller.send(READY)
        ready = await caller.wait_for("bot-ready", 10.0)
        assert ready["id"] == "r"
        await say(caller, "say 8")
        await caller.wait_for("bot-started-speaking", 10.0)
        await caller.wait_for("bot-tts-text", 10.0)
        stop = {"type": "client-message", "id": "s", "data": {"t": "speech.stop"}}
        caller.send({"label": "rtvi-ai", **stop})
        told = await caller.wait_for("server-response", 10.0)
        assert told["id"] == "s"
        await caller.wait_for("bot-stopped-speaking", 10.0)
        last = [one["data"] for one in caller.events if one["type"] == "bot-output"][-1]
        spoken = [one["data"]["text"] for one in caller.events if one["type"] == "bot-tts-text"]
        assert last["spoken_status"] == "in-progress"
        assert last["spoken_progress"]["accumulated_text"] == " ".join(spoken)
        assert last["spoken_progress"]["remaining_text"].endswith("w7")
        caller.send({"label": "rtvi-ai", "type": "disconnect-bot", "id": "d", "data": {}})
        left = await caller.wait_for("signalling", 10.0)
        assert left["message"] == {"type": "peerLeft"}


async def test_candidates_come_later_and_bad_ones_are_refused(served: Served) -> None:
    async with call(served) as caller:
        pc_id = caller.answer["pc_id"]
        good = {"candidate": "candidate:1 1 udp 5 10.9.8.7 5000 typ host", "sdp_mid": "0"}
        end = {"candidate": "", "sdp_mid": "0", "sdp_mline_index": 0}
        path = "/pipecat/api/offer"
        body = {"pc_id": pc_id, "candidates": [good, end]}
        assert await ask(served, "PATCH", path, body) == (200, {"status": "success"})
        for bad in ({"candidate": "x", "sdp_mid": "0"}, {**good, "sdp_mid": "7"}, "x"):
            status, told = await ask(served, "PATCH", path, {**body, "candidates": [bad]})
            assert status == 400 and told["error"]["code"] == "bad_offer" and told["detail"]
        for other in ("", "0" * 32, None):
            status, _ = await ask(served, "PATCH", path, {**body, "pc_id": other})
            assert status == 404
        status, _ = await ask(served, "PATCH", path, body, Authorization="Bearer someone-else")
        assert status == 404
        assert (await ask(served, "PATCH", path, [1]))[0] == 400


async def test_a_started_session_takes_its_wishes_along(served: Served) -> None:
    wishes = {"settings": {"instructions": "Hum."}, "events": True, "theirs": [1]}
    start = {"transport": "webrtc", "enableDefaultIceServers": True, "body": wishes}
    status, told = await ask(served, "POST", "/pipecat/start", start)
    assert status == 200
    (turn,) = told["iceConfig"]["iceServers"]
    assert turn["urls"] == "turn:turn.example:3478" and turn["username"] and turn["credential"]
    path = f"/pipecat/sessions/{told['sessionId']}/api/offer"
    async with call(served, path) as caller:
        await caller.open(10.0)
        first = await caller.wait_for("server-message", 10.0)
        assert first["data"]["type"] == "session.started"
        body = {"pc_id": caller.answer["pc_id"], "candidates": []}
        assert (await ask(served, "PATCH", path, body))[0] == 200
    with pytest.raises(Refused) as again:
        async with call(served, path):
            pass
    assert again.value.status == 404
    bad = {"body": {"settings": {"eagerness": 7}}}
    status, told = await ask(served, "POST", "/pipecat/start", bad)
    assert status == 400 and "eagerness" in told["detail"]


async def test_a_connection_made_anew_goes_on_with_the_conversation(served: Served) -> None:
    async with call(served) as first:
        await say(first, "say 1")
        await first.wait_for("bot-stopped-speaking", 15.0)
        pc_id = first.answer["pc_id"]
        async with call(served, pc_id=pc_id, restart_pc=True, requestData={}) as second:
            assert second.answer["pc_id"] == pc_id
            await say(second, "recall")
            told = await second.wait_for("user-transcription", 15.0)
            assert told["data"]["text"] == "person:say 1 | agent:w0"
            assert not any(one["type"] == "signalling" for one in first.events)
    async with call(served, pc_id="unknown", restart_pc=True) as third:
        assert third.answer["pc_id"] not in ("unknown", pc_id)


@pytest.mark.parametrize(
    "body",
    [[], {}, {"type": "offer"}, {"type": "offer", "sdp": "v=0", "pc_id": 5}, {"type": "answer"},
        {"type": "offer", "sdp": "v=0", "restart_pc": "yes"},
        {"type": "offer", "sdp": "v=0", "requestData": []},
        {"type": "offer", "sdp": "v=0", "requestData": {"events": 1}},
        {"type": "offer", "sdp": "v=0", "requestData": {"settings": {"voice": 5}}}],
)  # fmt: skip
async def test_bad_offers_are_refused(served: Served, body: Any) -> None:
    status, told = await ask(served, "POST", "/pipecat/api/offer", body)
    assert status == 400 and told["detail"] == told["error"]["message"]
