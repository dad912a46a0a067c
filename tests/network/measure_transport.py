"""Measure the wrapper against stock aiortc in one run, in namespaces made for it; prints JSON.

Usage: python -m tests.network.measure_transport [--clicks 20] [--stops 12] [--connects 12]
       [--sessions 20] [--skip browser,cpu,loss]

* round trip: from a click in a Chromium page's microphone track to the same click in its remote
  track, through an echo at the Peer;
* stop to silence: from the page's `speech.stop` to the last loud sample of its remote track;
* offer to connected: from the POST to `connectionState == "connected"` in the page;
* cpu: of the server process with N callers that speak and listen, one core = 1;
* pacing: lateness of sent frames beside a busy process of lower priority;
* missing: share of what a caller says that is not heard at 5 % loss both ways.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from playwright.async_api import Browser, async_playwright

from model.timebase import HEARING_RATE
from tests.network.caller import Caller, opus_packets
from tests.network.symbols import missing_share, symbol_audio
from tests.network.testbed import Link, Spawned, TestBed

__all__ = ["main"]

SERVE = [sys.executable, "-m", "tests.network.echo_server"]
LOUD = 0.05

PAGE = """
async ({play, clicks}) => {
  const context = new AudioContext({sampleRate: 48000});
  await context.resume();
  const microphone = context.createMediaStreamDestination();
  // Without a source that never ends the track gives nothing at all between clicks.
  const silence = new ConstantSourceNode(context, {offset: 0});
  silence.connect(microphone);
  silence.start();
  const pc = new RTCPeerConnection({iceServers: []});
  const channel = pc.createDataChannel('counterpoint');
  const track = microphone.stream.getAudioTracks()[0];
  pc.addTrack(track, microphone.stream);
  const remote = new Promise((done) => { pc.ontrack = (event) => done(event); });
  const watch = (track, log) => {
    const reader = new MediaStreamTrackProcessor({track}).readable.getReader();
    (async () => {
      for (;;) {
        const {value, done} = await reader.read();
        if (done) return;
        const now = performance.now();
        const samples = new Float32Array(value.numberOfFrames);
        value.copyTo(samples, {planeIndex: 0, format: 'f32-planar'});
        let peak = 0;
        for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
        log.push([now, peak]);
        value.close();
      }
    })();
  };
  await pc.setLocalDescription(await pc.createOffer());
  await Promise.race([
    new Promise((done) => { pc.onicecandidate = done; }),
    new Promise((done) => setTimeout(done, 100)),
  ]);
  const started = performance.now();
  const connected = new Promise((done) => {
    pc.onconnectionstatechange = () => {
      if (pc.connectionState === 'connected') done(performance.now());
    };
  });
  const response = await fetch('/api/offer', {
    method: 'POST',
    headers: {'content-type': 'application/json'},
    body: JSON.stringify({sdp: pc.localDescription.sdp, type: 'offer', play}),
  });
  const answer = await response.json();
  await pc.setRemoteDescription(answer);
  const connectedAt = await connected;
  const result = {connect: connectedAt - started, sent: [], heard: [], stopped: 0};
  if (clicks > 0 || play === 'tone') {
    const event = await remote;
    const audio = new Audio();
    audio.srcObject = new MediaStream([event.track]);
    await audio.play();
    if (clicks > 0) watch(track, result.sent);
    watch(event.track, result.heard);
    await new Promise((done) => setTimeout(done, 1500));
    for (let n = 0; n < clicks; n++) {
      const oscillator = new OscillatorNode(context, {frequency: 1500});
      oscillator.connect(microphone);
      oscillator.start(context.currentTime + 0.01);
      oscillator.stop(context.currentTime + 0.05);
      await new Promise((done) => setTimeout(done, 613.7));
    }
    if (play === 'tone') {
      result.stopped = performance.now();
      channel.send(JSON.stringify({type: 'speech.stop'}));
      await new Promise((done) => setTimeout(done, 600));
    }
    let concealed = 0;
    (await pc.getStats()).forEach((report) => {
      if (report.type === 'inbound-rtp') concealed = report.concealedSamples;
    });
    result.concealed = concealed;
  }
  channel.close();
  pc.close();
  await context.close();
  return result;
}
"""


def onsets(log: list[list[float]]) -> list[float]:
    """Times at which a quiet stretch of at least 0.2 s ends."""
    found: list[float] = []
    last_loud = -1e9
    for at, peak in log:
        if peak > LOUD:
            if at - last_loud > 200:
                found.append(at)
            last_loud = at
    return found


def middle(values: list[float]) -> dict[str, float]:
    """p50, p95 and count, in the unit of the values."""
    if not values:
        return {"count": 0}
    p50, p95 = np.percentile(values, (50, 95))
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "count": len(values)}


def start(bed: TestBed, *arguments: str) -> Spawned:
    """A server on the bed."""
    server = bed.spawn_server([*SERVE, *arguments])
    server.wait_for_output("serving", 30)
    return server


async def on_page(browser: Browser, url: str, play: str, clicks: int = 0) -> dict[str, Any]:
    """One call from a fresh page."""
    page = await browser.new_page()
    try:
        await page.goto(url)
        result: dict[str, Any] = await asyncio.wait_for(
            page.evaluate(PAGE, {"play": play, "clicks": clicks}), 60
        )
        return result
    finally:
        await page.close()


async def in_browser(bed: TestBed, arguments: argparse.Namespace) -> dict[str, Any]:
    """Round trip, stop to silence, offer to connected; in milliseconds."""
    url = f"http://{bed.server_address}:8000/"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[
                "--no-sandbox",
                "--autoplay-policy=no-user-gesture-required",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--unsafely-treat-insecure-origin-as-secure={url.rstrip('/')}",
            ],
        )
        await on_page(browser, url, "silence")  # the first is slower: the browser warms up
        connects = [
            (await on_page(browser, url, "silence"))["connect"] for _ in range(arguments.connects)
        ]
        call = await on_page(browser, url, "echo", arguments.clicks)
        trips = []
        heard = onsets(call["heard"])
        for sent in onsets(call["sent"]):
            after = [at - sent for at in heard if 0 < at - sent < 600]
            trips += after[:1]
        stops = []
        for _ in range(arguments.stops):
            tone = await on_page(browser, url, "tone")
            loud = [at for at, peak in tone["heard"] if peak > LOUD]
            stops.append(max(loud) - tone["stopped"])
        await browser.close()
    return {
        "round_trip_ms": middle(trips),
        "stop_to_silence_ms": middle(stops),
        "offer_to_connected_ms": middle(connects),
        "clicks_sent_heard": [len(onsets(call["sent"])), len(heard)],
        "concealed_samples": call.get("concealed"),
    }


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def told(url: str) -> dict[str, Any]:
    """What the server knows."""
    async with aiohttp.ClientSession() as http, http.get(f"{url}peers") as response:
        result: dict[str, Any] = await response.json()
        return result


def load(bed: TestBed, server: Spawned, sessions: int) -> dict[str, Any]:
    """Cores used by the server while `sessions` callers speak and it speaks to them."""
    callers = bed.spawn_client(
        [sys.executable, "-m", "tests.network.measure_transport", "--callers", str(sessions)]
    )
    callers.wait_for_output("talking", 60)
    time.sleep(2)
    cpu, at = cpu_seconds(server.process.pid), time.monotonic()
    time.sleep(10)
    used = (cpu_seconds(server.process.pid) - cpu) / (time.monotonic() - at)
    callers.wait_for_output("done", 60)
    words = callers.output().split("done ")[1]
    return {"sessions": sessions, "cores": round(used, 3), **json.loads(words)}


async def be_callers(count: int) -> None:
    """The other side of `load`: its own process."""
    dice = np.random.default_rng(0)
    loudness = np.abs(np.sin(np.arange(48_000 * 2) / 9000)) * 0.2
    sound = (dice.standard_normal(len(loudness)) * loudness).astype(np.float32)
    packets = opus_packets(sound, 48_000)
    url = f"http://{TestBed.server_address}:8000/"
    callers = [
        Caller(f"{url}api/offer", packets=packets, extra={"play": "speech"}) for _ in range(count)
    ]
    for caller in callers:
        caller.heard.keep = False
        await caller.call()
    print("talking", flush=True)
    before = [caller.heard.received for caller in callers]
    started = time.monotonic()
    await asyncio.sleep(14)
    rates = [
        (caller.heard.received - first) / (time.monotonic() - started)
        for caller, first in zip(callers, before, strict=True)
    ]
    late = [
        peer["statistics"]["lateness"]["p99"]
        for peer in (await told(url))["peers"][-count:]
        if "statistics" in peer
    ]
    words = {
        "packets_per_second_worst": round(min(rates), 1),
        "pacing_p99_ms_median": round(1000 * statistics.median(late), 1) if late else None,
        "callers_own_lateness_p99_ms": round(1000 * max(c.lateness().p99 for c in callers), 1),
    }
    for caller in callers:
        await caller.hang_up()
    print("done", json.dumps(words), flush=True)


async def pacing(bed: TestBed) -> dict[str, float]:
    """Lateness of one session's frames beside a busy process, in milliseconds."""
    url = f"http://{bed.server_address}:8000/"
    busy = bed.spawn_server(["nice", "-n", "5", sys.executable, "-c", "x = 0\nwhile True: x += 1"])
    async with Caller(f"{url}api/offer", extra={"play": "speech"}):
        await asyncio.sleep(15)
        late = (await told(url))["peers"][-1]["statistics"]["lateness"]
    busy.stop()
    return {key: round(1000 * value, 2) for key, value in late.items()}


async def missing(url: str, stock: bool) -> dict[str, float]:
    """Share of what was said that was not heard."""
    symbols, sound = symbol_audio(1000, 48_000)
    extra = {"keep": True, "play": "echo" if stock else "silence"}
    async with Caller(f"{url}api/offer", extra=extra) as caller:
        started = time.monotonic()
        caller.say(sound)
        await asyncio.sleep(20.7)
        peer = (await told(url))["peers"][-1]
        frames = (time.monotonic() - started) / 0.02
    if stock:
        return {"missing": round(1 - peer["frames"] / frames, 4)}
    heard = (np.frombuffer(bytes.fromhex(peer["audio"]), np.int16) / 32767).astype(np.float32)
    counts, seconds = peer["counts"], len(heard) / HEARING_RATE
    return {
        "missing": round(missing_share(symbols, heard, HEARING_RATE), 4),
        "network_lost": round(peer["statistics"]["lost_share"], 4),
        "guessed": round(counts["concealed_samples"] / HEARING_RATE / seconds, 4),
        "rebuilt": round(counts["rebuilt_samples"] / HEARING_RATE / seconds, 4),
    }


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All of it, ours and stock side by side."""
    result: dict[str, Any] = {"load_average_before": os.getloadavg()}
    for name, options in (("ours", ()), ("stock", ("--stock",))):
        one: dict[str, Any] = {}
        if "browser" not in arguments.skip:
            with TestBed() as bed:
                start(bed, *options)
                with bed.in_client():
                    one |= asyncio.run(in_browser(bed, arguments))
        if "cpu" not in arguments.skip:
            with TestBed() as bed:
                one["cpu"] = load(bed, start(bed, *options), arguments.sessions)
        if name == "ours" and "pacing" not in arguments.skip:
            with TestBed() as bed:
                start(bed)
                with bed.in_client():
                    one["pacing_beside_busy_process_ms"] = asyncio.run(pacing(bed))
        if "loss" not in arguments.skip:
            with TestBed(link=Link(loss=0.05, delay_seconds=0.02, seed=11)) as bed:
                start(bed, *options)
                with bed.in_client():
                    url = f"http://{bed.server_address}:8000/"
                    one["five_percent_loss"] = asyncio.run(missing(url, name == "stock"))
        result[name] = one
    result["load_average_after"] = os.getloadavg()
    return result


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--stops", type=int, default=12)
    parser.add_argument("--connects", type=int, default=12)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--skip", default="")
    parser.add_argument("--callers", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.callers:
        asyncio.run(be_callers(arguments.callers))
    else:
        print(json.dumps(measure(arguments), indent=2))


if __name__ == "__main__":
    main()
