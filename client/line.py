"""One WebRTC connection, from offer to end; when it is over it is thrown away."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
from collections.abc import Callable
from typing import Any, Final

import av
import numpy as np
from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av.packet import Packet

from client.errors import NotConnected, Unreachable
from client.mouth import Mouth
from client.sound import FRAME, FRAME_SECONDS, RATE, Audio

__all__ = ["LABEL", "Line"]

LABEL: Final = "counterpoint"
CONNECT_SECONDS: Final = 15.0

SILENT_SECONDS: Final = 3.0
"""The server sends a packet every 20 ms, in silence too: without any for so long it is lost."""

_LATE_SECONDS: Final = 0.3

_MAX_GAP_SAMPLES: Final = RATE
"""A hole in what came is filled with silence, up to this length."""

_CLOSE_SECONDS: Final = 3.0
_BITRATE: Final = 32_000
_TIME_BASE: Final = fractions.Fraction(1, RATE)


class Uplink(MediaStreamTrack):
    """The person's voice as Opus, a packet every 20 ms on an absolute schedule; none is skipped."""

    kind = "audio"

    def __init__(self, mouth: Mouth) -> None:
        super().__init__()
        self._mouth = mouth
        self._sent = 0
        self._origin = 0.0
        codec = av.CodecContext.create("libopus", "w")
        codec.bit_rate = _BITRATE
        codec.options = {"application": "voip", "fec": "1", "packet_loss": "5"}
        # The stubs know no audio codec's own fields here.
        settings: dict[str, Any] = {"format": "s16", "layout": "mono", "sample_rate": RATE}
        for name, value in settings.items():
            setattr(codec, name, value)
        codec.time_base = _TIME_BASE
        self._codec: Any = codec

    async def recv(self) -> Packet[Any]:
        """The next packet, when its last sample was spoken; late ones at once."""
        loop = asyncio.get_running_loop()
        if not self._sent:
            self._origin = loop.time()
            self._mouth.live_again()
        await asyncio.sleep(max(0.0, self._origin + (self._sent + 1) * FRAME_SECONDS - loop.time()))
        samples = (self._mouth.frame() * 32_767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent * FRAME, _TIME_BASE
        (coded,) = self._codec.encode(frame)
        packet: Packet[Any] = Packet(bytes(coded))
        packet.pts, packet.time_base = self._sent * FRAME, _TIME_BASE
        self._sent += 1
        return packet


class Line:
    """One connection.

    Args:
        mouth: what is sent.
        on_message: called with each text message.
        on_audio: called with what came, mono at 48 kHz, in order and without holes.
        ice_servers: STUN and TURN servers, `{"urls", "username"?, "credential"?}` each.
    """

    def __init__(
        self,
        mouth: Mouth,
        on_message: Callable[[str], None],
        on_audio: Callable[[Audio], None],
        ice_servers: tuple[dict[str, str], ...] = (),
    ) -> None:
        servers = [RTCIceServer(**server) for server in ice_servers]
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._channel: RTCDataChannel = self._pc.createDataChannel(LABEL)
        self._mouth = mouth
        self._on_message = on_message
        self._on_audio = on_audio
        self._listening: asyncio.Task[None] | None = None
        self._open = asyncio.Event()
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def offer(self) -> str:
        """The offer's SDP."""
        self._pc.addTrack(Uplink(self._mouth))
        self._pc.on("track", self._track)
        self._pc.on("connectionstatechange", self._state)
        self._channel.on("message", self._message)
        self._channel.on("open", self._open.set)
        self._channel.on("close", lambda: self._lose("the server closed the connection"))
        if self._channel.readyState == "open":
            self._open.set()
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return str(self._pc.localDescription.sdp)

    async def accept(self, sdp: str) -> None:
        """Take the answer and wait until both sides can talk.

        Raises:
            Unreachable: no connection came about.
        """
        await self._pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        self._lost.add_done_callback(lambda _: self._open.set())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._open.wait(), CONNECT_SECONDS)
        if not self._open.is_set() or self._lost.done():
            raise Unreachable(
                "The server answered, but no connection for sound came about: its UDP ports must be"
                " reachable from here, or give a TURN server in `ice_servers`. (On a machine with"
                " no network at all, this client and the server do not find each other.)"
            )

    def send(self, text: str) -> None:
        """Send a text message; raises NotConnected."""
        if self._channel.readyState != "open":
            raise NotConnected("There is no connection now; wait until there is one again.")
        self._channel.send(text)

    async def lost(self) -> str:
        """Wait until the connection is lost; why."""
        return await asyncio.shield(self._lost)

    async def close(self) -> None:
        """End it; never longer than 3 s, and safe to call twice."""
        self._lose("closed")
        if self._listening is not None:
            self._listening.cancel()
        closing = asyncio.ensure_future(self._pc.close())
        await asyncio.wait({closing}, timeout=_CLOSE_SECONDS)
        if closing.done() and not closing.cancelled():
            closing.exception()

    # ---- what comes

    def _lose(self, why: str) -> None:
        if not self._lost.done():
            self._lost.set_result(why)

    def _state(self) -> None:
        if self._pc.connectionState in ("failed", "closed"):
            self._lose(f"the connection {self._pc.connectionState}")

    def _message(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self._on_message(message)

    def _track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio" and self._listening is None:
            self._listening = asyncio.ensure_future(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        """Read at once whatever came: aiortc's queue behind the track has no bound."""
        expected: int | None = None
        loop = asyncio.get_running_loop()
        with contextlib.suppress(MediaStreamError):
            while True:
                asked = loop.time()
                try:
                    # The first may take as long as connecting does.
                    async with asyncio.timeout(SILENT_SECONDS if expected is not None else None):
                        frame = await track.recv()
                except TimeoutError:
                    if loop.time() - asked > SILENT_SECONDS + _LATE_SECONDS:
                        continue  # we were busy ourselves; what came meanwhile is still to be read
                    self._lose(f"nothing came from the server for {SILENT_SECONDS:g} s")
                    return
                assert isinstance(frame, av.AudioFrame)
                audio = _mono(frame)
                at = frame.pts or 0
                if expected is not None and 0 < at - expected:
                    self._on_audio(np.zeros(min(at - expected, _MAX_GAP_SAMPLES), np.float32))
                expected = at + len(audio)
                self._on_audio(audio)
        self._lose("the server ended the sound")


def _mono(frame: av.AudioFrame) -> Audio:
    channels = len(frame.layout.channels)
    samples = frame.to_ndarray().reshape(-1, channels).astype(np.float32)
    return np.asarray(samples.mean(axis=1) / 32_768, np.float32)
