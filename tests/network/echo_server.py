"""A server of nothing but Peers, or stock aiortc, behind `POST /api/offer`: to test the wire.

Usage: python -m tests.network.echo_server [--stock] [--host ADDRESS] [--port PORT]

The offer's body may have "play": "echo" (what is heard comes back, the default), "tone" (a steady
tone until a `speech.stop` event), "speech" (noise that costs as much to encode as speech), or
"silence", and "keep": true (the blocks are kept).
Text events come back as they are. `GET /peers` tells of every Peer what it knows.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import fractions
import json
import sys
import threading
import time
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt
from aiohttp import web
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from av import AudioFrame

from model.timebase import SPEAKING_FRAME_SAMPLES, SPEAKING_RATE
from server.errors import CounterpointError
from server.webrtc.ice import IceSettings
from server.webrtc.peer import Peer

__all__ = ["Source", "ours", "stock"]

Audio = npt.NDArray[np.float32]
PEERS = web.AppKey("PEERS", list[dict[str, Any]])
READY = web.AppKey("READY", asyncio.Task[None])
_THIRDS = np.arange(SPEAKING_FRAME_SAMPLES) * (320 / SPEAKING_FRAME_SAMPLES)


class Source:
    """What a Peer of this server says."""

    def __init__(self, play: str) -> None:
        self.play = play
        self._heard: deque[Audio] = deque(maxlen=50)
        self._at = 0
        dice = np.random.default_rng(0)
        noise = dice.standard_normal((100, SPEAKING_FRAME_SAMPLES)).astype(np.float32)
        self._noise = noise * np.abs(np.sin(np.arange(100) / 8))[:, None].astype(np.float32) * 0.1

    def hear(self, sound: Audio) -> None:
        """Keep what was heard for the echo."""
        if self.play == "echo":
            self._heard.append(np.interp(_THIRDS, np.arange(len(sound)), sound).astype(np.float32))

    def next_frame(self) -> Audio | None:
        """20 ms at 24 kHz."""
        if self.play == "echo":
            # Never more than one frame behind: this measures the wire, not a queue.
            while len(self._heard) > 1:
                self._heard.popleft()
            return self._heard.popleft() if self._heard else None
        self._at += 1
        if self.play == "speech":
            frame: Audio = self._noise[self._at % 100]
            return frame
        if self.play == "tone":
            t = np.arange(SPEAKING_FRAME_SAMPLES) + self._at * SPEAKING_FRAME_SAMPLES
            return (0.3 * np.sin(2 * np.pi * 440 * t / SPEAKING_RATE)).astype(np.float32)
        return None


async def ours(request: web.Request) -> web.Response:
    """Answer with a Peer."""
    body = await request.json()
    source = Source(body.get("play", "echo"))
    loopback = bool(body.get("loopback"))
    try:
        peer = await Peer.answer(body.get("sdp"), IceSettings(loopback=loopback), source=source)
    except CounterpointError as error:
        message = {"error": {"code": error.code, "message": str(error)}}
        return web.json_response(message, status=error.status)
    entry: dict[str, Any] = {"peer": peer, "blocks": [], "keep": body.get("keep", False)}
    request.app[PEERS].append(entry)
    peer.microphone.on_sound = source.hear

    def on_text(text: str) -> None:
        if json.loads(text).get("type") == "speech.stop":
            source.play = "silence"
        peer.channel.send(text)

    peer.channel.on_text(on_text)
    entry["task"] = asyncio.create_task(_listen(peer, entry))
    return web.json_response({"sdp": peer.answer_sdp, "type": "answer"}, status=201)


async def _listen(peer: Peer, entry: dict[str, Any]) -> None:
    async for k, block in peer.microphone:
        kept = (block * 32767).astype(np.int16).tobytes() if entry["keep"] else b""
        entry["blocks"].append((k, time.monotonic(), kept))
    await peer.close()
    # Only the words are kept: what a call held must be free when it is over.
    entry |= {"gone_at": time.monotonic(), "last": _words(peer)}
    entry["peer"] = None


def _words(peer: Peer) -> dict[str, Any]:
    return {
        "gone": peer.gone_reason,
        "statistics": dataclasses.asdict(peer.statistics()),
        "counts": dataclasses.asdict(peer.microphone.counts),
    }


class _Relay(MediaStreamTrack):
    """Stock aiortc: what is received goes out again."""

    kind = "audio"

    def __init__(self, received: MediaStreamTrack, play: str, entry: dict[str, Any]) -> None:
        super().__init__()
        self.play = play
        self._received = received
        self._entry = entry
        self._at = 0
        self._start = 0.0

    async def recv(self) -> AudioFrame:
        if self.play == "echo":
            frame = await self._received.recv()
            assert isinstance(frame, AudioFrame)
            self._entry["frames"] += 1
            return frame
        if not self._at:
            self._start = time.monotonic()
            asyncio.create_task(self._drain())
        await asyncio.sleep(max(0.0, self._start + self._at * 0.02 - time.monotonic()))
        t = np.arange(960) + self._at * 960
        loud = 0.3 if self.play == "tone" else 0.0
        sound = (loud * 32767 * np.sin(2 * np.pi * 440 * t / 48_000)).astype(np.int16)
        if self.play == "speech":
            sound = np.random.default_rng(self._at).integers(-3000, 3000, 960).astype(np.int16)
        frame = AudioFrame.from_ndarray(sound[None], layout="mono")
        frame.sample_rate, frame.pts = 48_000, self._at * 960
        frame.time_base = fractions.Fraction(1, 48_000)
        self._at += 1
        return frame

    async def _drain(self) -> None:
        while True:
            await self._received.recv()
            self._entry["frames"] += 1


async def stock(request: web.Request) -> web.Response:
    """Answer with aiortc as it is."""
    body = await request.json()
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    entry: dict[str, Any] = {"pc": pc, "frames": 0}
    request.app[PEERS].append(entry)

    @pc.on("datachannel")
    def on_channel(channel: RTCDataChannel) -> None:
        @channel.on("message")
        def on_message(text: str) -> None:
            if json.loads(text).get("type") == "speech.stop":
                entry["relay"].play = "silence"
            channel.send(text)

    @pc.on("track")
    def on_track(track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            entry["relay"] = _Relay(track, body.get("play", "echo"), entry)
            pc.addTrack(entry["relay"])

    await pc.setRemoteDescription(RTCSessionDescription(body["sdp"], "offer"))
    await pc.setLocalDescription(await pc.createAnswer())
    return web.json_response({"sdp": pc.localDescription.sdp, "type": "answer"}, status=201)


async def peers(request: web.Request) -> web.Response:
    """What is known of every Peer so far."""
    told = []
    for entry in request.app[PEERS]:
        if "pc" in entry:
            told.append({"frames": entry["frames"], "state": entry["pc"].connectionState})
            continue
        words = entry["last"] if entry["peer"] is None else _words(entry["peer"])
        told.append(
            {
                **words,
                "gone_at": entry.get("gone_at"),
                "ended": entry["task"].done(),
                "blocks": [(k, at) for k, at, _ in entry["blocks"]],
                "audio": b"".join(kept for _, _, kept in entry["blocks"]).hex(),
            }
        )
    tasks = sorted(task.get_coro().__qualname__ for task in asyncio.all_tasks())  # type: ignore[union-attr]
    threads = threading.active_count()
    return web.json_response({"peers": told, "tasks": tasks, "threads": threads})


async def page(request: web.Request) -> web.Response:
    """An empty page, for a browser to run scripts on."""
    return web.Response(text="<!doctype html><title>wire</title>", content_type="text/html")


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    sys.setswitchinterval(0.0005)
    app = web.Application(client_max_size=65536 + 4096)
    app[PEERS] = []
    app.router.add_post("/api/offer", stock if arguments.stock else ours)
    app.router.add_get("/peers", peers)
    app.router.add_get("/", page)
    app.on_startup.append(_say_ready)
    web.run_app(app, host=arguments.host, port=arguments.port, print=None)


async def _say_ready(app: web.Application) -> None:
    async def soon() -> None:
        await asyncio.sleep(0.1)
        print("serving", flush=True)

    app[READY] = asyncio.create_task(soon())


if __name__ == "__main__":
    main()
