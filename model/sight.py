"""What crosses the boundary between server and engine when there is something to see.

The part of `model.messages` that sees: pictures come in inside `MicroTurnInput`, and what was made
of them goes out inside `MicroTurnOutput`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

__all__ = [
    "MAX_PICTURES",
    "MAX_PICTURE_PIXELS",
    "Box",
    "Picture",
    "PicturesWanted",
    "Seen",
    "SightSource",
]

MAX_PICTURES: Final = 2
"""Pictures one micro-turn may carry: the newest of each source."""

MAX_PICTURE_PIXELS: Final = 1 << 20
"""Of one picture; larger frames are scaled down before they get here."""

SightSource = Literal["camera", "screen"]

Box = tuple[float, float, float, float]
"""Left, top, width and height as shares of the picture's, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One video frame, upright.

    Attributes:
        source: where it was taken.
        at_samples: when it was taken, on the microphone's clock (16 kHz): sample `k * 1600` is the
            first of micro-turn `k`. It comes some time after its sound, so in a later micro-turn.
        pixels: RGB, uint8 `[height, width, 3]`; not to be changed.

    Raises:
        ValueError: the pixels are of another shape or kind, none, or too many.
    """

    source: SightSource
    at_samples: int
    pixels: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        """Check the pixels."""
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or len(shape) != 3 or shape[2] != 3:
            raise ValueError(f"pixels must be uint8 [height, width, 3], not {shape}")
        if not 0 < shape[0] * shape[1] <= MAX_PICTURE_PIXELS:
            raise ValueError(f"a picture has 1 to {MAX_PICTURE_PIXELS} pixels, not {shape}")

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self.pixels.shape[0])


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that was seen, said when it begins, changes or is counted.

    Attributes:
        source: in which pictures.
        what: the kind of thing: `object`, `hand`, `gesture`, `face`, `text`, `count`, `scene`; at
            most 32 characters.
        label: which one: "cup", "raised, left", the text that was read, "3"; at most 512.
        score: how sure, in [0, 1].
        at_seconds: of the stream, when the picture was taken.
        box: where in the picture, if it is somewhere.
    """

    source: SightSource
    what: str
    label: str
    score: float
    at_seconds: float
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class PicturesWanted:
    """How many pictures a second of a source the model can use from now on: 0.2 to 5.

    Before the first, it is two of the camera and one of the screen.
    """

    source: SightSource
    a_second: float
