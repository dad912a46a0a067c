"""pipecat's and WHIP's npm packages, unmodified, in a real Chromium on a page of another origin."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import time
import urllib.request
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from model.timebase import HEARING_RATE
from tests.browser.chromium import chromium, driver, wait_until
from tests.conformance.documents import ROOT, function
from tests.end_to_end.served import Served
from tests.network.testbed import TestBed
from tests.speech.checker import transcribe_conversation
from tests.speech.recordings import human_recordings, read_audio
from tests.speech.wer import normalised, word_error_rate

pytestmark = [pytest.mark.browser, pytest.mark.weights, pytest.mark.timeout(240)]

PAGE: Final = Path(__file__).parent / "page"
SAID: Final = ("austen-0880", "austen-0930")
TELLER: Final = "You are a storyteller. Tell long stories with many details."
STORY: Final = "Please tell me a story about a dragon."
_MODULES: Final = (
    function(
        "docs/pipecat.md",
        "connectPipecat",
        "server, key, options, instructions, show, play, watch",
        "client",
        before="watch(client);",
    ),
    function(
        "docs/whip.md",
        "publishAndListen",
        "server, key, microphone, play",
        "{ whip, whep, sending, hearing }",
    ),
)


@pytest.fixture(scope="module")
def site(bed: TestBed, origin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Somebody else's page with the packages bundled into it, served on the client's side."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("page")
    shutil.copy(PAGE / "entry.js", source)
    (source / "documents.js").write_text("\n".join(_MODULES), "utf-8")
    (source / "node_modules").symlink_to(ROOT / "node_modules")
    bundle = [str(ROOT / "node_modules/.bin/esbuild"), str(source / "entry.js"), "--bundle"]
    bundle += ["--format=esm", f"--outfile={folder / 'page.js'}", "--log-level=warning"]
    subprocess.run([*bundle, "--preserve-symlinks"], check=True, cwd=source, timeout=60)
    (folder / "index.html").write_text(
        "<!doctype html><title>A studio</title><audio autoplay></audio>"
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
def ask(bed: TestBed, url: str) -> Callable[..., Any]:
    """Ask the server for JSON from the client's side."""

    def asked(path: str, token: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        with bed.in_client():
            request = urllib.request.Request(f"{url}{path}", data, headers)
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)

    return asked


@pytest.fixture
def secret(ask: Callable[..., Any], origin: str, key: str) -> str:
    """What the studio's server gives its page; it fixes what the model is to be."""
    settings = {"instructions": TELLER, "eagerness": 0.8}
    session = {"type": "counterpoint", "settings": settings}
    body = {"session": session, "origin": origin, "uses": 1}
    made: str = ask("/v1/realtime/client_secrets", key, body)["value"]
    return made


def _write(path: Path, audio: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(HEARING_RATE)
        file.writeframes((np.clip(audio, -1, 1) * 32_767).astype("<i2").tobytes())


def events(page: Page, kind: str) -> list[Any]:
    found: list[Any] = page.evaluate(
        "(kind) => page.events.filter((e) => e.type === kind).map((e) => e.data ?? null)", kind
    )
    return found


def wait_for(page: Page, kind: str, more_than: int) -> None:
    """Wait until more than so many events of a kind came."""
    try:
        found = f"() => page.events.filter((e) => e.type === '{kind}').length > {more_than}"
        wait_until(page, found, 40)
    except AssertionError:
        kinds = page.evaluate("() => page.events.map((e) => e.type)")
        raise AssertionError(f"no {kind!r} more than {more_than}; came: {kinds[-60:]}") from None


def recording(page: Page, path: Path) -> str:
    """What the page heard, as another project's recogniser understands it."""
    path.write_bytes(base64.b64decode(page.evaluate("() => page.stopRecording()")))
    return transcribe_conversation(read_audio(path))


def same(told: str, heard: str, least_words: int = 12) -> None:
    """What a client believes was said is what was heard."""
    print(f"told  {told!r}\nheard {heard!r}")
    words = len(normalised(told))
    assert words >= least_words
    # Of few words one or two that a cut leaves half said weigh much.
    assert word_error_rate(told, heard) * words <= max(2, 0.35 * words)


def test_pipecats_client_holds_a_conversation_and_its_history_is_what_was_heard(
    page: Page, key: str, tmp_path: Path
) -> None:
    page.evaluate("([key, text]) => page.pipecat(key, text)", [key, TELLER])
    assert events(page, "BotReady")[0]["version"] == "2.1.0"
    page.evaluate("(name) => page.say(name)", SAID[0])
    wait_for(page, "BotStoppedSpeaking", 0)
    said = {one.name: one.text for one in human_recordings()}
    final = " ".join(one["text"] for one in events(page, "UserTranscript") if one["final"])
    assert word_error_rate(said[SAID[0]], final) <= 0.35, final
    assert len(events(page, "UserStartedSpeaking")) == len(events(page, "UserStoppedSpeaking"))
    assert events(page, "Metrics")[0]["ttfb"][0]["value"] > 0
    began = len(events(page, "BotStartedSpeaking"))
    page.evaluate("(text) => page.client.sendText(text)", STORY)
    wait_for(page, "BotStartedSpeaking", began)
    page.wait_for_timeout(2_000)
    page.evaluate("(name) => page.say(name)", SAID[1])
    wait_until(page, "() => page.events.some((e) => e.data?.type === 'agent.cut')", 20)
    cut = next(one for one in events(page, "ServerMessage") if one["type"] == "agent.cut")
    assert cut["by"] == "floor" and cut["words_heard"] > 0
    wait_for(page, "BotStartedSpeaking", began + 1)
    page.wait_for_timeout(1_500)
    assert page.evaluate("() => page.client.sendClientRequest('speech.stop', {})") is None
    page.wait_for_timeout(500)
    heard, told = recording(page, tmp_path / "voice.webm"), page.evaluate("() => page.history()")
    same(told, heard)
    left = [
        one["spoken_progress"] for one in events(page, "BotOutput") if one.get("spoken_progress")
    ]
    assert any(one["remaining_text"] for one in left)
    words = " ".join(one["text"] for one in events(page, "BotTtsText"))
    assert normalised(words) == normalised(told)
    assert events(page, "Error") == [] and events(page, "MessageError") == []
    refused = page.evaluate(
        "() => page.client.sendClientRequest('agent.say', {}).catch((e) => e.data)"
    )
    assert refused["code"] == "bad_field" and "text" in refused["error"]
    call_a_tool(page)
    page.evaluate("() => page.client.disconnectBot()")
    wait_for(page, "BotDisconnected", 0)


def call_a_tool(page: Page) -> None:
    """The model asks for a function of the page's, is answered, and goes on to speak."""
    began = len(events(page, "BotStartedSpeaking"))
    city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    about = "Tells the weather in a city now."
    tool = {"name": "get_weather", "description": about, "parameters": city}
    page.evaluate(
        "(settings) => page.client.sendClientRequest('settings.update', { settings })",
        {"tools": [tool], "tool_choice": "get_weather"},
    )
    page.evaluate("() => page.client.sendText('What is the weather in Rome?')")
    wait_for(page, "LLMFunctionCallStopped", 0)
    (asked,) = events(page, "LLMFunctionCallInProgress")
    (over,) = events(page, "LLMFunctionCallStopped")
    assert asked["function_name"] == over["function_name"] == "get_weather"
    assert page.evaluate("() => page.toolCalls") == [asked["arguments"]["city"]]
    assert over["result"] == '{"weather": "sunny and warm"}' and not over["cancelled"]
    wait_for(page, "BotStartedSpeaking", began)


def test_whip_brings_a_voice_in_and_whep_hears_the_answers(
    page: Page, secret: str, ask: Callable[..., Any], tmp_path: Path
) -> None:
    page.evaluate("(key) => page.whip(key)", secret)
    wait_until(page, "() => page.hearing.connectionState === 'connected'", 20)
    first = next(one for one in page.evaluate("() => page.answers") if one["status"] == 201)
    token = first["headers"]["counterpoint-resume-token"]
    path = f"/api/sessions/{first['headers']['counterpoint-session']}/record.json"

    def ours(least: int, seconds: float = 40.0) -> list[dict[str, Any]]:
        until = time.monotonic() + seconds
        while True:
            turns = ask(path, token)["turns"]
            found = [one for one in turns if one["who"] == "agent"]
            if len(found) >= least:
                return found
            assert time.monotonic() < until, turns
            page.wait_for_timeout(200)

    page.evaluate("(name) => page.say(name)", SAID[0])
    before = len(ours(1))
    for _ in range(3):  # an answer may be over before it can be cut
        page.wait_for_timeout(1_000)
        page.evaluate("(name) => page.say(name)", SAID[1])
        before = len(ours(before + 1))
        page.wait_for_timeout(500)
        page.evaluate("(name) => page.say(name)", SAID[0])
        if any(one["cut"] and one["by"] == "floor" for one in ours(before)):
            break
    else:
        raise AssertionError(f"no answer was cut: {ours(before)}")
    page.evaluate("() => page.whip.restart()")
    page.evaluate("() => page.whip.stop()")
    answers = [(one["method"], one["status"]) for one in page.evaluate("() => page.answers")]
    assert answers.count(("POST", 201)) == 2 and answers[-1] == ("DELETE", 200), answers
    # A restart of ICE is not served, which the client takes.
    assert set(answers[:-1]) == {("POST", 201), ("PATCH", 204), ("PATCH", 501)}, answers
    page.wait_for_timeout(500)
    heard = recording(page, tmp_path / "voice.webm")
    said = {one.name: one.text for one in human_recordings()}
    turns = ask(path, token)["turns"]
    person = [one["text"] for one in turns if one["who"] == "person"]
    assert word_error_rate(said[SAID[0]], person[0]) <= 0.35, person
    same(" ".join(one["text"] for one in turns if one["who"] == "agent"), heard, 6)
    # The session is over, and with it what was listened to.
    wait_until(page, "() => page.hearing.connectionState !== 'connected'", 10)
