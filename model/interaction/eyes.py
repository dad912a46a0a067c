"""Eyes: looking at one picture with the networks that are wanted, in pieces."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from math import atan2, dist, pi
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.engine.pieces import PAUSE, Pause
from model.interaction.apart import alone
from model.interaction.looked import THINGS, Body, Face, Hand, Looked, Network, Point, Thing
from model.interaction.stillness import Around, thumbnail
from model.nn import sight
from model.nn.graph import load_graph
from model.sight import Box, Picture
from model.timebase import HEARING_RATE, seconds

__all__ = ["Eyes"]

THINGS_SIZE: Final = 320
"""CenterNet was trained at 512; at 320 it costs two fifths and finds what is near as well."""

ALONE_SIZE: Final = 416
"""For what came in alone: half as much again, and it may be small."""

LEAST_THING: Final = 0.2
LEAST_FACE: Final = 0.6
LEAST_HAND: Final = 0.4
LEAST_WRIST: Final = 0.25

Work = Generator[Pause, None, Any]


NOTHING: Final = Around()
WHOLE: Final[Box] = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class _Frame:
    """How a picture lies in a square of a network: its share of it, and where it begins."""

    wide: float
    high: float
    left: float
    top: float

    def point(self, x: float, y: float) -> Point:
        """A place in the square, in shares of the picture."""
        return (x - self.left) / self.wide, (y - self.top) / self.high

    def box(self, corners: Sequence[float]) -> Box:
        """Left, top, right, bottom in the square to left, top, width, height in the picture."""
        left, top = self.point(corners[0], corners[1])
        right, bottom = self.point(corners[2], corners[3])
        left, top = min(max(left, 0.0), 1.0), min(max(top, 0.0), 1.0)
        return left, top, max(min(right, 1.0) - left, 0.0), max(min(bottom, 1.0) - top, 0.0)


class Eyes:
    """The networks of the part "eyes"; no state of any stream. Not for several threads at once.

    Args:
        things: what finds things.
        alone: the same for what changed alone, larger.
        body: what finds the points of a body.
        faces: what finds faces.
        hand: what finds the points of a hand.
        device: where they are.
    """

    def __init__(
        self,
        things: sight.Things,
        alone: sight.Things,
        body: sight.Body,
        faces: sight.Faces,
        hand: sight.Hand,
        device: str = "cpu",
    ) -> None:
        self._things, self._alone = things, alone
        self._body = body
        self._faces = faces
        self._hand = hand
        self._device = device

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Eyes:
        """Load the converted part.

        Raises:
            FileNotFoundError: it is not there.
            ValueError: it is of another format.
        """
        things, _ = load_graph(folder, "centernet", device)
        body, body_size = load_graph(folder, "movenet-lightning", device)
        faces, faces_size = load_graph(folder, "blazeface", device)
        hand, hand_size = load_graph(folder, "handlandmark-lite", device)
        return cls(
            sight.Things(things, THINGS_SIZE),
            sight.Things(things, ALONE_SIZE),
            sight.Body(body, body_size),
            sight.Faces(faces, faces_size).to(device),
            sight.Hand(hand, hand_size),
            device,
        )

    def look(
        self, picture: Picture, networks: Sequence[Network], around: Around = NOTHING
    ) -> Generator[Pause, None, Looked]:
        """Look at one picture; it may be cut after every node of a network.

        Args:
            picture: any size.
            networks: what to look for; hands are looked for at the wrists of a body.
            around: what is known of the pictures before.
        """
        # A copy: a picture out of a journal cannot be written to, which torch complains of.
        pixels = torch.tensor(picture.pixels, device=self._device).permute(2, 0, 1).float()
        things: tuple[Thing, ...] = ()
        faces: tuple[Face, ...] = ()
        hands: tuple[Hand, ...] = ()
        body: Body | None = None
        came: Tensor | None = None
        if "things" in networks:
            came = alone(pixels, around.behind)
            things = yield from (
                self._find_things(pixels, self._things)
                if came is None
                else self._find_things(came, self._alone)
            )
        if "faces" in networks:
            faces = yield from self._find_faces(pixels)
        if "body" in networks or "hands" in networks:
            body = yield from self._find_body(pixels, around.moves)
        if "hands" in networks and body is not None:
            hands = yield from self._find_hands(pixels, body)
            networks = sorted({*networks, "body"})  # so a raised hand that is down is missed, too
        at = seconds(picture.at_samples, HEARING_RATE)
        small = thumbnail(picture.pixels)
        partly = came is not None
        return Looked(
            picture.source, at, tuple(networks), things, body, faces, hands, small, partly
        )

    def _find_things(self, pixels: Tensor, network: sight.Things) -> Work:
        square, frame = _square(pixels, network.size)
        scores, labels, boxes = yield from _in_pieces(network, square)
        found: list[Thing] = []
        rows = zip(scores[0].tolist(), labels[0].tolist(), boxes[0].tolist(), strict=True)
        for score, label, corners in rows:
            if score < LEAST_THING:
                break
            thing = Thing(THINGS[label], score, frame.box(corners))
            if all(one.label != thing.label or _overlap(one.box, thing.box) < 0.5 for one in found):
                found.append(thing)
        return tuple(found)

    def _find_faces(self, pixels: Tensor) -> Work:
        square, frame = _square(pixels, self._faces.size)
        scores, boxes, points = yield from _in_pieces(self._faces, square)
        found: list[Face] = []
        rows = zip(scores[0].tolist(), boxes[0].tolist(), points[0].tolist(), strict=True)
        for score, corners, (right, left, nose, *_) in rows:
            box = frame.box(corners)
            if score < LEAST_FACE or any(_overlap(one.box, box) > 0.3 for one in found):
                continue
            apart = max(dist(left, right), 1e-4)
            found.append(Face(score, box, (nose[0] - (left[0] + right[0]) / 2) / apart))
        return tuple(found)

    def _find_body(self, pixels: Tensor, moves: Box | None) -> Work:
        high, wide = pixels.shape[1:]
        left, top, across, down = moves or WHOLE
        rows = slice(int(top * high), max(round((top + down) * high), int(top * high) + 1))
        columns = slice(int(left * wide), max(round((left + across) * wide), int(left * wide) + 1))
        part = pixels[:, rows, columns]
        square, frame = _square(part, self._body.size)
        (points,) = yield from _in_pieces(self._body, square)
        found = points[0].tolist()
        places = tuple(
            (
                (columns.start + x * part.shape[2]) / wide,
                (rows.start + y * part.shape[1]) / high,
            )
            for x, y in (frame.point(x, y) for x, y, _ in found)
        )
        return Body(places, tuple(score for _, _, score in found), wide / high)

    def _find_hands(self, pixels: Tensor, body: Body) -> Work:
        found: list[Hand] = []
        sides: tuple[Literal["left", "right"], ...] = ("left", "right")
        for place, side in enumerate(sides):
            where = _palm(body, place, pixels.shape)
            if where is None:
                continue
            crop, turn = _crop(pixels, *where, self._hand.size)
            present, points, _ = yield from _in_pieces(self._hand, crop)
            score = float(present[0])
            if score >= LEAST_HAND:
                homogeneous = functional.pad(points[0] * 2 - 1, (0, 1), value=1.0)
                back = (homogeneous @ turn.T + 1) / 2
                places = tuple((x, y) for x, y in back.tolist())
                found.append(Hand(side, score, places, body.aspect))
        return tuple(found)


def _in_pieces(
    network: sight.Network, picture: Tensor
) -> Generator[Pause, None, tuple[Tensor, ...]]:
    work = network.run(picture.contiguous(memory_format=torch.channels_last))
    while True:
        try:
            with torch.inference_mode():
                next(work)
        except StopIteration as stop:
            return tuple(stop.value)
        yield PAUSE


def _square(pixels: Tensor, size: int) -> tuple[Tensor, _Frame]:
    """The picture `[3, height, width]` whole in the middle of a square `[1, 3, size, size]`."""
    high, wide = pixels.shape[1:]
    scale = size / max(high, wide)
    new = (max(round(high * scale), 1), max(round(wide * scale), 1))
    picture = pixels.unsqueeze(0)
    if new != (high, wide):
        picture = functional.interpolate(picture, new, mode="bilinear", antialias=True)
    top, left = (size - new[0]) // 2, (size - new[1]) // 2
    picture = functional.pad(picture, (left, size - new[1] - left, top, size - new[0] - top))
    return picture, _Frame(new[1] / size, new[0] / size, left / size, top / size)


def _palm(body: Body, place: int, shape: Sequence[int]) -> tuple[Point, float, float] | None:
    """Middle of a hand and the side of a square around it, in pixels, and the angle from the
    forearm to upright."""
    if min(body.scores[7 + place], body.scores[9 + place]) < LEAST_WRIST:
        return None
    high, wide = shape[1:]
    left, right, (ex, ey), (wx, wy) = (
        (body.points[one][0] * wide, body.points[one][1] * high)
        for one in (5, 6, 7 + place, 9 + place)
    )
    across, down = wx - ex, wy - ey
    forearm = dist((ex, ey), (wx, wy))
    # Seen end on, a forearm looks short: the shoulders tell how large a hand at least is.
    shoulders = dist(left, right)
    side = max(1.25 * forearm, 0.6 * shoulders, 16.0)
    return (wx + 0.45 * across, wy + 0.45 * down), side, atan2(down, across) + pi / 2


def _crop(
    pixels: Tensor, middle: Point, side: float, angle: float, size: int
) -> tuple[Tensor, Tensor]:
    """A turned square `[1, 3, size, size]` out of a picture, and what maps it back `[2, 3]`, both
    from -1 to 1."""
    high, wide = pixels.shape[1:]
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    turn = torch.tensor(
        [
            [cos * side / wide, -sin * side / wide, 2 * middle[0] / wide - 1],
            [sin * side / high, cos * side / high, 2 * middle[1] / high - 1],
        ],
        device=pixels.device,
    )
    grid = functional.affine_grid(turn.unsqueeze(0), [1, 3, size, size], align_corners=False)
    return functional.grid_sample(pixels.unsqueeze(0), grid, align_corners=False), turn


def _overlap(one: Box, other: Box) -> float:
    """The shared part of two boxes, of all that they cover."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right = min(one[0] + one[2], other[0] + other[2])
    bottom = min(one[1] + one[3], other[1] + other[3])
    shared = max(right - left, 0.0) * max(bottom - top, 0.0)
    return shared / max(one[2] * one[3] + other[2] * other[3] - shared, 1e-9)
