"""What secrets for browsers are made of: bounded, without what nobody reads, for one origin."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from server import auth
from server.auth import ApiKey, Gate, Grant, new_key
from server.auth_http import Door, normal_origin
from server.packed import PackedJson
from tests.server.in_app import Answer, App, app

MINT = "/v1/realtime/client_secrets"


@pytest.fixture
def key() -> tuple[str, ApiKey]:
    return new_key("shop")


async def mint(here: App, token: str, **body: Any) -> Answer:
    return await here.ask("POST", MINT, body, token)


@pytest.mark.parametrize(
    ("named", "written"),
    [
        ("https://Shop.Example", "https://shop.example"),
        ("HTTPS://shop.example:443/", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("https://shop.example:80", "https://shop.example:80"),
        ("https://[::1]:443", "https://[::1]"),
    ],
)
async def test_an_origin_is_meant_however_it_is_written(
    key: tuple[str, ApiKey], named: str, written: str
) -> None:
    assert normal_origin(named) == written
    assert Door(Gate(None), (named,)).allows(written, "talk.example")
    async with app(key[1], allowed_origins=(named,)) as here:
        made = await mint(here, key[0], session={"type": "counterpoint"}, origin=named)
        body = {"type": "offer", "sdp": "v=0"}
        shown = made.body["value"]
        answer = await here.ask("POST", "/api/offer", body, shown, Origin=written)
        assert answer.status == 201


async def test_a_secret_fixes_what_is_read_of_it_and_no_more(key: tuple[str, ApiKey]) -> None:
    async with app(key[1]) as here:
        settings = {"instructions": "You are brief.", "eagerness": 0.8}
        session = {"type": "counterpoint", "settings": settings}
        made = await mint(here, key[0], session={**session, "more": ["x" * 20_000]})
        assert made.body["session"] == session
        assert here.gate.enter(made.body["value"], "", time.time()).session == session
        assert (await here.offer(made.body["value"])).status == 201


@pytest.mark.parametrize("kind", ["counterpoint", "realtime"])
async def test_what_a_secret_fixes_has_a_bound(key: tuple[str, ApiKey], kind: str) -> None:
    tools = [
        {"type": "function", "name": f"tool_{n}", "description": "x" * 1_000} for n in range(16)
    ]
    fields = {"settings": {"tools": tools}} if kind == "counterpoint" else {"tools": tools}
    async with app(key[1]) as here:
        made = await mint(here, key[0], session={"type": kind, **fields})
        assert made.status == 400 and "16,384 characters" in made.body["error"]["message"]
        assert here.gate.secrets == 0
        tools[8:] = []
        assert (await mint(here, key[0], session={"type": kind, **fields})).status == 200


async def test_what_all_secrets_fix_has_a_bound_and_is_measured(
    key: tuple[str, ApiKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "MAX_SECRET_BYTES", 20_000)
    settings = {"instructions": random.Random(3).randbytes(3_900).hex()}
    session = {"type": "counterpoint", "settings": settings}
    async with app(key[1]) as here:
        made = [await mint(here, key[0], session=session) for _ in range(6)]
        kept = [one.status for one in made].count(200)
        assert 2 <= kept < 6 and [one.status for one in made] == [200] * kept + [429] * (6 - kept)
        assert "fix less" in made[-1].body["error"]["message"]
        assert int(made[-1].headers["Retry-After"]) > 0
        assert (await mint(here, key[0], session={"type": "counterpoint"})).status == 200
        gauges = (await here.ask("GET", "/metrics")).body.splitlines()
        assert f"counterpoint_secrets {kept + 1}" in gauges
        (held,) = (one for one in gauges if one.startswith("counterpoint_secrets_bytes "))
        assert 9_000 < float(held.split()[1]) <= 20_000
        # Those that have ended make room.
        holder = here.gate.show_key(key[0], time.time())
        large = Grant(session=PackedJson(session))
        here.gate.mint(holder, large, time.time() + 601)
        assert here.gate.secrets == 1 and here.gate.secret_bytes == large.session.packed_bytes


def test_what_is_kept_is_as_it_was_and_small() -> None:
    value: dict[str, Any] = {"a": [[]] * 1_000, "é": "\ud800", "n": None}
    packed = PackedJson(value)
    assert packed == value and len(packed) == 3 and packed.get("b", 5) == 5
    assert len(packed._packed) < len(json.dumps(value))
    assert not PackedJson({})
