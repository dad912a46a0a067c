"""Real Chromium on the client's side of a `TestBed`, with a sound file as its microphone.

    with TestBed() as bed:
        url = echo_server(bed)
        wav = microphone_file(path, [recording.audio])
        with chromium_page(bed, url, wav) as page:
            start_call(page)
            wait_until(page, "() => counterpoint.view.captions.length > 0")
        with driver(bed) as playwright, chromium(playwright, url, wav) as browser:
            first, second = open_page(browser, url), open_page(browser, url)

The page's Content-Security-Policy forbids `eval`, and with it Playwright's `wait_for_function`:
wait with locators, or with `wait_until`, which polls from outside.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import av
import numpy as np
import numpy.typing as npt
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from model.messages import Audio
from model.timebase import HEARING_RATE, samples
from tests.network.testbed import TestBed
from tests.speech.recordings import write_wav

__all__ = [
    "camera_file",
    "chromium",
    "chromium_page",
    "console_problems",
    "driver",
    "echo_server",
    "microphone_file",
    "open_page",
    "serve",
    "show_still",
    "start_call",
    "wait_until",
]

# Playwright's own patience, five seconds, is for machines that do nothing else.
expect.set_options(timeout=20_000)

PORT: Final = 8080
OUR_PAGE: Final = "body[data-phase]"
# When a wire that was plugged in again has its IPv6 address, after a second or two, Chromium drops
# what it is loading. A person reloads.
WIRE_CHANGED: Final = "net::ERR_NETWORK_CHANGED"
RELOADS: Final = 3
_SERVE: Final = "import sys; from server.cli import main; sys.exit(main())"
_FLAGS: Final = (
    "--no-sandbox",  # the tests run as root inside a network namespace
    "--autoplay-policy=no-user-gesture-required",
    "--disable-dev-shm-usage",
    "--mute-audio",  # the machine may have no loudspeaker; the page hears the voice all the same
)


def serve(bed: TestBed, *flags: str, port: int = PORT) -> str:
    """Start the real server on the server's side; its address, once its engine is ready."""
    address = f"http://{bed.server_address}:{port}"
    command = [sys.executable, "-c", _SERVE, "serve", "--host", bed.server_address]
    server = bed.spawn_server([*command, "--port", str(port), *flags])
    server.wait_for_output("listens", 60)
    bed.run_in_client(
        ["curl", "-sf", "--retry", "150", "--retry-delay", "1", "--retry-all-errors"]
        + [f"{address}/healthz"],
        timeout_seconds=180,
    )
    return address


def echo_server(bed: TestBed, *flags: str, port: int = PORT) -> str:
    """The real server with the echo engine, which says back what it hears and counts aloud."""
    engine = ("--engine", "model=echo", "--offers-per-window", "1000")
    return serve(bed, *engine, *flags, port=port)


def microphone_file(
    path: Path,
    speech: Sequence[Audio],
    before_seconds: float = 0.6,
    after_seconds: float = 2.0,
) -> Path:
    """A WAV for the fake microphone: 16 kHz recordings, each between these silences."""
    lengths = (before_seconds, after_seconds)
    before, after = (np.zeros(samples(length, HEARING_RATE), np.float32) for length in lengths)
    parts = [part for one in speech for part in (before, one, after)]
    write_wav(path, np.concatenate(parts))
    return path


def camera_file(path: Path, colours: Sequence[tuple[int, int, int]], each: int = 20) -> Path:
    """A Y4M for the fake camera: 640x480, ten frames a second, `each` frames of each RGB colour."""
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n")
        for colour in colours:
            plain = np.full((480, 640, 3), colour, np.uint8)
            frame = av.VideoFrame.from_ndarray(plain, format="rgb24").reformat(format="yuv420p")
            planes = frame.to_ndarray().tobytes()
            for _ in range(each):
                file.write(b"FRAME\n" + planes)
    return path


def show_still(path: Path, pixels: npt.NDArray[np.uint8]) -> Path:
    """A Y4M of one frame for the fake camera, RGB `[480, 640, 3]`. Written again while the camera
    plays it, it is what the camera sees next: Chromium reads each frame when it is due."""
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
    head = b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\nFRAME\n"
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(head + frame.to_ndarray().tobytes())
    return path


@contextlib.contextmanager
def driver(bed: TestBed) -> Iterator[Playwright]:
    """Playwright's driver on the client's side; the browsers it starts live there too.

    There can be one at a time in a thread: hand it to `chromium` to have several browsers.
    """
    starting = sync_playwright()
    with bed.in_client():
        playwright = starting.start()
    try:
        yield playwright
    finally:
        playwright.stop()


@contextlib.contextmanager
def chromium(
    playwright: Playwright,
    url: str,
    microphone: Path | None,
    *,
    loop: bool = True,
    secure: bool = True,
    permission: Literal["granted", "denied"] = "granted",
    camera: Path | None = None,
) -> Iterator[Browser]:
    """A browser.

    Args:
        playwright: from `driver`.
        url: the server's address, `http://host:port`.
        microphone: what it plays as its microphone; None has no microphone at all.
        loop: whether the file begins again at its end; else silence follows.
        secure: whether the browser trusts the address as it would https or localhost.
        permission: what it answers when the page asks for the microphone.
        camera: what it plays as its camera, a Y4M; else a drawing of its own.
    """
    flags = [*_FLAGS]
    if secure:
        flags.append(f"--unsafely-treat-insecure-origin-as-secure={url}")
    if microphone is not None:
        end = "" if loop else "%noloop"
        flags.append("--use-fake-device-for-media-stream")
        flags.append(f"--use-file-for-fake-audio-capture={microphone}{end}")
    if camera is not None:
        flags.append(f"--use-file-for-fake-video-capture={camera}")
    flags.append(
        "--use-fake-ui-for-media-stream" if permission == "granted" else "--deny-permission-prompts"
    )
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
    try:
        yield browser
    finally:
        browser.close()


def open_page(browser: Browser, url: str, *, ready: str = OUR_PAGE, **context: Any) -> Page:
    """A page in a context of its own, once `ready` is there; its console's complaints are kept."""
    page = browser.new_context(**context).new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on(
        "console",
        lambda message: (
            problems.append(f"{message.type}: {message.text}")
            if message.type in ("error", "warning")
            else None
        ),
    )
    page.__dict__["console_problems"] = problems
    page.set_default_timeout(30_000)
    page.goto(url, wait_until="load")
    for _ in range(RELOADS):
        if not any(WIRE_CHANGED in one for one in problems):
            break
        problems.clear()
        page.reload(wait_until="load")
    page.wait_for_selector(ready)
    if ready == OUR_PAGE:
        # Before its module has run the page stands there, and a click does nothing.
        wait_until(page, "() => 'counterpoint' in window")
    return page


def console_problems(page: Page) -> list[str]:
    """Errors and warnings the page's console has shown."""
    found: list[str] = page.__dict__["console_problems"]
    return found


@contextlib.contextmanager
def chromium_page(
    bed: TestBed, url: str, microphone: Path | None, *, loop: bool = True, **context: Any
) -> Iterator[Page]:
    """One page in a browser of its own; `context` is Playwright's (viewport, color_scheme, …)."""
    with driver(bed) as playwright, chromium(playwright, url, microphone, loop=loop) as browser:
        yield open_page(browser, url, **context)


def start_call(page: Page) -> None:
    """Press Start and wait until the call is connected."""
    page.click("[data-part=start]")
    wait_until(page, "() => counterpoint.view.phase === 'live'")


def wait_until(page: Page, expression: str, timeout_seconds: float = 30.0) -> Any:
    """Poll a JavaScript function of the page until it returns something true; returns that."""
    until = time.monotonic() + timeout_seconds
    while not (value := page.evaluate(expression)):
        if time.monotonic() > until:
            view = page.evaluate("() => JSON.stringify(window.counterpoint?.view)")
            problems = console_problems(page)
            raise AssertionError(f"never true: {expression}\nview: {view}\nconsole: {problems}")
        page.wait_for_timeout(50)
    return value
