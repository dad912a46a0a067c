"""The page shows camera and screen: Chromium, a film as camera, an engine that names colours."""

from __future__ import annotations

import re
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.chromium import (
    camera_file,
    chromium,
    console_problems,
    open_page,
    start_call,
    wait_until,
)
from tests.browser.test_access import AXE, serious
from tests.network.testbed import TestBed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]

RED, GREEN = (200, 30, 30), (30, 180, 40)
PORT = 8090
SEEN = "counterpoint.view.seen"


def has_seen(colour: tuple[int, int, int]) -> str:
    """Whether the engine named this colour; Chromium's encoder is not exact."""
    return (
        f"() => {SEEN}.some((one) => one.label.split(' ').slice(1)"
        f".every((value, at) => Math.abs(value - {list(colour)}[at]) < 25))"
    )


@pytest.fixture(scope="module")
def seeing_url(testbed: TestBed) -> str:
    """The real server with the scripted engine, which says what colours it sees."""
    command = [sys.executable, "-m", "tests.server.scripted_server", "enter"]
    place = ["--host", testbed.server_address, "--port", str(PORT)]
    testbed.spawn_server([*command, *place]).wait_for_output("Open http", 60)
    url = f"http://{testbed.server_address}:{PORT}"
    asking = ["curl", "-sf", "--retry", "60", "--retry-delay", "1", "--retry-all-errors"]
    testbed.run_in_client([*asking, f"{url}/healthz"], timeout_seconds=120)
    return url


@pytest.fixture(scope="module")
def filming(
    playwright_driver: Playwright,
    seeing_url: str,
    microphone_wav: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Browser]:
    """A browser whose camera sees red for two seconds, then green."""
    film = camera_file(tmp_path_factory.mktemp("camera") / "film.y4m", [RED, GREEN])
    with chromium(playwright_driver, seeing_url, microphone_wav, camera=film) as browser:
        yield browser


@pytest.fixture
def page(filming: Browser, seeing_url: str) -> Iterator[Page]:
    """The page in that browser."""
    opened = open_page(filming, seeing_url)
    yield opened
    opened.context.close()


def decoded(testbed: TestBed, url: str) -> tuple[int, int]:
    """How many videos the server looks at, and frames it decoded for the sessions that go on."""
    with testbed.in_client(), urllib.request.urlopen(f"{url}/metrics", timeout=30) as response:
        text = response.read().decode()
    names = ("cameras_awake", "camera_frames_decoded")
    awake, frames = (re.search(rf"^counterpoint_{name} (\S+)", text, re.M) for name in names)
    assert awake is not None
    assert frames is not None
    return int(float(awake[1])), int(float(frames[1]))


def until_nothing_is_looked_at(page: Page, testbed: TestBed, url: str) -> None:
    """Fails when the server does not end it."""
    end = time.monotonic() + 20
    while decoded(testbed, url)[0]:
        assert time.monotonic() < end
        page.wait_for_timeout(50)


def test_what_the_camera_shows_is_seen_from_the_click_to_the_next(
    page: Page, testbed: TestBed, seeing_url: str
) -> None:
    status = page.locator("[data-part=sight] [role=status]")
    camera = page.get_by_role("button", name="Show camera")
    expect(camera).to_be_disabled()
    start_call(page)
    expect(status).to_have_text("It sees nothing.")
    page.wait_for_timeout(500)
    assert decoded(testbed, seeing_url) == (0, 0)

    camera.focus()
    page.keyboard.press("Space")
    expect(status).to_have_text("It is looking at: Camera.")
    expect(status).to_have_attribute("data-looking", "true")
    expect(camera).to_have_attribute("aria-pressed", "true")
    wait_until(page, has_seen(RED))
    wait_until(page, has_seen(GREEN))
    sizes = page.evaluate(f"() => {SEEN}.map((one) => one.label.split(' ')[0])")
    width, height = (int(side) for side in sizes[-1].split("x"))
    assert 0.8 * 320 * 240 < width * height <= 320 * 240
    # What it was asked for is what it sends: two a second, not ten.
    began = time.monotonic()
    awake, before = decoded(testbed, seeing_url)
    page.wait_for_timeout(2_000)
    assert awake == 1
    while (frames := decoded(testbed, seeing_url)[1] - before) < 2:
        assert time.monotonic() - began < 20
        page.wait_for_timeout(100)
    assert frames <= 5 * (time.monotonic() - began)

    # The own picture, and on request what was seen in it; the mirror turns both.
    expect(page.locator("[data-part=own-camera] video")).to_be_visible()
    assert page.locator(".box").count() == 0
    page.get_by_label("Draw what it sees").check()
    expect(page.locator(".box").first).to_be_visible()
    assert page.locator(".box").first.evaluate("(one) => one.style.left") == "25%"

    camera.click()
    expect(status).to_have_text("It sees nothing.")
    expect(page.locator("[data-part=own-camera]")).to_be_hidden()
    until_nothing_is_looked_at(page, testbed, seeing_url)
    page.wait_for_timeout(400)
    _, frames = decoded(testbed, seeing_url)
    seen = page.evaluate(f"() => {SEEN}.length")
    page.wait_for_timeout(1_000)
    assert decoded(testbed, seeing_url) == (0, frames)
    assert page.evaluate(f"() => {SEEN}.length") == seen
    assert console_problems(page) == []


def test_a_screen_is_seen_larger_and_ends_with_the_call(
    page: Page, testbed: TestBed, seeing_url: str
) -> None:
    start_call(page)
    page.get_by_role("button", name="Show screen").click()
    wait_until(page, f"() => {SEEN}.some((one) => one.source === 'screen')", 30)
    expect(page.locator("[data-part=own-screen] video")).to_be_visible()
    label = page.evaluate(f"() => {SEEN}.at(-1).label")
    width, height = (int(side) for side in label.split(" ")[0].split("x"))
    assert 320 * 240 < width * height <= 1280 * 720
    page.click("[data-part=start]")
    expect(page.locator("[data-part=own-screen]")).to_be_hidden()
    wait_until(page, "() => counterpoint.view.phase === 'ended'")
    until_nothing_is_looked_at(page, testbed, seeing_url)


def test_the_element_shows_the_camera_too_and_axe_finds_nothing(
    filming: Browser, seeing_url: str
) -> None:
    page = open_page(filming, seeing_url, bypass_csp=True, reduced_motion="reduce")
    page.add_script_tag(path=AXE)
    page.evaluate("""async () => {
      await import('/static/elements/counterpoint-call.js');
      const element = document.createElement('counterpoint-call');
      element.setAttribute('sight', 'on');
      document.querySelector('main').replaceChildren(element);
      void element.start();
    }""")
    button = page.get_by_role("button", name="Show camera")
    expect(button).to_be_enabled()
    button.click()
    expect(page.get_by_text("It is looking at: Camera.")).to_be_visible()
    page.get_by_label("Draw what it sees").check()
    expect(page.locator(".box").first).to_be_visible()
    assert serious(page) == []
    page.evaluate("() => document.querySelector('counterpoint-call').remove()")
    page.context.close()
