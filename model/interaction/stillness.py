"""What changes in the pictures of a camera, and what stays: thumbnails and a background. Pure."""

from __future__ import annotations

from math import exp
from typing import Final

import numpy as np
import numpy.typing as npt

from model.sight import Box

__all__ = ["Background", "background", "changed", "changed_within", "thumbnail"]

Pixels = npt.NDArray[np.uint8]
Background = npt.NDArray[np.float32]

THUMBNAIL: Final = (24, 32)
CELL_CHANGED: Final = 12
CELLS_CHANGED: Final = 3
TAKES_IN_SECONDS: Final = 6.0
"""In which the background becomes two thirds of what stays."""


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
