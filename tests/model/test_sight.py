"""A picture says its size and refuses to be anything else."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from model.sight import MAX_PICTURE_PIXELS, Picture


def test_a_picture_knows_its_size() -> None:
    picture = Picture("camera", 3200, np.zeros((240, 320, 3), np.uint8))
    assert (picture.width, picture.height) == (320, 240)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((240, 320, 3), np.float32),
        np.zeros((240, 320), np.uint8),
        np.zeros((240, 320, 4), np.uint8),
        np.zeros((0, 320, 3), np.uint8),
        np.zeros((1, MAX_PICTURE_PIXELS + 1, 3), np.uint8),
    ],
    ids=["floats", "grey", "alpha", "nothing", "too many"],
)
def test_other_pixels_are_refused(pixels: npt.NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="pixels"):
        Picture("camera", 0, pixels)
