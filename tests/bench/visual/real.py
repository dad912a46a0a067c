"""Real photographs and films that packages ship, shown by a camera that is not quite still.

Photographs one after another make events with exact moments; in films nothing of what is asked for
happens, so that whatever is announced is false. Nobody exercises in any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import sin
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from model.weights import store
from tests.bench.visual.script import VisualScript, Wanted

__all__ = ["real_scripts"]

Pixels = npt.NDArray[np.uint8]

STILL_SECONDS: Final = 5.0
RATE: Final = 10.0
SIZE: Final = (320, 240)
_SPARE: Final = 8
"""Pixels on each side that a hand holding the camera may be off."""


def _fitted(frame: av.VideoFrame) -> Pixels:
    """As large as the picture and a margin, cut to its shape."""
    wide, high = SIZE[0] + 2 * _SPARE, SIZE[1] + 2 * _SPARE
    scale = max(wide / frame.width, high / frame.height)
    size = (max(wide, round(frame.width * scale)), max(high, round(frame.height * scale)))
    pixels = frame.reformat(width=size[0], height=size[1], format="rgb24").to_ndarray()
    top, left = (size[1] - high) // 2, (size[0] - wide) // 2
    return np.ascontiguousarray(pixels[top : top + high, left : left + wide])


def _film(path: Path) -> tuple[tuple[Pixels, ...], float]:
    """Every frame that is due at `RATE`, and the length in seconds."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        rate = float(stream.average_rate or RATE)
        every = [_fitted(frame) for frame in file.decode(video=0)]
    seconds = len(every) / rate
    wanted = [min(int(n * rate / RATE), len(every) - 1) for n in range(int(seconds * RATE))]
    return tuple(every[one] for one in wanted), seconds


@lru_cache(maxsize=8)
def _still(path: Path) -> Pixels:
    with av.open(str(path)) as file:
        return _fitted(next(file.decode(video=0)))


def _held(pixels: Pixels, time: float) -> Pixels:
    """As a hand holds the camera."""
    x = round(_SPARE + 3 * sin(1.1 * time) + 2 * sin(2.3 * time))
    y = round(_SPARE + 3 * sin(0.9 * time + 1))
    return pixels[y : y + SIZE[1], x : x + SIZE[0]]


def _stills(
    name: str, request: tuple[str, tuple[str, ...], Wanted], shown: Sequence[str], hits: str
) -> VisualScript:
    """Photographs, five seconds each; `hits` are those with which what is asked for comes."""
    folder = store.folder("pictures")
    moments = tuple(n * STILL_SECONDS for n, one in enumerate(shown) if one == hits and n)

    def paint(time: float) -> Pixels:
        number = min(max(int(time // STILL_SECONDS), 0), len(shown) - 1)
        return _held(_still(folder / f"{shown[number]}.png"), time)

    return _script(name, request, len(shown) * STILL_SECONDS, moments, paint)


def _quiet(name: str, request: tuple[str, tuple[str, ...], Wanted], file: str) -> VisualScript:
    """A film, forwards and backwards until it took a quarter of a minute."""
    frames, seconds = _film(store.folder("films") / file)
    turns = max(1, round(15.0 / seconds))

    def paint(time: float) -> Pixels:
        place = int(max(time, 0.0) * RATE) % (2 * len(frames))
        return _held(frames[min(place, 2 * len(frames) - 1 - place)], time)

    return _script(name, request, turns * seconds, (), paint)


def _script(
    name: str,
    request: tuple[str, tuple[str, ...], Wanted],
    seconds: float,
    moments: tuple[float, ...],
    paint: Callable[[float], Pixels],
) -> VisualScript:
    words, names, wanted = request
    return VisualScript(
        f"visual-real-{name}", "object", words, names, wanted, RATE, SIZE, seconds, moments, paint
    )


def real_scripts() -> list[VisualScript]:
    """All there are, the same for every split and seed.

    Raises:
        WeightsError: they were not fetched.
    """
    cup = ("Tell me when a cup appears.", ("cup",), Wanted("comes", "object", "cup"))
    cat = ("Tell me when a cat appears.", ("cat",), Wanted("comes", "object", "cat"))
    dog = ("Tell me when a dog appears.", ("dog",), Wanted("comes", "object", "dog"))
    hand = ("Tell me when I raise my hand.", ("hand",), Wanted("comes", "hand", ""))
    comes = ("Tell me when somebody comes in.", ("somebody", "someone"),
             Wanted("comes", "person", ""))  # fmt: skip
    leaves = ("Tell me when everybody has left.", ("left", "nobody"), Wanted("goes", "person", ""))
    return [
        _stills("cup", cup, ("astronaut", "coffee", "chelsea", "coffee", "astronaut"), "coffee"),
        _stills("cat", cat, ("coffee", "chelsea", "astronaut", "chelsea", "coffee"), "chelsea"),
        _stills("enters", comes, ("chelsea", "astronaut", "coffee", "astronaut"), "astronaut"),
        _stills("leaves", leaves, ("astronaut", "chelsea", "astronaut", "chelsea"), "chelsea"),
        _quiet("street", cup, "bikes.mp4"),
        _quiet("talking", hand, "carphone_pristine.mp4"),
        _quiet("park", dog, "demo.mp4"),
    ]
