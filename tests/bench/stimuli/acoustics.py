"""Rooms, noises, and the sounds people make that are not words; all from a generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from tests.bench.stimuli.script import RATE, Audio
from tests.bench.stimuli.splits import RoomRange

__all__ = ["NOISE_MAKERS", "in_room", "level_to", "room_response", "vocal_tic"]

Generator = np.random.Generator
_SPEED_OF_SOUND: Final = 343.0
_RESPONSE_SECONDS: Final = 0.25


def level_to(audio: Audio, db: float) -> Audio:
    """Scaled so that the RMS of its loud half is `db` below full scale (negative)."""
    if not len(audio):
        return audio
    frames = audio[: len(audio) // 320 * 320].reshape(-1, 320) if len(audio) >= 320 else audio[None]
    powers = np.sort(np.mean(frames.astype(np.float64) ** 2, axis=1))
    loud = float(np.mean(powers[len(powers) // 2 :])) + 1e-12
    return np.asarray(audio * (10 ** (db / 20) / np.sqrt(loud)), dtype=np.float32)


def room_response(generator: Generator, room: RoomRange, distance: tuple[float, float]) -> Audio:
    """Impulse response of a shoebox by the image method, direct sound at sample 0 with gain 1.

    Args:
        generator: draws size, decay and places.
        room: what they are drawn from.
        distance: of source and microphone, metres, drawn between.
    """
    width = float(np.sqrt(generator.uniform(*room.area)))
    size = np.array([width * generator.uniform(0.9, 1.3), width, generator.uniform(2.3, 3.0)])
    decay = generator.uniform(*room.decay)
    surface = 2 * (size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    absorbed = min(0.161 * float(np.prod(size)) / (decay * surface), 0.95)
    reflection = np.sqrt(1 - absorbed)
    microphone = size * generator.uniform(0.3, 0.7, 3)
    towards = generator.normal(size=3)
    source = microphone + towards / np.linalg.norm(towards) * generator.uniform(*distance)
    source = np.clip(source, 0.1, size - 0.1)
    reach = range(-6, 7)
    grid = np.array(np.meshgrid(reach, reach, reach)).reshape(3, -1).T
    response = np.zeros(round(_RESPONSE_SECONDS * RATE) + 1)
    direct = float(np.linalg.norm(source - microphone))
    for mirrored in np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T:
        images = (1 - 2 * mirrored) * source + 2 * grid * size
        away = np.linalg.norm(images - microphone, axis=1)
        bounces = np.abs(2 * grid - mirrored).sum(axis=1)
        delay = np.round((away - direct) / _SPEED_OF_SOUND * RATE).astype(int)
        inside = (delay >= 0) & (delay < len(response))
        np.add.at(response, delay[inside], (reflection**bounces * direct / away)[inside])
    response /= response[0]
    return response.astype(np.float32)


def in_room(audio: Audio, response: Audio) -> Audio:
    """What the microphone picks up: same start, longer by the room's tail."""
    return np.asarray(fftconvolve(audio, response), dtype=np.float32)


def _coloured(generator: Generator, count: int, power: float) -> Audio:
    """Noise whose spectrum falls as frequency to the `power`, unit RMS."""
    spectrum = np.fft.rfft(generator.normal(size=count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    spectrum *= np.maximum(frequency, 40.0) ** (-power / 2)
    noise = np.fft.irfft(spectrum, count)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)), dtype=np.float32)


def _hum(generator: Generator, count: int, mains: float) -> Audio:
    times = np.arange(count) / RATE
    parts = (
        np.sin(2 * np.pi * mains * n * times + generator.uniform(0, 6.3)) / n**1.2
        for n in range(1, 9)
    )
    hum = np.sum(list(parts), axis=0) + 0.05 * generator.normal(size=count)
    return np.asarray(hum / np.sqrt(np.mean(hum**2)), dtype=np.float32)


def _murmur(generator: Generator, count: int, speech: Audio, voices: int) -> Audio:
    """Several voices at once, from one recording read at many places."""
    if len(speech) < RATE:
        return _coloured(generator, count, 1.0)
    total = np.zeros(count, np.float32)
    for _ in range(voices):
        places = (np.arange(count) * generator.uniform(0.9, 1.1)).astype(np.int64)
        places += int(generator.integers(0, len(speech)))
        total += np.take(speech, places, mode="wrap")
    return np.asarray(total / (np.sqrt(np.mean(total**2)) + 1e-9), dtype=np.float32)


def _television(generator: Generator, count: int, speech: Audio) -> Audio:
    """One voice from a small loudspeaker, over a slow chord."""
    times = np.arange(count) / RATE
    notes = 220.0 * 2 ** (generator.choice([0, 3, 5, 7, 10, 12], 4) / 12)
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 0.2 * times)
    music = np.sum([np.sin(2 * np.pi * note * times) for note in notes], axis=0) * swell
    voice = _murmur(generator, count, speech, 1)
    mixed = voice + 0.15 * music
    small = butter(2, [250, 5000], "bandpass", fs=RATE, output="sos")
    mixed = sosfilt(small, mixed)
    return np.asarray(mixed / np.sqrt(np.mean(mixed**2)), dtype=np.float32)


NoiseMaker = Callable[[Generator, int, Audio], Audio]
NOISE_MAKERS: Final[Mapping[str, NoiseMaker]] = {
    "white": lambda g, n, _: _coloured(g, n, 0.0),
    "pink": lambda g, n, _: _coloured(g, n, 1.0),
    "brown": lambda g, n, _: _coloured(g, n, 2.0),
    "fan": lambda g, n, _: (_coloured(g, n, 1.5) + 0.3 * _hum(g, n, 97.0)).astype(np.float32),
    "hum50": lambda g, n, _: _hum(g, n, 50.0),
    "hum60": lambda g, n, _: _hum(g, n, 60.0),
    "crowd": lambda g, n, speech: _murmur(g, n, speech, 9),
    "babble": lambda g, n, speech: _murmur(g, n, speech, 6),
    "television": _television,
}
"""Generator, samples, some speech of the split (for the ones made of voices) → unit RMS noise."""


def _shaped(generator: Generator, seconds: float, low: float, high: float) -> np.ndarray:
    count = round(seconds * RATE)
    band = butter(2, [low, high], "bandpass", fs=RATE, output="sos")
    return np.asarray(sosfilt(band, generator.normal(size=count)))


def _cough(generator: Generator) -> np.ndarray:
    parts: list[np.ndarray] = []
    for _ in range(int(generator.integers(1, 4))):
        length = generator.uniform(0.18, 0.32)
        burst = _shaped(generator, length, generator.uniform(250, 450), 4500)
        times = np.arange(len(burst)) / RATE
        voiced = np.sin(2 * np.pi * np.cumsum(220 - 300 * times) / RATE)
        envelope = np.minimum(times / 0.006, 1.0) * np.exp(-times / (0.28 * length))
        parts += [(burst + 0.4 * voiced) * envelope, np.zeros(round(0.09 * RATE))]
    return np.concatenate(parts[:-1])


def _laugh(generator: Generator) -> np.ndarray:
    pitch = generator.uniform(140, 300)
    parts: list[np.ndarray] = []
    for i in range(int(generator.integers(4, 8))):
        length = generator.uniform(0.11, 0.15)
        times = np.arange(round(length * RATE)) / RATE
        now = pitch * 0.95**i
        waves = (np.sin(2 * np.pi * now * n * times) / n for n in range(1, 12))
        voiced = np.sum(list(waves), axis=0)
        breath = _shaped(generator, len(times) / RATE, 700, 3500)[: len(times)]
        envelope = np.sin(np.pi * times / length) ** 0.7 * 0.9**i
        parts += [(voiced + 1.5 * breath) * envelope, np.zeros(round(0.07 * RATE))]
    return np.concatenate(parts[:-1])


def _breath(generator: Generator) -> np.ndarray:
    length = generator.uniform(0.4, 0.9)
    air = _shaped(generator, length, 500, 5000)
    return air * np.hanning(len(air))


def vocal_tic(generator: Generator, kind: str, db: float = -24.0) -> Audio:
    """A cough, a laugh or a breath; a breath is 8 dB quieter."""
    makers = {"cough": _cough, "laugh": _laugh, "breath": _breath}
    sound = np.asarray(makers[kind](generator), dtype=np.float32)
    return level_to(sound, db - (8.0 if kind == "breath" else 0.0))
