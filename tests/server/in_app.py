"""The server's addresses in this process: a scripted engine, and peers without packets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from server.auth import ApiKey, Gate
from server.auth_http import DOOR, Door
from server.errors import NoAudio
from server.metrics import Metrics
from server.openai_live_routes import add_live_routes
from server.openai_routes import add_openai_routes
from server.pipecat_routes import add_pipecat_routes
from server.policy import Policy
from server.reception import Reception
from server.routes import RECEPTION, add_routes, middlewares
from server.services import Services
from server.settings import Settings
from server.webrtc.ice import IceSettings
from server.webrtc.peer import Peer
from server.whip_routes import add_whip_routes
from tests.server.in_process import ScriptedEngine, _Port

__all__ = ["BAD_SDP", "Answer", "App", "app"]

BAD_SDP: Final = "no audio"
# So that offers that come together are answered together.
_ANSWER_SECONDS: Final = 0.02


class _Peer(_Port):
    """A browser that is there at once and says nothing."""

    answer_sdp = "answer"


async def _answer(offer_sdp: object, *_: Any, **__: Any) -> Any:
    await asyncio.sleep(_ANSWER_SECONDS)
    if offer_sdp == BAD_SDP:
        raise NoAudio("Offer audio.")
    return _Peer()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `body` is JSON where the server sent that, else text."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str:
        """Of a refusal."""
        told: str = self.body["error"]["code"]
        return told


@dataclass(frozen=True, slots=True)
class App:
    """One that runs."""

    client: TestClient[web.Request, web.Application]
    gate: Gate
    reception: Reception

    async def ask(
        self, method: str, path: str, body: Any = None, token: str = "", **headers: str
    ) -> Answer:
        """One request; of header names `_` stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            named["Authorization"] = f"Bearer {token}"
        if body is not None:
            named.setdefault("Content-Type", "application/json")
        data = None if body is None else json.dumps(body)
        async with self.client.request(method, path, data=data, headers=named) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            return Answer(response.status, response.headers, json.loads(text) if is_json else text)

    async def offer(self, token: str = "", sdp: str = "offer", **more: Any) -> Answer:
        """An offer of our own dialect."""
        return await self.ask("POST", "/api/offer", {"type": "offer", "sdp": sdp, **more}, token)

    async def end_sessions(self) -> None:
        """Everybody hangs up."""
        for session in self.reception.sessions:
            session.end("hung_up")
            await session.released.wait()


@contextlib.asynccontextmanager
async def app(*keys: ApiKey, **settings: Any) -> AsyncIterator[App]:
    """An application with these settings; without keys everybody comes in."""
    values: dict[str, Any] = {"drain_seconds": 0.0, "offers_per_window": 1_000, **settings}
    chosen = Settings(**values)
    gate = Gate(keys or None, chosen.requests_per_minute)
    reception = Reception(Services(chosen, ScriptedEngine(), Metrics(), Policy()), IceSettings())
    made = web.Application(middlewares=middlewares)
    made[DOOR] = Door(gate, chosen.allowed_origins)
    made[RECEPTION] = reception
    add_routes(made)
    add_openai_routes(made)
    add_live_routes(made)
    add_pipecat_routes(made)
    add_whip_routes(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Peer, "answer", staticmethod(_answer))
        async with TestClient(TestServer(made)) as client:
            try:
                yield App(client, gate, reception)
            finally:
                await reception.close()
