"""The jitter buffer under a simulated network: what arrives when is a list, time is a number."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from model.timebase import FRAME_SECONDS, HEARING_FRAME_SAMPLES, HEARING_RATE
from server.webrtc.jitter import SLACK_SECONDS, WAIT_PACKETS, JitterBuffer, Piece

FRAME = HEARING_FRAME_SAMPLES


def packet(mark: int) -> bytes:
    """An Opus packet header that says 20 ms, followed by a mark to tell packets apart."""
    return bytes([72]) + mark.to_bytes(4, "big")


@dataclass
class Run:
    """What a simulation gave."""

    buffer: JitterBuffer
    pieces: list[tuple[float, Piece]] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)

    def kinds(self) -> list[str]:
        return [piece.kind for _, piece in self.pieces]

    def marks(self) -> list[int]:
        """The decoded packets, in order."""
        decoded = (piece for _, piece in self.pieces if piece.kind == "decode")
        return [int.from_bytes(piece.payload[1:], "big") for piece in decoded]


Arrivals = Iterable[tuple[float, int, int]]
"""(arrival time, packet number, timestamp at 48 kHz)."""


def stream(
    count: int, *, late: dict[int, float] | None = None, lost: Iterable[int] = ()
) -> Arrivals:
    """Packets every 20 ms; some later than that, some not at all."""
    gone = set(lost)
    for i in range(count):
        if i not in gone:
            yield round(i * FRAME_SECONDS + (late or {}).get(i, 0.0), 6), i, i * 960


def simulate(arrivals: Arrivals, until: float, *, sequence: int = 0, timestamp: int = 0) -> Run:
    """Let time run from 0 to `until`; timers are honoured exactly."""
    run = Run(JitterBuffer(0.0))
    coming = sorted(arrivals)
    while True:
        timer = run.buffer.deadline()
        now = min(timer, coming[0][0] if coming else until)
        if now >= until:
            return run
        packet_comes = bool(coming) and coming[0][0] <= timer
        if packet_comes:
            _, number, ticks = coming.pop(0)
            run.buffer.add(
                (sequence + number) % 2**16, (timestamp + ticks) % 2**32, packet(number), now
            )
        pieces = run.buffer.take(now) if packet_comes else run.buffer.keep(now)
        run.pieces += [(now, piece) for piece in pieces]
        run.lags.append(run.buffer.lag_samples(now) / HEARING_RATE)


def test_packets_in_order_are_heard_at_once() -> None:
    run = simulate(stream(50), 1.0)
    assert run.kinds() == ["decode"] * 50
    assert [at for at, _ in run.pieces] == pytest.approx([i * 0.02 for i in range(50)])


def test_numbers_and_timestamps_wrap() -> None:
    run = simulate(stream(50), 1.0, sequence=65_530, timestamp=2**32 - 4000)
    assert run.marks() == list(range(50))
    assert run.kinds() == ["decode"] * 50


def test_a_lost_packet_is_rebuilt_from_the_next_after_three_packets() -> None:
    run = simulate(stream(50, lost=[20]), 1.0)
    assert run.marks() == [i for i in range(50) if i != 20]
    at, piece = next((at, p) for at, p in run.pieces if p.kind == "rebuild")
    assert piece == Piece("rebuild", FRAME, packet(21))
    assert at == pytest.approx((20 + WAIT_PACKETS) * FRAME_SECONDS)
    assert run.buffer.played_samples == 50 * FRAME


def test_of_several_lost_packets_the_last_is_rebuilt_and_the_others_guessed() -> None:
    run = simulate(stream(50, lost=[20, 21, 22]), 1.0)
    kinds = run.kinds()
    assert kinds.count("rebuild") == 1
    assert kinds[20:23] == ["conceal", "conceal", "rebuild"]
    assert run.buffer.played_samples == 50 * FRAME


def test_a_packet_that_is_overtaken_is_waited_for() -> None:
    run = simulate(stream(50, late={20: 0.05}), 1.0)
    assert run.marks() == list(range(50))
    assert run.kinds() == ["decode"] * 50


def test_waiting_grows_when_packets_come_later_and_falls_back() -> None:
    late = dict.fromkeys(range(20, 60, 10), 0.11)
    run = simulate(stream(90, late=late), 1.8)
    assert run.buffer.counts.late > 0
    assert WAIT_PACKETS < run.buffer.wait_packets <= 6
    assert run.marks()[-20:] == list(range(70, 90))
    calm = simulate(stream(2000, late=late), 40.0)
    assert calm.buffer.wait_packets == WAIT_PACKETS


def test_a_duplicate_is_heard_once() -> None:
    twice = [*stream(30), *((at + 0.001, i, ts) for at, i, ts in stream(30))]
    run = simulate(twice, 0.6)
    assert run.marks() == list(range(30))


def test_silence_runs_the_clock_when_nothing_comes() -> None:
    run = simulate([], 3.0)
    assert set(run.kinds()) == {"silence"}
    assert max(run.lags) <= SLACK_SECONDS
    assert run.buffer.lag_samples(3.0) / HEARING_RATE <= SLACK_SECONDS + FRAME_SECONDS


def test_the_first_packet_is_heard_at_its_instant() -> None:
    run = simulate([(at + 0.5, i, ts) for at, i, ts in stream(50)], 1.5)
    assert abs(run.lags[-1]) <= FRAME_SECONDS
    assert run.marks() == list(range(50))


def test_a_stall_never_brings_the_count_behind_and_its_burst_is_partly_past() -> None:
    late = {i: (60 - i) * FRAME_SECONDS for i in range(40, 60)}  # 40..59 all come with packet 60
    run = simulate(stream(150, late=late), 3.0)
    assert max(run.lags) <= SLACK_SECONDS
    assert run.buffer.counts.past == pytest.approx((0.4 - SLACK_SECONDS) / FRAME_SECONDS, abs=2)
    assert run.marks()[-90:] == list(range(60, 150))
    assert abs(run.lags[-1]) <= FRAME_SECONDS
    assert "conceal" in run.kinds()
    assert "silence" in run.kinds()  # guessing fades out within 100 ms


def test_a_pause_of_the_sender_without_lost_packets_is_filled() -> None:
    """DTX: numbers go on, timestamps jump."""
    pause = [
        (i * 0.02 + (1.0 if i >= 50 else 0.0), i, i * 960 + (48_000 if i >= 50 else 0))
        for i in range(100)
    ]
    run = simulate(pause, 3.0)
    assert run.marks() == list(range(100))
    assert run.buffer.played_samples == pytest.approx(3.0 * HEARING_RATE, abs=2 * FRAME)


def test_a_sender_whose_timestamps_stood_still_is_heard_again() -> None:
    """A pause over which the timestamps did not count (a page's audio graph does that)."""
    pause = [(i * 0.02 + (3.0 if i >= 50 else 0.0), i, i * 960) for i in range(200)]
    run = simulate(pause, 7.0)
    assert run.marks()[-145:] == list(range(55, 200))
    assert abs(run.lags[-1]) <= 2 * FRAME_SECONDS


def test_another_stream_goes_on_where_the_clock_is() -> None:
    buffer = JitterBuffer(0.0)
    for i in range(50):
        buffer.add(i, i * 960, packet(i), i * 0.02)
        buffer.take(i * 0.02)
    buffer.restart()
    for i in range(50):
        now = 1.0 + i * 0.02
        buffer.add(40_000 + i, 123_456 + i * 960, packet(i), now)
        assert [piece.kind for piece in buffer.take(now)] == ["decode"]
    assert buffer.played_samples == 100 * FRAME


@pytest.mark.parametrize("ppm", [-300, -50, 50, 300])
def test_clocks_that_differ_leave_no_lag_behind(ppm: int) -> None:
    """Ten minutes with a sender whose clock is off."""
    rate = 1 + ppm * 1e-6
    count = int(600 / FRAME_SECONDS)
    dice = random.Random(4)
    arrivals = [
        (i * FRAME_SECONDS / rate + 0.02 + 0.005 * dice.random(), i, i * 960) for i in range(count)
    ]
    run = simulate(arrivals, 599.0)
    assert max(run.lags) < 0.08
    assert min(run.lags) > -0.08
    frames = 600 * abs(ppm) * 1e-6 / FRAME_SECONDS
    counts = run.buffer.counts
    corrected = counts.left_out if ppm > 0 else counts.put_in
    assert corrected == pytest.approx(frames, abs=3)
    assert (counts.put_in if ppm > 0 else counts.left_out) == 0


@pytest.mark.parametrize("loss", [0.01, 0.05, 0.1, 0.2])
def test_random_loss_costs_what_the_network_lost_and_no_more(loss: float) -> None:
    dice = random.Random(7)
    lost = {i for i in range(5000) if dice.random() < loss and i > 0}
    run = simulate(stream(5000, lost=lost), 100.0)
    assert run.marks()[:3900] == [i for i in range(5000) if i not in lost][:3900]
    assert run.buffer.played_samples == pytest.approx(100 * HEARING_RATE, abs=4 * FRAME)
    rebuilt = run.kinds().count("rebuild")
    alone = sum(1 for i in lost if i + 1 not in lost and i < 4996)
    assert rebuilt == pytest.approx(alone, abs=2)


def test_jitter_with_reordering_loses_next_to_nothing() -> None:
    dice = random.Random(3)
    run = simulate([(i * 0.02 + 0.1 * dice.random(), i, i * 960) for i in range(3000)], 60.2)
    assert len(run.marks()) / 3000 > 0.98
    assert run.marks() == sorted(run.marks())


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_sent_the_count_follows_the_clock(seed: int) -> None:
    """Numbers, timestamps, payloads and times made up by someone who means harm."""
    dice = random.Random(seed)
    buffer = JitterBuffer(0.0)
    now = 0.0
    number, ticks = dice.getrandbits(16), dice.getrandbits(32)
    for _ in range(3000):
        now += dice.choice([0.0, 0.0, 0.001, 0.02, 0.1])
        number += dice.choice([1, 1, 1, 2, -1, 5, 3500, dice.getrandbits(16)])
        ticks += dice.choice([960, 960, 960, 0, -960, 48_000, dice.getrandbits(32)])
        payload = bytes(dice.getrandbits(8) for _ in range(dice.randrange(6)))
        buffer.add(number % 2**16, ticks % 2**32, payload, now)
        made = sum(piece.samples for piece in buffer.take(now))
        assert made >= 0
        if now >= buffer.deadline():
            buffer.keep(now)
        lag = buffer.lag_samples(now) / HEARING_RATE
        assert -0.4 <= lag <= SLACK_SECONDS
        assert len(buffer._packets) <= 8
