"""OpenAI's npm packages, unmodified, in a real Chromium on a page of another origin."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.request
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from model.messages import Audio
from model.timebase import HEARING_RATE
from tests.browser.chromium import chromium, driver, wait_until
from tests.end_to_end.served import Served
from tests.network.testbed import TestBed
from tests.speech.checker import transcribe_conversation
from tests.speech.recordings import human_recordings, read_audio
from tests.speech.wer import normalised, word_error_rate

pytestmark = [pytest.mark.browser, pytest.mark.weights, pytest.mark.timeout(180)]

ROOT: Final = Path(__file__).resolve().parents[3]
PAGE: Final = Path(__file__).parent / "page"
SAID: Final = ("austen-0880", "austen-0930")
TELLER: Final = "You are a storyteller. Tell long stories with many details."
STORY: Final = "Please tell me a story about a dragon."


@pytest.fixture(scope="module")
def site(bed: TestBed, origin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Somebody else's page with the packages bundled into it, served on the client's side."""
    folder = tmp_path_factory.mktemp("page")
    bundle = [str(ROOT / "node_modules/.bin/esbuild"), str(PAGE / "entry.js"), "--bundle"]
    bundle += ["--format=esm", f"--outfile={folder / 'page.js'}", "--log-level=warning"]
    subprocess.run(bundle, check=True, cwd=ROOT, timeout=60)
    (folder / "index.html").write_text(
        "<!doctype html><title>A shop</title><audio autoplay></audio>"
        '<script type="module" src="page.js"></script>'
    )
    for one in human_recordings():
        if one.name in SAID:
            _write(folder / f"{one.name}.wav", one.audio)
    where = urlsplit(origin)
    command = [sys.executable, "-m", "http.server", str(where.port), "--bind", str(where.hostname)]
    files = bed.spawn_client([*command, "--directory", str(folder)])
    bed.run_in_client(["curl", "-sf", "--retry", "40", "--retry-delay", "1"]
        + ["--retry-all-errors", "-o", "/dev/null", origin], timeout_seconds=60)  # fmt: skip
    yield origin
    files.stop()


@pytest.fixture(scope="module")
def browser(bed: TestBed, site: str) -> Iterator[Browser]:
    """A real one."""
    with driver(bed) as playwright, chromium(playwright, site, None) as running:
        yield running


@pytest.fixture
def page(browser: Browser, site: str, served: Served) -> Iterator[Page]:
    """The page, loaded."""
    opened = browser.new_context().new_page()
    opened.set_default_timeout(60_000)
    opened.goto(f"{site}/?server={served.url}")
    wait_until(opened, "() => window.page !== undefined")
    opened.evaluate("() => page.start()")
    yield opened
    opened.context.close()


@pytest.fixture
def secret(bed: TestBed, url: str, origin: str, key: str) -> str:
    """What the shop's server gives its page."""
    return mint(bed, url, key, {"session": {"type": "realtime"}, "origin": origin, "uses": 1})


def mint(bed: TestBed, url: str, key: str, body: dict[str, Any]) -> str:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with bed.in_client():
        address = f"{url}/v1/realtime/client_secrets"
        asked = urllib.request.Request(address, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            made: str = json.load(answer)["value"]
    return made


def _write(path: Path, audio: Audio) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(HEARING_RATE)
        file.writeframes((np.clip(audio, -1, 1) * 32_767).astype("<i2").tobytes())


def count(page: Page, kind: str) -> int:
    found: int = page.evaluate("(kind) => page.events.filter((e) => e.type === kind).length", kind)
    return found


def wait_for(page: Page, kind: str, more_than: int) -> None:
    """Wait until more than so many events of a type came."""
    try:
        found = f"() => page.events.filter((e) => e.type === '{kind}').length > {more_than}"
        wait_until(page, found, 40)
    except AssertionError:
        kinds = page.evaluate("() => page.events.map((e) => e.type)")
        raise AssertionError(f"no {kind!r} more than {more_than}; came: {kinds[-60:]}") from None


def assistant(page: Page) -> list[dict[str, Any]]:
    """What the session's own history says that we said."""
    items: list[dict[str, Any]] = page.evaluate(
        "() => page.session.history.filter((one) => one.role === 'assistant')"
    )
    return [one for one in items if one["content"] and one["content"][0].get("transcript")]


def tell(page: Page) -> None:
    """Have a story begun, and hear two seconds of it."""
    before = count(page, "output_audio_buffer.started")
    page.evaluate("(text) => page.session.sendMessage(text)", STORY)
    wait_for(page, "output_audio_buffer.started", before)
    page.wait_for_timeout(2_000)


def test_the_agents_sdk_holds_a_conversation_and_its_history_is_what_was_heard(
    page: Page, secret: str, tmp_path: Path
) -> None:
    call_id = page.evaluate("([secret, text]) => page.agent(secret, text, false)", [secret, TELLER])
    assert call_id.startswith("rtc_")
    page.evaluate("(name) => page.say(name)", SAID[0])
    wait_for(page, "response.done", 0)
    person = page.evaluate(
        "() => page.session.history.find((one) => one.role === 'user').content[0].transcript"
    )
    said = {one.name: one.text for one in human_recordings()}
    assert word_error_rate(said[SAID[0]], person) <= 0.35, person
    tell(page)
    page.evaluate("() => page.session.interrupt()")
    wait_for(page, "conversation.item.truncated", 0)
    tell(page)
    page.evaluate("(name) => page.say(name)", SAID[1])
    wait_for(page, "conversation.item.truncated", 1)
    page.evaluate("() => page.session.interrupt()")
    wait_for(page, "conversation.item.retrieved", 3)
    page.wait_for_timeout(500)
    path = tmp_path / "voice.webm"
    path.write_bytes(base64.b64decode(page.evaluate("() => page.stopRecording()")))
    told = assistant(page)
    statuses = [one["status"] for one in told]
    assert statuses[0] == "completed" and statuses.count("incomplete") >= 2, told
    text = " ".join(one["content"][0]["transcript"] for one in told)
    heard = transcribe_conversation(read_audio(path))
    print(f"told  {text!r}\nheard {heard!r}")
    assert len(normalised(text)) >= 12
    assert word_error_rate(text, heard) <= 0.35
    assert page.evaluate("() => page.errors") == []
    page.evaluate("() => page.session.close()")


def test_openais_own_class_holds_a_conversation(page: Page, secret: str) -> None:
    page.evaluate("([secret, text]) => page.plain(secret, text)", [secret, TELLER])
    wait_for(page, "session.updated", 0)
    page.evaluate("(name) => page.say(name)", SAID[0])
    wait_for(page, "response.done", 0)
    events = page.evaluate("() => page.events")
    kinds = [event["type"] for event in events]
    assert kinds[0] == "session.created" and "error" not in kinds, kinds
    done = next(event for event in events if event["type"] == "response.done")["response"]
    assert done["status"] == "completed" and done["output"][0]["content"][0]["transcript"]
    page.evaluate("() => page.connection.close()")


def test_the_agents_sdk_talks_over_a_socket(page: Page, secret: str) -> None:
    page.evaluate("([secret, name]) => page.socket(secret, name)", [secret, SAID[0]])
    wait_for(page, "response.done", 0)
    assert assistant(page)[0]["status"] == "completed"
    assert page.evaluate("() => page.soundBytes") > 20_000
    assert page.evaluate("() => page.errors") == []
    page.evaluate("() => page.session.close()")


def test_a_secret_that_is_used_up_is_told_by_the_sdk(page: Page, secret: str) -> None:
    page.evaluate("([secret, text]) => page.plain(secret, text)", [secret, TELLER])
    told = page.evaluate(
        "([secret, text]) => page.agent(secret, text, false).catch((error) => String(error))",
        [secret, TELLER],
    )
    assert "401" in told and "secret" in told, told


def test_a_key_that_has_all_its_sessions_is_told_by_the_sdks(
    bed: TestBed, url: str, origin: str, page: Page, keys: tuple[dict[str, str], Path]
) -> None:
    body = {"session": {"type": "realtime"}, "origin": origin, "uses": 3}
    secret = mint(bed, url, keys[0]["single"], body)
    page.evaluate("([secret, text]) => page.plain(secret, text)", [secret, TELLER])
    told = page.evaluate(
        "([secret, text]) => page.agent(secret, text, false).catch((error) => String(error))",
        [secret, TELLER],
    )
    assert "429" in told and "already holds 1 sessions" in told, told
    told = page.evaluate(
        "([secret, text]) => page.plain(secret, text).catch((error) => String(error.cause))",
        [secret, TELLER],
    )
    assert "429 session_limit_exceeded, again in 5 s" in told, told
    page.evaluate("() => page.connection.close()")


def test_openais_live_class_holds_a_conversation_and_its_transcript_is_what_was_heard(
    bed: TestBed, url: str, origin: str, key: str, page: Page, tmp_path: Path
) -> None:
    secret = mint(bed, url, key, {"origin": origin, "uses": 1})
    page.evaluate("([secret, text]) => page.live(secret, text)", [secret, TELLER])
    wait_for(page, "session.started", 0)
    page.evaluate("(name) => page.say(name)", SAID[0])
    wait_for(page, "session.output_transcript.delta", 3)
    page.evaluate("(name) => page.say(name)", SAID[1])
    wait_for(page, "info", 0)
    page.wait_for_timeout(400)
    # Each answer by itself: when both begin with the same words, the recogniser hears them once.
    sounds = [page.evaluate("() => page.stopRecording()")]
    page.evaluate("() => page.startRecording()")
    told = count(page, "session.output_transcript.delta")
    wait_for(page, "session.output_transcript.delta", told + 4)
    page.evaluate("() => page.connection.send({ type: 'session.close', event_id: 'bye' })")
    wait_for(page, "session.closed", 0)
    sounds.append(page.evaluate("() => page.stopRecording()"))
    events = page.evaluate("() => page.events")
    cut = next(event for event in events if event["type"] == "info")
    assert cut["code"] == "output_audio_interrupted" and cut["reason"] == "floor"
    assert events[-1]["reason"] == "close_requested" and events[-1]["client_event_id"] == "bye"
    history = page.evaluate("() => page.history")
    person = " ".join(one["text"] for one in history if one["speaker"] == "user")
    said = {one.name: one.text for one in human_recordings()}
    assert word_error_rate(" ".join(said[one] for one in SAID), person) <= 0.4, person
    at, kind = events.index(cut), "session.output_transcript.delta"
    ours = [
        "".join(one["delta"] for one in part if one["type"] == kind)
        for part in (events[:at], events[at:])
    ]
    text = " ".join(one["text"] for one in history if one["speaker"] == "assistant")
    assert normalised(text) == normalised(" ".join(ours))
    for at, (text, sound) in enumerate(zip(ours, sounds, strict=True)):
        path = tmp_path / f"voice-{at}.webm"  # What was read from a path once is not read again.
        path.write_bytes(base64.b64decode(sound))
        heard = transcribe_conversation(read_audio(path))
        print(f"told  {text!r}\nheard {heard!r}")
        words = len(normalised(text))
        assert words and abs(len(normalised(heard)) - words) <= 2
        # Of few words one or two that a cut leaves half said weigh much.
        assert word_error_rate(text, heard) * words <= max(2, 0.4 * words)
