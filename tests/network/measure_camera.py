"""What camera and screen cost the server, and whether sound and answers notice them.

Usage: python -m tests.network.measure_camera [--sessions N] [--seconds S] [--out FILE]

A server with the scripted engine, which takes pictures over the pipe and tells their mean colour;
callers in a process of their own, with sound and video encoded beforehand. For every case: share
of a core of the server's process and of the engine's a session; milliseconds from a typed request
to the first sample of its answer; lateness of the frames of sound; pictures that reached the
engine, and how long after they were taken the client was told; memory. The first case is measured
once more at the end. Not a test: figures depend on the machine, and are of use next to each other.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fractions
import json
import statistics
import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
from aiortc import MediaStreamTrack

from tests.end_to_end.served import Served, server
from tests.network.caller import Caller, opus_packets

CASES: dict[str, dict[str, Any]] = {
    "audio only": {},
    "camera sent, not looked at": {"camera": (2.0, (320, 240), False)},
    "camera 2 a second, 320x240": {"camera": (2.0, (320, 240), True)},
    "screen 1 a second, 1280x720": {"screen": (1.0, (1280, 720), True)},
    "camera 15 a second, 640x480, unasked": {"camera": (15.0, (640, 480), True)},
    "camera 30 a second, 1280x720, unasked": {"camera": (30.0, (1280, 720), True)},
    "camera and screen": {
        "camera": (2.0, (320, 240), True),
        "screen": (1.0, (1280, 720), True),
    },
    "audio only again": {},
}
# No multiple of a micro-turn, so that requests come at every moment of one.
ASK_SECONDS = 1.237


class Film(MediaStreamTrack):
    """A moving picture with some noise, encoded beforehand, so that showing it costs us nothing.

    Ten frames over and over, the first of them a key frame, whatever the receiver asks for.
    """

    kind = "video"

    def __init__(self, rate: float, size: tuple[int, int]) -> None:
        super().__init__()
        self._rate = rate
        self._packets = _encoded(size, rate)
        self._begun = asyncio.get_running_loop().time()
        self._next = 0

    async def recv(self) -> av.Packet[Any]:
        """The next frame when it is due."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._begun + self._next / self._rate - loop.time()))
        packet = av.Packet(self._packets[self._next % len(self._packets)])
        packet.pts = round((loop.time() - self._begun) * 90_000)
        packet.time_base = fractions.Fraction(1, 90_000)
        self._next += 1
        return packet


@lru_cache
def _encoded(size: tuple[int, int], rate: float) -> tuple[bytes, ...]:
    """VP8 at the bit rate a browser gives such a picture."""
    width, height = size
    codec: Any = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.time_base = fractions.Fraction(1, max(1, round(rate)))
    codec.bit_rate = round(0.06 * width * height * max(2.0, rate))
    codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    dice = np.random.default_rng(1)
    found = []
    across = np.linspace(0, 2 * np.pi, width)
    down = np.linspace(0, 2 * np.pi, height)[:, None]
    for n in range(10):
        grain = dice.normal(0, 3, (height, width))
        wave = 128 + 90 * np.sin(across + down + n * 0.6) + grain
        plane = np.clip(wave, 0, 255).astype(np.uint8)
        pixels = np.stack([plane, np.roll(plane, 40, 1), 255 - plane], axis=2)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        frame.pts = n
        found.append(b"".join(bytes(packet) for packet in codec.encode(frame)))
    return tuple(found)


def cpu(process: psutil.Process) -> float:
    """User and system seconds so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def middle(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and count."""
    if not values:
        return {"count": 0}
    p50, p95 = np.percentile(values, (50, 95))
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "count": len(values)}


async def ask(caller: Caller, until: float) -> list[float]:
    """Milliseconds from typed requests to the first sample of their answers."""
    loop = asyncio.get_running_loop()
    found = []
    while loop.time() < until - ASK_SECONDS:
        since, at = len(caller.events), loop.time()
        caller.send({"type": "text.send", "text": "say 1"})
        with contextlib.suppress(TimeoutError):
            await caller.wait_for("agent.started", 3.0, since=since)
            found.append(1000 * (loop.time() - at))
        await asyncio.sleep(max(0.0, at + ASK_SECONDS - loop.time()))
    return found


def begin(caller: Caller, shown: dict[str, Any]) -> None:
    """Show what the case shows."""
    for line, source in enumerate(("camera", "screen")):
        if source in shown:
            rate, size, looked = shown[source]
            caller.show(Film(rate, size), line)
            caller.send({"type": "eyes.look", "source": source, "on": looked})


async def case(served: Served, shown: dict[str, Any], sessions: int, seconds: float) -> Any:
    """The figures of one case."""
    loop = asyncio.get_running_loop()
    dice = np.random.default_rng(0)
    speech = (dice.standard_normal(96_000) * np.abs(np.sin(np.arange(96_000) / 9000)) * 0.2).astype(
        np.float32
    )
    packets = opus_packets(speech, 48_000)
    for rate, size, _ in shown.values():
        _encoded(size, rate)
    callers = [served.call(packets=packets, videos=2) for _ in range(sessions)]
    try:
        for caller in callers:
            caller.heard.keep = False
            await caller.call()
            await caller.open()
            begin(caller, shown)
        await asyncio.sleep(6.0)
        server_process, engine = served.process, served.engines()[0]
        marks = [len(caller.events) for caller in callers]
        before, at = (cpu(server_process), cpu(engine)), loop.time()
        answers = await asyncio.gather(*(ask(caller, at + seconds) for caller in callers))
        passed = loop.time() - at
        used = (cpu(server_process) - before[0], cpu(engine) - before[1])
        late = await asyncio.to_thread(served.metric, "speaker_lateness_p99_seconds")
        events = [
            event
            for caller, mark in zip(callers, marks, strict=True)
            for event in caller.events[mark:]
        ]
        seen = [event for event in events if event["type"] == "eyes.seen"]
        return {
            "server_percent_of_a_core_a_session": round(100 * used[0] / passed / sessions, 2),
            "engine_percent_of_a_core_a_session": round(100 * used[1] / passed / sessions, 2),
            "typed_to_first_sample_ms": middle([one for some in answers for one in some]),
            "sound_lateness_p99_ms": round(1000 * late, 1),
            "behind_ms": middle([e["behind_ms"] for e in events if e["type"] == "health"]),
            "pictures_a_second_a_session": round(len(seen) / passed / sessions, 2),
            "picture": seen[-1]["label"].split(" ")[0] if seen else "",
            "taken_to_told_ms": middle([one["at_ms"] - one["seen_ms"] for one in seen]),
            "states": sorted({e["state"] for c in callers for e in c.events if "state" in e}),
            "server_megabytes": round(server_process.memory_info().rss / 1e6),
            "callers_own_lateness_p99_ms": round(
                1000 * statistics.median(caller.lateness().p99 for caller in callers), 1
            ),
        }
    finally:
        for caller in callers:
            await caller.hang_up()


def main() -> int:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    result: dict[str, Any] = {"sessions": arguments.sessions, "seconds": arguments.seconds}
    with server(f"--engine=rows={arguments.sessions}", script="enter") as served:
        for name, shown in CASES.items():
            if arguments.only not in name:
                continue
            result[name] = asyncio.run(
                case(served, dict(shown), arguments.sessions, arguments.seconds)
            )
            print(name, json.dumps(result[name]), flush=True)
            time.sleep(0.5)
    result["load"] = round(psutil.getloadavg()[0], 1)
    text = json.dumps(result, indent=1)
    if arguments.out:
        arguments.out.write_text(text + "\n")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
