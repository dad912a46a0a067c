"""The pictures in the README, taken of a real conversation.

SCREENSHOTS=docs pytest tests/browser/test_screenshot.py

Without SCREENSHOTS they go to a temporary folder and the small model speaks, so that the way they
are made is tested every time.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from model.timebase import HEARING_RATE, seconds
from tests.browser.chromium import (
    chromium,
    console_problems,
    microphone_file,
    open_page,
    serve,
    start_call,
    wait_until,
)
from tests.browser.screenshot import DESKTOP, take
from tests.network.testbed import TestBed
from tests.speech.recordings import human_recordings

FOLDER = os.environ.get("SCREENSHOTS", "")
MODEL = () if FOLDER else ("--engine", "language=language-135m")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.weights,
    pytest.mark.timeout(240),
]

AGENT = "counterpoint.view.captions.filter((one) => one.who === 'agent')"
PERSON = "counterpoint.view.captions.filter((one) => one.who === 'person')"
ONSET = "() => counterpoint.levels.find((one) => one.person > 0.05)?.atMs"
BEFORE, AFTER = 0.4, 2.2


def test_pictures_of_a_conversation(
    testbed: TestBed, playwright_driver: Playwright, tmp_path: Path
) -> None:
    clip = next(one for one in human_recordings() if one.name == "vm-sorry").audio
    wav = microphone_file(tmp_path / "person.wav", [clip], BEFORE, AFTER)
    period = seconds(len(clip), HEARING_RATE) + BEFORE + AFTER
    url = serve(testbed, *MODEL, port=8092)
    with chromium(playwright_driver, url, wav) as browser:
        page = open_page(browser, url, viewport=DESKTOP, device_scale_factor=1.5)
        start_call(page)
        onset = wait_until(page, ONSET)
        wait_until(page, f"() => {PERSON}.some((one) => one.status === 'done')", 30)
        page.click("[data-part=mute]")
        wait_until(page, f"() => {AGENT}.some((one) => one.status === 'done')", 60)
        page.fill("[data-part=typed]", "Please tell me the whole story of Cinderella.")
        page.press("[data-part=typed]", "Enter")
        wait_until(page, f"() => {AGENT}.at(-1).status === 'playing'", 60)
        # The person on the recording speaks up from the sentence's beginning.
        wait_until(page, f"() => (performance.now() - {onset}) / 1000 % {period} > {period - 0.5}")
        page.click("[data-part=mute]")
        wait_until(page, f"() => {AGENT}.some((one) => one.status === 'cut')", 30)
        wait_until(page, f"() => {PERSON}.at(-1).status === 'done'", 30)
        page.click("[data-part=mute]")
        wait_until(page, f"() => {AGENT}.at(-1).status === 'playing'", 60)
        wait_until(page, f"() => {AGENT}.at(-1).wordsHeard > 2", 30)
        folder = Path(FOLDER) if FOLDER else tmp_path / "pictures"
        folder.mkdir(parents=True, exist_ok=True)
        assert all(path.stat().st_size > 10_000 for path in take(page, folder))
        assert console_problems(page) == []
