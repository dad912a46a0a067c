"""A person's side of a call without a browser: an aiortc client that is light and exact.

    async with Caller(f"http://{bed.server_address}:8000/api/offer") as caller:
        started = await caller.wait_for("session.started")
        spoken_at = caller.say(audio)                  # float32 at `rate`, sample-exact
        caller.send({"type": "text.send", "text": "Hello"})
        done = await caller.wait_for("agent.done", 20)
        heard = caller.heard.audio()                   # float32 at 24 kHz, holes as silence

It must run where the server can be reached over UDP: in a `TestBed`'s client side
(`with bed.in_client():` around the call), or with `loopback=True` against a server whose
`IceSettings.loopback` is set. Its microphone sends real Opus, one frame per 20 ms on a monotonic
schedule, silence included; what it receives is kept as packets with arrival times and decoded
only when asked for. Twenty of them run in one process (`packets=` spares the encoding).
Everything ends with the block; `vanish()` ends it without a word, as a pulled plug would.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any

import aiohttp
import numpy as np
import numpy.typing as npt
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)

from model.timebase import FRAME_SECONDS
from server.webrtc.ice import IceSettings, gather_with
from server.webrtc.opus import OpusEncoder
from server.webrtc.pins import replace_part
from server.webrtc.rtp import AudioReceiver, AudioSender
from server.webrtc.speaker import Lateness, Schedule
from tests.network.heard import Arrival, Heard

__all__ = ["Arrival", "Caller", "Heard", "Mouth", "Refused", "opus_packets"]

Audio = npt.NDArray[np.float32]
Answer = dict[str, Any]

_MAX_EVENTS = 100_000


class Refused(Exception):
    """The server did not answer the offer: `status`, `body`."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


def opus_packets(audio: Audio, rate: int, bitrate: int = 32_000) -> list[bytes]:
    """Encode once, for callers that share it."""
    encoder = OpusEncoder(rate, bitrate=bitrate)
    step = encoder.frame_samples
    whole = audio[: len(audio) // step * step].astype(np.float32)
    return [encoder.encode(frame) for frame in whole.reshape(-1, step)]


class Mouth:
    """The microphone: silence, and what `say` puts in, at `rate` Hz."""

    def __init__(self, rate: int, packets: Sequence[bytes] | None) -> None:
        self.encoder = OpusEncoder(rate)
        self.schedule: Schedule | None = None
        self.muted = False
        self._rate = rate
        self._packets = packets
        self._queue: list[Audio] = []
        self._started = asyncio.Event()

    def say(self, audio: Audio) -> float:
        """Queue samples after those that wait; the monotonic time at which the first is spoken.

        A frame is sent when its last sample was spoken, as from a real microphone.
        """
        if self.schedule is None:
            raise RuntimeError("say something after the call is connected")
        waiting = sum(len(part) for part in self._queue)
        self._queue.append(np.asarray(audio, np.float32))
        return self.schedule.due - FRAME_SECONDS + waiting / self._rate

    async def started(self) -> None:
        """Wait until the first frame is due."""
        await self._started.wait()

    async def run(self, send: Callable[[int, bytes], Awaitable[None]]) -> None:
        """Send one frame per 20 ms until cancelled."""
        loop = asyncio.get_running_loop()
        self.schedule = Schedule(loop.time())
        self._started.set()
        while True:
            await asyncio.sleep(max(0.0, self.schedule.due - loop.time()))
            number = self.schedule.sent(loop.time())
            await send(number, self._next(number))

    def _next(self, number: int) -> bytes:
        if self._packets:
            return self._packets[number % len(self._packets)]
        frame = np.zeros(self.encoder.frame_samples, np.float32)
        filled = 0
        while self._queue and filled < len(frame):
            part = self._queue[0][: len(frame) - filled]
            frame[filled : filled + len(part)] = part
            filled += len(part)
            self._queue[0] = self._queue[0][len(part) :]
            if not len(self._queue[0]):
                self._queue.pop(0)
        return self.encoder.encode(np.zeros_like(frame) if self.muted else frame)


class Caller:
    """See the module's text.

    Args:
        url: of the offer endpoint.
        rate: of what is said: 16 or 48 kHz (any rate Opus knows).
        label: of the data channel.
        loopback: whether 127.0.0.1 is offered.
        extra: further fields of the offer's body ("resume", "settings").
        packets: ready Opus packets to send over and over instead of a live microphone.
        videos: how many video m-lines to offer, without a track; see `show`.
    """

    def __init__(
        self,
        url: str,
        *,
        rate: int = 48_000,
        label: str = "counterpoint",
        loopback: bool = False,
        extra: dict[str, Any] | None = None,
        packets: Sequence[bytes] | None = None,
        videos: int = 0,
    ) -> None:
        self.answer: Answer = {}
        self.events: list[dict[str, Any]] = []
        self.event_times: list[float] = []
        self.heard = Heard()
        self.mouth = Mouth(rate, packets)
        self.connect_seconds = 0.0
        self._url = url
        self._extra = extra or {}
        self._offered = (loopback, videos)
        bundle = RTCBundlePolicy.MAX_COMPAT  # see server/webrtc/peer.py
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=bundle))
        self._channel: RTCDataChannel = self._pc.createDataChannel(label)
        self._wake = asyncio.Condition()

    async def __aenter__(self) -> Caller:
        try:
            await self.call()
        except BaseException:
            await self.hang_up()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.hang_up()

    # ---- the call

    async def offer(self) -> str:
        """The offer's SDP."""
        pc = self._pc
        transceiver = pc.addTransceiver("audio", "sendrecv")
        receiver = AudioReceiver(transceiver.receiver, self.heard, transceiver.sender._ssrc)
        sender = AudioSender(transceiver.sender, self.mouth.run)
        replace_part(transceiver, "_RTCRtpTransceiver__receiver", receiver)
        replace_part(transceiver, "_RTCRtpTransceiver__sender", sender)
        loopback, videos = self._offered
        for _ in range(videos):
            pc.addTransceiver("video", "sendonly")
        assert pc.sctp is not None
        settings = IceSettings(loopback=loopback)
        transports = {one.receiver.transport.transport for one in pc.getTransceivers()}
        for transport in {*transports, pc.sctp.transport.transport}:
            gather_with(transport.iceGatherer._connection, settings)
        self._channel.on("message", self._on_message)
        await pc.setLocalDescription(await pc.createOffer())
        return str(pc.localDescription.sdp)

    async def accept(self, sdp: str) -> None:
        """Take the answer's SDP and wait for media; raises TimeoutError after 20 s."""
        connected = asyncio.Event()

        def on_state() -> None:
            if self._pc.connectionState == "connected":
                connected.set()

        self._pc.on("connectionstatechange", on_state)
        await self._pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        on_state()
        await asyncio.wait_for(connected.wait(), 20)
        await asyncio.wait_for(self.mouth.started(), 20)

    async def call(self) -> None:
        """Offer, post, connect."""
        sdp = await self.offer()
        started = asyncio.get_running_loop().time()
        body = {"sdp": sdp, "type": "offer", **self._extra}
        timeout = aiohttp.ClientTimeout(total=20)
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.post(self._url, json=body) as response,
        ):
            answer = await response.json(content_type=None)
            if response.status >= 400:
                raise Refused(response.status, answer)
        self.answer = answer
        await self.accept(answer["sdp"])
        self.connect_seconds = asyncio.get_running_loop().time() - started

    async def hang_up(self) -> None:
        """Close politely; safe to call twice."""
        with contextlib.suppress(Exception):
            if self._channel.readyState == "open":
                self._channel.close()
                await asyncio.sleep(0.02)
        closing = asyncio.create_task(self._pc.close())
        await asyncio.wait({closing}, timeout=5)
        if closing.done() and not closing.cancelled():
            closing.exception()

    async def vanish(self) -> None:
        """End without a word: sockets are closed, no goodbye is sent."""
        transports = {t.receiver.transport.transport for t in self._pc.getTransceivers()}
        for transport in transports:
            for protocol in list(transport._connection._protocols):
                protocol.transport.abort()
        await asyncio.sleep(0)

    @property
    def state(self) -> str:
        """aiortc's `connectionState`."""
        return str(self._pc.connectionState)

    # ---- talking

    def say(self, audio: Audio) -> float:
        """Speak; see `Mouth.say`."""
        return self.mouth.say(audio)

    def show(self, track: MediaStreamTrack | None, video: int = 0) -> None:
        """Send this track on a video m-line from now on, without negotiating; None for nothing."""
        videos = [one for one in self._pc.getTransceivers() if one.kind == "video"]
        videos[video].sender.replaceTrack(track)

    def lateness(self) -> Lateness:
        """Of the frames that were sent: how busy this side was."""
        return self.mouth.schedule.lateness() if self.mouth.schedule is not None else Lateness()

    def send(self, event: dict[str, Any] | str | bytes) -> None:
        """Send an event, or anything else, on the data channel."""
        self._channel.send(json.dumps(event) if isinstance(event, dict) else event)

    async def open(self, timeout_seconds: float = 20.0) -> None:
        """Wait until the data channel is open."""
        until = asyncio.get_running_loop().time() + timeout_seconds
        while self._channel.readyState != "open":
            if asyncio.get_running_loop().time() > until:
                raise TimeoutError(f"the data channel is {self._channel.readyState}")
            await asyncio.sleep(0.005)

    async def wait_for(
        self,
        kind: str,
        timeout_seconds: float = 20.0,
        *,
        since: int = 0,
        where: Callable[[dict[str, Any]], bool] = lambda event: True,
    ) -> dict[str, Any]:
        """The first event of type `kind` at index `since` or later for which `where` holds.

        Raises:
            TimeoutError: none came in time; the message lists what came.
        """

        def found() -> dict[str, Any] | None:
            matching = (e for e in self.events[since:] if e.get("type") == kind and where(e))
            return next(matching, None)

        async def wait() -> dict[str, Any]:
            async with self._wake:
                while (event := found()) is None:
                    await self._wake.wait()
                return event

        try:
            return await asyncio.wait_for(wait(), timeout_seconds)
        except TimeoutError:
            kinds = [event.get("type") for event in self.events]
            ended = [event for event in self.events if event.get("type") == "session.ended"]
            raise TimeoutError(
                f"no {kind!r} in {timeout_seconds} s; came: {kinds[-40:]} {ended or ''}"
            ) from None

    async def _on_message(self, message: str | bytes) -> None:
        try:
            event = json.loads(message)
        except ValueError:
            event = {"type": "?", "raw": message}
        if not isinstance(event, dict):
            event = {"type": "?", "raw": event}
        if len(self.events) < _MAX_EVENTS:
            self.events.append(event)
            self.event_times.append(asyncio.get_running_loop().time())
        async with self._wake:
            self._wake.notify_all()
