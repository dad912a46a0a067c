"""A person whose network lets nothing through but a TURN server's TCP port talks all the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, Playwright

from tests.browser.chromium import (
    chromium,
    console_problems,
    echo_server,
    open_page,
    start_call,
    wait_until,
)
from tests.network.testbed import SERVER_ADDRESS, TestBed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]

PORT: Final = 8098
TURN_PORT: Final = 3478
SECRET: Final = "shared by both"
# What a firewall would leave over, and who is called through it.
ONLY_RELAYED: Final = """() => {
  window.calls = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(wanted) {
      super({ ...wanted, iceTransportPolicy: 'relay' });
      calls.push(this);
    }
  };
}"""
CHOSEN: Final = """async () => {
  const stats = [...(await calls[0].getStats()).values()];
  const { selectedCandidatePairId } = stats.find((one) => one.type === 'transport');
  const pair = stats.find((one) => one.id === selectedCandidatePairId);
  const mine = stats.find((one) => one.id === pair.localCandidateId);
  return [mine.candidateType, mine.relayProtocol];
}"""
HEARD: Final = "() => counterpoint.view.captions.some((one) => one.wordsHeard > 0)"
SEEN: Final = "() => counterpoint.levels.some((one) => one.agent > 0.012)"


@pytest.fixture(scope="module")
def url(testbed: TestBed, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A server beside a relay, as docs/operating.md has them."""
    folder = tmp_path_factory.mktemp("relay")
    program = shutil.which("turnserver")
    assert program, "run deploy/test-packages.sh"
    words = [program, "-n", f"--listening-ip={SERVER_ADDRESS}", f"--listening-port={TURN_PORT}"]
    words += [f"--relay-ip={SERVER_ADDRESS}", "--use-auth-secret", f"--static-auth-secret={SECRET}"]
    words += ["--realm=test", "--no-udp", "--no-tls", "--no-dtls", "--no-cli", "--log-file=stdout"]
    words += [f"--pidfile={folder / 'pid'}", f"--userdb={folder / 'db'}"]
    testbed.spawn_server(words).wait_for_output("DB connection success", 30)
    relay = f"turn:{SERVER_ADDRESS}:{TURN_PORT}?transport=tcp"
    return echo_server(testbed, "--page-ice-servers", relay, "--turn-secret", SECRET, port=PORT)


@pytest.fixture
def page(playwright_driver: Playwright, url: str, microphone_wav: Path) -> Iterator[Page]:
    """Our page, whose calls can only be relayed."""
    with chromium(playwright_driver, url, microphone_wav) as browser:
        opened = open_page(browser, url)
        opened.evaluate(ONLY_RELAYED)
        yield opened


def test_a_call_through_a_relay(page: Page) -> None:
    start_call(page)
    wait_until(page, HEARD)
    wait_until(page, SEEN)
    assert page.evaluate(CHOSEN) == ["relay", "tcp"]
    assert console_problems(page) == []
