"""Backgrounds: what stands and hangs about where nobody asked for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from tests.bench.visual.drawing import Canvas, capsule, ellipse
from tests.bench.visual.drawn import Drawn, clothes

__all__ = ["CLUTTER", "background"]

Maker = Callable[[np.random.Generator, Drawn, int, int], Canvas]


def _plain(generator: np.random.Generator, wide: int, high: int) -> Canvas:
    """A wall in uneven light."""
    grey = generator.uniform(120, 205)
    tint = generator.uniform(-12, 12, 3)
    across = np.linspace(-1, 1, wide)[None, :, None] * generator.uniform(-18, 18)
    down = np.linspace(-1, 1, high)[:, None, None] * generator.uniform(-18, 8)
    return (grey + tint + across + down).astype(np.float32)


def _box(canvas: Canvas, corners: tuple[float, float, float, float], colour: object) -> None:
    left, top, right, bottom = (round(one) for one in corners)
    part = canvas[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    shade = np.linspace(1.06, 0.88, max(part.shape[0], 1), dtype=np.float32)[:, None, None]
    part[:] = np.clip(np.asarray(colour, np.float32) * shade[: part.shape[0]], 0, 255)


def _room(generator: np.random.Generator, drawn: Drawn, wide: int, high: int) -> Canvas:
    """A floor, a few pieces of furniture without legs, pictures on the wall."""
    canvas = _plain(generator, wide, high)
    floor = high * generator.uniform(0.7, 0.85)
    canvas[round(floor) :] *= generator.uniform(0.55, 0.8)
    for _ in range(int(generator.integers(2, 5))):
        x, w = generator.uniform(-0.1, 1.0) * wide, generator.uniform(0.08, 0.25) * wide
        h = generator.uniform(0.1, 0.45) * high
        _box(canvas, (x, floor - h, x + w, floor + 6), clothes(generator, drawn))
    for _ in range(int(generator.integers(1, 4))):
        x, y = generator.uniform(0, 0.9) * wide, generator.uniform(0.05, 0.3) * high
        w, h = generator.uniform(0.08, 0.2) * wide, generator.uniform(0.08, 0.2) * high
        _box(canvas, (x - 3, y - 3, x + w + 3, y + h + 3), (60, 45, 35))
        _box(canvas, (x, y, x + w, y + h), clothes(generator, drawn))
    return canvas


def _shelves(generator: np.random.Generator, drawn: Drawn, wide: int, high: int) -> Canvas:
    """Boards with narrow upright boxes of many colours."""
    canvas = _plain(generator, wide, high)
    for board in np.arange(0.2, 1.05, 0.27) * high:
        x = 0.0
        while x < wide:
            w = generator.uniform(4, 18)
            if generator.random() < 0.7:
                top = board - generator.uniform(0.08, 0.2) * high
                _box(canvas, (x, top, x + w, board), clothes(generator, drawn, dark=True))
            x += w + 1
        _box(canvas, (0, board, wide, board + 4), (110, 80, 55))
    return canvas


def _tiles(generator: np.random.Generator, drawn: Drawn, wide: int, high: int) -> Canvas:
    """A wall of tiles of two colours, and strips."""
    canvas = _plain(generator, wide, high)
    one, other = (np.asarray(clothes(generator, drawn, dark=True)) for _ in range(2))
    side = int(generator.integers(18, 40))
    for row in range(0, high, side):
        for column in range(0, wide, side):
            ink = one if (row // side + column // side) % 2 else other
            _box(canvas, (column, row, column + side - 2, row + side - 2), ink * 0.7 + 60)
    return canvas


def _leaves(generator: np.random.Generator, drawn: Drawn, wide: int, high: int) -> Canvas:
    """Soft blots and stalks in the split's colours."""
    canvas = _plain(generator, wide, high)
    for _ in range(70):
        x, y = generator.uniform(0, wide), generator.uniform(0, high)
        half = (generator.uniform(4, 16), generator.uniform(4, 12))
        ellipse(canvas, (x, y), half, clothes(generator, drawn, dark=generator.random() < 0.7))
        end = (x + generator.uniform(-25, 25), y + generator.uniform(5, 30))
        capsule(canvas, (x, y), end, (1.5, 1.0), clothes(generator, drawn, dark=True))
    return canvas


CLUTTER: Final[Mapping[str, Maker]] = {
    "room": _room,
    "shelves": _shelves,
    "tiles": _tiles,
    "leaves": _leaves,
}


def background(
    generator: np.random.Generator, drawn: Drawn, kind: str, size: tuple[int, int]
) -> Canvas:
    """A background of this kind, `[height, width, 3]`, a little out of focus."""
    canvas = CLUTTER[kind](generator, drawn, *size)
    for axis in (0, 1):
        around = (np.roll(canvas, 1, axis), canvas, np.roll(canvas, -1, axis))
        canvas = np.mean(around, 0, dtype=np.float32)
    return canvas
