"""A person who is drawn: limbs like shaded cylinders, clothes, a head with a face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import cos, sin
from typing import Final, Literal

import numpy as np

from tests.bench.visual.drawing import Canvas, Colour, Pattern, capsule, ellipse
from tests.bench.visual.postures import Build, Joints, turned

__all__ = ["Look", "Place", "draw"]

Cloth = Literal["plain", "stripes", "rings", "checks"]
Hair = Literal["short", "long", "bald", "bun"]


@dataclass(frozen=True, slots=True)
class Look:
    """What a figure looks like; colours are RGB from 0 to 255."""

    build: Build = field(default_factory=Build)
    skin: Colour = (224, 172, 140)
    hair_colour: Colour = (60, 40, 25)
    hair: Hair = "short"
    top: Colour = (40, 80, 170)
    cloth: Cloth = "plain"
    sleeves: Literal["short", "long"] = "short"
    trousers: Colour = (50, 50, 60)
    legs: Literal["long", "short"] = "long"
    shoes: Colour = (230, 230, 230)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a figure stands: pixels a height of the body, where the middle of its feet is, and how
    far it is turned (0 to the camera, a quarter turn to the right of the picture)."""

    pixels: float
    feet: tuple[float, float]
    angle: float = 0.0


_PERSPECTIVE: Final = 0.12
"""What is nearer by a height of the body looks so much larger."""


class _Projected:
    """Joints in pixels, with their depth and how large a height of the body is there."""

    def __init__(self, joints: Joints, place: Place) -> None:
        self.place = place
        self.joints = turned(joints, place.angle)

    def at(self, name: str) -> tuple[float, float]:
        x, y, z = self.joints[name]
        size = self.place.pixels * (1 + _PERSPECTIVE * z)
        return self.place.feet[0] + size * x, self.place.feet[1] - size * (y - 0.08 * z)

    def size(self, name: str) -> float:
        return float(self.place.pixels * (1 + _PERSPECTIVE * self.joints[name][2]))

    def depth(self, *names: str) -> float:
        return float(np.mean([self.joints[name][2] for name in names]))


def _pattern(cloth: Cloth, scale: float) -> Pattern | None:
    often = 6.28 / max(scale * 0.05, 3.0)
    if cloth == "stripes":
        return lambda along, across: 0.82 + 0.3 * (np.sin(across * often) > 0)
    if cloth == "rings":
        return lambda along, across: 0.82 + 0.3 * (np.sin(along * often) > 0)
    if cloth == "checks":
        return lambda along, across: (
            0.85 + 0.25 * (np.sin(along * often) * np.sin(across * often) > 0)
        )
    return None


def draw(canvas: Canvas, joints: Joints, look: Look, place: Place) -> None:
    """Draw the figure into the picture, what is farther away first."""
    seen = _Projected(joints, place)
    girth = look.build.girth * place.pixels
    parts: list[tuple[float, Callable[[], None]]] = []
    for side in ("_l", "_r"):
        leg = partial(_leg, canvas, seen, look, girth, side)
        parts.append((seen.depth(f"knee{side}", f"hip{side}"), leg))
        arm = partial(_arm, canvas, seen, look, girth, side)
        parts.append((seen.depth(f"elbow{side}", f"shoulder{side}") + 0.02, arm))
    parts.append((seen.depth("pelvis", "neck"), partial(_trunk, canvas, seen, look, girth)))
    parts.append((seen.depth("head") + 0.01, partial(_head, canvas, seen, look)))
    for _, part in sorted(parts, key=lambda one: one[0]):
        part()


def _leg(canvas: Canvas, seen: _Projected, look: Look, girth: float, side: str) -> None:
    hip, knee, ankle, toe = (seen.at(f"{name}{side}") for name in ("hip", "knee", "ankle", "toe"))
    capsule(canvas, ankle, toe, (0.026 * girth, 0.022 * girth), look.shoes)
    lower = look.skin if look.legs == "short" else look.trousers
    capsule(canvas, knee, ankle, (0.042 * girth, 0.027 * girth), lower)
    capsule(canvas, hip, knee, (0.066 * girth, 0.046 * girth), look.trousers)


def _arm(canvas: Canvas, seen: _Projected, look: Look, girth: float, side: str) -> None:
    names = ("shoulder", "elbow", "wrist", "hand")
    shoulder, elbow, wrist, hand = (seen.at(f"{name}{side}") for name in names)
    pattern = _pattern(look.cloth, seen.place.pixels)
    fore = look.skin if look.sleeves == "short" else look.top
    middle = ((shoulder[0] + elbow[0]) / 2, (shoulder[1] + elbow[1]) / 2)
    if look.sleeves == "short":
        capsule(canvas, shoulder, elbow, (0.032 * girth, 0.028 * girth), look.skin)
        capsule(canvas, shoulder, middle, (0.042 * girth, 0.037 * girth), look.top, pattern)
    else:
        capsule(canvas, shoulder, elbow, (0.042 * girth, 0.034 * girth), look.top, pattern)
    capsule(canvas, elbow, wrist, (0.029 * girth, 0.021 * girth), fore)
    capsule(canvas, wrist, hand, (0.022 * girth, 0.024 * girth), look.skin)


def _trunk(canvas: Canvas, seen: _Projected, look: Look, girth: float) -> None:
    pattern = _pattern(look.cloth, seen.place.pixels)
    pelvis, neck = seen.at("pelvis"), seen.at("neck")
    hips = [seen.at(f"hip{side}") for side in ("_l", "_r")]
    capsule(canvas, hips[0], hips[1], (0.068 * girth, 0.068 * girth), look.trousers)
    for side in ("_l", "_r"):
        shoulder, hip = seen.at(f"shoulder{side}"), seen.at(f"hip{side}")
        inner = (shoulder[0] * 0.8 + neck[0] * 0.2, shoulder[1] * 0.8 + neck[1] * 0.2)
        upper = (hip[0] * 0.85 + neck[0] * 0.15, hip[1] * 0.85 + neck[1] * 0.15)
        capsule(canvas, inner, upper, (0.046 * girth, 0.052 * girth), look.top, pattern)
    low = (pelvis[0] * 0.9 + neck[0] * 0.1, pelvis[1] * 0.9 + neck[1] * 0.1)
    high = (pelvis[0] * 0.2 + neck[0] * 0.8, pelvis[1] * 0.2 + neck[1] * 0.8)
    capsule(canvas, high, low, (0.078 * girth, 0.072 * girth), look.top, pattern)
    capsule(canvas, neck, seen.at("head"), (0.03 * girth, 0.03 * girth), look.skin)


def _head(canvas: Canvas, seen: _Projected, look: Look) -> None:
    size = seen.size("head") * (0.5 + 0.5 * look.build.girth)
    head = _Head(canvas, seen.at("head"), size, sin(seen.place.angle), cos(seen.place.angle))
    side = head.side
    if look.hair == "long":
        head.blot(-0.012 * side, 0.004, (0.068, 0.084), look.hair_colour)
    if look.hair == "bun":
        head.blot(-0.03 * side, -0.085, (0.03, 0.028), look.hair_colour)
    wide, high = 0.056 + 0.008 * abs(side), 0.076
    if look.hair != "bald":
        head.blot(-0.012 * side, -0.012, (wide * 1.1, high * 1.02), look.hair_colour)
    head.blot(0.008 * side, 0.012, (wide * 0.93, high * 0.88), look.skin)
    if head.front >= -0.2:
        _face(head, look)


@dataclass(frozen=True, slots=True)
class _Head:
    """Where a head is, how large, and how much of its side and its front is seen."""

    canvas: Canvas
    middle: tuple[float, float]
    size: float
    side: float
    front: float

    def blot(
        self, x: float, y: float, half: tuple[float, float], colour: Colour, shaded: bool = True
    ) -> None:
        """An ellipse beside the middle, all in heights of the body."""
        at = (self.middle[0] + x * self.size, self.middle[1] + y * self.size)
        inside = (half[0] * self.size, half[1] * self.size)
        ellipse(self.canvas, at, inside, colour, shaded=shaded)

    def line(
        self, a: tuple[float, float], b: tuple[float, float], width: float, colour: Colour
    ) -> None:
        """A stroke between two places beside the middle."""
        ends = [(self.middle[0] + x * self.size, self.middle[1] + y * self.size) for x, y in (a, b)]
        capsule(self.canvas, ends[0], ends[1], (width * self.size, width * self.size), colour)


def _face(head: _Head, look: Look) -> None:
    side, front = head.side, head.front
    for eye in (-1.0, 1.0):
        if eye * side < 0 and abs(side) > 0.75:
            continue
        x = eye * 0.023 * front + 0.045 * side
        head.blot(x, -0.002, (0.0105, 0.0075), (240, 240, 240), shaded=False)
        head.blot(x + 0.002 * side, -0.002, (0.006, 0.007), (35, 25, 25), shaded=False)
        head.line((x - 0.01, -0.018), (x + 0.01, -0.018), 0.0035, look.hair_colour)
        head.blot(eye * 0.054 * front, 0.008, (0.008, 0.016), look.skin)
    nose = (0.062 if abs(side) > 0.6 else 0.05) * side
    red, green, blue = look.skin
    head.line(
        (nose - 0.004 * side, 0.002), (nose, 0.018), 0.006, (0.86 * red, 0.86 * green, 0.86 * blue)
    )
    mouth = 0.042 * side
    head.line((mouth - 0.014 * front, 0.043), (mouth + 0.014 * front, 0.043), 0.0045, (150, 70, 70))
