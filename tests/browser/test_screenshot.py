"""The pictures in the README, taken of a real conversation with the default model.

COUNTERPOINT_SCREENSHOTS=docs pytest tests/browser/test_screenshot.py -m weights
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser.chromium import (
    chromium_page,
    console_problems,
    microphone_file,
    serve,
    start_call,
    wait_until,
)
from tests.browser.screenshot import DESKTOP, take
from tests.network.testbed import TestBed
from tests.speech.recordings import human_recordings

FOLDER = os.environ.get("COUNTERPOINT_SCREENSHOTS", "")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.weights,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not FOLDER, reason="pictures are taken when they are asked for"),
]

AGENT = "counterpoint.view.captions.filter((one) => one.who === 'agent')"


def test_pictures_of_a_conversation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The server takes what begins with COUNTERPOINT_ for its settings.
    monkeypatch.delenv("COUNTERPOINT_SCREENSHOTS")
    speech = {one.name: one.audio for one in human_recordings()}
    said = [speech["vm-sorry"], speech["privacy-prompt"]]
    wav = microphone_file(tmp_path / "person.wav", said, before_seconds=0.5, after_seconds=13.0)
    with TestBed() as bed:
        url = serve(bed)
        with chromium_page(bed, url, wav, viewport=DESKTOP, device_scale_factor=1.5) as page:
            start_call(page)
            wait_until(page, f"() => {AGENT}.some((one) => one.status === 'done')", 30)
            page.fill(
                "[data-part=typed]", "Tell me in a few sentences what counterpoint in music is."
            )
            page.press("[data-part=typed]", "Enter")
            # The person on the recording speaks up while it is explaining.
            wait_until(page, f"() => {AGENT}.some((one) => one.status === 'cut')", 60)
            wait_until(page, f"() => {AGENT}.at(-1).status === 'playing'", 30)
            page.wait_for_timeout(900)
            folder = Path(FOLDER)
            folder.mkdir(parents=True, exist_ok=True)
            assert all(path.stat().st_size > 10_000 for path in take(page, folder))
            assert console_problems(page) == []
