"""The reference agent: a small server in our dialect whose delays are known.

It taps packets as they arrive and plays its plan sample-exactly, so that what the harness
measures can be compared with what is true. Run as
`python -m tests.bench.harness.reference --port 8401 --policy reference`. The policy `echo`
returns what it hears (for transport), `stock` does so through aiortc's own buffers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fractions
import itertools
import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from aiortc.mediastreams import MediaStreamTrack
from av.packet import Packet

from server.webrtc.opus import OpusEncoder
from tests.bench.harness.caller import FRAME, JITTER_BUFFER, Received
from tests.bench.metrics.activity import Interval
from tests.bench.policies import POLICIES, Policy, Responder, broken
from tests.bench.stimuli.script import RATE, Audio

__all__ = ["CODEC_SECONDS", "application", "main"]

CODEC_SECONDS: Final = 312 / 48_000
"""Opus' own look-ahead, each way; the agent speaks that much earlier, twice, to hide it."""

_WORD_SECONDS: Final = 0.3
_MAX_SESSIONS: Final = 32


def _tone(times: np.ndarray) -> np.ndarray:
    """A buzz with a few harmonics, about -17 dB of full scale."""
    harmonics = (np.sin(2 * np.pi * 180.0 * n * times) / n for n in range(1, 6))
    return np.asarray(0.15 * np.sum(list(harmonics), axis=0))


class _Plan(MediaStreamTrack):
    """Speaks a policy's plan: every outgoing 20 ms frame is cut to the sample."""

    kind = "audio"

    def __init__(self, policy: Policy, tell: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._policy = policy
        self._tell = tell
        self._encoder = OpusEncoder(RATE, bitrate=48_000)
        self._frames = 0
        self._origin = 0.0
        self._input_origin: float | None = None
        self._heard = 0
        self._told: dict[int, str] = {}

    def hear(self, at: float, audio: Audio) -> None:
        """One received frame; `at` is when its packet arrived (monotonic)."""
        self._heard += 1
        origin = at - self._heard * 0.02
        if self._input_origin is None or origin < self._input_origin:
            self._input_origin = origin
        if len(audio) == FRAME:
            self._policy.hear(audio)

    def _now(self, monotonic: float) -> float:
        """Seconds of the policy's clock at which a sample sent at `monotonic` is due."""
        if self._input_origin is None:
            return -1.0
        return monotonic - self._input_origin + 2 * CODEC_SECONDS

    async def recv(self) -> Packet[Any]:
        """The next 20 ms, on an absolute schedule."""
        if not self._frames:
            self._origin = time.monotonic()
        due = self._origin + self._frames * 0.02
        await asyncio.sleep(max(due - time.monotonic(), 0.0))
        first = self._now(due)
        times = first + np.arange(FRAME) / RATE
        audio = np.zeros(FRAME, np.float32)
        for span in self._policy.speech[-2:]:
            inside = (times >= span.start) & (times < span.end)
            audio[inside] = _tone(times[inside])
        self._report(first)
        packet: Packet[Any] = Packet(self._encoder.encode(audio))
        packet.pts = self._frames * 960
        packet.time_base = fractions.Fraction(1, 48_000)
        self._frames += 1
        return packet

    def _report(self, now: float) -> None:
        for number, span in enumerate(self._policy.speech):
            state = self._told.get(number)
            if state is None and span.start <= now:
                self._tell(self._words(number, 8.0))
                self._tell({"type": "agent.started", "utterance": number})
                self._told[number] = "started"
            elif state == "started" and span.end <= now:
                self._tell(self._ending(number, span))
                self._told[number] = "ended"

    def _ending(self, number: int, span: Interval) -> dict[str, Any]:
        cut = any(abs(span.end - at) < 1e-6 for at in self._policy.cuts)
        ending: dict[str, Any] = {
            "type": "agent.cut" if cut else "agent.done",
            "utterance": number,
            "heard_ms": round(1000 * span.length),
            "words_heard": int(span.length / _WORD_SECONDS),
        }
        return ending | ({"by": "floor"} if cut else {})

    def _words(self, number: int, length: float) -> dict[str, Any]:
        step = round(1000 * _WORD_SECONDS)
        words = [
            {"text": " la", "start_ms": i * step, "end_ms": (i + 1) * step}
            for i in range(int(length / _WORD_SECONDS))
        ]
        return {"type": "agent.words", "utterance": number, "words": words}


class _Ears(Received):
    """Taps packets and hands them to the plan."""

    def __init__(self, hear: Callable[[float, Audio], None]) -> None:
        super().__init__()
        self._hear = hear

    def add(self, packet: Any) -> tuple[bool, None]:
        """As the tap of the client, and passed on."""
        before = len(self.arrivals)
        super().add(packet)
        for arrival in self.arrivals[before:]:
            self._hear(arrival.at, arrival.audio)
        self.arrivals.clear()
        return False, None


class _Echo(MediaStreamTrack):
    """Returns each received packet in the next 20 ms slot: transport with nothing in between.

    A broken one returns it `late_seconds` later.
    """

    kind = "audio"

    def __init__(self, late_seconds: float = 0.0) -> None:
        super().__init__()
        self._held: asyncio.Queue[Audio] = asyncio.Queue(8)
        # The sender asks for frames as fast as it gets them: lateness is kept on the way in.
        silent = np.zeros(FRAME, np.float32)
        self._late = deque([silent] * (round(late_seconds * RATE) // FRAME))
        self._encoder = OpusEncoder(RATE)
        self._frames = 0

    def hear(self, at: float, audio: Audio) -> None:
        """One received frame; the oldest is dropped when eight wait."""
        del at
        if self._held.full():
            self._held.get_nowait()
        if len(audio) == FRAME:
            self._late.append(audio)
            self._held.put_nowait(self._late.popleft())

    async def recv(self) -> Packet[Any]:
        """The frame received last."""
        packet: Packet[Any] = Packet(self._encoder.encode(await self._held.get()))
        packet.pts = self._frames * 960
        packet.time_base = fractions.Fraction(1, 48_000)
        self._frames += 1
        return packet


def _policy(name: str, delay: float | None, sounds: Iterator[int]) -> Policy:
    if name == "broken":
        return broken(sounds)
    if delay is None:
        return POLICIES[name]()
    return Responder(delay, 0.25, length_seconds=1.0, sharp=True)


class _Server:
    """The signalling route and the open calls."""

    def __init__(self, policy: str, delay: float | None) -> None:
        self._name = policy
        self._delay = delay
        self._calls: set[RTCPeerConnection] = set()
        self._relay = MediaRelay()
        # Of all calls together: a call has one interruption, and one in five is ignored.
        self._sounds = itertools.count(1)

    async def offer(self, request: web.Request) -> web.Response:
        """`POST /api/offer` of the dialect."""
        body = await request.json()
        if len(self._calls) >= _MAX_SESSIONS:
            busy = {"error": {"code": "busy", "message": "thirty-two calls are open"}}
            return web.json_response(busy, status=503)
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._calls.add(peer)
        self._serve(peer)
        await peer.setRemoteDescription(RTCSessionDescription(body["sdp"], body["type"]))
        await peer.setLocalDescription(await peer.createAnswer())
        local = peer.localDescription
        answer = {"sdp": local.sdp, "type": local.type, "session": "reference",
                  "resume_token": "none", "dialect": 1}  # fmt: skip
        return web.json_response(answer, status=201)

    def _serve(self, peer: RTCPeerConnection) -> None:
        channels: list[Any] = []
        numbers = itertools.count()

        def tell(event: dict[str, Any]) -> None:
            for channel in channels:
                if channel.readyState == "open":
                    channel.send(json.dumps(event | {"seq": next(numbers), "at_ms": 0}))

        @peer.on("datachannel")
        def opened(channel: Any) -> None:
            channels.append(channel)
            tell({"type": "session.started", "session": "reference", "dialect": 1,
                  "resumed": False, "parts": {}, "turns": []})  # fmt: skip

        @peer.on("track")
        def arrived(track: MediaStreamTrack) -> None:
            self._attach(peer, track, tell)

        @peer.on("connectionstatechange")
        async def changed() -> None:
            if peer.connectionState in ("failed", "closed"):
                self._calls.discard(peer)
                await peer.close()

    def _attach(
        self,
        peer: RTCPeerConnection,
        track: MediaStreamTrack,
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        if track.kind != "audio":
            return
        if self._name == "stock":
            peer.addTrack(self._relay.subscribe(track))
            return
        reply: _Plan | _Echo
        if self._name == "echo":
            reply = _Echo(self._delay or 0.0)
        else:
            reply = _Plan(_policy(self._name, self._delay, self._sounds), tell)
        receiver = next(t.receiver for t in peer.getTransceivers() if t.receiver.track is track)
        setattr(receiver, JITTER_BUFFER, _Ears(reply.hear))
        peer.addTrack(reply)

    async def close(self, app: web.Application) -> None:
        """Hang up."""
        del app
        for peer in tuple(self._calls):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(peer.close(), 2.0)


async def _ready(request: web.Request) -> web.Response:
    del request
    return web.json_response({"status": "ok"})


def application(policy: str, delay: float | None = None) -> web.Application:
    """The server as an aiohttp application.

    Args:
        policy: a name in `POLICIES`, `echo` or `stock`.
        delay: answers exactly this many seconds after the last voiced sample, for 1 s; of
            `echo`: returns everything that much later.
    """
    server = _Server(policy, delay)
    app = web.Application()
    app.router.add_post("/api/offer", server.offer)
    app.router.add_get("/healthz", _ready)
    app.on_shutdown.append(server.close)
    return app


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="reference", description=__doc__)
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=8401)
    parser.add_argument("--policy", default="reference", choices=[*POLICIES, "echo", "stock"])
    parser.add_argument("--delay", type=float, default=None, metavar="SECONDS")
    chosen = parser.parse_args()
    app = application(chosen.policy, chosen.delay)
    web.run_app(app, host=chosen.host, port=chosen.port, print=None, shutdown_timeout=1.0)


if __name__ == "__main__":
    main()
