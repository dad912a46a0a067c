"""The speaker: when frames are due, what is sent for silence, what a bad source may do."""

from __future__ import annotations

import asyncio

import numpy as np
import numpy.typing as npt
import pytest

from server.webrtc.opus import OpusDecoder
from server.webrtc.speaker import Lateness, Schedule, Speaker
from tests.steady import blocked
from tests.waiting import until

from .test_opus import voice

Audio = npt.NDArray[np.float32]


class Script:
    """A source that says what it is given."""

    def __init__(self, frames: list[Audio | None]) -> None:
        self.frames = frames

    def next_frame(self) -> Audio | None:
        """The next of the script; silence after it."""
        return self.frames.pop(0) if self.frames else None


# ---- the schedule


def test_frames_are_due_every_20_ms_whenever_they_were_sent() -> None:
    schedule = Schedule(10.0)
    for number, late in enumerate([0.0, 0.001, 0.015, 0.0]):
        assert schedule.due == pytest.approx(10.0 + 0.02 * number)
        assert schedule.sent(schedule.due + late) == number


def test_after_a_stall_all_late_frames_are_due_at_once_and_none_is_skipped() -> None:
    schedule = Schedule(0.0)
    schedule.sent(0.0)
    now = 0.5
    burst = 0
    while schedule.due <= now:
        assert schedule.sent(now) == burst + 1
        burst += 1
    assert burst == 25
    assert schedule.due == pytest.approx(0.52)
    assert schedule.skipped_frames == 0


def test_a_machine_that_slept_does_not_speak_minutes_in_one_breath() -> None:
    schedule = Schedule(0.0)
    schedule.sent(0.0)
    number = schedule.sent(60.0)
    assert number == pytest.approx(3000, abs=1)
    assert schedule.skipped_frames == number - 1
    assert schedule.due == pytest.approx(60.0, abs=0.03)


def test_lateness_is_told() -> None:
    schedule = Schedule(0.0)
    assert schedule.lateness() == Lateness()
    for number in range(100):
        schedule.sent(number * 0.02 + (0.015 if number == 50 else 0.001))
    late = schedule.lateness()
    assert late.p50 == pytest.approx(0.001)
    assert late.worst == pytest.approx(0.015)
    assert late.p50 < late.p99 <= late.worst


# ---- packets


def hear(packets: list[bytes]) -> Audio:
    decoder = OpusDecoder(24_000)
    return np.concatenate([decoder.decode(packet) for packet in packets])


def test_silence_is_encoded_a_few_times_and_then_sent_again() -> None:
    speaker = Speaker(Script(list(voice(0.4, 24_000).reshape(-1, 480))))
    packets = [speaker.next_packet() for _ in range(100)]
    sound = np.abs(hear(packets)).reshape(-1, 480).max(axis=1)
    assert sound[:20].max() > 0.1
    assert sound[22:].max() < 0.005
    assert len(set(packets[-60:])) == 1
    assert len(packets[-1]) < 40


def test_speech_after_reused_silence_sounds_as_if_all_had_been_encoded() -> None:
    phrase = list(voice(0.6, 24_000).reshape(-1, 480))
    pause: list[Audio | None] = [None] * 200
    zeros: list[Audio | None] = [np.zeros(480, np.float32)] * 200
    reused, encoded = (
        Speaker(Script([*phrase, *pause, *phrase])),
        Speaker(Script([*phrase, *zeros, *phrase])),
    )
    count = 260
    a = hear([reused.next_packet() for _ in range(count)])[-30 * 480 :]
    b = hear([encoded.next_packet() for _ in range(count)])[-30 * 480 :]
    assert float(np.sum((a - b) ** 2)) < 0.05 * float(np.sum(b**2))


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros(960, np.float32),
        np.zeros((1, 480), np.float32),
        np.zeros(0, np.float32),
        "no frame at all",
    ],
    ids=["too long", "two dimensions", "empty", "text"],
)
def test_a_bad_frame_is_silence_and_the_voice_goes_on(frame: object) -> None:
    good = np.full(480, 0.2, np.float32)
    speaker = Speaker(Script([good, frame, good]))  # type: ignore[list-item]
    packets = [speaker.next_packet() for _ in range(3)]
    assert speaker.failed_frames == 1
    assert all(packets)


def test_a_source_that_raises_is_silence(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def next_frame(self) -> Audio | None:
            raise RuntimeError("broken")

    speaker = Speaker(Broken())
    assert [bool(speaker.next_packet()) for _ in range(5)] == [True] * 5
    assert speaker.failed_frames == 5
    assert len(caplog.records) == 1  # not fifty a second


async def test_a_blocked_loop_bursts_and_frame_numbers_have_no_hole() -> None:
    speaker, loop = Speaker(), asyncio.get_running_loop()
    sent: list[tuple[int, float]] = []

    async def send(number: int, packet: bytes) -> None:
        sent.append((number, loop.time()))

    running = asyncio.create_task(speaker.run(send))
    await asyncio.sleep(0.3)
    blocked(loop, 0.2)
    await asyncio.sleep(0.3)
    await until(lambda: len(sent) >= (loop.time() - sent[0][1]) / 0.02)
    running.cancel()
    await asyncio.wait({running})
    assert [number for number, _ in sent] == list(range(len(sent)))
    passed = sent[-1][1] - sent[0][1]
    assert len(sent) == pytest.approx(passed / 0.02 + 1, abs=2)
    assert speaker.lateness().worst > 0.15
