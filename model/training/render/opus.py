"""Loss on the way: audio through real Opus, packets dropped, holes filled as our server does.

libopus itself, the one inside the PyAV wheel: PyAV offers neither error correction nor concealment,
and nothing in `model` may import the server's own wrapper.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.messages import Audio
from model.timebase import HEARING_FRAME_SAMPLES, HEARING_RATE

__all__ = ["bursts", "through_opus"]

_VOIP: Final = 2048
_BITRATE, _COMPLEXITY, _FEC, _LOSS = 4002, 4010, 4012, 4014
_MOST_BYTES: Final = 1275
_FRAME: Final = HEARING_FRAME_SAMPLES


@cache
def _library() -> Any:
    names: list[str] = []
    wheel = importlib.util.find_spec("av")
    if wheel is not None and wheel.origin is not None:
        folder = Path(wheel.origin).parents[1] / "av.libs"
        names += sorted(str(path) for path in folder.glob("libopus[-.]*"))
    names += [name for name in [ctypes.util.find_library("opus")] if name]
    if not names:
        raise RuntimeError("libopus was not found: install the `av` wheel or Debian's libopus0")
    library = ctypes.CDLL(names[0])
    number, pointer = ctypes.c_int32, ctypes.c_void_p
    library.opus_encoder_create.restype = library.opus_decoder_create.restype = pointer
    library.opus_encoder_create.argtypes = [number, ctypes.c_int, ctypes.c_int, pointer]
    library.opus_decoder_create.argtypes = [number, ctypes.c_int, pointer]
    library.opus_encoder_destroy.argtypes = library.opus_decoder_destroy.argtypes = [pointer]
    library.opus_encoder_destroy.restype = library.opus_decoder_destroy.restype = None
    library.opus_encode_float.argtypes = [pointer, pointer, ctypes.c_int, pointer, number]
    library.opus_decode_float.argtypes = [
        pointer, ctypes.c_char_p, number, pointer, ctypes.c_int, ctypes.c_int,
    ]  # fmt: skip
    return library


def bursts(generator: np.random.Generator, frames: int, share: float, length: float) -> list[bool]:
    """Which packets are lost: bursts of `length` packets on average, `share` of all (Gilbert)."""
    leave = 1.0 / max(length, 1.0)
    enter = leave * share / max(1.0 - share, 1e-6)
    lost: list[bool] = []
    bad = False
    for draw in generator.random(frames):
        bad = draw >= leave if bad else draw < enter
        lost.append(bad)
    return lost


def through_opus(
    audio: Audio, lost: Sequence[bool], bitrate: int = 32_000, complexity: int = 2
) -> Audio:
    """The same audio, decoded from 20 ms packets of which some never came.

    A lost packet is rebuilt from the copy inside the next one where that came, else concealed. The
    codec's delay is taken out, so labels stay true.

    Args:
        audio: float32 `[samples]` at 16 kHz, a whole number of 20 ms frames.
        lost: for every packet, whether it was lost.
        bitrate: bits a second.
        complexity: 0-10.
    """
    library = _library()
    error = ctypes.c_int(0)
    encoder = library.opus_encoder_create(HEARING_RATE, 1, _VOIP, ctypes.byref(error))
    decoder = library.opus_decoder_create(HEARING_RATE, 1, ctypes.byref(error))
    try:
        delay = _configured(library, encoder, bitrate, complexity)
        packets = _encoded(library, encoder, np.concatenate([audio, np.zeros(_FRAME, np.float32)]))
        decoded = _decoded(library, decoder, packets, [*lost, False])
    finally:
        library.opus_encoder_destroy(encoder)
        library.opus_decoder_destroy(decoder)
    return decoded[delay : delay + len(audio)]


def _configured(library: Any, encoder: Any, bitrate: int, complexity: int) -> int:
    settings = ((_BITRATE, bitrate), (_COMPLEXITY, complexity), (_FEC, 1), (_LOSS, 10))
    for number, value in settings:
        library.opus_encoder_ctl(ctypes.c_void_p(encoder), number, ctypes.c_int(value))
    ahead = ctypes.c_int(0)
    library.opus_encoder_ctl(ctypes.c_void_p(encoder), 4027, ctypes.byref(ahead))
    return ahead.value


def _encoded(library: Any, encoder: Any, audio: Audio) -> list[bytes]:
    audio = np.ascontiguousarray(audio, np.float32)
    packet = ctypes.create_string_buffer(_MOST_BYTES)
    packets: list[bytes] = []
    for start in range(0, len(audio), _FRAME):
        pointer = audio[start : start + _FRAME].ctypes.data
        size = library.opus_encode_float(encoder, pointer, _FRAME, packet, _MOST_BYTES)
        if size < 0:
            raise RuntimeError(f"libopus refused a frame (error {size})")
        packets.append(packet.raw[:size])
    return packets


def _decoded(library: Any, decoder: Any, packets: list[bytes], lost: Sequence[bool]) -> Audio:
    out = np.zeros(len(packets) * _FRAME, np.float32)
    for index, packet in enumerate(packets):
        pointer = out[index * _FRAME : (index + 1) * _FRAME].ctypes.data
        if not lost[index]:
            library.opus_decode_float(decoder, packet, len(packet), pointer, _FRAME, 0)
        elif index + 1 < len(packets) and not lost[index + 1]:
            following = packets[index + 1]
            library.opus_decode_float(decoder, following, len(following), pointer, _FRAME, 1)
        else:
            library.opus_decode_float(decoder, None, 0, pointer, _FRAME, 0)
    return out
