"""People's recordings spoken into a real browser, the small model answering aloud."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from playwright.sync_api import Page, Playwright

from model.timebase import HEARING_RATE
from tests.browser.chromium import (
    chromium,
    console_problems,
    microphone_file,
    open_page,
    serve,
    start_call,
    wait_until,
)
from tests.browser.screenshot import take
from tests.network.testbed import TestBed
from tests.speech import checker
from tests.speech.recordings import Recording, human_recordings, read_audio
from tests.speech.wer import Errors, count_errors, word_error_rate

pytestmark = [pytest.mark.browser, pytest.mark.weights, pytest.mark.timeout(300)]

CLIPS: Final = 12
BEFORE, AFTER = 0.3, 4.7

LISTEN = """
const made = RTCPeerConnection.prototype.createDataChannel;
window.heardEvents = [];
RTCPeerConnection.prototype.createDataChannel = function (...args) {
  const channel = made.apply(this, args);
  channel.addEventListener('message', (message) =>
    window.heardEvents.push({ ...JSON.parse(message.data), page_ms: performance.now() }));
  return channel;
};
"""
"""Keeps what the server tells the page, as it comes over the data channel."""

RECORD = """() => {
  const voice = document.querySelector('audio').srcObject;
  const recorder = new MediaRecorder(voice, { mimeType: 'audio/webm;codecs=opus' });
  window.recordedParts = [];
  recorder.ondataavailable = (part) => window.recordedParts.push(part.data);
  recorder.onstart = () => { window.recordingStartedMs = performance.now(); };
  recorder.start(1000);
  window.voiceRecorder = recorder;
}"""

RECORDED = """() => new Promise((resolve) => {
  window.voiceRecorder.onstop = async () => {
    const bytes = new Uint8Array(await new Blob(window.recordedParts).arrayBuffer());
    let text = '';
    for (let i = 0; i < bytes.length; i += 32768)
      text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    resolve(btoa(text));
  };
  window.voiceRecorder.stop();
})"""


QUIET_AFTER = """(cutMs) => {
  const after = counterpoint.levels.filter((one) => one.atMs >= cutMs);
  const loud = after.findIndex((one, i) => after.slice(i, i + 3).every((x) => x.agent < 0.01));
  return loud < 0 ? null : after[loud].atMs - cutMs;
}"""
"""How long after the cut the page's voice stayed quiet for three samples of its level."""


@pytest.fixture(scope="module")
def clips() -> list[Recording]:
    """Whole sentences of two to seven seconds, taken from the speakers in turn."""
    by_speaker: dict[str, list[Recording]] = {}
    for one in human_recordings():
        if 1.5 <= one.duration_seconds <= 8.0:
            by_speaker.setdefault(one.speaker, []).append(one)
    chosen: list[Recording] = []
    while len(chosen) < CLIPS and any(by_speaker.values()):
        chosen += [waiting.pop(0) for waiting in by_speaker.values() if waiting]
    chosen = chosen[:CLIPS]
    assert len(chosen) >= 10
    assert len({one.speaker for one in chosen}) >= 3
    return chosen


@pytest.fixture(scope="module")
def call(
    clips: list[Recording],
    testbed: TestBed,
    playwright_driver: Playwright,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Page]:
    """A call in which every clip was spoken and the last answer heard to its end."""
    folder = tmp_path_factory.mktemp("spoken")
    wav = microphone_file(folder / "person.wav", [one.audio for one in clips], BEFORE, AFTER)
    flags = ("--engine", "language=language-135m", "--engine", "answer_tokens=16")
    url = serve(testbed, *flags, port=8091)
    with chromium(playwright_driver, url, wav) as browser:
        page = open_page(browser, url)
        page.add_init_script(LISTEN)
        page.reload()
        page.wait_for_selector("body[data-phase]")
        start_call(page)
        page.evaluate(RECORD)
        length = sum(one.duration_seconds + BEFORE + AFTER for one in clips)
        page.wait_for_timeout(length * 1000)
        yield page


def events(page: Page, kind: str) -> list[dict[str, Any]]:
    """What the server said of one kind, in order."""
    found: list[dict[str, Any]] = page.evaluate(
        "(kind) => heardEvents.filter((e) => e.type === kind)", kind
    )
    return found


def test_what_people_say_is_recognised(call: Page, clips: list[Recording]) -> None:
    words = [word for e in events(call, "person.words") if e["final"] for word in e["words"]]
    starts = np.cumsum([0.0] + [one.duration_seconds + BEFORE + AFTER for one in clips[:-1]])
    # The file began to play before the call: its first word tells by how much.
    shift = _best_shift(words, clips, starts)
    rates = []
    for one, start in zip(clips, starts, strict=True):
        first, last = start + shift - 1.5, start + shift + one.duration_seconds + 2.5
        said = [w["text"] for w in words if first <= w["start_ms"] / 1000 < last]
        rates.append(word_error_rate(one.text, " ".join(said)))
        print(f"{rates[-1]:.2f} {one.speaker}: {' '.join(said)!r} for {one.text!r}")
    print(f"mean WER {np.mean(rates):.3f} over {len(rates)} clips")
    assert np.mean(rates) <= 0.12


def _best_shift(
    words: list[dict[str, Any]], clips: list[Recording], starts: np.ndarray[Any, Any]
) -> float:
    """The shift of the file against the session's clock that most words agree with."""
    assert words, "nothing was recognised"
    at = np.array([word["start_ms"] / 1000 for word in words])

    def inside(shift: float) -> int:
        return sum(
            int(((at >= s + shift) & (at < s + shift + BEFORE + c.duration_seconds)).sum())
            for c, s in zip(clips, starts, strict=True)
        )

    return float(max(np.arange(-6.0, 6.0, 0.1), key=inside))


def test_what_is_heard_is_what_the_captions_say(call: Page, tmp_path: Path) -> None:
    spoken = base64.b64decode(call.evaluate(RECORDED))
    path = tmp_path / "voice.webm"
    path.write_bytes(spoken)
    audio = read_audio(path)
    began = float(call.evaluate("() => recordingStartedMs")) / 1000
    found = Errors()
    for done in events(call, "agent.done"):
        started = next(
            e for e in events(call, "agent.started") if e["utterance"] == done["utterance"]
        )
        caption = "".join(said_words(call, done["utterance"]))
        first = round((started["page_ms"] / 1000 - began - 0.3) * HEARING_RATE)
        last = round((done["page_ms"] / 1000 - began + 0.5) * HEARING_RATE)
        heard = checker.transcribe(audio[max(first, 0) : last])
        print(f"{heard!r} for {caption!r}")
        found += count_errors(caption, heard)
    print(f"WER {found.rate:.3f} over {found.words} words")
    assert found.words >= 20, "too little was said to be judged"
    assert found.rate <= 0.20


def test_an_interruption_cuts_voice_captions_record_and_memory_at_one_word(
    call: Page, clips: list[Recording]
) -> None:
    before = len(events(call, "agent.cut"))
    _wait_for_next_clip(call, clips, in_seconds=2.0)
    call.fill("[data-part=typed]", "Please tell me a long story about the sea.")
    call.press("[data-part=typed]", "Enter")
    wait_until(
        call, f"() => heardEvents.filter((e) => e.type === 'agent.cut').length > {before}", 60
    )
    cut = events(call, "agent.cut")[-1]
    wait_until(
        call,
        "() => heardEvents.some((e) => e.type === 'agent.remembered' "
        f"&& e.utterance === {cut['utterance']})",
    )
    kept = said_words(call, cut["utterance"])[: cut["words_heard"]]
    memory = next(e for e in events(call, "agent.remembered") if e["utterance"] == cut["utterance"])
    caption = call.evaluate(
        # By its number: the recordings go on, and may have cut what came after it, too.
        "(n) => counterpoint.view.captions.findLast((o) => o.who === 'agent' && o.number === n)",
        cut["utterance"],
    )
    quiet = call.evaluate(QUIET_AFTER, cut["page_ms"])
    with call.expect_download() as download:
        call.click("[data-part=export-json]")
    record = json.loads(Path(download.value.path()).read_text("utf-8"))
    turn = next(one for one in record["turns"] if one.get("utterance") == cut["utterance"])
    assert turn["cut"] and caption["status"] == "cut"
    assert cut["by"] == "floor"
    assert kept, "nothing was heard before the cut"
    assert memory["cut"]
    assert abs(len(memory["text"].split()) - len(kept)) <= 1
    assert abs(caption["wordsHeard"] - len(kept)) <= 1
    assert abs(len(turn["text"].split()) - len(kept)) <= 1
    print(f"the page fell silent {quiet} ms after it was told")
    assert quiet is not None and quiet <= 1000
    assert console_problems(call) == []


def test_pictures_are_taken_of_the_conversation(call: Page, tmp_path: Path) -> None:
    assert all(path.stat().st_size > 10_000 for path in take(call, tmp_path))
    assert console_problems(call) == []


def said_words(page: Page, utterance: int) -> list[str]:
    """All words announced for an utterance, each with its leading space."""
    return [
        word["text"]
        for e in events(page, "agent.words")
        if e["utterance"] == utterance
        for word in e["words"]
    ]


def _wait_for_next_clip(page: Page, clips: list[Recording], in_seconds: float) -> None:
    """Wait until the (looping) microphone file is so long before the beginning of a clip."""
    words = [word for e in events(page, "person.words") if e["final"] for word in e["words"]]
    starts = np.cumsum([0.0] + [one.duration_seconds + BEFORE + AFTER for one in clips])
    shift = _best_shift(words, clips, starts[:-1])
    period = float(starts[-1])
    first = events(page, "session.started")[0]
    for _ in range(round(period / 0.05)):
        now = page.evaluate("() => performance.now()") - first["page_ms"] + first["at_ms"]
        place = (now / 1000 - shift) % period
        waits = [(start + BEFORE - place) % period for start in starts[:-1]]
        if in_seconds - 0.1 <= min(waits) <= in_seconds + 0.1:
            return
        page.wait_for_timeout(50)
    raise AssertionError("the clips' places in the microphone file were not found")
