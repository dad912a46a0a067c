"""When something is missing, the page says what, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, Playwright, TimeoutError, expect

from tests.browser.chromium import chromium, console_problems, open_page, start_call, wait_until
from tests.network.testbed import TestBed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

PROBLEM = "[data-part=problem]"


def expect_problem(page: Page, code: str, advice: str) -> None:
    box = page.locator(PROBLEM)
    expect(box).to_be_visible()
    expect(box).to_have_attribute("data-code", code)
    expect(box).to_have_attribute("role", "alert")
    expect(box).to_contain_text(advice)
    expect(page.locator("[data-part=start-text]")).to_have_text("Start")


def test_a_page_that_is_not_served_securely_explains_localhost_and_tls(
    playwright_driver: Playwright, server_url: str, microphone_wav: Path
) -> None:
    with chromium(playwright_driver, server_url, microphone_wav, secure=False) as browser:
        page = open_page(browser, server_url)
        assert page.evaluate("() => isSecureContext") is False
        expect_problem(page, "insecure", "http://localhost")
        expect(page.locator(PROBLEM)).to_contain_text(server_url.replace("http", "https"))
        page.click("[data-part=start]")
        expect_problem(page, "insecure", "certificate")
        # Chromium itself grumbles about a header that only works on secure pages.
        grumbles = [one for one in console_problems(page) if "Opener-Policy" not in one]
        assert grumbles == []


def test_a_microphone_that_was_denied(
    playwright_driver: Playwright, server_url: str, microphone_wav: Path
) -> None:
    with chromium(playwright_driver, server_url, microphone_wav, permission="denied") as browser:
        page = open_page(browser, server_url)
        page.click("[data-part=start]")
        expect_problem(page, "microphone-denied", "beside the address")


def test_a_computer_without_a_microphone(playwright_driver: Playwright, server_url: str) -> None:
    with chromium(playwright_driver, server_url, None) as browser:
        page = open_page(browser, server_url)
        page.click("[data-part=start]")
        expect_problem(page, "microphone-absent", "Plug one in")


@pytest.mark.parametrize(
    ("name", "code", "advice"),
    [
        ("NotReadableError", "microphone-busy", "other programs"),
        ("OverconstrainedError", "microphone-gone", "Devices"),
        ("AbortError", "microphone-busy", "plugging it in again"),
    ],
)
def test_a_microphone_that_cannot_be_opened(
    browser: Browser, server_url: str, name: str, code: str, advice: str
) -> None:
    page = open_page(browser, server_url)
    # No flag makes Chromium's fake device fail like this.
    page.evaluate(
        """(name) => {
          const refuse = async () => { throw new DOMException('x', name); };
          navigator.mediaDevices.getUserMedia = refuse;
        }""",
        name,
    )
    page.click("[data-part=start]")
    expect_problem(page, code, advice)
    page.context.close()


PULL: Final = """() => {
  const [track] = window.given.getTracks();
  const none = async () => { throw new DOMException('x', 'NotFoundError'); };
  navigator.mediaDevices.getUserMedia = none;
  track.stop();
  track.dispatchEvent(new Event('ended'));
}"""


def test_without_a_microphone_a_call_goes_on(page: Page) -> None:
    """No packets leave any more; the server is told all the same that somebody is there."""
    page.evaluate(
        """() => {
          const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          const keep = async (wanted) => (window.given = await real(wanted));
          navigator.mediaDevices.getUserMedia = keep;
        }"""
    )
    with page.expect_response("**/api/offer"):
        start_call(page)
    offers: list[str] = []
    page.on("request", lambda one: offers.append(one.url) if "offer" in one.url else None)
    page.evaluate(PULL)
    expect(page.locator(PROBLEM)).to_have_attribute("data-code", "microphone-absent")
    page.wait_for_timeout(6_000)
    assert (page.evaluate("() => counterpoint.view.phase"), offers) == ("live", [])
    expect(page.locator(PROBLEM)).to_be_visible()
    page.fill("[data-part=typed]", "I can still type")
    page.press("[data-part=typed]", "Enter")
    expect(page.locator(".turn[data-who=person]", has_text="still type")).to_be_visible()


@pytest.fixture
def taken(browser: Browser, server_url: str) -> Iterator[list[Page]]:
    """Both of the server's places are taken."""
    pages = [open_page(browser, server_url) for _ in range(2)]
    for page in pages:
        start_call(page)
    yield pages
    for page in pages:
        page.context.close()


def test_when_all_places_are_taken_one_waits_for_the_next_or_gives_up(
    page: Page, taken: list[Page]
) -> None:
    page.click("[data-part=start]")
    page.get_by_role("button", name="Give up").click()
    expect(page.locator("body")).to_have_attribute("data-phase", "ended")
    page.click("[data-part=start]")
    expect(page.locator(PROBLEM)).to_have_attribute("data-code", "busy")
    expect(page.locator(PROBLEM)).to_contain_text("You are number 1 in line.")
    expect(page.locator(PROBLEM)).to_contain_text("Trying again in")
    first = page.locator(".wait").inner_text()
    expect(page.locator(".wait")).not_to_have_text(first)  # it counts down
    give_up = page.get_by_role("button", name="Give up")
    give_up.focus()
    for _ in range(2):
        with page.expect_response("**/api/offer"):
            pass
    expect(give_up).to_be_focused()
    taken[0].click("[data-part=start]")
    with suppress(TimeoutError):  # It may have tried by itself meanwhile: then the button is gone.
        page.get_by_role("button", name="Try now").click(timeout=3_000)
    wait_until(page, "() => counterpoint.view.phase === 'live'")
    expect(page.locator(PROBLEM)).not_to_be_visible()


def test_a_server_that_cannot_be_reached_is_tried_again(page: Page, testbed: TestBed) -> None:
    testbed.cut()
    try:
        page.click("[data-part=start]")
        expect(page.locator(PROBLEM)).to_have_attribute("data-code", "unreachable")
        expect(page.locator(PROBLEM)).to_contain_text("Trying again in")
    finally:
        testbed.mend()
    wait_until(page, "() => counterpoint.view.phase === 'live'", 30)


def test_who_does_not_wait_for_a_lost_server_goes_on_with_the_conversation(
    page: Page, testbed: TestBed
) -> None:
    start_call(page)
    began = wait_until(page, "() => counterpoint.view.session")
    testbed.cut()
    try:
        wait_until(page, "() => counterpoint.view.phase === 'waiting'", 40)
    finally:
        testbed.mend()
    with suppress(TimeoutError):  # As above.
        page.get_by_role("button", name="Try now").click(timeout=3_000)
    wait_until(page, "() => counterpoint.view.phase === 'live'", 30)
    assert page.evaluate("() => counterpoint.view.session") == began


def test_hanging_up_while_the_browser_still_asks_turns_the_microphone_off(page: Page) -> None:
    page.evaluate(
        """() => {
          const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = async (wanted) => {
            await new Promise((resolve) => { window.allow = resolve; });
            return (window.given = await real(wanted));
          };
        }"""
    )
    page.click("[data-part=start]")
    expect(page.locator("[data-part=status-text]")).to_have_text("Waiting for the microphone")
    page.click("[data-part=start]")
    page.evaluate("() => window.allow()")
    wait_until(page, "() => window.given?.getTracks().every((one) => one.readyState === 'ended')")
    assert page.evaluate("() => counterpoint.view.phase") == "ended"
