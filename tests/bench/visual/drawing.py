"""Drawing into an array of floats `[height, width, 3]` from 0 to 255, with soft edges. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Canvas", "Colour", "Pattern", "capsule", "ellipse", "paste", "resized"]

Canvas = npt.NDArray[np.float32]
Colour = tuple[float, float, float]
Point = tuple[float, float]
Pattern = Callable[
    [npt.NDArray[np.float32], npt.NDArray[np.float32]], npt.NDArray[np.floating[Any]]
]
"""Brightness of cloth from how far along and how far across it lies, about 1."""

LIGHT = (-0.45, -0.6)
"""Where light comes from: left and above."""


def _window(canvas: Canvas, left: float, top: float, right: float, bottom: float) -> tuple[
    Canvas, npt.NDArray[np.float32], npt.NDArray[np.float32]
] | None:  # fmt: skip
    high, wide = canvas.shape[:2]
    x0, x1 = max(int(left) - 1, 0), min(int(right) + 2, wide)
    y0, y1 = max(int(top) - 1, 0), min(int(bottom) + 2, high)
    if x0 >= x1 or y0 >= y1:
        return None
    across, down = np.meshgrid(
        np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32)
    )
    return canvas[y0:y1, x0:x1], across, down


def capsule(
    canvas: Canvas, a: Point, b: Point, radii: tuple[float, float], colour: Colour,
    pattern: Pattern | None = None,
) -> None:  # fmt: skip
    """A limb from `a` to `b`, as thick at its ends as `radii`, lit like a cylinder."""
    most = max(radii)
    window = _window(
        canvas, min(a[0], b[0]) - most, min(a[1], b[1]) - most,
        max(a[0], b[0]) + most, max(a[1], b[1]) + most,
    )  # fmt: skip
    if window is None:
        return
    part, x, y = window
    dx, dy = b[0] - a[0], b[1] - a[1]
    t = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / max(dx * dx + dy * dy, 1e-6), 0.0, 1.0)
    radius = radii[0] + (radii[1] - radii[0]) * t
    ox, oy = x - (a[0] + t * dx), y - (a[1] + t * dy)
    away = np.sqrt(ox * ox + oy * oy)
    cover = np.clip(0.5 - (away - radius), 0.0, 1.0)[..., None]
    lit = (ox * LIGHT[0] + oy * LIGHT[1]) / np.maximum(radius, 1e-3)
    depth = np.sqrt(np.clip(1.0 - (away / np.maximum(radius, 1e-3)) ** 2, 0.0, 1.0))
    shade = 0.62 + 0.30 * depth + 0.22 * lit
    if pattern is not None:
        side = (ox * dy - oy * dx) / max((dx * dx + dy * dy) ** 0.5, 1e-3)
        shade = shade * pattern(t * (dx * dx + dy * dy) ** 0.5, side)
    ink = np.clip(shade[..., None] * np.asarray(colour, np.float32), 0.0, 255.0)
    part += (ink - part) * cover


def ellipse(
    canvas: Canvas, middle: Point, half: Point, colour: Colour, *, shaded: bool = True
) -> None:
    """An upright ellipse."""
    window = _window(
        canvas, middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]
    )
    if window is None:
        return
    part, x, y = window
    u, v = (x - middle[0]) / half[0], (y - middle[1]) / half[1]
    away = np.sqrt(u * u + v * v)
    cover = np.clip(0.5 - (away - 1.0) * min(half), 0.0, 1.0)[..., None]
    shade = np.ones_like(away)
    if shaded:
        depth = np.sqrt(np.clip(1.0 - away**2, 0.0, 1.0))
        shade = 0.68 + 0.26 * depth + 0.20 * (u * LIGHT[0] + v * LIGHT[1])
    ink = np.clip(shade[..., None] * np.asarray(colour, np.float32), 0.0, 255.0)
    part += (ink - part) * cover


def paste(canvas: Canvas, picture: Canvas, alpha: npt.NDArray[np.float32], at: Point) -> None:
    """A cut-out picture with its middle at `at`; what lies outside is left out."""
    high, wide = canvas.shape[:2]
    top, left = round(at[1] - picture.shape[0] / 2), round(at[0] - picture.shape[1] / 2)
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + picture.shape[0], high), min(left + picture.shape[1], wide)
    if y0 >= y1 or x0 >= x1:
        return
    part = canvas[y0:y1, x0:x1]
    inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    part += (picture[inside] - part) * alpha[inside][..., None]


def resized(picture: npt.NDArray[np.float32], high: int, wide: int) -> npt.NDArray[np.float32]:
    """Smaller by averaging, larger by the mean of neighbours; `[height, width, channels]`."""
    for axis, size in ((0, high), (1, wide)):
        edges = np.linspace(0.0, picture.shape[axis], size + 1)
        places = np.minimum(np.arange(picture.shape[axis] + 1), picture.shape[axis])
        sums = np.concatenate(
            [np.zeros_like(np.take(picture, [0], axis)), np.cumsum(picture, axis, np.float64)], axis
        )
        below = np.clip(np.floor(edges).astype(int), 0, picture.shape[axis] - 1)
        share = (edges - places[below]).reshape([-1 if one == axis else 1 for one in range(3)])
        whole = np.take(sums, below, axis) * (1 - share) + np.take(sums, below + 1, axis) * share
        width = np.diff(edges).reshape([-1 if one == axis else 1 for one in range(3)])
        picture = (np.diff(whole, axis=axis) / width).astype(np.float32)
    return picture
