"""A client whose sound and events travel over one WebSocket; and who listens in on a call."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from aiohttp import WSMsgType, web

from model.sight import SightSource
from server.port import Channel
from server.session_events import Reply
from server.socket_order import BehindSound
from server.socket_pace import SoundPace, is_laden
from server.socket_sound import BadSound, SocketMicrophone, SocketSpeaker
from server.webrtc.camera import Camera
from server.webrtc.channel import Refusal
from server.webrtc.peer import GoneReason, PeerStatistics

__all__ = ["MAX_MESSAGE_BYTES", "PartyLine", "SocketChannel", "SocketPort", "SoundDialect"]

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""Three minutes of PCM at 24 kHz are 11 MiB of base64."""

MAX_BUFFERED_BYTES: Final = 4 * 1024 * 1024
"""Newest loses: while so much waits to be sent, further messages are thrown away and counted."""

_MAX_LISTENERS: Final = 4
_CLOSE_SECONDS: Final = 2.0
_SOUND_FIELDS: Final = {"type", "audio", "event_id"}


class SoundDialect(Protocol):
    """How a dialect carries sound in its messages; formats are those of `FORMATS`.

    Attributes:
        sound_message: type of the message that carries sound to us, as base64 in `audio`.
        clear_message: type of the one that has waiting sound forgotten; "" for none.
        behind_sound: types of messages that wait until the sound before them was heard.
        passing: types of messages that overtake those.
    """

    @property
    def sound_message(self) -> str: ...

    @property
    def clear_message(self) -> str: ...

    @property
    def behind_sound(self) -> frozenset[str]: ...

    @property
    def passing(self) -> frozenset[str]: ...

    @property
    def input_format(self) -> str: ...

    @property
    def output_format(self) -> str: ...

    def sound(self, encoded: str) -> str | None:
        """The message that carries 20 ms of ours as base64; None when it has no use for them."""

    def refuse_sound(self, why: str, event_id: str | None) -> Reply:
        """The answer to sound that cannot be taken."""


class SocketChannel:
    """Text both ways over a WebSocket, from before it is open until after it is closed."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.dropped = 0
        self.intercept: Callable[[str], bool] = lambda _: False
        self._socket = socket
        self._queue: deque[str] = deque()
        self._queued = 0
        self._wake = asyncio.Event()
        self._sent = asyncio.Event()
        self._sent.set()
        self._closed = False
        self._on_text: Callable[[str], None] = lambda _: None
        self._on_refused: Callable[[Refusal], None] = lambda _: None

    @property
    def buffered_bytes(self) -> int:
        """What waits to be sent."""
        return self._queued

    def send(self, text: str) -> bool:
        """Queue one message; False when it is closed, or, which is counted, too much waits."""
        if self._closed:
            return False
        if self._queued + len(text) > MAX_BUFFERED_BYTES:
            self.dropped += 1
            return False
        self._queue.append(text)
        self._queued += len(text)
        self._sent.clear()
        self._wake.set()
        return True

    def on_text(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with every message."""
        self._on_text = callback

    def deliver(self, text: str) -> None:
        """Hand over a message that was intercepted."""
        self._on_text(text)

    def on_refused(self, callback: Callable[[Refusal], None]) -> None:
        """Call `callback` when a message is thrown away unread."""
        self._on_refused = callback

    async def run(self) -> None:
        """Read and write until either side closes."""
        writing = asyncio.create_task(self._write())
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    if is_laden(message.data):
                        self._on_refused("too_large")
                    elif not self.intercept(message.data):
                        self._on_text(message.data)
                    # A client that sends a whole recording at once must not keep others waiting.
                    await asyncio.sleep(0)
                elif message.type is WSMsgType.BINARY:
                    self._on_refused("binary")
        finally:
            self._closed = True
            self._sent.set()
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writing

    async def close(self) -> None:
        """Send what waits, then close; twice if you like."""
        self._closed = True
        self._wake.set()
        with contextlib.suppress(TimeoutError, ConnectionError, RuntimeError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._sent.wait()
                await self._socket.close()

    async def _write(self) -> None:
        while True:
            while self._queue:
                text = self._queue.popleft()
                await self._socket.send_str(text)
                self._queued -= len(text)
            self._sent.set()
            self._wake.clear()
            await self._wake.wait()


class SocketPort:
    """The `Port` of a client on a WebSocket: sound comes and goes in its messages.

    Args:
        socket: not yet prepared.
        dialect: the session's; it knows the formats of sound and the answer under way.
    """

    def __init__(self, socket: web.WebSocketResponse, dialect: SoundDialect) -> None:
        self.microphone = SocketMicrophone()
        self.channel = SocketChannel(socket)
        self.speaker = SocketSpeaker(self._sound, lambda: dialect.output_format)
        self.cameras: Mapping[SightSource, Camera] = {}
        self.gone = asyncio.Event()
        self.gone_reason: GoneReason | None = None
        self._dialect = dialect
        self._pace = SoundPace()
        self.channel.intercept = self._intercept
        behind, passing = dialect.behind_sound, dialect.passing
        self._behind = BehindSound(self.microphone, self.channel.deliver, behind, passing)
        self.microphone.on_block = self._behind.passed

    async def run(self) -> None:
        """Serve the prepared socket until it is closed."""
        speaking = asyncio.create_task(self.speaker.run())
        try:
            await self.channel.run()
        finally:
            speaking.cancel()
            self._go("closed")

    async def close(self) -> None:
        """End everything; twice if you like."""
        self._go("closed")
        await self.channel.close()

    def statistics(self) -> PeerStatistics:
        """What can be said of the connection now."""
        return PeerStatistics(
            packets_received=0,
            packets_lost=0,
            lost_share=0.0,
            concealed_share=0.0,
            rtt_seconds=0.0,
            jitter_seconds=0.0,
            behind_seconds=self.microphone.queued_seconds,
            wait_packets=0,
            queued_blocks=0,
            dropped_blocks=self.microphone.dropped_blocks,
            late_packets=0,
            events_dropped=self.channel.dropped,
            lateness=self.speaker.lateness(),
        )

    def _go(self, reason: GoneReason) -> None:
        if not self.gone.is_set():
            self.gone_reason = reason
            self.microphone.end()
            self.gone.set()

    def _sound(self, encoded: str) -> None:
        text = self._dialect.sound(encoded)
        if text is not None:
            self.channel.send(text)

    def _intercept(self, text: str) -> bool:
        return self._take_sound(text) or self._behind.take(text)

    def _take_sound(self, text: str) -> bool:
        """Take a message that carries sound; whether it was one."""
        clear, append = self._dialect.clear_message, self._dialect.sound_message
        if clear and clear in text[:256]:
            self.microphone.clear(self._behind.awaited_samples)
            return False
        if append not in text[:4096] and append not in text[-256:]:
            return False
        pace = self._pace.count(len(text), asyncio.get_running_loop().time())
        if pace != "pass":
            if pace == "tell":
                self._refuse("Sound comes too fast, and some was lost; send slower.", None)
            return True
        try:
            message: Any = json.loads(text)
        except (ValueError, RecursionError):
            return False
        if not isinstance(message, dict) or message.get("type") != append:
            return False
        if set(message) - _SOUND_FIELDS:
            return False  # the dialect says which of them is wrong
        audio, event_id = message.get("audio"), message.get("event_id")
        event_id = event_id if isinstance(event_id, str) and len(event_id) <= 512 else None
        try:
            if not isinstance(audio, str):
                raise BadSound("`audio` must be base64.")
            self.microphone.append(audio, self._dialect.input_format)
        except BadSound as error:
            self._refuse(str(error), event_id)
        return True

    def _refuse(self, why: str, event_id: str | None) -> None:
        for one in self._dialect.refuse_sound(why, event_id).messages:
            self.channel.send(one)


class PartyLine:
    """A call's channel with others on the line: they are told everything and may ask as well."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._others: set[SocketChannel] = set()
        self._closed = False
        self._on_text: Callable[[str], None] = lambda _: None
        self._on_refused: Callable[[Refusal], None] = lambda _: None

    @property
    def buffered_bytes(self) -> int:
        """What waits to be sent to the caller."""
        return self._channel.buffered_bytes

    def send(self, text: str) -> bool:
        """Tell everybody."""
        self.tell_others(text)
        return self._channel.send(text)

    @property
    def shared(self) -> bool:
        """Whether there are others."""
        return bool(self._others)

    def tell_others(self, text: str) -> None:
        """Tell everybody but the caller."""
        for other in self._others:
            other.send(text)

    def on_text(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with everybody's messages."""
        self._on_text = callback
        self._channel.on_text(callback)

    def on_refused(self, callback: Callable[[Refusal], None]) -> None:
        """Call `callback` when somebody's message is thrown away unread."""
        self._on_refused = callback
        self._channel.on_refused(callback)

    async def join(self, other: SocketChannel) -> bool:
        """Put somebody on the line until they hang up; False when it is full, or the call over."""
        if self._closed or len(self._others) >= _MAX_LISTENERS:
            return False
        other.on_text(self._on_text)
        other.on_refused(self._on_refused)
        self._others.add(other)
        try:
            await other.run()
        finally:
            self._others.discard(other)
        return True

    async def close(self) -> None:
        """Hang up on the others."""
        self._closed = True
        for other in tuple(self._others):
            await other.close()
