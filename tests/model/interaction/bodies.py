"""Stick figures and hands as networks would see them, and the same in pictures of other shapes."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import TypeVar

from model.interaction.looked import Body, Hand, Point

__all__ = ["DRAWN_AT", "body", "figure", "hand", "limb", "reframed"]

DRAWN_AT = 4 / 3
"""Width by height of the picture that figures are drawn in; hands are in a square one."""

STANDING: list[Point] = [
    (0.50, 0.15), (0.52, 0.13), (0.48, 0.13), (0.55, 0.14), (0.45, 0.14),
    (0.58, 0.27), (0.42, 0.27), (0.60, 0.40), (0.40, 0.40), (0.61, 0.52), (0.39, 0.52),
    (0.56, 0.52), (0.44, 0.52), (0.56, 0.72), (0.44, 0.72), (0.56, 0.92), (0.44, 0.92),
]  # fmt: skip


def body(points: list[Point], seed: int = 0, shake: float = 0.004, score: float = 0.7) -> Body:
    """These points, shaken by that share of the picture."""
    chance = random.Random(seed)
    shaken = tuple((x + chance.gauss(0, shake), y + chance.gauss(0, shake)) for x, y in points)
    return Body(shaken, (score,) * len(points), DRAWN_AT)


def hand(*stretched: bool, thumb: Point | None = None) -> Hand:
    """An upright hand; `thumb` is where the tip of its thumb is from the joint, else it is bent."""
    points: list[Point] = [(0.5, 0.8), (0.44, 0.74), (0.40, 0.68)]
    tip = (0.50, 0.66) if thumb is None else (0.40 + thumb[0], 0.68 + thumb[1])
    points += [((0.40 + tip[0]) / 2, (0.68 + tip[1]) / 2), tip]
    for number, out in enumerate(stretched):
        root = limb((0.5, 0.8), 3.14 - 0.25 * (number - 1.5), 0.22)
        joint = limb(root, 3.14, 0.08)
        after = limb(joint, 3.14 if out else 0.3, 0.07)
        points += [root, joint, after, limb(after, 3.14 if out else 0.3, 0.05)]
    return Hand("right", 0.9, tuple(points), 1.0)


_Shape = TypeVar("_Shape", Body, Hand)


def reframed(shape: _Shape, aspect: float) -> _Shape:
    """The same shape in a picture of another width by height; smaller where it would not fit."""
    smaller = min(1.0, aspect / shape.aspect)
    wider = smaller * shape.aspect / aspect
    points = tuple((0.5 + (x - 0.5) * wider, 0.5 + (y - 0.5) * smaller) for x, y in shape.points)
    return replace(shape, points=points, aspect=aspect)


def limb(start: Point, angle: float, length: float) -> Point:
    """Where a limb ends; 0 points down, a quarter turn to the right of the picture."""
    return (start[0] + length * math.sin(angle), start[1] + length * math.cos(angle))


def figure(exercise: str, way: float, seed: int = 0) -> Body:
    """A person `way` of the way there (0 at rest, 1 at the far end) in a repetition."""
    points = list(STANDING)
    if exercise in ("jumping jacks", "raised hands"):
        for shoulder, elbow, wrist, side in ((5, 7, 9, 1), (6, 8, 10, -1)):
            turn = side * (0.15 + way * 2.7)
            if exercise == "raised hands" and side == 1:
                turn = 0.15
            points[elbow] = limb(points[shoulder], turn, 0.13)
            points[wrist] = limb(points[elbow], turn, 0.12)
    elif exercise == "squats":
        for hip, knee, ankle in ((11, 13, 15), (12, 14, 16)):
            bend = way * 1.0
            points[knee] = limb(points[ankle], math.pi - bend / 2, 0.2)
            points[hip] = limb(points[knee], math.pi + bend, 0.2)
    else:
        for shoulder, elbow, wrist in ((5, 7, 9), (6, 8, 10)):
            bend = way * 1.3
            points[elbow] = limb(points[wrist], math.pi - bend / 2, 0.12)
            points[shoulder] = limb(points[elbow], math.pi + bend, 0.13)
    return body(points, seed)
