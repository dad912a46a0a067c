"""Rooms: what a microphone picks up of a voice in a box, by the image method."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.signal import fftconvolve

from model.messages import Audio
from model.timebase import HEARING_RATE
from model.training.render.cast import RoomRange

__all__ = ["Room", "in_room"]

Generator = np.random.Generator
_SPEED_OF_SOUND: Final = 343.0
_RESPONSE_SECONDS: Final = 0.3
_REACH: Final = 5


class Room:
    """A box with a microphone in it; sources are placed one by one.

    Args:
        generator: draws size, decay, and the microphone's place.
        limits: floor area in square metres and decay in seconds.
    """

    def __init__(self, generator: Generator, limits: RoomRange) -> None:
        area = generator.uniform(*limits.area)
        ratio = generator.uniform(0.75, 1.3)
        width = float(np.sqrt(area / ratio))
        self.area = float(area)
        self._size = np.array([width * ratio, width, generator.uniform(2.3, 3.0)])
        decay = generator.uniform(*limits.decay)
        x, y, z = self._size
        surface = 2 * (x * y + x * z + y * z)
        absorbed = min(0.161 * float(np.prod(self._size)) / (decay * surface), 0.95)
        self._reflection = float(np.sqrt(1 - absorbed))
        self._microphone = self._size * generator.uniform(0.3, 0.7, 3)

    def response(self, generator: Generator, distance: tuple[float, float]) -> Audio:
        """Impulse response `[taps]` to a source so many metres away; direct sound first, gain 1."""
        towards = generator.normal(size=3)
        away = towards / np.linalg.norm(towards) * generator.uniform(*distance)
        source = np.clip(self._microphone + away, 0.1, self._size - 0.1)
        reach = np.arange(-_REACH, _REACH + 1)
        grid = np.array(np.meshgrid(reach, reach, reach)).reshape(3, -1).T
        response = np.zeros(round(_RESPONSE_SECONDS * HEARING_RATE) + 1)
        direct = float(np.linalg.norm(source - self._microphone))
        for mirrored in np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T:
            images = (1 - 2 * mirrored) * source + 2 * grid * self._size
            far = np.linalg.norm(images - self._microphone, axis=1)
            bounces = np.abs(2 * grid - mirrored).sum(axis=1)
            delay = np.round((far - direct) / _SPEED_OF_SOUND * HEARING_RATE).astype(int)
            inside = (delay >= 0) & (delay < len(response))
            np.add.at(response, delay[inside], (self._reflection**bounces * direct / far)[inside])
        return np.asarray(response / response[0], np.float32)


def in_room(dry: Audio, response: Audio) -> Audio:
    """The same sound as the microphone hears it, cut to its own length."""
    return np.asarray(fftconvolve(dry, response)[: len(dry)], np.float32)
