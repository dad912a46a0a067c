"""What a page holds on to: objects on the heap, open peers, live tracks, timers, listeners.

page.add_init_script(WATCH)
leaks = Leaks(page)
leaks.counts()
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

__all__ = ["WATCH", "Leaks"]

WATCH: Final = Path(__file__).with_name("leaks.js").read_text("utf-8")
"""Counts what is made before any script of the page runs."""

OPEN: Final = """() => ({
  'open peers': watched.peers.filter((one) => one.deref() &&
    one.deref().connectionState !== 'closed').length,
  'live tracks': watched.tracks.filter((one) => one.deref()?.readyState === 'live').length,
  timers: watched.timers.size,
  listeners: watched.listeners.size,
})"""
CLASSES: Final = (
    "RTCPeerConnection",
    "RTCDataChannel",
    "MediaStreamTrack",
    "MediaStream",
    "AudioContext",
    "HTMLAudioElement",
    "customElements.get('counterpoint-call')",
)
_SETTLE_SECONDS: Final = 20.0


class Leaks:
    """Counts in a page that runs `WATCH`."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session = page.context.new_cdp_session(page)

    def counts(self) -> dict[str, int]:
        """How many there are of each kind, after the browser has collected its garbage."""
        found: dict[str, int] = self._page.evaluate(OPEN)
        for name in CLASSES:
            found[name] = self._objects(name)
        return found

    def settled(self, before: dict[str, int]) -> dict[str, int]:
        """The counts once they are what they were before, or as they are after 20 s."""
        until = time.monotonic() + _SETTLE_SECONDS
        while (counts := self.counts()) != before and time.monotonic() < until:
            self._page.wait_for_timeout(200)
        return counts

    def _objects(self, name: str) -> int:
        self._call("HeapProfiler.collectGarbage")
        prototype = self._evaluate(f"{name}.prototype")
        found = self._call("Runtime.queryObjects", prototypeObjectId=prototype, objectGroup="leaks")
        counted = self._call(
            "Runtime.callFunctionOn",
            functionDeclaration="function () { return this.length; }",
            objectId=found["objects"]["objectId"],
            returnByValue=True,
        )
        self._call("Runtime.releaseObjectGroup", objectGroup="leaks")
        return int(counted["result"]["value"])

    def _evaluate(self, expression: str) -> str:
        answer = self._call("Runtime.evaluate", expression=expression, objectGroup="leaks")
        return str(answer["result"]["objectId"])

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._session.send(method, parameters)
        return answer
