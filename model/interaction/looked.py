"""What one look at a picture found: plain numbers, before anything is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from model.sight import Box, SightSource

__all__ = ["THINGS", "Body", "Face", "Hand", "Looked", "Network", "Point", "Thing", "even"]

Network = Literal["things", "body", "faces", "hands"]

Point = tuple[float, float]
"""Shares of the picture: x to the right and y down."""

THINGS: Final = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    *("traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat"),
    *("dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack"),
    *("umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "ball", "kite"),
    *("baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle"),
    *("wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich"),
    *("orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch"),
    *("plant", "bed", "table", "toilet", "television", "laptop", "mouse", "remote", "keyboard"),
    *("phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase"),
    *("scissors", "teddy bear", "hair dryer", "toothbrush"),
)
"""COCO's eighty, in its order, by the words people use."""


def even(point: Point, aspect: float) -> Point:
    """The same place in shares of the picture's longer side, both ways: in shares of width and
    height lengths and angles are other ones in an upright picture. `aspect` is width by height."""
    return point[0] * min(aspect, 1.0), point[1] * min(1.0 / aspect, 1.0)


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing: its label, how sure it is, and where."""

    label: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class Body:
    """One body: 17 points (see `model.nn.sight.Body`) with a score each; `aspect` is the width of
    the picture by its height."""

    points: tuple[Point, ...]
    scores: tuple[float, ...]
    aspect: float


@dataclass(frozen=True, slots=True)
class Face:
    """One face; `turned` is how far the nose lies beside the middle of the eyes, in distances of
    the eyes: 0 looks at the camera, about 0.5 is half a profile."""

    score: float
    box: Box
    turned: float


@dataclass(frozen=True, slots=True)
class Hand:
    """One hand at a wrist of the body; `side` is the person's own, `aspect` as of a `Body`."""

    side: Literal["left", "right"]
    score: float
    points: tuple[Point, ...]
    aspect: float


@dataclass(frozen=True, slots=True)
class Looked:
    """Result of a job: what was found in one picture.

    Attributes:
        source: in which pictures.
        at_seconds: of the stream, when the picture was taken.
        networks: what was looked for; of anything else nothing is known.
        thumbnail: the picture, very small, see `stillness.thumbnail`; None where nobody keeps it.
        apart: things were looked for in what had changed alone: of what stays nothing is known.
    """

    source: SightSource
    at_seconds: float
    networks: tuple[Network, ...]
    things: tuple[Thing, ...] = ()
    body: Body | None = None
    faces: tuple[Face, ...] = ()
    hands: tuple[Hand, ...] = ()
    thumbnail: npt.NDArray[np.uint8] | None = None
    apart: bool = False
