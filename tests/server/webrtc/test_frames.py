"""Video packets become whole frames, in order, and only those that can be decoded."""

from __future__ import annotations

import pytest

from server.webrtc.frames import HOLE_SECONDS, MAX_PACKETS, FrameAssembler
from tests.counting import calls_of
from tests.server.webrtc.encoding import Packet, encoded

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)
CODECS = pytest.mark.parametrize("codec", ["VP8", "H264"])


def feed(assembler: FrameAssembler, packets: list[Packet], now: float = 0.0) -> list[int]:
    """The timestamps of the frames that come out."""
    found = []
    for packet in packets:
        found += [frame.timestamp for frame in assembler.add(*packet, now)]
    return found


@CODECS
def test_frames_come_out_with_their_last_packet_over_a_wrap(codec: str) -> None:
    assembler = FrameAssembler()
    frames = encoded(codec, [RED, GREEN, BLUE], noise=True)
    assert max(len(packets) for packets in frames) > 3
    for packets in frames:
        assert feed(assembler, packets[:-1]) == []
        assert feed(assembler, packets[-1:]) == [packets[0].timestamp]
    assert not assembler.broken


@CODECS
def test_packets_may_overtake_each_other(codec: str) -> None:
    first, second, third = encoded(codec, [RED, GREEN, BLUE], noise=True)
    assembler = FrameAssembler()
    assert feed(assembler, first[::-1]) == [0]
    assert feed(assembler, third + second[::-1]) == [45_000, 90_000]


@CODECS
def test_what_is_lost_is_asked_for_and_frames_wait_for_it(codec: str) -> None:
    first, second, third = encoded(codec, [RED, GREEN, BLUE], noise=True)
    assembler = FrameAssembler()
    feed(assembler, first)
    lost = second.pop(1)
    assert feed(assembler, second + third, now=1.0) == []
    assert assembler.missing(1.0) == [lost.sequence]
    assert assembler.missing(1.01) == []
    assert assembler.missing(1.2) == [lost.sequence]
    assert feed(assembler, [lost], now=1.3) == [45_000, 90_000]
    assert assembler.frames_lost == 0


@CODECS
def test_after_a_lost_frame_nothing_comes_before_a_key_frame(codec: str) -> None:
    frames = encoded(codec, [RED, GREEN, BLUE, RED, GREEN], keys=frozenset({3}), noise=True)
    assembler = FrameAssembler()
    feed(assembler, frames[0])
    assert feed(assembler, frames[1][1:], now=1.0) == []
    later = 1.0 + HOLE_SECONDS + 0.1
    assert feed(assembler, frames[2], now=later) == []
    assert assembler.broken
    assert assembler.frames_lost == 1
    assert feed(assembler, frames[3] + frames[4], now=later) == [135_000, 180_000]
    assert not assembler.broken


@CODECS
def test_a_whole_key_frame_does_not_wait_for_older_ones(codec: str) -> None:
    frames = encoded(codec, [RED, GREEN, BLUE], keys=frozenset({2}), noise=True)
    assembler = FrameAssembler()
    feed(assembler, frames[0])
    assert feed(assembler, frames[1][1:], now=1.0) == []
    assert feed(assembler, frames[2], now=1.0) == [90_000]
    assert feed(assembler, frames[1][:1], now=1.1) == []


def test_it_begins_with_a_key_frame_and_says_its_size() -> None:
    frames = encoded("VP8", [RED, GREEN, BLUE], keys=frozenset({2}), size=(318, 182))
    assembler = FrameAssembler()
    assert feed(assembler, frames[1]) == []
    assert assembler.broken
    (key,) = (frame for packet in frames[2] for frame in assembler.add(*packet, 0.0))
    assert (key.key, key.size) == (True, (318, 182))


def test_padding_between_frames_is_no_hole() -> None:
    first, second, third = encoded("VP8", [RED, GREEN, BLUE])
    after = second[-1].sequence + 1
    padding = [Packet("VP8", (after + n) & 0xFFFF, 45_000, False, b"") for n in range(3)]
    late = [packet._replace(sequence=(packet.sequence + 3) & 0xFFFF) for packet in third]
    assembler = FrameAssembler()
    assert feed(assembler, first + second + padding + late) == [0, 45_000, 90_000]


@pytest.mark.parametrize("payload", [b"\x90", b"\x1c", b"\xff\xff\xff", b"x" * 3000])
@CODECS
def test_what_cannot_be_read_counts_as_lost(codec: str, payload: bytes) -> None:
    frames = encoded(codec, [RED, GREEN, BLUE], keys=frozenset({2}))
    assembler = FrameAssembler()
    feed(assembler, frames[0])
    bad = frames[1][0]._replace(payload=payload)
    assert feed(assembler, [bad], now=0.1) == []
    assert feed(assembler, frames[2], now=0.1) == [90_000]


def test_a_frame_without_end_takes_no_more_than_its_bound() -> None:
    first = encoded("VP8", [RED])[0]
    assembler = FrameAssembler()
    feed(assembler, first)
    begin = first[-1].sequence + 1
    for number in range(5 * MAX_PACKETS):
        packet = Packet("VP8", (begin + number) & 0xFFFF, 45_000, False, b"\x00" + bytes(1000))
        assert feed(assembler, [packet], now=number / 1000) == []
        assert len(assembler._parts) <= MAX_PACKETS + 1
        assert len(assembler.missing(number / 1000)) <= 64
    assert assembler.broken


def test_another_numbering_begins_anew() -> None:
    first = encoded("VP8", [RED, GREEN], sequence=100)
    second = encoded("VP8", [BLUE], sequence=40_000)
    assembler = FrameAssembler()
    assert feed(assembler, first[0] + first[1]) == [0, 45_000]
    assert feed(assembler, second[0]) == [0]


@pytest.mark.parametrize("backwards", [False, True])
def test_packets_that_each_begin_a_key_frame_cost_no_more_than_others(backwards: bool) -> None:
    assembler = FrameAssembler()
    numbers = range(300) if not backwards else range(299, -1, -1)
    feed(assembler, [Packet("VP8", number, 45_000, False, b"\x10\x00") for number in numbers])
    assert calls_of(lambda: assembler.wait(0.0)) < 1_000
    for number in range(300):
        packet = Packet("VP8", 400 + 2 * number, 3_000 * number, False, b"\x10\x00")
        assert feed(assembler, [packet]) == []
    assert calls_of(lambda: assembler.wait(0.0)) < 1_000


def test_what_stands_before_a_key_frames_first_part_in_its_packets_is_no_key_frame() -> None:
    """An H264 sender may put a delimiter of access units first."""
    frames = encoded("H264", [RED, GREEN], keys=frozenset({1}), sequence=10)
    first = frames[0][0]
    delimiter = first._replace(sequence=9, marker=False, payload=b"\x09\x10")
    assembler = FrameAssembler()
    assert feed(assembler, [delimiter, *frames[0], *frames[1]]) == [0, 45_000]
