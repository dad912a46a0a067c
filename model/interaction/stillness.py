"""What changes in the pictures of a camera, and what stays: thumbnails, a background, and where
something moves. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Final

import numpy as np
import numpy.typing as npt

from model.sight import Box

__all__ = [
    "Around",
    "Background",
    "Moved",
    "background",
    "changed",
    "changed_within",
    "moved",
    "moving",
    "thumbnail",
]

Pixels = npt.NDArray[np.uint8]
Background = npt.NDArray[np.float32]
Moved = npt.NDArray[np.float64]
"""The second of the stream in which each cell of a thumbnail changed last; minus infinity."""

THUMBNAIL: Final = (24, 32)
USUAL_ASPECT: Final = 4 / 3
"""Width by height of the pictures in which margins were chosen: their cells are square."""

CELL_CHANGED: Final = 12
CELLS_CHANGED: Final = 3
TAKES_IN_SECONDS: Final = 6.0
"""In which the background becomes two thirds of what stays."""

MOVES_SECONDS: Final = 6.0
"""What moved within is where somebody moves: a slow repetition takes as long."""

WIDER: Final = 0.5
"""Of the shorter side of where something moves, in shares of the usual picture's sides, that is
seen on each side of it as well: heads and feet may rest. Of .2 to .5 of the longer one and .7 of
the shorter, this was best for people who lie and who stand."""

MOST_MOVING: Final = 0.8
"""Of width and height; where more moves, all is looked at."""

LEAST_MOVING: Final = 6
"""Cells."""


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of the pictures before the one that is looked at.

    Attributes:
        behind: the background: things are looked for in what differs from it alone, if something
            does and not everything. None to look for them in all there is.
        moves: where somebody moves, in shares of the picture: a body is looked for there. None to
            look for it everywhere.
    """

    behind: Background | None = None
    moves: Box | None = None


def thumbnail(pixels: Pixels) -> Pixels:
    """A picture `[height, width, 3]` in 24 by 32 cells of grey, cheaply: each the mean of up to
    sixteen pixels."""
    high, wide = THUMBNAIL
    down = np.linspace(0, pixels.shape[0] - 1, high * 4).astype(np.intp)
    across = np.linspace(0, pixels.shape[1] - 1, wide * 4).astype(np.intp)
    grey = pixels[down[:, None], across, 1]
    return grey.reshape(high, 4, wide, 4).mean((1, 3)).astype(np.uint8)


def changed(before: Pixels | None, now: Pixels) -> bool:
    """Whether two thumbnails differ by more than a camera's noise; light that changes evenly over
    the whole picture is a change, too."""
    if before is None:
        return True
    return int(_apart(before, now).sum()) >= CELLS_CHANGED


def changed_within(before: Pixels, now: Pixels, box: Box) -> bool:
    """Whether two thumbnails differ inside a box, given in shares of the picture, be it in a single
    cell: a slender thing fills a tenth of its box."""
    high, wide = THUMBNAIL
    left, top, across, down = box
    rows = slice(int(top * high), max(int((top + down) * high), int(top * high) + 1))
    columns = slice(int(left * wide), max(int((left + across) * wide), int(left * wide) + 1))
    return bool(_apart(before, now)[rows, columns].any())


def _apart(before: Pixels, now: Pixels) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = np.abs(before.astype(np.int16) - now) > CELL_CHANGED
    return found


def background(before: Background | None, pixels: Pixels, after_seconds: float) -> Background:
    """The background with a picture more, that long after the last one; a picture of another size
    begins it anew."""
    if before is None or before.shape != pixels.shape:
        return pixels.astype(np.float32)
    share = np.float32(1.0 - exp(-max(after_seconds, 0.0) / TAKES_IN_SECONDS))
    return before + share * (pixels - before)


def moved(before: Moved | None, last: Pixels | None, now: Pixels, at_seconds: float) -> Moved:
    """When each cell changed last, with a thumbnail more and the one before it."""
    if before is None or last is None:
        return np.full(THUMBNAIL, -np.inf)
    return np.where(_apart(last, now), at_seconds, before)


def moving(cells: Moved | None, at_seconds: float, aspect: float) -> Box | None:
    """Where something moved lately, and a little around: as many pixels in an upright picture as in
    another, by this width by height. None where nothing did, or everything."""
    if cells is None:
        return None
    down, across = np.nonzero(cells > at_seconds - MOVES_SECONDS)
    if len(down) < LEAST_MOVING:
        return None
    high, wide = THUMBNAIL
    top, bottom = down.min() / high, (down.max() + 1) / high
    left, right = across.min() / wide, (across.max() + 1) / wide
    if max(bottom - top, right - left) > MOST_MOVING:
        return None
    wider = aspect / USUAL_ASPECT
    above = WIDER * min(bottom - top, (right - left) * wider)
    beside = above / wider
    top, left = max(top - above, 0.0), max(left - beside, 0.0)
    return (
        float(left),
        float(top),
        float(min(right + beside, 1) - left),
        float(min(bottom + above, 1) - top),
    )
