"""Pictures of the page for the documentation: light, dark, and on a phone.

python -m tests.browser.screenshot docs
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, ViewportSize

from model.timebase import HEARING_RATE, seconds
from tests.browser.chromium import (
    chromium,
    driver,
    microphone_file,
    open_page,
    serve,
    start_call,
    wait_until,
)
from tests.network.testbed import TestBed
from tests.speech.recordings import human_recordings

__all__ = ["DESKTOP", "take"]

DESKTOP: ViewportSize = {"width": 1180, "height": 860}
PHONE: ViewportSize = {"width": 360, "height": 740}


def take(
    page: Page, folder: Path, name: str = "screenshot", desktop: ViewportSize = DESKTOP
) -> list[Path]:
    """Write `NAME.png`, `NAME-dark.png` and `NAME-phone.png`; their paths."""
    looks = (
        (f"{name}.png", desktop, "light"),
        (f"{name}-dark.png", desktop, "dark"),
        (f"{name}-phone.png", PHONE, "light"),
    )
    page.mouse.move(1, 1)  # nothing is hovered over, and nothing has the focus
    page.evaluate("() => document.activeElement?.blur()")
    paths = []
    for file, viewport, scheme in looks:
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.wait_for_timeout(250)  # colours fade over
        paths.append(folder / file)
        # A phone shows what stays in sight, and no more: the head above and the buttons below.
        page.evaluate("() => scrollTo(0, 0)")
        page.screenshot(path=paths[-1], full_page=viewport is not PHONE)
    return paths


_AGENT: Final = "counterpoint.view.captions.filter((one) => one.who === 'agent')"
_PERSON: Final = "counterpoint.view.captions.filter((one) => one.who === 'person')"
_ONSET: Final = "() => counterpoint.levels.find((one) => one.person > 0.05)?.atMs"
_BEFORE, _AFTER = 0.4, 2.2


def converse(page: Page, period: float) -> None:
    """A conversation worth a picture: answered, interrupted, and answered again.

    Args:
        page: what was just opened; its microphone plays a sentence again and again.
        period: seconds from one time to the next.
    """
    start_call(page)
    onset = wait_until(page, _ONSET)
    wait_until(page, f"() => {_PERSON}.some((one) => one.status === 'done')", 30)
    page.click("[data-part=mute]")
    wait_until(page, f"() => {_AGENT}.some((one) => one.status === 'done')", 60)
    page.fill("[data-part=typed]", "Please tell me the whole story of Cinderella.")
    page.press("[data-part=typed]", "Enter")
    wait_until(page, f"() => {_AGENT}.at(-1).status === 'playing'", 60)
    # The person on the recording speaks up from the sentence's beginning.
    wait_until(page, f"() => (performance.now() - {onset}) / 1000 % {period} > {period - 0.5}")
    page.click("[data-part=mute]")
    wait_until(page, f"() => {_AGENT}.some((one) => one.status === 'cut')", 30)
    wait_until(page, f"() => {_PERSON}.at(-1).status === 'done'", 30)
    page.click("[data-part=mute]")
    wait_until(page, f"() => {_AGENT}.at(-1).status === 'playing'", 60)
    wait_until(page, f"() => {_AGENT}.at(-1).wordsHeard > 2", 30)


def main(folder: Path) -> None:
    """Hold the conversation with the real server as it is by default; the pictures go here."""
    clip = next(one for one in human_recordings() if one.name == "vm-sorry").audio
    with tempfile.TemporaryDirectory() as files, TestBed() as bed, driver(bed) as playwright:
        wav = microphone_file(Path(files) / "person.wav", [clip], _BEFORE, _AFTER)
        url = serve(bed)
        with chromium(playwright, url, wav) as browser:
            page = open_page(browser, url, viewport=DESKTOP, device_scale_factor=1.5)
            converse(page, seconds(len(clip), HEARING_RATE) + _BEFORE + _AFTER)
            print(*take(page, folder), sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
