"""Calls that came in by OpenAI's APIs, for who listens in or hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from model.sight import SightSource
from server.auth import Pass
from server.dialects.openai_realtime import RealtimeDialect
from server.errors import NotFound
from server.port import Mouthpiece
from server.registry import Entry
from server.socket_port import PartyLine, SocketChannel
from server.webrtc.camera import Camera
from server.webrtc.microphone import Microphone
from server.webrtc.peer import GoneReason, Peer, PeerStatistics
from server.webrtc.speaker import Frame, FrameSource

__all__ = ["Call", "CallPort", "Calls"]


class _Voice:
    """The Peer's speaker, silent while answers are only to be read."""

    def __init__(self, speaker: Mouthpiece, silent: Callable[[], bool]) -> None:
        self._speaker = speaker
        self._silent = silent
        self._source: FrameSource | None = None

    @property
    def source(self) -> FrameSource | None:
        """Where speech comes from."""
        return self._source

    @source.setter
    def source(self, source: FrameSource | None) -> None:
        self._source = source
        self._speaker.source = self if source is not None else None

    def next_frame(self) -> Frame | None:
        """The source's next 20 ms, which count as sent; None for silence."""
        frame = self._source.next_frame() if self._source is not None else None
        return None if self._silent() else frame


class CallPort:
    """A Peer with a party line."""

    def __init__(self, peer: Peer, dialect: RealtimeDialect) -> None:
        self.line = PartyLine(peer.channel)
        self.voice = _Voice(peer.speaker, lambda: dialect.settings.text_only)
        self._peer = peer

    @property
    def microphone(self) -> Microphone:
        """The Peer's."""
        return self._peer.microphone

    @property
    def speaker(self) -> Mouthpiece:
        """The Peer's, unless answers are only to be read."""
        return self.voice

    @property
    def cameras(self) -> Mapping[SightSource, Camera]:
        """None: these clients have no way to let us look."""
        return {}

    @property
    def channel(self) -> PartyLine:
        """Everybody on the line."""
        return self.line

    @property
    def gone(self) -> asyncio.Event:
        """Set when the caller is gone."""
        return self._peer.gone

    @property
    def gone_reason(self) -> GoneReason | None:
        """Why."""
        return self._peer.gone_reason

    def statistics(self) -> PeerStatistics:
        """The Peer's."""
        return self._peer.statistics()

    async def close(self) -> None:
        """End everything."""
        await self._peer.close()
        await self.line.close()


class OnLine(Protocol):
    """A client with a party line."""

    @property
    def line(self) -> PartyLine: ...

    @property
    def gone(self) -> asyncio.Event: ...


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call that goes on.

    Attributes:
        entry: its conversation.
        port: the caller.
        greeting: what somebody who joins is told first.
        holder: whose key it was begun with.
        ending: called before it is hung up.
    """

    entry: Entry
    port: OnLine
    greeting: Callable[[], tuple[str, ...]]
    holder: Pass
    ending: Callable[[], None] = lambda: None

    def hang_up(self) -> None:
        """End it."""
        self.ending()
        if self.entry.session is not None:
            self.entry.session.end("hung_up")


class Calls:
    """Finds calls by their id."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}

    def add(self, call_id: str, call: Call) -> None:
        """Keep a call that began."""
        self._calls = {id: one for id, one in self._calls.items() if not one.port.gone.is_set()}
        self._calls[call_id] = call

    def forget(self, entry: Entry) -> None:
        """What was said in it is remembered no more."""
        self._calls = {id: one for id, one in self._calls.items() if one.entry is not entry}

    def find(self, call_id: str, holder: Pass) -> Call:
        """The call, for whoever holds the key it was begun with; raises NotFound."""
        call = self._calls.get(call_id)
        ours = call is not None and call.holder.holder == holder.holder
        if call is None or not ours or call.port.gone.is_set():
            raise NotFound("There is no such call, or it is over.")
        return call

    async def listen_in(
        self, call: Call, socket: web.WebSocketResponse, request: web.Request
    ) -> None:
        """Put a server on the line of a call until either hangs up."""
        channel = SocketChannel(socket)
        for text in call.greeting():
            channel.send(text)
        await socket.prepare(request)
        if not await call.port.line.join(channel):
            await socket.close(message=b"the call is over, or too many are on its line")
