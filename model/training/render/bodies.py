"""Sounds people make that are not words: coughs, laughs, breaths, throats, clicks of the tongue.

Shaped noise and buzz with everything about them drawn: the class is to be learnt, not the recipe.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.signal import butter, sosfilt

from model.messages import Audio
from model.timebase import HEARING_RATE, samples
from model.training.render.noises import level_to

__all__ = ["SOFT", "TICS", "tic"]

Generator = np.random.Generator
Sound = np.ndarray
TICS: Final = ("cough", "laugh", "breath", "throat", "sniff", "tongue", "knock")
SOFT: Final = ("breath", "sniff", "tongue")
"""What people do between two words."""


def _air(generator: Generator, length: float, low: float, high: float) -> Sound:
    band = butter(2, [low, min(high, 7500)], "bandpass", fs=HEARING_RATE, output="sos")
    return np.asarray(sosfilt(band, generator.normal(size=max(samples(length, HEARING_RATE), 16))))


def _buzz(generator: Generator, count: int, first: float, last: float) -> Sound:
    """A glottis from one pitch to another, roughened, through two formants."""
    pitch = np.linspace(first, last, count) * (1 + 0.03 * generator.normal(size=count).cumsum()
                                               / np.sqrt(np.arange(1, count + 1)))  # fmt: skip
    phase = 2 * np.pi * np.cumsum(pitch) / HEARING_RATE
    source = np.sum([np.cos(n * phase) / n for n in range(1, 14)], axis=0)
    formed = np.zeros(count)
    for centre in (generator.uniform(450, 900), generator.uniform(1100, 2000)):
        band = butter(1, [centre * 0.85, centre * 1.15], "bandpass", fs=HEARING_RATE, output="sos")
        formed += np.asarray(sosfilt(band, source))
    return np.asarray(formed / (np.abs(formed).max() + 1e-9))


def _joined(parts: list[Sound], generator: Generator, low: float, high: float) -> Sound:
    out: list[Sound] = []
    for part in parts:
        out += [part, np.zeros(samples(generator.uniform(low, high), HEARING_RATE))]
    return np.concatenate(out[:-1])


def _cough(generator: Generator) -> Sound:
    parts: list[Sound] = []
    for _ in range(int(generator.integers(1, 5))):
        length = generator.uniform(0.14, 0.4)
        burst = _air(generator, length, generator.uniform(150, 600), generator.uniform(2500, 6500))
        times = np.arange(len(burst)) / HEARING_RATE
        voiced = _buzz(generator, len(burst), generator.uniform(130, 350), 110)
        attack = np.minimum(times / generator.uniform(0.003, 0.015), 1.0)
        envelope = attack * np.exp(-times / (generator.uniform(0.15, 0.4) * length))
        mix = generator.uniform(0.0, 1.2) * burst.std()
        parts.append((burst + mix * voiced) * envelope)
    return _joined(parts, generator, 0.03, 0.3)


def _laugh(generator: Generator) -> Sound:
    pitch, fall = generator.uniform(110, 380), generator.uniform(0.9, 1.0)
    beat, share = generator.uniform(0.08, 0.17), generator.uniform(0.0, 2.0)
    parts: list[Sound] = []
    for i in range(int(generator.integers(3, 10))):
        count = samples(beat * generator.uniform(0.8, 1.2), HEARING_RATE)
        now = pitch * fall**i
        voiced = _buzz(generator, count, now * 1.1, now * 0.9)
        breath = _air(generator, count / HEARING_RATE, 600, 4500)[:count]
        envelope = np.sin(np.pi * np.arange(count) / count) ** 0.7 * generator.uniform(0.7, 1.0)
        parts.append((voiced + share * breath) * envelope * 0.93**i)
    return _joined(parts, generator, 0.03, 0.1)


def _breath(generator: Generator) -> Sound:
    air = _air(generator, generator.uniform(0.25, 1.1), 400, generator.uniform(2500, 6500))
    places = np.linspace(0, 1, len(air)) ** generator.uniform(0.6, 1.6)
    return air * np.sin(np.pi * places)


def _throat(generator: Generator) -> Sound:
    parts = []
    for _ in range(int(generator.integers(1, 4))):
        count = samples(generator.uniform(0.1, 0.35), HEARING_RATE)
        voiced = _buzz(generator, count, generator.uniform(80, 140), generator.uniform(60, 110))
        breath = _air(generator, count / HEARING_RATE, 300, 3000)[:count]
        parts.append((voiced + 0.8 * breath) * np.hanning(count))
    return _joined(parts, generator, 0.02, 0.12)


def _sniff(generator: Generator) -> Sound:
    air = _air(generator, generator.uniform(0.12, 0.4), 1200, 7000)
    return air * np.linspace(0.1, 1.0, len(air)) ** 2


def _tongue(generator: Generator) -> Sound:
    count = samples(generator.uniform(0.02, 0.05), HEARING_RATE)
    return _air(generator, 0.06, 1500, 6000)[:count] * np.exp(-np.arange(count) / 120)


def _knock(generator: Generator) -> Sound:
    parts = []
    for _ in range(int(generator.integers(1, 4))):
        count = samples(0.12, HEARING_RATE)
        times = np.arange(count) / HEARING_RATE
        tone = np.sin(2 * np.pi * generator.uniform(90, 400) * times)
        hit = _air(generator, 0.12, 100, 4000)[:count]
        parts.append((tone + hit) * np.exp(-times * generator.uniform(30, 80)))
    return _joined(parts, generator, 0.08, 0.3)


_MAKERS: Final = {
    "cough": _cough, "laugh": _laugh, "breath": _breath, "throat": _throat,
    "sniff": _sniff, "tongue": _tongue, "knock": _knock,
}  # fmt: skip
_QUIETER_DB: Final = {"breath": 10.0, "sniff": 7.0, "tongue": 6.0}


def tic(generator: Generator, kind: str, db: float) -> Audio:
    """One of `TICS` at 16 kHz; breaths, sniffs and clicks are quieter than `db` says."""
    sound = np.asarray(_MAKERS[kind](generator), np.float32)
    return level_to(sound, db - _QUIETER_DB.get(kind, 0.0))
