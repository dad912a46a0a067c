"""The same stimuli through a real page in Chromium: what a person's own browser adds.

The stimulus is the browser's microphone. A tap in the page hears the microphone and the voice
that comes back in one audio graph, so both are on one clock; the stimulus is found in what the
microphone gave by correlation. Scripts that wait for the agent cannot be played: a file goes on.

What is measured ends at the page's own audio graph: its jitter buffer is in it, the loudspeaker
is not. Fillers count as content here, since the page's events are not read.
"""

from __future__ import annotations

import asyncio
import base64
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
from scipy.signal import fftconvolve

from tests.bench.metrics.activity import ClipLog, voiced_intervals
from tests.bench.stimuli.script import RATE, Audio, Script, placed_labels, placed_voice
from tests.speech.recordings import write_wav

__all__ = ["BrowserMissing", "found_at", "play_in_browser", "spoken"]

CHROMIUM: Final = Path("/usr/bin/chromium")
LEAD_SECONDS: Final = 3.0
"""Of noise alone at first: the page connects meanwhile."""

_STANDS_OUT: Final = 1.5
"""Least ratio at which the stimulus counts as found; a wrong place gives 1.0 to 1.3."""

_APART_SECONDS: Final = 0.05

_TAP: Final = """
(() => {
  const audio = new AudioContext({ sampleRate: %d });
  const blocks = [], sources = [];
  const merger = audio.createChannelMerger(2);
  const tap = audio.createScriptProcessor(4096, 2, 1);
  tap.onaudioprocess = (event) => {
    const both = new Float32Array(8192);
    both.set(event.inputBuffer.getChannelData(0));
    both.set(event.inputBuffer.getChannelData(1), 4096);
    blocks.push([event.playbackTime, both]);
  };
  merger.connect(tap);
  tap.connect(audio.destination);
  const join = (stream, channel) => {
    const source = audio.createMediaStreamSource(stream);
    source.connect(merger, 0, channel);
    sources.push(source, stream);
  };
  const devices = navigator.mediaDevices;
  const ask = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    if (stream.getAudioTracks().length) {
      await audio.resume();
      join(stream, 0);
    }
    return stream;
  };
  const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    constructor(...given) {
      super(...given);
      this.addEventListener('track', (event) => {
        if (event.track.kind === 'audio') join(new MediaStream([event.track]), 1);
      });
    }
  };
  window.benchTap = () => blocks.map(([at, both]) => {
    const bytes = new Uint8Array(Int16Array.from(both, (x) =>
      Math.max(-32768, Math.min(32767, Math.round(x * 32767)))).buffer);
    let text = '';
    for (let i = 0; i < bytes.length; i += 4096)
      text += String.fromCharCode(...bytes.subarray(i, i + 4096));
    return [at, btoa(text)];
  });
})();
"""


class BrowserMissing(RuntimeError):
    """There is no browser, or it could not be measured; the message says why."""


def spoken(script: Script) -> tuple[Audio, tuple[int, ...]]:
    """The whole uplink as one recording, and the sample at which each piece begins in it.

    Raises:
        ValueError: a piece waits for the agent.
    """
    if any(piece.cue.when != "clock" for piece in script.pieces):
        raise ValueError(f"{script.clip} waits for the agent: a file cannot")
    at = round(LEAD_SECONDS * RATE)
    starts: list[int] = []
    for piece in script.pieces:
        starts.append(at + round(piece.cue.seconds * RATE))
        at = starts[-1] + len(piece.audio)
    audio = np.zeros(at + round(script.tail_seconds * RATE), np.float32)
    for start, piece in zip(starts, script.pieces, strict=True):
        audio[start : start + len(piece.audio)] += piece.audio
    if len(script.bed):
        audio += np.take(script.bed, np.arange(len(audio)), mode="wrap")
    return audio, tuple(starts)


def found_at(heard: Audio, known: Audio) -> tuple[int, float]:
    """Sample of `heard` at which `known` begins, and how much it stands out there.

    The latter is the correlation there by the best one elsewhere: about 1 where it is not in it at
    all. A browser's noise suppressor changes too much for the correlation itself to tell.
    """
    if len(heard) < len(known):
        return 0, 0.0
    match = np.abs(fftconvolve(heard.astype(np.float64), known[::-1].astype(np.float64), "valid"))
    at = int(np.argmax(match))
    apart = round(_APART_SECONDS * RATE)
    elsewhere = np.concatenate([match[: max(at - apart, 0)], match[at + apart :], [1e-9]])
    return at, float(match[at] / elsewhere.max())


def _placed(blocks: list[tuple[float, str]]) -> tuple[Audio, Audio]:
    """Microphone and voice as the tap heard them; blocks it missed are silence."""
    if not blocks:
        raise BrowserMissing("the tap in the page heard nothing")
    first = blocks[0][0]
    places = [round((at - first) * RATE) for at, _ in blocks]
    near, far = (np.zeros(places[-1] + 4096, np.float32) for _ in range(2))
    for place, (_, text) in zip(places, blocks, strict=True):
        both = np.frombuffer(base64.b64decode(text), np.int16).astype(np.float32) / 32767.0
        near[place : place + 4096], far[place : place + 4096] = both[:4096], both[4096:]
    return near, far


def _tapped(url: str, audio: Audio) -> tuple[Audio, Audio]:
    """Microphone and voice of one call whose microphone plays this."""
    from playwright.sync_api import Error, sync_playwright

    from tests.browser.chromium import chromium, start_call

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "microphone.wav"
        write_wav(path, audio, RATE)
        try:
            with chromium(playwright, url, path, loop=False) as browser:
                context = browser.new_context()
                context.add_init_script(_TAP % RATE)
                page = context.new_page()
                page.goto(url, wait_until="load")
                page.wait_for_selector("body[data-phase]")
                start_call(page)
                page.wait_for_timeout(1000.0 * len(audio) / RATE)
                blocks = page.evaluate("() => window.benchTap()")
        except (Error, AssertionError) as error:
            raise BrowserMissing(str(error).splitlines()[0]) from error
    return _placed([(float(at), str(text)) for at, text in blocks])


async def play_in_browser(url: str, script: Script) -> ClipLog:
    """One clip through a page of the server at `url`.

    Raises:
        BrowserMissing: no Chromium, no page, or the stimulus was not found in what it heard.
        ValueError: a piece of the script waits for the agent.
    """
    if not CHROMIUM.is_file():
        raise BrowserMissing(f"{CHROMIUM} is not installed")
    audio, starts = spoken(script)
    near, far = await asyncio.to_thread(_tapped, url, audio)
    first = starts[0]
    known = audio[first : first + len(script.pieces[0].audio)]
    at, clear = found_at(near, known)
    if clear < _STANDS_OUT:
        raise BrowserMissing(f"the stimulus was not found in the microphone ({clear:.2f})")
    moved = tuple(start - first + at for start in starts)
    return ClipLog(
        script.clip, script.half, script.speaker, placed_voice(script, moved),
        voiced_intervals(far, RATE), placed_labels(script, moved), (), len(far) / RATE,
    )  # fmt: skip
