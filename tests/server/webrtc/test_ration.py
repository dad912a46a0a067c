"""What a session's video may cost has a bound, whatever its sender does."""

from __future__ import annotations

import pytest

from server.webrtc.ration import DECODED_PIXELS_A_SECOND, MAX_FRAMES_A_SECOND, Ration


def run(
    ration: Ration, rate: float, size: tuple[int, int], seconds: float, begin: float = 0.0
) -> tuple[int, int]:
    """Frames decoded and pictures made; a key frame comes where one is wanted."""
    decoded = used = 0
    broken = False
    ration.sized(*size)
    for number in range(int(seconds * rate)):
        now = begin + number / rate
        key = number == 0 or ration.wants_key(now)
        ration.came(now)
        # As a Camera does: behind a frame that was left out, only a key frame can be read.
        broken = broken and not key
        if broken:
            continue
        broken = True
        if ration.decodes(key, now):
            broken = False
            decoded += 1
            used += ration.uses(now)
    return decoded, used


@pytest.mark.parametrize(("rate", "size"), [(2, (320, 240)), (10, (320, 240)), (15, (640, 480))])
def test_a_modest_sender_has_all_its_frames_decoded(rate: float, size: tuple[int, int]) -> None:
    ration = Ration(2.0)
    decoded, used = run(ration, rate, size, 20.0)
    assert decoded == 20 * rate
    assert used == pytest.approx(40, abs=2)
    assert not ration.keys_only


@pytest.mark.parametrize(
    ("rate", "size"),
    [
        (30, (640, 480)),
        (30, (1280, 720)),
        (60, (1920, 1080)),
        (30, (3840, 2160)),
        (120, (640, 480)),
    ],
)
def test_a_greedy_sender_is_cut_down_to_key_frames(rate: float, size: tuple[int, int]) -> None:
    ration = Ration(2.0)
    decoded, used = run(ration, rate, size, 20.0)
    assert ration.keys_only
    pixels = size[0] * size[1]
    assert decoded * pixels <= DECODED_PIXELS_A_SECOND * 22 + pixels
    assert used >= 20 * min(1.0, DECODED_PIXELS_A_SECOND / pixels) - 1


@pytest.mark.parametrize(
    ("rate", "size"), [(30, (640, 480)), (30, (1280, 720)), (30, (3840, 2160)), (120, (640, 480))]
)
def test_a_sender_of_nothing_but_key_frames_is_cut_down_too(
    rate: int, size: tuple[int, int]
) -> None:
    ration = Ration(MAX_FRAMES_A_SECOND)
    ration.sized(*size)
    decoded = []
    for number in range(20 * rate):
        ration.came(number / rate)
        decoded.append(ration.decodes(True, number / rate))
    assert ration.keys_only
    pixels = size[0] * size[1]
    assert sum(decoded) * pixels <= DECODED_PIXELS_A_SECOND * 22 + pixels
    assert sum(decoded[-5 * rate :]) <= 5 * MAX_FRAMES_A_SECOND


def test_whoever_keeps_to_it_again_is_trusted_again() -> None:
    ration = Ration(2.0)
    run(ration, 30, (1280, 720), 5.0)
    assert ration.keys_only
    run(ration, 2, (320, 240), 8.0, begin=5.0)
    assert not ration.keys_only


def test_at_most_as_many_pictures_as_are_wanted() -> None:
    ration = Ration(5.0)
    _, used = run(ration, 30, (320, 240), 10.0)
    assert used == pytest.approx(50, abs=2)
    ration.want(1.0)
    _, used = run(ration, 30, (320, 240), 10.0, begin=10.0)
    assert used == pytest.approx(10, abs=1)


@pytest.mark.parametrize("rates", [(2.0, 1.0, 5.0, 1.0, 5.0), (1.0, 5.0, 2.0, 5.0)])
def test_another_rate_holds_soon_however_often_it_changes(rates: tuple[float, ...]) -> None:
    ration = Ration(rates[0])
    for number, rate in enumerate(rates):
        ration.want(rate)
        _, used = run(ration, 30, (320, 240), 20.0, begin=number * 20.0)
        assert used == pytest.approx(20 * rate, abs=2), (number, rate)


def test_more_pictures_are_taken_as_soon_as_they_are_wanted() -> None:
    ration = Ration(0.5)
    run(ration, 30, (320, 240), 10.0)
    ration.want(5.0)
    _, used = run(ration, 30, (320, 240), 1.0, begin=10.0)
    assert used >= 4


def test_a_clock_that_went_back_costs_a_moment_and_no_more_pictures() -> None:
    ration = Ration(2.0)
    assert sum(ration.uses(1000 + number / 30) for number in range(300)) == pytest.approx(20, abs=1)
    assert sum(ration.uses(number / 30) for number in range(600)) == pytest.approx(40, abs=2)
