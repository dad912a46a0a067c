"""Sound as arrays and files. Everything inside is mono float32 in [-1, 1] at 48 kHz."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt

from client.errors import BadAudio

__all__ = ["FRAME", "FRAME_SECONDS", "RATE", "Audio", "at_rate", "prepare", "read", "write_wav"]

Audio = npt.NDArray[np.float32]

RATE: Final = 48_000
FRAME: Final = 960
FRAME_SECONDS: Final = FRAME / RATE
MAX_SECONDS: Final = 600.0
"""Of one piece of sound."""

_RATES: Final = (8_000, 192_000)


def prepare(samples: npt.ArrayLike, rate: int) -> Audio:
    """Any sound as mono float32 at 48 kHz.

    Args:
        samples: `[samples]` or `[samples, channels]`; floats in [-1, 1], or int16 or int32.
        rate: samples a second, 8,000 to 192,000.

    Raises:
        BadAudio: it is none, or longer than ten minutes.
    """
    array = np.asarray(samples)
    if array.ndim == 2 and array.shape[1] <= 8:
        array = array if array.shape[1] == 1 else _mixed(array)
        array = array.reshape(-1)
    if array.ndim != 1:
        raise BadAudio(f"Sound is [samples] or [samples, channels], not {list(array.shape)}.")
    if not _RATES[0] <= rate <= _RATES[1]:
        raise BadAudio(f"A rate of {rate} Hz cannot be sent; 8,000 to 192,000 can.")
    if len(array) > MAX_SECONDS * rate:
        raise BadAudio(f"At most {MAX_SECONDS:g} s of sound at once; send it in parts.")
    return at_rate(_floats(array), rate, RATE)


def _mixed(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(_floats(array).mean(axis=1))


def _floats(array: npt.NDArray[Any]) -> Audio:
    if array.dtype.kind == "i" and array.dtype.itemsize in (2, 4):
        array = array / float(np.iinfo(array.dtype).max + 1)
    elif array.dtype.kind != "f":
        raise BadAudio(f"Samples are floats, int16 or int32, not {array.dtype}.")
    if not np.isfinite(array).all():
        raise BadAudio("Some samples are not finite numbers.")
    return np.asarray(np.clip(array, -1, 1), np.float32)


def at_rate(audio: Audio, rate: int, wanted: int) -> Audio:
    """Sound at another rate; `len(audio) * wanted / rate` samples, rounded."""
    if rate == wanted or not len(audio):
        return audio
    frame = av.AudioFrame.from_ndarray(audio[None], format="flt", layout="mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler(format="flt", layout="mono", rate=wanted)
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    whole = np.concatenate([_samples(part) for part in parts])
    length = round(len(audio) * wanted / rate)
    result = np.zeros(length, np.float32)
    result[: len(whole)] = whole[:length]
    return result


def read(path: str | Path) -> Audio:
    """The sound of a file of any kind that FFmpeg knows.

    Raises:
        BadAudio: it cannot be read, holds no sound, or is longer than ten minutes.
    """
    try:
        with av.open(str(path)) as file:
            if not file.streams.audio:
                raise BadAudio(f"{path} holds no sound.")
            return _decoded(file, path)
    except (OSError, av.FFmpegError) as error:
        reason = error.strerror or str(error)
        raise BadAudio(f"{path} cannot be read: {reason}") from error


def _decoded(file: Any, path: str | Path) -> Audio:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    parts: list[Audio] = []
    total = 0
    for frame in file.decode(audio=0):
        frame.pts = None  # a gap in a file's own clock is no reason to refuse it
        for part in resampler.resample(frame):
            parts.append(_samples(part))
            total += len(parts[-1])
        if total > MAX_SECONDS * RATE:
            raise BadAudio(f"{path} is longer than {MAX_SECONDS:g} s; send it in parts.")
    parts += [_samples(part) for part in resampler.resample(None)]
    return np.clip(np.concatenate(parts), -1, 1) if parts else np.zeros(0, np.float32)


def _samples(frame: av.AudioFrame) -> Audio:
    return np.asarray(frame.to_ndarray().reshape(-1), np.float32)


def write_wav(path: str | Path, audio: Iterable[Audio] | Audio, rate: int = RATE) -> None:
    """Write sound, whole or in pieces, as 16-bit mono WAV.

    Raises:
        OSError: the file cannot be written.
    """
    pieces = [audio] if isinstance(audio, np.ndarray) else audio
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        for piece in pieces:
            file.writeframes((np.clip(piece, -1, 1) * 32_767).astype("<i2").tobytes())
