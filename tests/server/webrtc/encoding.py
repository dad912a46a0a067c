"""Real encoded video for the tests of the wrapper: aiortc's encoders, packets as on the wire."""

from __future__ import annotations

import fractions
from collections.abc import Sequence
from typing import NamedTuple

import av
import numpy as np
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder

from server.webrtc.frames import EncodedFrame, FrameAssembler

__all__ = ["Packet", "assembled", "encoded"]

Colour = tuple[int, int, int]


class Packet(NamedTuple):
    """One RTP packet's worth."""

    codec: str
    sequence: int
    timestamp: int
    marker: bool
    payload: bytes


def encoded(
    codec: str,
    colours: Sequence[Colour],
    *,
    size: tuple[int, int] = (320, 240),
    keys: frozenset[int] = frozenset(),
    sequence: int = 0xFFFD,
    first: int = 0,
    noise: bool = False,
) -> list[list[Packet]]:
    """Frames of one colour each, half a second apart, as packets.

    Args:
        codec: VP8 or H264.
        colours: of the frames.
        size: width and height.
        keys: which of them must be key frames, beside the first.
        sequence: number of the first packet; it wraps.
        first: number of the first frame, of which its time is told.
        noise: whether the lower half is noise, so that a frame takes several packets.
    """
    encoder = Vp8Encoder() if codec == "VP8" else H264Encoder()
    dice = np.random.default_rng(1)
    frames = []
    for number, colour in enumerate(colours):
        pixels = np.full((size[1], size[0], 3), colour, np.uint8)
        if noise:
            half = pixels[size[1] // 2 :]
            half[:] = dice.integers(0, 256, half.shape, np.uint8)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = (first + number) * 45_000, fractions.Fraction(1, 90_000)
        payloads, timestamp = encoder.encode(frame, force_keyframe=number in keys)
        packets = []
        for place, payload in enumerate(payloads):
            last = place == len(payloads) - 1
            packets.append(Packet(codec, sequence & 0xFFFF, timestamp, last, payload))
            sequence += 1
        frames.append(packets)
    return frames


def assembled(frames: Sequence[Sequence[Packet]]) -> list[EncodedFrame]:
    """The same as whole frames."""
    assembler = FrameAssembler()
    return [
        frame for packets in frames for packet in packets for frame in assembler.add(*packet, 0.0)
    ]
