"""G.711, mu-law and A-law, as telephones speak it: 8 kHz, one byte a sample."""

from __future__ import annotations

from functools import cache
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Law", "decode", "encode"]

Law = Literal["mu", "a"]
Samples = npt.NDArray[np.int16]

_BIAS: Final = 0x84


def decode(payload: bytes, law: Law) -> Samples:
    """Samples of a payload, int16 `[len(payload)]`."""
    return _decoding(law)[np.frombuffer(payload, np.uint8)]


def encode(samples: Samples, law: Law) -> bytes:
    """The payload of samples."""
    return _encoding(law)[samples.astype(np.int32) + 32_768].tobytes()


@cache
def _decoding(law: Law) -> Samples:
    code = np.arange(256, dtype=np.int32)
    if law == "mu":
        code = ~code & 0xFF
        exponent, mantissa = (code >> 4) & 7, code & 0x0F
        magnitude = (((mantissa << 3) + _BIAS) << exponent) - _BIAS
        negative = (code & 0x80) != 0
    else:
        code = code ^ 0x55
        exponent, mantissa = (code >> 4) & 7, code & 0x0F
        small = (mantissa << 4) + 8
        magnitude = np.where(exponent == 0, small, (small + 0x100) << np.maximum(exponent - 1, 0))
        negative = (code & 0x80) == 0
    return np.where(negative, -magnitude, magnitude).astype(np.int16)


@cache
def _encoding(law: Law) -> npt.NDArray[np.uint8]:
    """The code of each of the 65,536 samples: the one whose value is nearest."""
    values = _decoding(law).astype(np.int32)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    wanted = np.arange(-32_768, 32_768)
    after = np.clip(np.searchsorted(ordered, wanted), 1, 255)
    nearer = np.abs(ordered[after - 1] - wanted) <= np.abs(ordered[after] - wanted)
    return order[np.where(nearer, after - 1, after)].astype(np.uint8)
