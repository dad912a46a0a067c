"""A real WebRTC peer that plays a script on a sample-exact clock and records what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from av.packet import Packet

from server.webrtc.opus import OpusDecoder, OpusEncoder, OpusError
from tests.bench.harness.dialects import COUNTERPOINT, Dialect
from tests.bench.harness.losing import losing
from tests.bench.harness.recording import Arrival
from tests.bench.stimuli.script import RATE, Audio

__all__ = ["FRAME", "JITTER_BUFFER", "Caller", "CallFailed", "Received"]

FRAME: Final = RATE // 50
_FRAME_SECONDS: Final = 0.02
_CONNECT_SECONDS: Final = 10.0
_MAX_EVENTS: Final = 20_000
_MOST_TEXT: Final = 500

JITTER_BUFFER: Final = "_RTCRtpReceiver__jitter_buffer"

NextFrame = Callable[[int], Audio]
"""Gives frame k of the uplink, float32 `[320]`, at the moment it is due."""


class CallFailed(Exception):
    """The server refused the offer or never connected; the message says which."""


class _Uplink(MediaStreamTrack):
    """20 ms packets on an absolute schedule; frame k leaves when its last sample exists."""

    kind = "audio"

    def __init__(self, next_frame: NextFrame) -> None:
        super().__init__()
        self.origin = 0.0  # monotonic time of sample 0; set by the first frame asked for
        self.frames = 0
        self.late_seconds: list[float] = []
        self._next_frame = next_frame
        self._encoder = OpusEncoder(RATE)

    async def recv(self) -> Packet[Any]:
        """The next packet, when it is due; late ones at once."""
        if not self.frames:
            self.origin = time.monotonic()
        due = self.origin + (self.frames + 1) * _FRAME_SECONDS
        wait = due - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        self.late_seconds.append(max(time.monotonic() - due, 0.0))
        packet: Packet[Any] = Packet(self._encoder.encode(self._next_frame(self.frames)))
        packet.pts = self.frames * 960
        packet.time_base = fractions.Fraction(1, 48_000)
        self.frames += 1
        return packet


class Received:
    """In place of the receiver's jitter buffer: notes each packet as it arrives, decodes it.

    Nothing is delayed: the bench wants the arrival, not a player's idea of it.
    """

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.lost = 0
        self._decoder = OpusDecoder(RATE)
        self._last_sequence: int | None = None
        self._unplayed: list[Audio] = []

    def add(self, packet: Any) -> tuple[bool, None]:
        """The jitter buffer's method; returns no frame, so that the stock decoder stays idle."""
        now = time.monotonic()
        if self._last_sequence is not None:
            step = (packet.sequence_number - self._last_sequence) & 0xFFFF
            if step == 0 or step > 0x8000:
                return False, None
            self.lost += step - 1
        self._last_sequence = packet.sequence_number
        with contextlib.suppress(OpusError):
            audio = self._decoder.decode(bytes(packet._data))
            self.arrivals.append(Arrival(now, packet.timestamp, audio))
            self._unplayed.append(audio)
        return False, None

    def play(self) -> Audio:
        """The next 20 ms a loudspeaker would play; silence when there is nothing; 60 ms bound."""
        while len(self._unplayed) > 3:
            self._unplayed.pop(0)
        if self._unplayed:
            audio = self._unplayed.pop(0)
            if len(audio) == FRAME:
                return audio
        return np.zeros(FRAME, np.float32)


class Caller:
    """One call. `events` holds (client monotonic time, event) in order of arrival.

    Args:
        url: the server's address, such as `http://10.77.0.1:8400`.
        next_frame: the uplink.
        settings: of the offer.
        dialect: what the server wants to hear besides audio.
        camera: a video track sent from the start; the server looks only when it is told to.
    """

    def __init__(
        self,
        url: str,
        next_frame: NextFrame,
        settings: Mapping[str, object] | None = None,
        dialect: Dialect = COUNTERPOINT,
        camera: MediaStreamTrack | None = None,
    ) -> None:
        self.events: list[tuple[float, dict[str, Any]]] = []
        self.received = Received()
        self.connect_seconds = 0.0
        self._url = url.rstrip("/")
        self._settings = dict(settings or {})
        self._dialect = dialect
        self._uplink = _Uplink(next_frame)
        # No STUN: both ends are on one link.
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peer.addTrack(self._uplink)
        if camera is not None:
            self._peer.addTransceiver(camera, direction="sendonly")
        self._connected = asyncio.Event()
        self._failed = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._channel = self._peer.createDataChannel(dialect.channel)

    @property
    def origin(self) -> float:
        """Monotonic time of the uplink's sample 0; 0 before the first frame."""
        return self._uplink.origin

    @property
    def late_seconds(self) -> list[float]:
        """How late each uplink frame left: the client's own health."""
        return self._uplink.late_seconds

    @property
    def open(self) -> bool:
        """Whether the data channel is."""
        return bool(self._channel.readyState == "open")

    def send(self, event: Mapping[str, object]) -> None:
        """Send an event on the data channel; dropped when it is not open."""
        if self.open:
            self._channel.send(json.dumps(event))

    async def connect(self) -> None:
        """Offer, answer, and wait for the media.

        Raises:
            CallFailed: refused, or not connected within 10 s.
        """
        self._peer.on("track", self._tap)
        self._peer.on("connectionstatechange", self._state)
        self._channel.on("message", self._event)
        begun = time.monotonic()
        await self._peer.setLocalDescription(await self._peer.createOffer())
        answer = await self._exchange()
        await self._peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        try:
            await asyncio.wait_for(self._connected.wait(), _CONNECT_SECONDS)
        except TimeoutError:
            raise CallFailed(f"{self._url}: no media connection within 10 s") from None
        if self._failed.is_set():
            raise CallFailed(f"{self._url}: the media connection failed")
        if self._dialect.ready:
            await self._greet()
        self.connect_seconds = time.monotonic() - begun

    async def _greet(self) -> None:
        """Say hello, keep the channel alive, and wait until the server is ready to listen."""
        self._keeping = asyncio.create_task(self._keep_alive())
        until = time.monotonic() + _CONNECT_SECONDS
        greeted = False
        while not any(event.get("type") == self._dialect.ready for _, event in self.events):
            if time.monotonic() > until:
                raise CallFailed(f"{self._url}: no {self._dialect.ready} within 10 s")
            if not greeted and self._channel.readyState == "open":
                greeted = True
                if self._dialect.hello is not None:
                    self.send(self._dialect.hello)
            await asyncio.sleep(0.01)

    async def _keep_alive(self) -> None:
        while self._dialect.keep_alive:
            if self._channel.readyState == "open":
                self._channel.send(self._dialect.keep_alive)
            await asyncio.sleep(1.0)

    async def _exchange(self) -> dict[str, str]:
        local = self._peer.localDescription
        offer = self._dialect.offer(local.sdp, local.type, self._settings)
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.post(f"{self._url}/api/offer", json=offer) as response,
            ):
                text = await response.text(errors="replace")
                if response.status not in (200, 201):
                    raise CallFailed(f"{self._url}: {response.status} {text[:_MOST_TEXT]}")
                return dict(json.loads(text))
        except (aiohttp.ClientError, ValueError) as error:
            raise CallFailed(f"{self._url}: {error}") from error

    def _tap(self, track: MediaStreamTrack) -> None:
        for transceiver in self._peer.getTransceivers():
            if transceiver.receiver.track is track and track.kind == "audio":
                # Private, and pinned by tests/bench/test_harness.py.
                setattr(transceiver.receiver, JITTER_BUFFER, self.received)

    def _state(self) -> None:
        state = self._peer.connectionState
        if state in ("failed", "closed"):
            self._failed.set()
        if state in ("connected", "failed", "closed"):
            self._connected.set()

    def _event(self, message: str | bytes) -> None:
        if isinstance(message, str) and len(self.events) < _MAX_EVENTS:
            with contextlib.suppress(json.JSONDecodeError):
                event = json.loads(message)
                if isinstance(event, dict):
                    self.events.append((time.monotonic(), self._dialect.read(event)))

    def lose(self, share: float, seed: int) -> None:
        """From now on that share of all packets is lost, in both directions; once connected."""
        assert self._peer.sctp is not None
        ices = {one.receiver.transport.transport for one in self._peer.getTransceivers()}
        for ice in ices | {self._peer.sctp.transport.transport}:
            losing(ice, share, seed)

    async def close(self) -> None:
        """Say goodbye and close; never longer than 3 s."""
        if self._keeping is not None:
            self._keeping.cancel()
        if self._dialect.goodbye is not None:
            self.send(self._dialect.goodbye)
        await asyncio.sleep(0.05)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._peer.close(), 3.0)
