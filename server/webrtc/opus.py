"""Opus through libopus itself, because PyAV offers neither error correction nor concealment.

The library is the one inside the PyAV wheel (aiortc needs PyAV anyway), else the system's. Calls
take 40 to 250 microseconds each and are made on the event loop.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import importlib.util
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "Frame",
    "OpusDecoder",
    "OpusEncoder",
    "OpusError",
    "load_libopus",
    "packet_samples_48k",
]

Frame = npt.NDArray[np.float32] | npt.NDArray[np.int16]
"""20 ms of mono audio: float32 in [-1, 1] or int16."""

_APPLICATION_VOIP: Final = 2048
_SET_BITRATE: Final = 4002
_SET_COMPLEXITY: Final = 4010
_SET_INBAND_FEC: Final = 4012
_SET_PACKET_LOSS: Final = 4014
_SET_SIGNAL: Final = 4024
_RESET_STATE: Final = 4028
_SIGNAL_VOICE: Final = 3001

_MAX_PACKET_BYTES: Final = 1275
_MAX_FRAME_SECONDS: Final = 0.12

# Samples at 48 kHz of one frame, by the five configuration bits of a packet's first byte.
_FRAME_48K: Final = (
    (480, 960, 1920, 2880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4  # SILK, hybrid, CELT
)


class OpusError(Exception):
    """libopus is missing, or refused a packet or a setting."""


def packet_samples_48k(payload: bytes) -> int:
    """How long a packet plays, in samples at 48 kHz; 0 when it is empty or malformed."""
    if not payload:
        return 0
    first = payload[0]
    code = first & 3
    if code == 3:
        count = payload[1] & 0x3F if len(payload) > 1 else 0
    else:
        count = 1 if code == 0 else 2
    length = _FRAME_48K[first >> 3] * count
    return length if length <= 5760 else 0


def _candidates() -> list[str]:
    found: list[str] = []
    wheel = importlib.util.find_spec("av")
    if wheel is not None and wheel.origin is not None:
        package = Path(wheel.origin).parent
        for folder in (package.parent / "av.libs", package / ".dylibs"):
            found += sorted(str(path) for path in folder.glob("libopus[-.]*"))
    system = ctypes.util.find_library("opus")
    if system is not None:
        found.append(system)
    return found


@functools.cache
def load_libopus() -> Any:
    """The library, loaded once.

    Raises:
        OpusError: no libopus can be loaded.
    """
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        _declare(library)
        return library
    raise OpusError(
        "libopus was found neither in the PyAV package nor on the system: "
        "install the `av` wheel from PyPI, or the system package `libopus0`"
    )


def _declare(library: Any) -> None:
    number, pointer = ctypes.c_int32, ctypes.c_void_p
    library.opus_encoder_create.restype = pointer
    library.opus_encoder_create.argtypes = [number, ctypes.c_int, ctypes.c_int, pointer]
    library.opus_encoder_destroy.restype = None
    library.opus_encoder_destroy.argtypes = [pointer]
    library.opus_decoder_create.restype = pointer
    library.opus_decoder_create.argtypes = [number, ctypes.c_int, pointer]
    library.opus_decoder_destroy.restype = None
    library.opus_decoder_destroy.argtypes = [pointer]
    for name in ("opus_encode", "opus_encode_float"):
        function = getattr(library, name)
        function.restype = number
        function.argtypes = [pointer, pointer, ctypes.c_int, pointer, number]
    library.opus_decode_float.restype = ctypes.c_int
    library.opus_decode_float.argtypes = [
        pointer,
        ctypes.c_char_p,
        number,
        pointer,
        ctypes.c_int,
        ctypes.c_int,
    ]
    library.opus_encoder_ctl.restype = ctypes.c_int
    library.opus_decoder_ctl.restype = ctypes.c_int
    library.opus_strerror.restype = ctypes.c_char_p
    library.opus_strerror.argtypes = [ctypes.c_int]


def _check(library: Any, code: int, what: str) -> int:
    if code < 0:
        raise OpusError(f"{what}: {library.opus_strerror(code).decode()}")
    return code


class OpusEncoder:
    """Mono speech in 20 ms frames, with the previous frame repeated inside (FEC).

    Args:
        rate: of the frames it is given: 8, 12, 16, 24 or 48 kHz.
        bitrate: bits per second.
        complexity: 0 to 10; 5 costs about a quarter of a millisecond per frame.
        loss_percent: the loss to be prepared for; 0 writes no FEC.
    """

    def __init__(
        self, rate: int, *, bitrate: int = 32_000, complexity: int = 5, loss_percent: int = 10
    ) -> None:
        self._library = load_libopus()
        error = ctypes.c_int(0)
        self._state = self._library.opus_encoder_create(
            rate, 1, _APPLICATION_VOIP, ctypes.byref(error)
        )
        _check(self._library, error.value, f"Opus encoder at {rate} Hz")
        self.frame_samples = rate // 50
        self._float = np.zeros(self.frame_samples, np.float32)
        self._short = np.zeros(self.frame_samples, np.int16)
        self._packet = ctypes.create_string_buffer(_MAX_PACKET_BYTES)
        for request, value in (
            (_SET_BITRATE, bitrate),
            (_SET_COMPLEXITY, complexity),
            (_SET_INBAND_FEC, 1),
            (_SET_PACKET_LOSS, loss_percent),
            (_SET_SIGNAL, _SIGNAL_VOICE),
        ):
            self._control(request, value)
        self._addresses = (
            self._float.ctypes.data,
            self._short.ctypes.data,
            ctypes.addressof(self._packet),
        )

    def _control(self, request: int, value: int) -> None:
        code = self._library.opus_encoder_ctl(
            ctypes.c_void_p(self._state), ctypes.c_int(request), ctypes.c_int32(value)
        )
        _check(self._library, code, f"Opus setting {request}")

    def encode(self, frame: Frame) -> bytes:
        """One packet for one frame of exactly 20 ms.

        Raises:
            ValueError: the frame has another length.
        """
        if frame.shape != (self.frame_samples,):
            raise ValueError(f"a frame is [{self.frame_samples}] samples, not {frame.shape}")
        floats, shorts, packet = self._addresses
        # Copied into memory whose address is known: asking numpy for an address costs more.
        if frame.dtype == np.int16:
            self._short[:] = frame
            length = self._library.opus_encode(
                self._state, shorts, self.frame_samples, packet, _MAX_PACKET_BYTES
            )
        else:
            self._float[:] = frame
            length = self._library.opus_encode_float(
                self._state, floats, self.frame_samples, packet, _MAX_PACKET_BYTES
            )
        _check(self._library, length, "Opus encode")
        return ctypes.string_at(packet, length)

    def __del__(self) -> None:
        state = getattr(self, "_state", None)
        if state:
            self._library.opus_encoder_destroy(state)


class OpusDecoder:
    """Packets to float32 mono at `rate`, and what to play where a packet is missing."""

    def __init__(self, rate: int) -> None:
        self._library = load_libopus()
        error = ctypes.c_int(0)
        self._state = self._library.opus_decoder_create(rate, 1, ctypes.byref(error))
        _check(self._library, error.value, f"Opus decoder at {rate} Hz")
        self._pcm = np.zeros(round(rate * _MAX_FRAME_SECONDS), np.float32)
        self._address = self._pcm.ctypes.data

    def _run(self, payload: bytes | None, frame_samples: int, fec: int) -> npt.NDArray[np.float32]:
        length = self._library.opus_decode_float(
            self._state, payload, len(payload or b""), self._address, frame_samples, fec
        )
        _check(self._library, length, "Opus decode")
        return self._pcm[:length].copy()

    def decode(self, payload: bytes) -> npt.NDArray[np.float32]:
        """The packet's samples.

        Raises:
            OpusError: the packet is malformed.
        """
        if not payload:
            raise OpusError("Opus decode: empty packet")
        return self._run(payload, len(self._pcm), 0)

    def rebuild(self, following: bytes, lost_samples: int) -> npt.NDArray[np.float32]:
        """The packet before `following`, from the copy inside it; concealed if there is none.

        `lost_samples` must be a multiple of 2.5 ms and at most 120 ms.
        """
        return self._run(following or None, lost_samples, 1 if following else 0)

    def conceal(self, lost_samples: int) -> npt.NDArray[np.float32]:
        """What may have been said for `lost_samples` (a multiple of 2.5 ms, at most 120 ms)."""
        return self._run(None, lost_samples, 0)

    def reset(self) -> None:
        """Forget the past: another stream begins."""
        self._library.opus_decoder_ctl(ctypes.c_void_p(self._state), ctypes.c_int(_RESET_STATE))

    def __del__(self) -> None:
        state = getattr(self, "_state", None)
        if state:
            self._library.opus_decoder_destroy(state)
