"""What an offer costs, what our own page is given, and what the pages of others are told."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.auth import ApiKey, Gate, Grant, new_key
from server.errors import SettingsError
from server.page_ice import ice_servers
from server.settings import Settings
from tests.server.in_app import BAD_SDP, Answer, App, app

SHOP = "https://shop.example"
EVIL = "https://evil.example"
OURS = {"Host": "talk.example", "Origin": "https://talk.example"}
"""Our page as a proxy that ends TLS passes its requests on: over plain http."""

STUN, TURN = "stun:stun.example:3478", "turn:turn.example:3478"


@pytest.fixture
def key() -> tuple[str, ApiKey]:
    return new_key("shop", per_minute=6)


def secret(gate: Gate, token: str, uses: int = 1) -> str:
    now = time.time()
    return gate.mint(gate.show_key(token, now), Grant(uses=uses), now)[0]


# ---- what an offer costs -------------------------------------------------------------------------


async def test_an_offer_that_is_refused_takes_no_use_of_its_secret(key: tuple[str, ApiKey]) -> None:
    async with app(key[1]) as here:
        shown = secret(here.gate, key[0])
        for _ in range(2):
            refused = await here.offer(shown, BAD_SDP)
            assert (refused.status, refused.code) == (400, "no_audio")
        assert (await here.offer(shown)).status == 201
        again = await here.offer(shown)
        assert (again.status, again.code) == (401, "unauthorized")


async def test_offers_that_come_together_take_no_more_uses_than_there_are(
    key: tuple[str, ApiKey],
) -> None:
    async with app(key[1]) as here:
        shown = secret(here.gate, key[0], uses=2)
        answers = await asyncio.gather(*(here.offer(shown) for _ in range(4)))
        assert sorted(one.status for one in answers) == [201, 201, 401, 401]
        assert len(here.reception.sessions) == here.reception.places[0] == 2


async def test_a_resumed_session_takes_a_use_and_its_place(key: tuple[str, ApiKey]) -> None:
    async with app(key[1]) as here:
        shown = secret(here.gate, key[0], uses=2)
        resume = (await here.offer(shown)).body["resume_token"]
        assert (await here.offer(shown, resume=resume)).status == 201
        assert here.reception.places[0] == 1
        assert (await here.offer(shown, resume=resume)).status == 401
        await here.end_sessions()
        assert here.reception.places[0] == 0


async def test_who_waits_in_line_pays_nothing_for_asking(key: tuple[str, ApiKey]) -> None:
    """The key may make six requests a minute; the page that waits asks twelve times."""
    async with app(key[1], max_sessions=1) as here:
        shown = secret(here.gate, key[0])
        assert (await here.offer(key[0])).status == 201
        refused = await here.offer(shown, wait=True)
        ticket = refused.body["error"]["queue"]["ticket"]
        for _ in range(12):
            refused = await here.offer(shown, wait=ticket)
            assert (refused.status, refused.code) == (503, "busy")
            assert refused.body["error"]["queue"] == {"ticket": ticket, "place": 1, "wait_ms": None}
        await here.end_sessions()
        assert (await here.offer(shown, wait=ticket)).status == 201


async def test_who_asks_for_a_place_in_line_again_and_again_is_counted(
    key: tuple[str, ApiKey],
) -> None:
    async with app(key[1], max_sessions=1) as here:
        assert (await here.offer(key[0])).status == 201
        statuses = [(await here.offer(key[0], wait=True)).status for _ in range(6)]
        assert statuses == [503] * 5 + [429]


# ---- our own page --------------------------------------------------------------------------------


async def access(here: App, **headers: str) -> Answer:
    return await here.ask("POST", "/page/access", **(headers or OURS))


async def offer_from(here: App, token: str, origin: str) -> Answer:
    headers = {**OURS, "Origin": origin}
    return await here.ask("POST", "/api/offer", {"type": "offer", "sdp": "v=0"}, token, **headers)


async def test_our_page_gets_a_new_secret_for_each_connection(key: tuple[str, ApiKey]) -> None:
    async with app(key[1], page_secrets=True) as here:
        page = await here.ask("GET", "/", **OURS)
        assert 'name="counterpoint-access" content="/page/access"' in page.body
        assert page.headers["Cache-Control"] == "no-store" and "ek_" not in page.body
        first, second = [await access(here) for _ in range(2)]
        assert first.headers["Cache-Control"] == "no-store"
        assert first.body["secret"] != second.body["secret"]
        for given in (first, second):
            shown = given.body["secret"]
            assert (await offer_from(here, shown, OURS["Origin"])).status == 201


async def test_a_secret_of_our_page_is_for_its_origin_only(key: tuple[str, ApiKey]) -> None:
    async with app(key[1], page_secrets=True, allowed_origins=(SHOP,)) as here:
        shown = (await access(here)).body["secret"]
        for origin in (SHOP, EVIL, "http://talk.example"):
            refused = await offer_from(here, shown, origin)
            assert (refused.status, refused.code) == (403, "forbidden_origin"), origin
        asked = await access(here, Host="talk.example", Origin=EVIL)
        assert (asked.status, asked.code) == (403, "forbidden_origin")
        assert "Access-Control-Allow-Origin" not in (await access(here, Origin=SHOP)).headers


async def test_our_page_is_told_when_too_many_of_its_secrets_are_alive(
    key: tuple[str, ApiKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.auth.MAX_PAGE_SECRETS", 2)
    async with app(key[1], page_secrets=True) as here:
        statuses = [(await access(here)).status for _ in range(3)]
        assert statuses == [200, 200, 429]
        refused = await access(here)
        assert refused.code == "rate_limited" and refused.headers["Retry-After"]
        assert (await here.ask("GET", "/", **OURS)).status == 200
        assert (await here.offer(secret(here.gate, key[0]))).status == 201


async def test_our_page_is_counted_by_its_address(key: tuple[str, ApiKey]) -> None:
    async with app(key[1], page_secrets=True, offers_per_window=3) as here:
        statuses = [(await access(here)).status for _ in range(4)]
        assert statuses == [200, 200, 200, 503]


@pytest.mark.parametrize(
    ("keys", "page_secrets", "relay"),
    [(False, False, True), (False, True, True), (True, False, False), (True, True, True)],
)
async def test_the_relays_password_is_for_those_who_may_talk(
    key: tuple[str, ApiKey], keys: bool, page_secrets: bool, relay: bool
) -> None:
    ice = {"page_ice_servers": (STUN, TURN), "turn_secret": "s"}
    async with app(*[key[1]][: int(keys)], page_secrets=page_secrets, **ice) as here:
        page, given = await here.ask("GET", "/", **OURS), await access(here)
        assert ("credential" in page.body) is (TURN in page.body) is relay
        assert STUN in page.body
        assert ("counterpoint-access" in page.body) is relay
        assert [one["urls"] for one in given.body["ice_servers"]] == [STUN, TURN][: 1 + relay]
        assert ("credential" in given.body["ice_servers"][-1]) is relay
        assert bool(given.body["secret"]) is (keys and page_secrets)


def test_a_relay_without_password_would_break_every_browser_and_is_refused() -> None:
    with pytest.raises(SettingsError, match="turn_secret"):
        Settings(page_ice_servers=(STUN, TURN))
    settings = Settings(page_ice_servers=(STUN, TURN), turn_secret="s")
    assert ice_servers(settings, 0.0, passwords=False) == [{"urls": STUN}]


# ---- pages of others -----------------------------------------------------------------------------


def preflight(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }


async def test_a_page_of_an_origin_that_is_not_listed_can_read_why(
    key: tuple[str, ApiKey],
) -> None:
    async with app(key[1], allowed_origins=(SHOP,)) as here:
        asked = await here.ask("OPTIONS", "/api/offer", **preflight(EVIL))
        assert (asked.status, asked.headers["Access-Control-Allow-Origin"]) == (204, EVIL)
        assert "content-type" in asked.headers["Access-Control-Allow-Headers"]
        body = {"type": "offer", "sdp": "v=0"}
        refused = await here.ask("POST", "/api/offer", body, key[0], Origin=EVIL)
        assert (refused.status, refused.code) == (403, "forbidden_origin")
        assert refused.headers["Access-Control-Allow-Origin"] == EVIL
        assert "Origin" in refused.headers["Vary"]
        for answer in (asked, refused):
            assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_nothing_is_done_for_it_besides(key: tuple[str, ApiKey]) -> None:
    async with app(key[1], allowed_origins=(SHOP,)) as here:
        for path in ("/api/offer", "/pipecat/start", "/pipecat/api/offer"):
            refused = await here.ask(
                "POST", path, {"type": "offer", "sdp": "v=0"}, key[0], Origin=EVIL
            )
            assert (refused.status, refused.code) == (403, "forbidden_origin")
        assert here.gate.left(here.gate.enter(key[0], "", time.time()), time.time())[1] == 5
        assert (
            here.reception.sessions == () and here.reception.services.metrics.sessions_started == 0
        )
        for path in ("/api/sessions/0", "/pipecat/api/offer", "/v1/realtime/calls"):
            asked = await here.ask("OPTIONS", path, **preflight(EVIL))
            assert asked.status == 403 and "Access-Control-Allow-Origin" not in asked.headers


async def test_a_page_that_is_listed_can_call(key: tuple[str, ApiKey]) -> None:
    async with app(key[1], allowed_origins=(SHOP,)) as here:
        for path in ("/api/offer", "/api/sessions/0"):
            asked = await here.ask("OPTIONS", path, **preflight(SHOP))
            assert (asked.status, asked.headers["Access-Control-Allow-Origin"]) == (204, SHOP)
        offer = {"type": "offer", "sdp": "v=0"}
        called = await here.ask("POST", "/api/offer", offer, key[0], Origin=SHOP)
        assert (called.status, called.headers["Access-Control-Allow-Origin"]) == (201, SHOP)
