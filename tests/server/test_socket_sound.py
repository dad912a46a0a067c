"""Sound in messages: G.711 as everybody speaks it, blocks on the clock, nothing torn or lost."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from model.timebase import HEARING_BLOCK_SAMPLES
from server import g711
from server.socket_sound import BadSound, SocketMicrophone, SocketSpeaker

RATE = 24_000


def encoded(samples: npt.NDArray[Any]) -> str:
    return base64.b64encode(samples.astype("<i2").tobytes()).decode()


@pytest.mark.parametrize(("law", "codec"), [("mu", "pcm_mulaw"), ("a", "pcm_alaw")])
def test_the_laws_are_those_of_ffmpeg(law: g711.Law, codec: str) -> None:
    context: Any = av.CodecContext.create(codec, "r")
    context.sample_rate, context.layout = 8_000, "mono"
    payload = bytes(range(256))
    (frame,) = context.decode(av.Packet(payload))
    assert np.array_equal(g711.decode(payload, law), frame.to_ndarray().reshape(-1))
    values = np.arange(-32_768, 32_768, 7, dtype=np.int16)
    back = g711.decode(g711.encode(values, law), law).astype(int)
    assert np.all(np.abs(back - values) <= np.maximum(np.abs(values.astype(int)) / 16 + 8, 650))
    coded = g711.encode(g711.decode(payload, law), law)
    assert np.array_equal(g711.decode(coded, law), g711.decode(payload, law))


async def taken(microphone: SocketMicrophone, blocks: int) -> list[npt.NDArray[np.float32]]:
    found: list[npt.NDArray[np.float32]] = []
    async for k, block in microphone:
        assert k == len(found) and block.shape == (HEARING_BLOCK_SAMPLES,)
        found.append(block)
        if len(found) == blocks:
            break
    return found


def voiced(blocks: list[npt.NDArray[np.float32]]) -> list[bool]:
    return [bool(np.abs(block).max() > 0.01) for block in blocks]


async def test_a_recording_sent_at_once_is_heard_whole_and_in_its_time() -> None:
    microphone = SocketMicrophone()
    tone = (8_000 * np.sin(np.arange(RATE) * 2 * np.pi * 440 / RATE)).astype(np.int16)
    for piece in np.split(tone, 50):
        microphone.append(encoded(piece), "audio/pcm")
    assert microphone.queued_seconds == pytest.approx(1.0, abs=0.01)
    blocks = await taken(microphone, 14)
    microphone.end()
    marks = voiced(blocks)
    first = marks.index(True)
    assert marks[first : first + 10] == [True] * 10, "no hole in it"
    assert not any(marks[first + 11 :]), "and silence behind it"
    heard = np.concatenate(blocks)
    assert float((heard**2).sum()) == pytest.approx(
        float(((tone / 32_768) ** 2).sum()) * 16 / 24, rel=0.02
    )


async def test_silence_is_heard_while_nothing_comes_and_after_the_end_nothing() -> None:
    microphone = SocketMicrophone()
    assert not any(voiced(await taken(microphone, 2)))
    microphone.end()
    async for _ in microphone:
        raise AssertionError("it ended")


class Clock:
    """A microphone's blocks by hand: 100 ms pass with each."""

    def __init__(self) -> None:
        self.now = 100.0
        self.microphone = SocketMicrophone()
        self.microphone.end()
        self.microphone._loop = self  # type: ignore[assignment]

    def time(self) -> float:
        return self.now

    def hear(self, *sent: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        for piece in sent:
            self.microphone.append(encoded(piece), "audio/pcm")
        self.now += 0.1
        return self.microphone._next()


QUIET, LOUD = np.zeros(RATE // 10), np.full(RATE // 10, 8_000.0)


async def test_what_a_stalled_line_held_back_is_caught_up_with_where_nothing_is_said() -> None:
    clock = Clock()
    for _ in range(10):
        clock.hear(QUIET)
    for _ in range(20):
        clock.hear()
    heard = [clock.hear(*[QUIET] * 8, *[LOUD] * 6, *[QUIET] * 7)]
    heard += [clock.hear(LOUD if n % 20 > 14 else QUIET) for n in range(80)]
    said = sum(bool(np.abs(block).mean() > 0.1) for block in heard)
    assert clock.microphone.queued_seconds < 0.6
    # All that was said is heard: 6 behind the stall, and 5 in 20 since, what waits apart.
    assert 6 + 20 - 6 <= said <= 6 + 20
    loud = [bool(np.abs(block).mean() > 0.1) for block in heard]
    assert "".join("#" if one else "." for one in loud).strip(".").startswith("######.")


async def test_a_recording_with_long_silences_is_not_shortened() -> None:
    clock = Clock()
    parts = [*[LOUD] * 5, *[QUIET] * 30, *[LOUD] * 5, *[QUIET] * 10]
    heard = [clock.hear(*parts)] + [clock.hear() for _ in range(60)]
    loud = [bool(np.abs(block).mean() > 0.1) for block in heard]
    first, last = loud.index(True), len(loud) - 1 - loud[::-1].index(True)
    assert last - first + 1 == pytest.approx(40, abs=1)


async def test_what_is_no_sound_is_refused() -> None:
    microphone = SocketMicrophone()
    for wrong, kind in (("*", "audio/pcm"), ("AAA=", "audio/pcm"), ("é", "audio/pcmu")):
        if wrong == "AAA=":
            microphone.append("AAA=", kind)  # two bytes: one sample
            wrong = "AA=="
        with pytest.raises(BadSound):
            microphone.append(wrong, kind)
    long = base64.b64encode(bytes(100 * 8_000)).decode()
    microphone.append(long, "audio/pcma")
    with pytest.raises(BadSound, match="wait"):
        microphone.append(long, "audio/pcma")
    microphone.clear()
    assert microphone.queued_seconds == 0.0
    microphone.end()


class Tone:
    def __init__(self, frames: int) -> None:
        self.frames = frames

    def next_frame(self) -> npt.NDArray[np.float32] | None:
        self.frames -= 1
        return np.full(480, 0.5, np.float32) if self.frames >= 0 else None


@pytest.mark.parametrize(
    ("kind", "size"), [("audio/pcm", 960), ("audio/pcmu", 160), ("audio/pcma", 160)]
)
async def test_speech_is_sent_in_pieces_of_its_format(kind: str, size: int) -> None:
    sent: list[bytes] = []
    enough = asyncio.Event()

    def send(text: str) -> None:
        sent.append(base64.b64decode(text))
        if len(sent) == 10:
            enough.set()

    speaker = SocketSpeaker(send, lambda: kind)
    speaker.source = Tone(10)
    loop = asyncio.get_running_loop()
    began = loop.time()
    task = asyncio.create_task(speaker.run())
    await enough.wait()
    assert loop.time() - began >= 0.17, "as it is spoken, not faster"
    task.cancel()
    lengths = [len(one) for one in sent]
    assert sum(lengths) == pytest.approx(10 * size, abs=size // 5)
    if kind == "audio/pcm":
        assert np.frombuffer(sent[3], "<i2")[0] == pytest.approx(16_384, abs=2)
