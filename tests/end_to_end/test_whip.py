"""WHIP and WHEP as HTTP has them, who may listen, and that listening disturbs nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping

import numpy as np
import pytest
from aiortc import RTCSessionDescription

from server.auth import new_key
from server.auth_keys import save_keys
from tests.end_to_end.served import Served, metric, server, tone
from tests.network.caller import Caller
from tests.waiting import until

pytestmark = pytest.mark.timeout(60)

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
ORIGIN = "https://studio.example"
Answer = tuple[int, Mapping[str, str], str]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    """Two keys and the file that knows them."""
    file = tmp_path_factory.mktemp("keys") / "keys.jsonl"
    (ours, kept), (theirs, other) = new_key("studio", per_minute=1_000), new_key("other")
    save_keys(file, [kept, other])
    return ours, theirs, str(file)


@pytest.fixture(scope="module")
def served(keys: tuple[str, str, str]) -> Iterator[Served]:
    """One server that wants keys and does what typed text tells it."""
    flags = ("--page-ice-servers", "turn:turn.example:3478", "--turn-secret", "s")
    allowed = ("--api-keys", keys[2], "--allowed-origins", ORIGIN)
    with server(*flags, *allowed, script="enter") as running:
        yield running


@pytest.fixture
def key(keys: tuple[str, str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {keys[0]}"}


async def ask(served: Served, method: str, path: str, body: str = "", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    status, told, text = await asyncio.to_thread(
        served.request, path, method=method, body=body.encode(), headers=named
    )
    return status, told, text.decode()


@contextlib.asynccontextmanager
async def connected(
    served: Served, path: str, headers: Mapping[str, str]
) -> AsyncIterator[tuple[Caller, str]]:
    """Somebody who published or listens, and the address of that."""
    caller = Caller("", loopback=True)
    try:
        offer = await caller.offer()
        status, told, answer = await ask(served, "POST", path, offer, **{**SDP, **headers})
        assert status == 201, answer
        await caller._pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await until(lambda: caller.state == "connected", 10.0)
        yield caller, told["Location"]
    finally:
        await caller.hang_up()


async def test_a_voice_is_published_and_taken_down(served: Served, key: dict[str, str]) -> None:
    caller = Caller("", loopback=True)
    offer = await caller.offer()
    status, told, answer = await ask(
        served, "POST", "/whip", offer, Origin=ORIGIN, **{**SDP, **key}
    )
    assert status == 201 and told["Content-Type"].startswith("application/sdp")
    assert "a=recvonly" in answer and "a=sendrecv" not in answer.split("m=application")[0]
    assert told["Access-Control-Allow-Origin"] == ORIGIN
    assert {"Location", "ETag", "Link"} <= set(told["Access-Control-Expose-Headers"].split(", "))
    assert told["Accept-Patch"] == "application/trickle-ice-sdpfrag"
    assert told["ETag"].startswith('"') and 'rel="ice-server"' in told["Link"]
    assert 'username="' in told["Link"] and 'credential-type="password"' in told["Link"]
    path, etag = told["Location"], told["ETag"]
    assert path == f"/whip/{told['Counterpoint-Session']}"
    await caller.accept(answer)
    ufrag = next(one for one in offer.splitlines() if one.startswith("a=ice-ufrag"))
    line = "a=candidate:1 1 udp 5 10.9.8.7 5000 typ host"
    fragment = f"{ufrag}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n{line}\r\n"

    async def patch(text: str = fragment, match: str = etag, **others: str) -> int:
        headers = {**FRAGMENT, **key, **({"If-Match": match} if match else {}), **others}
        return (await ask(served, "PATCH", path, text, **headers))[0]

    assert await patch() == 204
    assert await patch(match='"stale"') == 412
    assert await patch(match="") == 428
    assert await patch(match="*") == 501
    assert await patch(fragment.replace("a=ice-ufrag:", "a=ice-ufrag:new")) == 501
    assert await patch(fragment.replace(line, "a=candidate:nonsense")) == 400
    assert await patch(fragment.replace("a=mid:0", "a=mid:7")) == 400
    assert await patch(Authorization="Bearer other") == 404
    assert (await ask(served, "GET", path, **key))[0] == 405
    assert (await ask(served, "DELETE", path))[0] == 404
    assert (await ask(served, "DELETE", path, **key))[0] == 200
    assert (await ask(served, "DELETE", path, **key))[0] == 404
    token = {"Authorization": f"Bearer {told['Counterpoint-Resume-Token']}"}
    record = f"/api/sessions/{told['Counterpoint-Session']}/record.json"
    assert (await ask(served, "GET", record, **token))[0] == 200
    await caller.hang_up()


async def test_what_is_no_offer_or_has_no_key_is_refused(
    served: Served, key: dict[str, str]
) -> None:
    assert (await ask(served, "POST", "/whip", "v=0", **SDP))[0] == 401
    assert (await ask(served, "POST", "/whip", "v=0", **{**SDP, **key}))[0] == 400
    assert (await ask(served, "POST", "/whip", "{}", Content_Type="text/plain", **key))[0] == 400
    assert (await ask(served, "POST", "/whip", "v=0", Origin="https://evil.example",
        **{**SDP, **key}))[0] == 403  # fmt: skip
    status, told, _ = await ask(served, "OPTIONS", "/whip")
    assert status == 204 and told["Accept-Post"] == "application/sdp"
    wanted = {"Access-Control-Request-Method": "PATCH", "Origin": ORIGIN}
    wanted["Access-Control-Request-Headers"] = "authorization,content-type,if-match"
    status, told, _ = await ask(served, "OPTIONS", "/whip/x", **wanted)
    assert status == 204 and "PATCH" in told["Access-Control-Allow-Methods"]
    assert "if-match" in told["Access-Control-Allow-Headers"]


@contextlib.asynccontextmanager
async def person(served: Served, key: dict[str, str]) -> AsyncIterator[Caller]:
    """Somebody in a conversation of our own dialect, with that key."""
    caller = Caller("", loopback=True)
    try:
        body = {"sdp": await caller.offer(), "type": "offer"}
        headers = {"Content-Type": "application/json", **key}
        status, _, text = await ask(served, "POST", "/api/offer", json.dumps(body), **headers)
        assert status == 201, text
        caller.answer = json.loads(text)
        await caller.accept(caller.answer["sdp"])
        await caller.open(10.0)
        yield caller
    finally:
        await caller.hang_up()


async def test_others_listen_in_and_the_person_is_told(served: Served, key: dict[str, str]) -> None:
    async with person(served, key) as caller:
        path = f"/whep/{caller.answer['session']}"
        async with connected(served, path, key) as (listener, address):
            assert address.startswith(path + "/")
            told = await caller.wait_for("listeners", 10.0)
            assert "a=sendonly" in listener._pc.remoteDescription.sdp  # nobody hears them
            assert (told["count"], told["hear_person"]) == (1, False)
            owner = {"Authorization": f"Bearer {caller.answer['resume_token']}"}
            async with connected(served, f"{path}?person=true", owner) as (other, _):
                await caller.wait_for("listeners", 10.0, where=lambda e: e["count"] == 2)
                assert await metric(served, "listeners") == 2
                caller.say(tone(0.5))
                await until(lambda: np.abs(other.heard.audio()).max(initial=0) > 0.1)
                await asyncio.sleep(0.5)
                assert np.abs(listener.heard.audio()).max() < 0.01
                caller.send({"type": "text.send", "text": "say 6"})
                await caller.wait_for("agent.done", 20.0)
                since = len(caller.events)
            await caller.wait_for(
                "listeners", 10.0, since=since, where=lambda event: event["count"] == 1
            )
            ours, theirs = caller.heard.audio(), listener.heard.audio()
            assert np.abs(ours).max() > 0.1 and np.abs(theirs).max() > 0.1
            loud = [float(np.mean(np.abs(one) > 0.05) * len(one)) for one in (ours, theirs)]
            assert loud[1] >= 0.9 * loud[0], loud
            assert (await ask(served, "DELETE", address, **key))[0] == 200
        await caller.wait_for("listeners", 10.0, where=lambda event: event["count"] == 0)
        caller.send({"type": "text.send", "text": "say 1"})
        await caller.wait_for("agent.done", 10.0, where=lambda event: event["utterance"] == 1)
        assert await metric(served, "listeners") == 0


async def test_only_the_owner_and_the_key_may_listen(
    served: Served, key: dict[str, str], keys: tuple[str, str, str]
) -> None:
    async with person(served, key) as caller:
        path = f"/whep/{caller.answer['session']}"
        other = {"Authorization": f"Bearer {keys[1]}"}
        assert (await ask(served, "POST", path, "v=0", **SDP))[0] == 401
        assert (await ask(served, "POST", path, "v=0", **{**SDP, **other}))[0] == 404
        assert (await ask(served, "POST", "/whep/unknown", "v=0", **{**SDP, **key}))[0] == 404
        assert (await ask(served, "POST", path, "v=0", **{**SDP, **key}))[0] == 400
        assert (await ask(served, "POST", path + "?person=x", "v=0", **{**SDP, **key}))[0] == 400
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(4):
                await stack.enter_async_context(connected(served, path, key))
            extra = Caller("", loopback=True)
            stack.push_async_callback(extra.hang_up)
            status, told, _ = await ask(served, "POST", path, await extra.offer(), **{**SDP, **key})
            assert status == 503 and told["Retry-After"]
            assert not any(one["type"] == "agent.cut" for one in caller.events)


async def test_the_end_of_the_session_is_the_end_for_who_listens(
    served: Served, key: dict[str, str]
) -> None:
    async with connected(served, "/whip", key) as (_, address):
        session = address.rsplit("/", 1)[1]
        async with connected(served, f"/whep/{session}", key) as (listener, place):
            assert (await ask(served, "DELETE", address, **key))[0] == 200
            await until(lambda: listener.state != "connected", 10.0)
            # Who hung up first may still say so, once.
            assert (await ask(served, "DELETE", place, **key))[0] == 200
            assert (await ask(served, "DELETE", place, **key))[0] == 404
