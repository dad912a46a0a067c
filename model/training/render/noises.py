"""Floors of noise: each of unit loudness, from a generator; names are those of `cast.NOISES`.

What the bench's test split plays (brown noise, 60 Hz hum, babble and television by its own recipes)
is not made here: tilts stay away from brown, hums from 60 Hz, and programmes and crowds are other
recipes over other voices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from scipy.signal import butter, sosfilt

from model.messages import Audio
from model.timebase import HEARING_RATE, samples

__all__ = ["NOISE_MAKERS", "VOICED_NOISES", "NoiseMaker", "level_to", "speech_bed"]

Generator = np.random.Generator
NoiseMaker = Callable[[Generator, int, Audio], Audio]
VOICED_NOISES: Final = ("crowd", "programme")
"""Those that are made of speech, which has to be given."""


def level_to(audio: Audio, db: float) -> Audio:
    """Scaled so that the RMS of its louder half is `db` relative to full scale (negative)."""
    if not len(audio):
        return audio
    frames = audio[: len(audio) // 320 * 320].reshape(-1, 320) if len(audio) >= 320 else audio[None]
    powers = np.sort(np.mean(np.square(frames, dtype=np.float64), axis=1))
    loud = float(np.mean(powers[len(powers) // 2 :])) + 1e-12
    return np.asarray(audio * (10 ** (db / 20) / np.sqrt(loud)), dtype=np.float32)


def _unit(audio: np.ndarray) -> Audio:
    return np.asarray(audio / (np.sqrt(np.mean(np.square(audio))) + 1e-9), np.float32)


def _band(audio: np.ndarray, low: float, high: float) -> np.ndarray:
    section = butter(2, [low, high], "bandpass", fs=HEARING_RATE, output="sos")
    return np.asarray(sosfilt(section, audio))


def _tilted(generator: Generator, count: int, power: float) -> Audio:
    """Noise whose power falls as frequency to the `power`."""
    size = 1 << (count - 1).bit_length()
    spectrum = np.fft.rfft(generator.standard_normal(size, dtype=np.float32))
    frequency = np.fft.rfftfreq(size, 1 / HEARING_RATE)
    return _unit(np.fft.irfft(spectrum * np.maximum(frequency, 40.0) ** (-power / 2))[:count])


def _hum(generator: Generator, count: int, mains: float) -> Audio:
    times = np.arange(count, dtype=np.float32) / HEARING_RATE
    hum = 0.05 * generator.standard_normal(count, dtype=np.float32)
    for n in range(1, 9):
        hum += np.sin(2 * np.pi * mains * n * times + generator.uniform(0, 6.3)) / n**1.2
    return _unit(hum)


def _rumble(generator: Generator, count: int, _: Audio) -> Audio:
    """A street behind a window: low noise that swells as something passes."""
    low = _band(_tilted(generator, count, 1.4), 40.0, generator.uniform(400, 900))
    places = np.arange(0, count + 8 * HEARING_RATE, 2 * HEARING_RATE)
    swell = np.interp(np.arange(count), places, generator.uniform(0.2, 1.0, len(places)) ** 2)
    return _unit(low * swell)


def _keys(generator: Generator, count: int, _: Audio) -> Audio:
    """Somebody types in bursts, over a faint hiss."""
    out = 0.02 * _tilted(generator, count, 0.6)
    at = generator.exponential(1.0)
    while (start := samples(at, HEARING_RATE)) < count - 800:
        click = generator.standard_normal(640) * np.exp(-np.arange(640) / generator.uniform(30, 90))
        out[start : start + 640] += generator.uniform(0.2, 1.0) * click.astype(np.float32)
        at += generator.uniform(0.07, 0.25) if generator.random() < 0.9 else generator.uniform(1, 4)
    return _unit(out)


def _rain(generator: Generator, count: int, _: Audio) -> Audio:
    drops = (generator.random(count) < 0.004) * generator.standard_normal(count) * 6
    steady = _tilted(generator, count, 0.3)
    return _unit(_band(drops, 900, 6500) + 0.4 * steady)


def _music(generator: Generator, count: int, _: Audio) -> Audio:
    """Plucked notes of one scale over a drum, in a tempo."""
    beat = samples(60.0 / generator.uniform(70, 150) / 2, HEARING_RATE)
    out = np.zeros(count + 4 * beat, np.float32)
    root = generator.uniform(90, 240)
    length = 3 * beat
    times = np.arange(length, dtype=np.float32) / HEARING_RATE
    fall = np.exp(-times * 5)
    scale = np.array([0, 2, 4, 7, 9, 12, 14, 16])
    plucks = []
    for step in scale:
        pitch = root * 2 ** (step / 12)
        waves = [np.sin(2 * np.pi * pitch * n * times) / n for n in range(1, 6)]
        plucks.append((np.sum(waves, axis=0) * fall).astype(np.float32))
    drum = np.exp(-times * 25) * np.sin(2 * np.pi * 70 * times) * 2
    for number, start in enumerate(range(0, count, beat)):
        if generator.random() < 0.7:
            out[start : start + length] += plucks[int(generator.integers(len(plucks)))]
        if number % 4 == 0:
            out[start : start + length] += drum
    return _unit(out[:count])


def speech_bed(generator: Generator, count: int, speech: Audio, voices: int) -> Audio:
    """So many voices at once, out of a little speech read at many places and paces."""
    total = np.zeros(count, np.float32)
    for _ in range(voices):
        pace = generator.uniform(0.9, 1.12)
        first = generator.uniform(0, len(speech))
        places = (first + np.arange(count) * pace).astype(np.int64) % len(speech)
        total += speech[places] * np.float32(generator.uniform(0.4, 1.0))
    return _unit(total)


def _crowd(generator: Generator, count: int, speech: Audio) -> Audio:
    return speech_bed(generator, count, speech, int(generator.integers(8, 13)))


def _programme(generator: Generator, count: int, speech: Audio) -> Audio:
    """Radio or television in the room: one or two voices, jingles between, a small loudspeaker."""
    voice = speech_bed(generator, count, speech, 1)
    places = np.arange(0, count + 8 * HEARING_RATE, 3 * HEARING_RATE)
    turns = generator.random(len(places)) < 0.25
    share = np.interp(np.arange(count), places, turns.astype(np.float64))
    level = generator.uniform(0.02, 0.3)
    tune = _music(generator, count, speech)
    mixed = voice * (1 - share) + tune * (level + 0.7 * share)
    return _unit(_band(mixed, generator.uniform(150, 400), generator.uniform(3500, 6500)))


def _any_tilt(generator: Generator) -> float:
    """Between blue and red, from -0.5 to 1.4, but for what lies within 0.2 of dev's pink (1.0) or
    0.1 of its fan (1.5); brown (2.0) is the bench's."""
    power = float(generator.uniform(-0.5, 1.0))
    return power if power < 0.8 else power + 0.4


NOISE_MAKERS: Final[Mapping[str, NoiseMaker]] = {
    "white": lambda g, n, _: _tilted(g, n, 0.0),
    "pink": lambda g, n, _: _tilted(g, n, 1.0),
    "tilted": lambda g, n, _: _tilted(g, n, _any_tilt(g)),
    "fan": lambda g, n, _: _unit(_tilted(g, n, 1.5) + 0.3 * _hum(g, n, 97.0)),
    "hum50": lambda g, n, _: _hum(g, n, 50.0),
    "crowd": _crowd,
    "rumble": _rumble,
    "keys": _keys,
    "rain": _rain,
    "music": _music,
    "programme": _programme,
}
"""Generator, samples, speech (for those made of voices; anything for others) → unit loudness."""
