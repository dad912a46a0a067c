"""Offers that cannot be answered, through the real server: a clear refusal, no session left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.served import Served, metric, server, until_metric
from tests.network.caller import Refused

# Processes are started, and the machine may be busy with other tests.
pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def echo() -> Iterator[Served]:
    """One server with the echo engine for all tests that leave it as it was."""
    with server("--engine=rows=3") as served:
        yield served


async def offer_sdp(*kinds: str, codec: str = "") -> str:
    """An offer with these m-lines."""
    from aiortc import RTCPeerConnection

    pc = RTCPeerConnection()
    try:
        pc.createDataChannel("counterpoint")
        for kind in kinds:
            pc.addTransceiver(kind)
        sdp: str = (await pc.createOffer()).sdp
    finally:
        await pc.close()
    return sdp.replace("opus/48000/2", codec) if codec else sdp


# ---- offers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_offer"),
        (b"{", 400, "bad_offer"),
        (b"[" * 30_000, 400, "bad_offer"),
        (b"\xff\xfe", 400, "bad_offer"),
        ({"type": "offer"}, 400, "bad_offer"),
        ({"type": "offer", "sdp": ""}, 400, "bad_offer"),
        ({"type": "offer", "sdp": "v=0\r\nthis is no SDP\r\n"}, 400, "no_audio"),
        ({"type": "offer", "sdp": "v=0", "settings": {"eagerness": 9}}, 400, "bad_offer"),
        ({"type": "offer", "sdp": "v=0", "wait": 5}, 400, "bad_offer"),
        ({"type": "offer", "sdp": "v=0", "wait": "x" * 300}, 400, "bad_offer"),
        ({"type": "offer", "sdp": "a=candidate:x\r\n" * 5_000}, 413, "too_large"),
        (b" " * 70_000, 413, "too_large"),
    ],
    ids=range(12),
)
def test_a_malformed_offer_is_refused(echo: Served, body: Any, status: int, code: str) -> None:
    got, _, answer = echo.offer(body)
    assert (got, answer["error"]["code"]) == (status, code)
    assert answer["error"]["message"]
    assert echo.metric("sessions") == echo.metric("engine_streams") == 0


@pytest.mark.parametrize(
    ("kinds", "codec", "code"), [((), "", "no_audio"), (("audio",), "l33t/8000", "no_codec")]
)
async def test_an_offer_without_audio_or_codec_is_refused(
    echo: Served, kinds: tuple[str, ...], codec: str, code: str
) -> None:
    sdp = await offer_sdp(*kinds, codec=codec)
    if codec:
        for other in ("PCMU/8000", "PCMA/8000", "G722/8000"):
            sdp = sdp.replace(other, codec)
    status, _, answer = await asyncio.to_thread(echo.offer, {"type": "offer", "sdp": sdp})
    assert (status, answer["error"]["code"]) == (400, code)
    assert await metric(echo, "sessions") == 0


async def test_an_offer_in_the_form_of_another_sites_page_is_refused(echo: Served) -> None:
    """A form can send plain text without asking first; this offer would be good as JSON."""
    offer = json.dumps({"type": "offer", "sdp": await offer_sdp("audio")}).encode()
    for path in ("/api/offer", "/pipecat/start", "/pipecat/api/offer"):
        status, _, body = await asyncio.to_thread(
            echo.request, path, method="POST", body=offer, headers={"Content-Type": "text/plain"}
        )
        assert status == 400 and b"application/json" in body, path
    assert await metric(echo, "sessions") == 0


def test_unknown_addresses_are_refused_as_json(echo: Served) -> None:
    for path, method, status in (("/api/none", "GET", 404), ("/api/offer", "GET", 405)):
        got, headers, body = echo.request(path, method=method)
        assert got == status
        assert headers["Content-Type"].startswith("application/json")
        assert b'"error"' in body


def test_every_answer_carries_the_security_headers(echo: Served) -> None:
    for path in ("/", "/healthz", "/api/none", "/static/icon.svg"):
        _, headers, _ = echo.request(path)
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "microphone=(self)" in headers["Permissions-Policy"]


async def test_when_all_places_are_taken_the_next_is_told_when_to_ask_again(echo: Served) -> None:
    async with echo.call(), echo.call(), echo.call():
        with pytest.raises(Refused) as refusal:
            async with echo.call():
                pass
        assert refusal.value.status == 503
        assert refusal.value.body["error"]["code"] == "busy"
    await until_metric(echo, "sessions", 0)


async def test_who_waits_is_told_the_place_and_let_in_in_turn(echo: Served) -> None:
    async def ask(wait: bool | str) -> tuple[int, Any]:
        body = {"type": "offer", "sdp": "v=0", "wait": wait}
        status, _, answer = await asyncio.to_thread(echo.offer, body)
        return status, answer["error"]

    async with echo.call(), echo.call():
        async with echo.call():
            (status, first), (_, second) = await ask(True), await ask(True)
            assert status == 503 and first["code"] == "busy"
            assert (first["queue"]["place"], second["queue"]["place"]) == (1, 2)
            assert first["queue"]["wait_ms"] is None or first["queue"]["wait_ms"] >= 0
            assert "queue" not in (await ask(False))[1]
            assert await metric(echo, "visitors_waiting") == 2
        await until_metric(echo, "sessions", 2)
        assert (await ask(second["queue"]["ticket"]))[1]["queue"]["place"] == 2
        assert "queue" not in (await ask(False))[1], "nobody passes the line"
        # In, and only then found to be no offer.
        assert (await ask(first["queue"]["ticket"]))[1]["code"] == "no_audio"
        assert (await ask(second["queue"]["ticket"]))[1]["code"] == "no_audio"
    await until_metric(echo, "sessions", 0)


def test_while_the_engine_loads_nobody_is_let_in() -> None:
    with server(script="enter_slowly", ready=False) as served:
        assert served.request("/healthz")[0] == 503
        status, headers, answer = served.offer({"type": "offer", "sdp": ""})
        assert (status, answer["error"]["code"]) == (503, "not_ready")
        assert int(headers["Retry-After"]) >= 1
        served.wait_ready()
