"""Somebody else's page with all packages bundled into it, and one real Chromium that shows it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import chromium, driver, wait_until
from tests.conformance.documents import ROOT, function
from tests.conformance.judging import CLOCK, ERRAND, said, spoken
from tests.end_to_end.served import Served
from tests.network.testbed import TestBed
from tests.speech.recordings import write_wav

PAGE: Final = Path(__file__).parent / "page"
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


@pytest.fixture(scope="package")
def site(bed: TestBed, origin: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page, served on the client's side."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("page")
    for file in (*PAGE.glob("*.js"), ROOT / "tests/conformance/node/talker.js"):
        shutil.copy(file, source)
    (source / "documents.js").write_text("\n".join(_MODULES), "utf-8")
    (source / "node_modules").symlink_to(ROOT / "node_modules")
    bundle = [str(ROOT / "node_modules/.bin/esbuild"), str(source / "entry.js"), "--bundle"]
    bundle += ["--format=esm", f"--outfile={folder / 'page.js'}", "--log-level=warning"]
    subprocess.run([*bundle, "--preserve-symlinks"], check=True, cwd=source, timeout=60)
    (folder / "index.html").write_text(
        "<!doctype html><title>A shop</title><audio autoplay></audio>"
        '<script type="module" src="page.js"></script>'
    )
    by_name = {str(at): one.audio for at, one in enumerate(said())}
    for name, audio in {**by_name, "errand": spoken(ERRAND), "clock": spoken(CLOCK)}.items():
        write_wav(folder / f"{name}.wav", audio)
    where = urlsplit(origin)
    command = [sys.executable, "-m", "http.server", str(where.port), "--bind", str(where.hostname)]
    bed.spawn_client([*command, "--directory", str(folder)])
    patient = ["--retry", "60", "--retry-delay", "1", "--retry-all-errors"]
    bed.run_in_client(["curl", "-sf", *patient, "-o", "/dev/null", origin], timeout_seconds=90)
    return origin


@pytest.fixture(scope="package")
def browser(bed: TestBed, site: str) -> Iterator[Browser]:
    """A real one. It is closed before a test of another package has an event loop of its own."""
    with driver(bed) as playwright, chromium(playwright, site, None) as running:
        yield running


@pytest.fixture(scope="package")
def opened(browser: Browser, site: str, served: Served) -> Callable[[], Page]:
    """Opens the page once more."""

    def new() -> Page:
        page = browser.new_context().new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{site}/?server={served.url}")
        wait_until(page, "() => window.page !== undefined", 60)
        page.evaluate("() => page.start()")
        return page

    return new


@pytest.fixture(scope="package")
def ask(served: Served) -> Callable[..., Any]:
    """Ask the server for JSON, as the shop's own server does."""

    def asked(path: str, token: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{served.url}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    return asked


@pytest.fixture(scope="package")
def secret(ask: Callable[..., Any], site: str, key: str) -> Callable[..., str]:
    """Makes what the shop's server gives its page: a secret for one session of this kind."""

    def made(session: dict[str, Any] | None, with_key: str = key, uses: int = 1) -> str:
        body = {"origin": site, "uses": uses, **({"session": session} if session else {})}
        value: str = ask("/v1/realtime/client_secrets", with_key, body)["value"]
        return value

    return made
