"""One test bed, one echo server and one talking browser for all tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright

from tests.browser.chromium import chromium, driver, echo_server, microphone_file, open_page
from tests.network.testbed import TestBed
from tests.speech.recordings import read_audio

# Two sentences of one reader; the package pocketsphinx-testdata brings them.
_READER = "/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-{}.wav"


@pytest.fixture(scope="package")
def testbed() -> Iterator[TestBed]:
    """A server's side and a client's, joined by a clean wire."""
    with TestBed() as bed:
        yield bed


@pytest.fixture(scope="package")
def server_url(testbed: TestBed) -> str:
    """The real server with the echo engine and two places."""
    return echo_server(testbed, "--max-sessions", "2")


@pytest.fixture(scope="package")
def microphone_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person who speaks for 7 s, is silent for 2.6 s, and so on."""
    speech = [read_audio(Path(_READER.format("0870")))]
    return microphone_file(tmp_path_factory.mktemp("microphone") / "reader.wav", speech)


@pytest.fixture(scope="package")
def playwright_driver(testbed: TestBed) -> Iterator[Playwright]:
    """What starts browsers on the client's side."""
    with driver(testbed) as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(
    playwright_driver: Playwright, server_url: str, microphone_wav: Path
) -> Iterator[Browser]:
    """A browser whose microphone is that person."""
    with chromium(playwright_driver, server_url, microphone_wav) as talking:
        yield talking


@pytest.fixture
def page(browser: Browser, server_url: str) -> Iterator[Page]:
    """The page, freshly loaded; its call ends with the test."""
    opened = open_page(browser, server_url, accept_downloads=True)
    yield opened
    opened.context.close()
