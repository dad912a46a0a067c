"""The client's end of a Live session: muted, listened in on, recorded, with sounds of its own."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from typing import Any, Final

import numpy as np

from model.sight import SightSource
from model.timebase import (
    HEARING_RATE,
    SPEAKING_FRAME_SAMPLES,
    SPEAKING_RATE,
    seconds,
)
from server.course import SessionClock
from server.dialects.openai_items import ms
from server.dialects.openai_live import LiveDialect
from server.dialects.openai_live_wire import info, live_refused
from server.dialects.openai_wire import texts
from server.dialects.pace import Pace, Verdict
from server.port import Channel, Mouthpiece, Port
from server.recording import Recording
from server.socket_port import PartyLine
from server.socket_sound import Resampler, pcm
from server.webrtc.camera import Camera
from server.webrtc.channel import Refusal
from server.webrtc.microphone import Block
from server.webrtc.peer import GoneReason, PeerStatistics
from server.webrtc.speaker import Frame, FrameSource

__all__ = ["LivePort"]

_FRAME_SECONDS: Final = seconds(SPEAKING_FRAME_SAMPLES, SPEAKING_RATE)


class LivePort:
    """A Peer, or a WebSocket with sound, as a Live session has it.

    Args:
        port: the client.
        dialect: the session's.
        recording: given both voices; None to keep nothing.
    """

    def __init__(self, port: Port, dialect: LiveDialect, recording: Recording | None) -> None:
        self.line = PartyLine(_frontend(port.channel, dialect))
        self._port = port
        self._dialect = dialect
        self._recording = recording
        self._clock = SessionClock(asyncio.get_running_loop())
        self._faster = Resampler(HEARING_RATE, SPEAKING_RATE)
        self._mouth = _Mouth(port.speaker, self._next_frame)

    @property
    def cameras(self) -> Mapping[SightSource, Camera]:
        """None: this protocol has no way to let us look."""
        return {}

    @property
    def microphone(self) -> AsyncIterable[tuple[int, Block]]:
        """What the model may hear of the person."""
        return self._hear()

    @property
    def speaker(self) -> Mouthpiece:
        """What we say."""
        return self._mouth

    @property
    def channel(self) -> PartyLine:
        """Everybody on the line."""
        return self.line

    @property
    def gone(self) -> asyncio.Event:
        """Set when the client is gone."""
        return self._port.gone

    @property
    def gone_reason(self) -> GoneReason | None:
        """Why."""
        return self._port.gone_reason

    def statistics(self) -> PeerStatistics:
        """The client's."""
        return self._port.statistics()

    async def close(self) -> None:
        """End everything."""
        if self._recording is not None:
            self._recording.close()
        await self._port.close()
        await self.line.close()

    async def _hear(self) -> AsyncIterator[tuple[int, Block]]:
        async for k, block in self._port.microphone:
            self._clock.block(k)
            if self._recording is not None:
                self._recording.block(block)
            if self.line.shared:
                sound = base64.b64encode(self._faster(pcm(block)).tobytes()).decode("ascii")
                self.line.tell_others(_message("session.input_audio.append", audio=sound))
            yield k, np.zeros_like(block) if self._dialect.deaf else block

    def _next_frame(self, source: FrameSource | None) -> Frame | None:
        """The client's own sound goes before ours, which waits."""
        fixture = self._dialect.fixture
        frame: Frame | None = fixture.next_frame() if fixture is not None else None
        if fixture is not None and frame is None:
            for text in self._dialect.played():
                self.line.send(text)
        elif fixture is None and source is not None:
            frame = source.next_frame()
        if self._recording is not None:
            self._recording.frame(frame, SPEAKING_FRAME_SAMPLES)
        if frame is not None and self.line.shared:
            self._reflect(frame)
        return frame

    def _reflect(self, frame: Frame) -> None:
        sound = base64.b64encode(pcm(frame).tobytes()).decode("ascii")
        start, kind = self._clock.now(), "session.output_audio.delta"
        times = {"start_ms": ms(start), "end_ms": ms(start + _FRAME_SECONDS)}
        self.line.tell_others(_message(kind, delta=sound, **times))


class _Mouth:
    """A speaker whose source is asked through `next_frame`."""

    def __init__(
        self, speaker: Mouthpiece, next_frame: Callable[[FrameSource | None], Frame | None]
    ) -> None:
        self._speaker = speaker
        self._next_frame = next_frame
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
        """The next 20 ms; None for silence."""
        return self._next_frame(self._source)


class _Frontend:
    """A page's channel that may send and be told only what the application allows.

    Args:
        channel: the page's.
        client_events, server_events: types of events; None for all.
    """

    def __init__(
        self,
        channel: Channel,
        client_events: frozenset[str] | None,
        server_events: frozenset[str] | None,
    ) -> None:
        self._channel = channel
        self._client_events = client_events
        self._server_events = server_events
        self._begun = False
        self._pace = Pace()

    @property
    def buffered_bytes(self) -> int:
        """What waits to be sent."""
        return self._channel.buffered_bytes

    def send(self, text: str) -> bool:
        """Send it if the page may know of it; what it may not counts as sent."""
        told = self._server_events is None or json.loads(text)["type"] in self._server_events
        sent = self._channel.send(text) if told else True
        if not self._begun:
            self._begun = True
            notice = "This channel may send and is told only some events."
            self.send(texts([info("data_channel_permissions", notice)])[0])
        return sent

    def on_text(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with every message that the page may send."""

        loop = asyncio.get_running_loop()

        def checked(text: str) -> None:
            events = self._client_events
            if events is None:
                callback(text)
                return
            pace = self._in_time(loop.time())
            if pace == "flood":
                callback("")  # The dialect counts what it is given, and ends who floods it.
            elif pace == "pass" and self._allowed(text, events):
                callback(text)

        self._channel.on_text(checked)

    def on_refused(self, callback: Callable[[Refusal], None]) -> None:
        """Call `callback` when a message is thrown away unread."""
        self._channel.on_refused(callback)

    def _in_time(self, now: float) -> Verdict:
        """Whether a message may be read."""
        pace = self._pace.count(now)
        if pace == "tell":
            why = "At most 100 messages a second; the others are dropped."
            self._refuse("rate_limit_exceeded", why, None)
        return pace

    def _allowed(self, text: str, events: frozenset[str]) -> bool:
        try:
            message: Any = json.loads(text)
        except (ValueError, RecursionError):
            return True  # the dialect says what is wrong with it
        if not isinstance(message, dict) or message.get("type") in events:
            return True
        named = message.get("event_id")
        named = named if isinstance(named, str) and len(named) <= 512 else None
        why = "This channel may not send such events."
        self._refuse("event_not_allowed", why, named, "type")
        return False

    def _refuse(self, code: str, why: str, named: str | None, param: str | None = None) -> None:
        for one in live_refused(code, why, named, param).messages:
            self.send(one)


def _frontend(channel: Channel, dialect: LiveDialect) -> Channel:
    clients, servers = dialect.settings.client_events, dialect.settings.server_events
    if clients is None and servers is None:
        return channel
    return _Frontend(channel, clients, servers)


def _message(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields}, separators=(",", ":"))
