"""Photographs of things, cut out of their background, as a package of Debian's ships them."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from tests.bench.visual.drawing import Canvas, paste, resized

__all__ = ["MaterialMissing", "folder", "stamp", "stick"]

PACKAGE: Final = "tuxpaint-stamps-default"


class MaterialMissing(FileNotFoundError):
    """A package is not installed, or a part was not fetched; the message says how it is."""


def folder() -> Path:
    """Where they are; `BENCH_STAMPS` names another place.

    Raises:
        MaterialMissing: the package is not installed.
    """
    found = Path(os.environ.get("BENCH_STAMPS", "/usr/share/tuxpaint/stamps"))
    if not found.is_dir():
        raise MaterialMissing(
            f"{found} is not there: photographs of things come with Debian's {PACKAGE} "
            f"(apt-get install --no-install-recommends {PACKAGE})"
        )
    return found


@lru_cache(maxsize=64)
def stamp(name: str, high: int, wide: int) -> npt.NDArray[np.float32]:
    """A photograph, RGBA from 0 to 255, as large as fits into the box."""
    with av.open(str(folder() / name)) as file:
        whole = next(file.decode(video=0)).to_ndarray(format="rgba").astype(np.float32)
    scale = min(high / whole.shape[0], wide / whole.shape[1])
    shape = (max(round(whole.shape[0] * scale), 2), max(round(whole.shape[1] * scale), 2))
    alpha = whole[..., 3:] / 255
    small = resized(np.concatenate([whole[..., :3] * alpha, alpha], 2), *shape)
    return np.concatenate(
        [small[..., :3] / np.maximum(small[..., 3:], 1e-3), small[..., 3:] * 255], 2
    )


def stick(canvas: Canvas, name: str, box: tuple[float, float], at: tuple[float, float]) -> None:
    """Put one into the picture, its middle at `at`, as large as fits into `box`, in pixels."""
    found = stamp(name, round(box[1]), round(box[0]))
    paste(canvas, found[..., :3], (found[..., 3] / 255).astype(np.float32), at)
