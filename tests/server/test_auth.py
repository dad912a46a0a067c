"""Keys, secrets and limits: who comes in, and everybody who does not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from server.auth import (
    MAX_PAGE_SECRETS,
    MAX_SECRETS,
    PAGE_SECRET_SECONDS,
    ApiKey,
    Gate,
    Grant,
    Pass,
    digest,
    new_key,
)
from server.auth_http import Door, check_exposure, make_door
from server.auth_keys import load_keys, main, save_keys
from server.dialects.locked import Locked
from server.dialects.openai_realtime import RealtimeDialect
from server.dialects.openai_settings import RealtimeSettings
from server.errors import (
    ForbiddenOrigin,
    RateLimited,
    SessionLimit,
    SettingsError,
    Unauthorized,
)
from server.session_events import Several
from server.settings import Settings
from server.steering_events import SettingsAsked

NOW = 1_000_000.0
SHOP = "https://shop.example"


@pytest.fixture
def key() -> tuple[str, ApiKey]:
    return new_key("shop", sessions=2, per_minute=60)


def minted(gate: Gate, token: str, grant: Grant) -> str:
    return gate.mint(gate.show_key(token, NOW), grant, NOW)[0]


def test_a_key_opens_and_nothing_like_it_does(key: tuple[str, ApiKey]) -> None:
    token, kept = key
    gate = Gate([new_key("other")[1], kept])
    assert gate.enter(token, "", NOW) == Pass("shop", True, 2)
    flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
    for wrong in ("", "ek_", token[:-1], token + "A", flipped, token.upper(), kept.digest.hex()):
        with pytest.raises(Unauthorized):
            gate.enter(wrong, "", NOW)


def test_without_keys_everybody_comes_in_but_not_with_a_wrong_secret() -> None:
    gate = Gate(None)
    assert gate.open and gate.enter("", "", NOW) == gate.enter("anything", "", NOW) == Pass()
    with pytest.raises(Unauthorized):
        gate.enter("ek_made-up", "", NOW)


def test_a_secret_ends_with_its_time(key: tuple[str, ApiKey]) -> None:
    gate = Gate([key[1]])
    secret = minted(gate, key[0], Grant(seconds=30))
    assert gate.enter(secret, "", NOW + 29.9).holder == "shop"
    with pytest.raises(Unauthorized):
        gate.enter(secret, "", NOW + 30.0)


def test_a_secret_cannot_be_used_more_often_than_it_was_made_for(key: tuple[str, ApiKey]) -> None:
    gate = Gate([key[1]])
    secret = minted(gate, key[0], Grant(uses=2))
    for _ in range(2):
        holder = gate.enter(secret, "", NOW)
        assert not holder.key
        gate.spend(holder)
    with pytest.raises(Unauthorized):
        gate.enter(secret, "", NOW)


def test_who_asks_and_begins_nothing_takes_no_use(key: tuple[str, ApiKey]) -> None:
    gate = Gate([key[1]])
    secret = minted(gate, key[0], Grant(uses=1))
    one, other = gate.enter(secret, "", NOW), gate.enter(secret, "", NOW)
    gate.spend(one)
    with pytest.raises(Unauthorized):
        gate.spend(other)


def test_a_conversation_that_was_paid_for_goes_on_as_long_as_its_secret(
    key: tuple[str, ApiKey],
) -> None:
    gate = Gate([key[1]])
    holder = gate.enter(minted(gate, key[0], Grant(30, 1, SHOP)), SHOP, NOW)
    gate.spend(holder)
    paid = replace(holder, paid="first")
    gate.spend(paid, "first")
    for conversation in ("", "second"):
        with pytest.raises(Unauthorized):
            gate.spend(paid, conversation)
    gate.again(paid, SHOP, NOW + 29.9)
    with pytest.raises(Unauthorized):
        gate.again(paid, SHOP, NOW + 30.0)
    with pytest.raises(ForbiddenOrigin):
        gate.again(paid, "https://shop.example.evil", NOW)


def test_a_secret_of_one_origin_is_of_no_use_to_another(key: tuple[str, ApiKey]) -> None:
    gate = Gate([key[1]])
    secret = minted(gate, key[0], Grant(origin=SHOP, uses=1))
    for origin in ("", "null", "https://shop.example.evil", "http://shop.example", f"{SHOP}/"):
        with pytest.raises(ForbiddenOrigin):
            gate.enter(secret, origin, NOW)
    assert gate.enter(secret, SHOP, NOW).holder == "shop"


def test_a_tampered_secret_is_none(key: tuple[str, ApiKey]) -> None:
    gate = Gate([key[1]])
    secret = minted(gate, key[0], Grant())
    for at in range(3, len(secret), 7):
        other = "A" if secret[at] != "A" else "B"
        with pytest.raises(Unauthorized):
            gate.enter(secret[:at] + other + secret[at + 1 :], "", NOW)


def test_a_secret_makes_no_secrets(key: tuple[str, ApiKey]) -> None:
    gate = Gate([key[1]])
    secret = minted(gate, key[0], Grant())
    with pytest.raises(Unauthorized):
        gate.show_key(secret, NOW)


def test_requests_of_one_key_are_counted_together_with_its_secrets() -> None:
    (one, kept), (other, also) = new_key("one", per_minute=60), new_key("other", per_minute=60)
    gate = Gate([kept, also])
    secret = minted(gate, one, Grant(uses=100))
    for _ in range(59):
        gate.enter(secret, "", NOW)
    with pytest.raises(RateLimited) as refused:
        gate.enter(one, "", NOW)
    assert 0 < (refused.value.retry_after_seconds or 0) <= 1.0
    assert gate.left(Pass("one"), NOW) == (60, 0, 60.0)
    gate.enter(other, "", NOW)
    gate.enter(one, "", NOW + 1.01)


def test_a_request_that_is_forgiven_does_not_count() -> None:
    token, kept = new_key("one", per_minute=60)
    gate = Gate([kept])
    for _ in range(100):
        gate.forgive(gate.enter(token, "", NOW))
    assert gate.left(Pass("one"), NOW) == (60, 60, 0.0)
    gate.forgive(Pass("one"))
    assert gate.left(Pass("one"), NOW) == (60, 60, 0.0), "no more than a minute's"


def test_sessions_of_one_key_are_capped(key: tuple[str, ApiKey]) -> None:
    gate = Gate([key[1]])
    holder = gate.enter(key[0], "", NOW)
    gate.begin(holder)
    gate.begin(holder)
    with pytest.raises(SessionLimit) as refused:
        gate.begin(holder)
    assert refused.value.retry_after_seconds
    gate.end(holder)
    gate.begin(holder)


def test_secrets_are_bounded_and_swept() -> None:
    gate = Gate(None)
    for _ in range(MAX_SECRETS):
        gate.mint(Pass(), Grant(seconds=10), NOW)
    with pytest.raises(RateLimited):
        gate.mint(Pass(), Grant(), NOW)
    gate.mint(Pass(), Grant(), NOW + 11)
    assert gate.secrets == 1


def test_secrets_of_our_page_leave_the_keys_room(key: tuple[str, ApiKey]) -> None:
    gate = Gate([key[1]])
    secret = gate.mint_for_page(SHOP, NOW)
    for _ in range(MAX_PAGE_SECRETS - 1):
        gate.mint_for_page(SHOP, NOW)
    with pytest.raises(RateLimited):
        gate.mint_for_page(SHOP, NOW)
    assert gate.enter(minted(gate, key[0], Grant()), "", NOW).holder == "shop"
    holder = gate.enter(secret, SHOP, NOW)
    assert (holder.holder, holder.key, holder.sessions) == ("", False, 0)
    with pytest.raises(ForbiddenOrigin):
        gate.enter(secret, "https://other.example", NOW)
    later = NOW + PAGE_SECRET_SECONDS
    with pytest.raises(Unauthorized):
        gate.enter(secret, SHOP, later)
    gate.mint_for_page(SHOP, later)
    assert gate.secrets == 2, "the key's, and the page's new one"


def test_nothing_that_is_printed_holds_a_secret(key: tuple[str, ApiKey]) -> None:
    token, kept = key
    assert token not in repr(kept) and kept.digest.hex() not in repr(kept)
    assert digest(token).hex() not in repr(kept)
    gate = Gate([kept])
    with pytest.raises(Unauthorized) as refused:
        gate.enter(token + "x", "", NOW)
    assert token not in str(refused.value)
    secret = minted(gate, token, Grant())
    assert "_Secret" not in repr(gate.enter(secret, "", NOW))


# ---- the file ------------------------------------------------------------------------------------


def test_the_file_holds_hashes_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "keys.jsonl"
    assert main(["new", "shop", "--file", str(file), "--sessions", "3"]) == 0
    token = capsys.readouterr().out.strip()
    assert token not in file.read_text() and file.stat().st_mode & 0o077 == 0
    (kept,) = load_keys(file)
    assert kept == ApiKey("shop", digest(token), 3, 0)
    assert main(["new", "shop", "--file", str(file)]) == 1
    assert main(["new", "a b", "--file", str(file)]) == 1
    assert main(["list", "--file", str(file)]) == 0
    assert token not in (listed := capsys.readouterr()).out and "shop" in listed.out
    assert main(["remove", "shop", "--file", str(file)]) == 0
    assert load_keys(file) == ()
    assert main(["remove", "shop", "--file", str(file)]) == 1


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        json.dumps({"name": "a", "sha256": "00"}),
        json.dumps({"name": "a", "sha256": "0" * 64, "more": 1}),
        json.dumps({"name": "a", "sha256": "0" * 64, "sessions": -1}),
        json.dumps({"name": "a", "sha256": "0" * 64, "sessions": True}),
        json.dumps({"name": "a b", "sha256": "0" * 64}),
        json.dumps({"sha256": "0" * 64}),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "keys.jsonl"
    save_keys(file, [new_key("good")[1]])
    with file.open("a") as out:
        out.write(line + "\n")
    with pytest.raises(SettingsError, match=r":2"):
        load_keys(file)


def test_whoever_could_read_the_file_can_read_the_next(tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    save_keys(file, [new_key("one")[1]])
    file.chmod(0o640)
    save_keys(file, [])
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_key_that_could_not_be_read_again_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    assert main(["new", "shop", "--file", str(file), "--sessions", "-5"]) == 1
    assert not file.exists()


def test_a_name_is_given_once(tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    save_keys(file, [new_key("one")[1], new_key("one")[1]])
    with pytest.raises(SettingsError, match="another"):
        make_door(Settings(api_keys=str(file)))


# ---- origins and addresses -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://10.77.0.1:8080", "10.77.0.1:8080", True),
        ("https://talk.example", "talk.example", True),
        ("https://SHOP.example", "talk.example", True),
        ("https://shop.example:444", "talk.example", False),
        ("https://shop.example.evil", "talk.example", False),
        ("https://evil.example", "talk.example", False),
        ("file://talk.example", "talk.example", False),
        ("null", "talk.example", False),
        ("http://[", "talk.example", False),
    ],
)
def test_pages_of_our_own_and_of_listed_origins_may_call(
    origin: str, host: str, allowed: bool
) -> None:
    assert Door(Gate(None), (SHOP,)).allows(origin, host) is allowed


def test_any_origin_may_be_allowed() -> None:
    assert Door(Gate(None), ("*",)).allows("https://evil.example", "talk.example")


def test_another_name_for_this_machine_is_not_our_origin() -> None:
    door = make_door(Settings())
    assert door.allows("http://localhost:8080", "localhost:8080")
    assert door.allows("http://127.0.0.1:8080", "127.0.0.1:8080")
    assert not door.allows("http://rebound.example:8080", "rebound.example:8080")


@pytest.mark.parametrize("origin", ["shop.example", "https://shop.example/page", "https://"])
def test_what_is_no_origin_is_refused_at_the_start(origin: str) -> None:
    with pytest.raises(SettingsError, match="allowed_origins"):
        make_door(Settings(allowed_origins=(origin,)))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "10.77.0.1", "192.168.1.2"])
def test_everybody_may_come_in_where_few_can(host: str) -> None:
    check_exposure(Settings(host=host))


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "", "0", "::ffff:0.0.0.0", "8.8.8.8", "2001:4860:4860::8888"],
)
def test_on_public_addresses_there_must_be_keys(host: str) -> None:
    with pytest.raises(SettingsError, match="open-anyway"):
        check_exposure(Settings(host=host))
    check_exposure(Settings(host=host, open_anyway=True))
    check_exposure(Settings(host=host, api_keys="keys.jsonl"))


# ---- what a secret fixes -------------------------------------------------------------------------


def test_what_a_secret_fixes_is_left_out_of_later_changes() -> None:
    locked = Locked(RealtimeDialect(RealtimeSettings()), frozenset({"instructions", "voice"}))
    session = {"type": "realtime", "instructions": "Do as I say."}
    change = json.dumps({"type": "session.update", "session": session})
    asked = locked.decode(change, 0.0)
    assert isinstance(asked, Several)
    (settings,) = asked.events
    assert isinstance(settings, SettingsAsked)
    assert set(settings.values) == {"eagerness", "manual_turns", "tools", "tool_choice"}
