"""Pictures are placed on the clock of the microphone's samples."""

from __future__ import annotations

import pytest

from server.webrtc.sync import Alignment, SenderClock

ORIGIN = 0xFFFF_F000
"""Timestamps wrap soon."""


class Ear:
    """Sound whose first sample had timestamp 7000; its packets take 30 ms."""

    def __init__(self) -> None:
        self.played_samples = 0

    def at(self, taken: float) -> None:
        """Now it is so many seconds after the first sample was spoken."""
        self.played_samples = round((taken - 0.030) * 16_000)

    def sample_of(self, timestamp: int) -> int | None:
        return (timestamp - 7_000) // 3


def ntp(seconds: float) -> int:
    return int((4_000_000_000 + seconds) * (1 << 32))


def aligned(reports: bool) -> tuple[Ear, Alignment, SenderClock]:
    ear, sound, video = Ear(), SenderClock(48_000), SenderClock(90_000)
    if reports:
        sound.report(ntp(1.0), 7_000 + 48_000, 0.0)
        video.report(ntp(2.0), (ORIGIN + 180_000) % (1 << 32), 0.0)
    return ear, Alignment(ear, sound), video


def stamp(seconds: float) -> int:
    return (ORIGIN + round(seconds * 90_000)) % (1 << 32)


@pytest.mark.parametrize("delay", [0.02, 0.3, 1.5])
def test_with_reports_the_way_does_not_matter(delay: float) -> None:
    ear, alignment, video = aligned(reports=True)
    ear.at(3.0 + delay)
    assert alignment.sample(stamp(3.0), video) == pytest.approx(48_000, abs=2)


def test_without_reports_the_promptest_frame_stands_for_its_arrival() -> None:
    ear, alignment, video = aligned(reports=False)
    found = []
    for number, delay in enumerate((0.08, 0.05, 0.2, 0.06, 0.4)):
        ear.at(number / 2 + delay + 1)
        found.append(alignment.sample(stamp(number / 2 + 1), video) / 16_000 - number / 2 - 1)
    # The promptest took 50 ms, its sound 30: placed 20 ms late, and those after it with it.
    assert found == pytest.approx([0.05, 0.02, 0.02, 0.02, 0.02], abs=0.001)


def test_reports_that_cannot_be_are_not_believed() -> None:
    ear, alignment, video = aligned(reports=True)
    video.report(ntp(500.0), stamp(2.0), 0.0)
    ear.at(3.05)
    assert alignment.sample(stamp(3.0), video) == pytest.approx(3.02 * 16_000, abs=2)
    video.report(ntp(-30.0), stamp(2.0), 0.0)
    ear.at(3.55)
    assert alignment.sample(stamp(3.5), video) == pytest.approx(3.52 * 16_000, abs=2)


def test_another_stream_has_another_origin() -> None:
    ear, alignment, video = aligned(reports=False)
    ear.at(1.03)
    assert alignment.sample(stamp(500.0), video) == 16_000
    alignment.reset()
    ear.at(2.03)
    assert alignment.sample(stamp(3.0), video) == 32_000


def test_numbers_that_jump_are_followed_at_once() -> None:
    ear, alignment, video = aligned(reports=False)
    for stamped, taken in ((1.0, 1.0), (1.5, 1.5), (900.0, 2.0), (900.5, 2.5), (3.0, 3.0)):
        ear.at(taken + 0.03)
        assert alignment.sample(stamp(stamped), video) == pytest.approx(taken * 16_000, abs=2)


def test_no_time_is_negative() -> None:
    ear, alignment, video = aligned(reports=True)
    assert alignment.sample(stamp(0.0), video) == 0
