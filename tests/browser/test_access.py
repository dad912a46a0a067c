"""The page works by keyboard, by screen reader, on a phone, light and dark."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.chromium import open_page, start_call, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PHONE: ViewportSize = {"width": 360, "height": 740}
DESKTOP: ViewportSize = {"width": 1180, "height": 860}


def test_axe_finds_nothing_serious(browser: Browser, server_url: str) -> None:
    # axe is injected into the page, which the page's own policy rightly forbids.
    # Without motion no colour is measured half-way from light to dark.
    page = open_page(browser, server_url, bypass_csp=True, reduced_motion="reduce")
    page.add_script_tag(path=AXE)
    found = in_every_look(page)
    start_call(page)
    page.fill("[data-part=typed]", "some typed words")
    page.press("[data-part=typed]", "Enter")
    wait_until(page, "() => counterpoint.view.captions.some((one) => one.wordsHeard > 0)")
    page.click("[data-part=stop]")
    wait_until(page, "() => document.querySelector('.turn[data-status=cut]')")
    page.click("details.as-text summary")
    found += in_every_look(page)
    page.click("[data-part=forget]")
    found += in_every_look(page)
    page.context.close()
    assert found == []


def in_every_look(page: Page) -> list[tuple[str, Any]]:
    """What axe finds serious, wide and narrow; colours also in the dark."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(DESKTOP)
    found = serious(page)
    page.set_viewport_size(PHONE)
    found += serious(page)
    page.emulate_media(color_scheme="dark")
    return found + serious(page, ["color-contrast"])


def serious(page: Page, only: Sequence[str] = ()) -> list[tuple[str, Any]]:
    """What axe calls serious or critical: rule and the elements."""
    options = {"runOnly": list(only)} if only else {}
    found = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        (one["id"], [node["html"] for node in one["nodes"]])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def test_a_whole_conversation_by_keyboard(page: Page) -> None:
    seen = []
    while "start" not in seen:
        page.keyboard.press("Tab")
        seen.append(focused(page))
        assert len(seen) < 12, seen
    # What has the focus shows it.
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    wait_until(page, "() => counterpoint.view.phase === 'live'")
    assert focused(page) == "start"
    order = []
    while "typed" not in order:
        page.keyboard.press("Tab")
        order.append(focused(page))
        assert len(order) < 15, order
    assert [one for one in order if one in ("stop", "mute", "forget", "captions", "typed")] == [
        "stop",
        "mute",
        "forget",
        "captions",
        "typed",
    ]
    page.keyboard.type("typed without a mouse")
    page.keyboard.press("Enter")
    expect(page.locator(".turn[data-who=person]")).to_contain_text("typed without a mouse")
    wait_until(page, "() => counterpoint.view.captions.some((one) => one.wordsHeard > 0)")
    page.keyboard.press("Escape")
    wait_until(page, "() => counterpoint.view.captions.some((one) => one.cutBy === 'stop')")
    while focused(page) != "start":
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    wait_until(page, "() => counterpoint.view.phase === 'ended'")


def focused(page: Page) -> str:
    """The part that has the focus, or its tag."""
    name: str = page.evaluate(
        "() => document.activeElement.dataset.part ?? document.activeElement.tagName"
    )
    return name


def test_a_screen_reader_is_told_finished_turns_only(page: Page) -> None:
    announcer = page.locator("[data-part=announcer]")
    expect(announcer).to_have_attribute("aria-live", "polite")
    start_call(page)
    wait_until(page, "() => counterpoint.view.captions.some((one) => one.wordsHeard > 1)")
    assert announcer.inner_text() == ""
    page.click("[data-part=mute]")
    wait_until(page, "() => counterpoint.view.captions[0].status === 'done'")
    expect(announcer).to_contain_text("Counterpoint: one two")


FITS = """(part) => {
  const button = document.querySelector(`[data-part=${part}]`);
  const { left, right, height } = button.getBoundingClientRect();
  const inside = left >= 0 && right <= innerWidth && button.scrollWidth <= button.clientWidth;
  return inside && height >= 44;
}"""


def test_nothing_sticks_out_sideways(page: Page) -> None:
    start_call(page)
    wait_until(page, "() => counterpoint.view.captions.some((one) => one.wordsHeard > 0)")
    for width in (320, 360, 414, 768, 1280):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        for part in ("start", "stop", "mute", "send"):
            assert page.evaluate(FITS, part), (part, width)


NOTE_PAINTS = """() => {
  window.paints = [];
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...rest) {
    const frame = document.timeline.currentTime;
    if (frame !== window.paints.at(-1)) window.paints.push(frame);
    clear.apply(this, rest);
  };
}"""


def test_with_reduced_motion_the_timeline_moves_in_steps(page: Page) -> None:
    page.evaluate(NOTE_PAINTS)
    start_call(page)
    apart = []
    for motion in ("no-preference", "reduce"):
        page.emulate_media(reduced_motion=motion)
        page.evaluate("() => { window.paints = []; }")
        paints = wait_until(page, "() => window.paints.length > 7 && window.paints")
        # On a busy machine one or two come late.
        apart.append(statistics.median(after - at for at, after in pairwise(paints)))
    assert apart[1] > 2 * apart[0], apart
