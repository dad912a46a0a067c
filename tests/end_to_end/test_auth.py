"""A server that wants keys: who comes in over HTTP, and what pages of other origins are told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import pytest

from server.auth import new_key
from server.auth_keys import save_keys
from tests.end_to_end.served import Served, server

# What it waits for comes in a moment, or on a busy machine some seconds later.
pytestmark = pytest.mark.timeout(60)

SHOP = "https://shop.example"
Answer = tuple[int, Mapping[str, str], Any]


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, str]) -> Iterator[Served]:
    """A server with keys: for a shop, for a page, and a slow one of ten requests a minute."""
    file = tmp_path_factory.mktemp("keys") / "keys.jsonl"
    made = {
        "shop": new_key("shop", 1, 600),
        "page": new_key("page"),
        "slow": new_key("slow", 0, 10),
    }
    save_keys(file, [key for _, key in made.values()])
    keys |= {name: token for name, (token, _) in made.items()}
    with server("--api-keys", str(file), "--allowed-origins", SHOP, "--page-secrets=true") as one:
        yield one


def ask(
    served: Served, path: str, body: Any, token: str = "", origin: str = "", **more: str
) -> Answer:
    headers = {"Content-Type": "application/json", **more}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if origin:
        headers["Origin"] = origin
    text = json.dumps(body).encode()
    status, told, answer = served.request(path, method="POST", body=text, headers=headers)
    return status, told, json.loads(answer) if answer else None


def offer(served: Served, token: str = "", origin: str = "") -> Answer:
    """An offer that is none: who may come in is told so, everybody else is refused before."""
    return ask(served, "/api/offer", {"type": "offer", "sdp": "v=0"}, token, origin)


def mint(served: Served, token: str, **body: Any) -> Any:
    status, _, answer = ask(served, "/v1/realtime/client_secrets", body, token)
    assert status == 200, answer
    return answer


def code(answer: Answer) -> tuple[int, str]:
    return answer[0], answer[2]["error"]["code"]


def test_nobody_comes_in_without_the_right_key(served: Served, keys: dict[str, str]) -> None:
    assert code(offer(served)) == (401, "unauthorized")
    assert offer(served)[1]["WWW-Authenticate"] == "Bearer"
    assert code(offer(served, keys["shop"] + "x")) == (401, "unauthorized")
    assert code(offer(served, "ek_" + "A" * 43)) == (401, "unauthorized")
    assert code(offer(served, keys["shop"])) == (400, "no_audio")
    for path in ("/v1/realtime/client_secrets", "/v1/realtime/calls/rtc_1/hangup"):
        assert code(ask(served, path, {})) == (401, "invalid_api_key")


def test_a_secret_serves_its_page_its_time_and_its_uses(
    served: Served, keys: dict[str, str]
) -> None:
    bound = mint(served, keys["shop"], origin=SHOP, uses=1)["value"]
    assert code(offer(served, bound)) == (403, "forbidden_origin")
    assert code(offer(served, bound, served.url)) == (403, "forbidden_origin")
    assert code(offer(served, bound, SHOP)) == (400, "no_audio")
    assert code(offer(served, bound, SHOP)) == (400, "no_audio"), "what begins nothing is free"
    before = time.time()
    made = mint(served, keys["shop"], expires_after={"anchor": "created_at", "seconds": 10})
    assert made["value"].startswith("ek_")
    assert before + 9 <= made["expires_at"] <= time.time() + 10
    tampered = made["value"][:-1] + ("A" if made["value"][-1] != "A" else "B")
    assert code(offer(served, tampered)) == (401, "unauthorized")
    assert code(ask(served, "/v1/realtime/client_secrets", {}, made["value"]))[0] == 401


@pytest.mark.parametrize(
    "body",
    [
        {"expires_after": {"seconds": 9}},
        {"expires_after": {"seconds": 7201}},
        {"expires_after": {"anchor": "never", "seconds": 60}},
        {"uses": 0},
        {"uses": True},
        {"origin": 5},
        {"session": {"type": "transcription"}},
        {"session": {"nonsense": 1}},
        {"session": 5},
        {"session": {"type": "counterpoint", "settings": {"eagerness": 7}}},
        {"nonsense": 1},
        [],
    ],
)
def test_a_secret_for_nothing_we_serve_is_not_made(
    served: Served, keys: dict[str, str], body: Any
) -> None:
    status, _, answer = ask(served, "/v1/realtime/client_secrets", body, keys["shop"])
    assert status == 400 and answer["error"]["message"], answer


def test_a_secret_of_one_protocol_does_not_open_the_other(
    served: Served, keys: dict[str, str]
) -> None:
    ours = {"type": "counterpoint", "settings": {"instructions": "Sell shoes."}}
    theirs = {"type": "realtime", "instructions": "Sell shoes."}
    for session in (ours, theirs):
        secret = mint(served, keys["shop"], session=session)["value"]
        expected = 400 if session is ours else 401
        assert offer(served, secret)[0] == expected
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/sdp"}
        status, _, _ = served.request(
            "/v1/realtime/calls", method="POST", body=b"v=0", headers=headers
        )
        assert status == (401 if session is ours else 400)


def test_over_quota_is_told_when_to_come_back(served: Served, keys: dict[str, str]) -> None:
    answers = [offer(served, keys["slow"]) for _ in range(12)]
    assert [one[0] for one in answers[:10]] == [400] * 10
    status, headers, answer = answers[-1]
    assert (status, answer["error"]["code"]) == (429, "rate_limited")
    assert 1 <= int(headers["Retry-After"]) <= 6


async def test_sessions_are_capped_by_key(served: Served, keys: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {keys['shop']}"}
    url = served.url.replace("http", "ws") + "/v1/realtime?model=any"
    async with aiohttp.ClientSession(headers=headers) as client:
        async with client.ws_connect(url) as one:
            assert (await one.receive_json())["type"] == "session.created"
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(url)
            assert refused.value.status == 429
            assert refused.value.headers is not None and refused.value.headers["Retry-After"]
        for _ in range(400):
            try:
                async with client.ws_connect(url):
                    return
            except aiohttp.WSServerHandshakeError:
                await asyncio.sleep(0.05)
    raise AssertionError("the place was not given back")


async def test_a_browsers_socket_shows_its_secret_among_its_protocols(
    served: Served, keys: dict[str, str]
) -> None:
    secret = (await asyncio.to_thread(mint, served, keys["page"], origin=SHOP))["value"]
    url = served.url.replace("http", "ws") + "/v1/realtime"
    protocols = ("realtime", f"openai-insecure-api-key.{secret}")
    async with aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.ws_connect(url, protocols=protocols)
        async with client.ws_connect(url, protocols=protocols, origin=SHOP) as socket:
            assert socket.protocol == "realtime"
            assert (await socket.receive_json())["type"] == "session.created"


async def test_a_record_opens_with_the_key_its_conversation_was_begun_with(
    served: Served, keys: dict[str, str]
) -> None:
    secret = (await asyncio.to_thread(mint, served, keys["page"]))["value"]
    url = served.url.replace("http", "ws") + "/v1/realtime"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {secret}"}) as client:
        async with client.ws_connect(url) as socket:
            session = (await socket.receive_json())["session"]["id"].removeprefix("sess_")

    def read(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return served.request(f"/api/sessions/{session}/record.json", headers=headers)[0]

    tokens = (keys["page"], keys["shop"], secret, keys["page"] + "x", "")
    found = await asyncio.to_thread(lambda: [read(token) for token in tokens])
    assert found == [200, 403, 403, 403, 403]


def preflight(served: Served, origin: str, path: str = "/v1/realtime/calls") -> Answer:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-openai-agents-sdk,x-evil",
    }
    return served.request(path, method="OPTIONS", headers=headers)


def test_pages_of_listed_origins_are_let_through(served: Served) -> None:
    status, headers, _ = preflight(served, SHOP)
    assert status == 204 and headers["Access-Control-Allow-Origin"] == SHOP
    allowed = headers["Access-Control-Allow-Headers"].split(", ")
    assert allowed == ["authorization", "content-type", "x-openai-agents-sdk"]
    assert "POST" in headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in headers
    status, headers, answer = offer(served, origin=SHOP)
    assert headers["Access-Control-Allow-Origin"] == SHOP and status == 401, answer
    assert "Location" in headers["Access-Control-Expose-Headers"]
    assert "Origin" in headers["Vary"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{SHOP}.evil"])
def test_pages_of_other_origins_are_not(served: Served, keys: dict[str, str], origin: str) -> None:
    status, headers, _ = preflight(served, origin)
    assert status == 403 and "Access-Control-Allow-Origin" not in headers
    assert code(offer(served, keys["shop"], origin)) == (403, "forbidden_origin")


def test_everybody_may_load_the_element_and_our_page_has_a_secret(served: Served) -> None:
    status, headers, _ = served.request(
        "/static/call.js", headers={"Origin": "https://any.example"}
    )
    assert status == 200 and headers["Access-Control-Allow-Origin"] == "*"
    status, headers, _ = served.request("/")
    assert status == 200 and headers["Cache-Control"] == "no-store"


def test_the_server_prints_no_secret(served: Served, keys: dict[str, str]) -> None:
    secret = mint(served, keys["shop"])["value"]
    offer(served, secret)
    offer(served, secret + "x", "https://evil.example")
    printed = served.spawned.output()
    assert printed
    for token in (*keys.values(), secret, secret[3:], keys["shop"][4:]):
        assert token not in printed


def test_a_server_for_everybody_is_not_started_on_every_address() -> None:
    with pytest.raises(AssertionError, match="open-anyway"), server("--host", "0.0.0.0"):
        pass
