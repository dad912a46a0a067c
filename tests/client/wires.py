"""Lines and a server without a network, for tests of what the client makes of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from client.signalling import Key, Signalling

__all__ = ["Server", "Wire"]


class Wire:
    """Stands for a line; it holds until the test cuts it."""

    def __init__(self) -> None:
        self.closed = False
        self.sent: list[dict[str, Any]] = []
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def offer(self) -> str:
        return "an offer"

    async def accept(self, sdp: str) -> None:
        assert sdp == "an answer"

    def send(self, text: str) -> None:
        self.sent.append(json.loads(text))

    async def lost(self) -> str:
        return await asyncio.shield(self._lost)

    def cut(self) -> None:
        if not self._lost.done():
            self._lost.set_result("cut")

    async def close(self) -> None:
        self.cut()
        self.closed = True


class Server(Signalling):
    """Answers every offer, once it has failed with each of `failures`."""

    def __init__(self, key: Key = "") -> None:
        super().__init__("http://localhost:9", key)
        self.offers: list[Mapping[str, Any]] = []
        self.failures: list[Exception] = []

    async def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        most_bytes: int,
        body: Mapping[str, Any] | None = None,
    ) -> str:
        self.offers.append(body or {})
        if self.failures:
            raise self.failures.pop(0)
        return json.dumps({"sdp": "an answer", "session": "s", "resume_token": "token"})
