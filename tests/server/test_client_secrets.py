"""What secrets for browsers are made of: bounded, without what nobody reads, for one origin."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from server.auth import ApiKey, Gate, new_key
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


def test_what_is_kept_is_as_it_was_and_small() -> None:
    value: dict[str, Any] = {"a": [[]] * 1_000, "é": "\ud800", "n": None}
    packed = PackedJson(value)
    assert packed == value and len(packed) == 3 and packed.get("b", 5) == 5
    assert len(packed._packed) < len(json.dumps(value))
    assert not PackedJson({})
