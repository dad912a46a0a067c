"""A page whose secret is not good is told so by the SDK in the documented words; nobody gets in."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, Playwright

from server.auth import new_key
from server.auth_keys import save_keys
from tests.browser.chromium import chromium, open_page, serve
from tests.network.testbed import TestBed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]

PORT: Final = 8095
SHORTEST_SECONDS: Final = 10
TRY: Final = """async ([secret, times]) => {
  const { Conversation } = await import('/static/dist/counterpoint.min.js');
  let outcome = '';
  for (let n = 0; n < times && outcome !== 'rate-limited'; n += 1) {
    const conversation = new Conversation({ secret });
    outcome = await new Promise((resolve) => {
      conversation.on('problem', ({ problem }) => problem && resolve(problem.code));
      conversation.on('phase', ({ phase }) => phase === 'live' && resolve(phase));
      conversation.start();
    });
    conversation.end();
  }
  return outcome;
}"""


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def url(testbed: TestBed, tmp_path_factory: pytest.TempPathFactory, keys: dict[str, str]) -> str:
    """A server that wants keys: a shop's, and a slow one of ten requests a minute."""
    file = tmp_path_factory.mktemp("keys") / "keys.jsonl"
    made = {"shop": new_key("shop"), "slow": new_key("slow", 0, 10)}
    save_keys(file, [key for _, key in made.values()])
    keys |= {name: token for name, (token, _) in made.items()}
    engine = ("--engine", "model=echo", "--offers-per-window", "1000")
    return serve(testbed, *engine, "--api-keys", str(file), port=PORT)


@pytest.fixture(scope="module")
def page(playwright_driver: Playwright, url: str, microphone_wav: Path) -> Iterator[Page]:
    """A page of the server's own origin, without a secret."""
    with chromium(playwright_driver, url, microphone_wav) as browser:
        yield open_page(browser, url)


@pytest.fixture(scope="module")
def secrets(testbed: TestBed, url: str, keys: dict[str, str]) -> dict[str, str]:
    """Secrets good and bad; the short one is made first, so that it is old by the end."""

    def made(key: str, **wanted: Any) -> str:
        headers = {"Authorization": f"Bearer {keys[key]}", "Content-Type": "application/json"}
        address = f"{url}/v1/realtime/client_secrets"
        asked = urllib.request.Request(address, json.dumps(wanted).encode(), headers)
        with testbed.in_client(), urllib.request.urlopen(asked, timeout=30) as answer:
            return str(json.load(answer)["value"])

    short = {"expires_after": {"anchor": "created_at", "seconds": SHORTEST_SECONDS}}
    good = made("shop")
    return {
        "expired": made("shop", **short),
        "good": good,
        "tampered": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "replayed": made("shop", uses=1),
        "elsewhere": made("shop", origin="https://shop.example"),
        "slow": made("slow"),
    }


def outcome(page: Page, secret: str, times: int = 1) -> str:
    """What becomes of a call with this secret, at the last of several times."""
    return str(page.evaluate(TRY, [secret, times]))


def test_the_sdk_is_told_why_it_may_not_come_in(page: Page, secrets: dict[str, str]) -> None:
    began = time.monotonic()
    assert outcome(page, secrets["good"]) == "live"
    assert outcome(page, "") == "unauthorized", "missing"
    assert outcome(page, secrets["tampered"]) == "unauthorized"
    assert outcome(page, secrets["replayed"]) == "live"
    assert outcome(page, secrets["replayed"]) == "unauthorized"
    assert outcome(page, secrets["elsewhere"]) == "forbidden-origin"
    # Ten, and another one every six seconds: fewer than it tries, however long that takes.
    assert outcome(page, secrets["slow"], 40) == "rate-limited"
    page.wait_for_timeout(max(0.0, SHORTEST_SECONDS + 0.5 - (time.monotonic() - began)) * 1000)
    assert outcome(page, secrets["expired"]) == "unauthorized"
