"""Sound of which every 20 ms can be recognised again: to count what of it got through.

Each frame is one of eight tones, drawn from a seed. A frame that was lost and guessed sounds like
the one before it and so counts as missing seven times of eight; one rebuilt from error correction
counts as there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["missing_share", "read_symbols", "symbol_audio"]

Audio = npt.NDArray[np.float32]

_TONES = np.array([400.0, 600.0, 800.0, 1000.0, 1200.0, 1400.0, 1600.0, 1800.0])


def symbol_audio(count: int, rate: int, seed: int = 1) -> tuple[npt.NDArray[np.int64], Audio]:
    """`count` frames of 20 ms at `rate`: their symbols (0 to 7) and their sound."""
    symbols = np.random.default_rng(seed).integers(0, len(_TONES), count)
    t = np.arange(rate // 50) / rate
    frames = [0.3 * np.sin(2 * np.pi * _TONES[s] * t) * np.hanning(len(t)) ** 0.3 for s in symbols]
    return symbols, np.concatenate(frames).astype(np.float32)


def read_symbols(audio: Audio, rate: int, start: int) -> npt.NDArray[np.int64]:
    """The symbol of every 20 ms from sample `start` on."""
    step = rate // 50
    frames = audio[start : start + (len(audio) - start) // step * step].reshape(-1, step)
    inner = frames[:, step // 5 : -step // 5]  # the edges are the neighbours'
    t = np.arange(inner.shape[1]) / rate
    waves = np.exp(-2j * np.pi * _TONES[:, None] * t)
    return np.asarray(np.abs(inner @ waves.T).argmax(axis=1))


def missing_share(symbols: npt.NDArray[np.int64], audio: Audio, rate: int) -> float:
    """The share of `symbols` that are not in their place, at the best common place for all."""
    step = rate // 50
    best = 1.0
    for fine in range(0, step, step // 16):
        heard = read_symbols(audio, rate, fine)
        for shift in range(0, max(1, len(heard) - len(symbols) + 1)):
            part = heard[shift : shift + len(symbols)]
            best = min(best, 1.0 - float((part == symbols[: len(part)]).sum()) / len(symbols))
    return best
