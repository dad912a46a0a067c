"""A person who is drawn: limbs like shaded cylinders, clothes, a head with a face."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sin
from typing import Final, Literal

import numpy as np

from tests.bench.visual.drawing import Canvas, Colour, capsule, ellipse
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


def _pattern(cloth: Cloth, scale: float):  # type: ignore[no-untyped-def]
    period = max(scale * 0.05, 3.0)
    if cloth == "stripes":
        return lambda t, side: 0.82 + 0.3 * (np.sin(side * 6.28 / period) > 0)
    if cloth == "rings":
        return lambda t, side: 0.82 + 0.3 * (np.sin(t * 6.28 / period) > 0)
    if cloth == "checks":
        return lambda t, side: (
            0.85 + 0.25 * (np.sin(t * 6.28 / period) * np.sin(side * 6.28 / period) > 0)
        )
    return None


def draw(canvas: Canvas, joints: Joints, look: Look, place: Place) -> None:
    """Draw the figure into the picture, what is farther away first."""
    seen = _Projected(joints, place)
    girth = look.build.girth * place.pixels
    parts: list[tuple[float, object]] = []
    for side in ("_l", "_r"):
        parts.append(
            (
                seen.depth(f"knee{side}", f"hip{side}"),
                lambda s=side: _leg(canvas, seen, look, girth, s),
            )
        )
        bias = 0.02 if side else 0.0
        parts.append(
            (
                seen.depth(f"elbow{side}", f"shoulder{side}") + bias,
                lambda s=side: _arm(canvas, seen, look, girth, s),
            )
        )
    parts.append((seen.depth("pelvis", "neck"), lambda: _trunk(canvas, seen, look, girth)))
    parts.append((seen.depth("head") + 0.01, lambda: _head(canvas, seen, look, girth)))
    for _, part in sorted(parts, key=lambda one: one[0]):
        part()  # type: ignore[operator]


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


def _head(canvas: Canvas, seen: _Projected, look: Look, girth: float) -> None:
    size = seen.size("head") * (0.5 + 0.5 * look.build.girth)
    x, y = seen.at("head")
    side = sin(seen.place.angle)
    front = float(np.cos(seen.place.angle))
    if look.hair == "long":
        ellipse(
            canvas,
            (x - 0.012 * side * size, y + 0.02 * size),
            (0.068 * size, 0.095 * size),
            look.hair_colour,
        )
    if look.hair == "bun":
        ellipse(
            canvas,
            (x - 0.03 * side * size, y - 0.085 * size),
            (0.03 * size, 0.028 * size),
            look.hair_colour,
        )
    half = ((0.056 + 0.008 * abs(side)) * size, 0.076 * size)
    if look.hair != "bald":
        ellipse(
            canvas,
            (x - 0.012 * side * size, y - 0.012 * size),
            (half[0] * 1.1, half[1] * 1.02),
            look.hair_colour,
        )
    ellipse(
        canvas,
        (x + 0.008 * side * size, y + 0.012 * size),
        (half[0] * 0.93, half[1] * 0.88),
        look.skin,
    )
    dark, lips = (35.0, 25.0, 25.0), (150.0, 70.0, 70.0)
    for eye in (-1.0, 1.0):
        across = eye * 0.023 * front + 0.045 * side
        if eye * side < 0 and abs(side) > 0.75 or front < -0.2:
            continue
        ellipse(
            canvas,
            (x + across * size, y - 0.002 * size),
            (0.0105 * size, 0.0075 * size),
            (240, 240, 240),
            shaded=False,
        )
        ellipse(
            canvas,
            (x + (across + 0.002 * side) * size, y - 0.002 * size),
            (0.006 * size, 0.007 * size),
            dark,
            shaded=False,
        )
        brow = (x + across * size, y - 0.018 * size)
        capsule(
            canvas,
            (brow[0] - 0.01 * size, brow[1]),
            (brow[0] + 0.01 * size, brow[1]),
            (0.0035 * size,) * 2,
            look.hair_colour,
        )
        ear = (x + eye * 0.054 * front * size - 0.0 * size, y + 0.008 * size)
        ellipse(canvas, ear, (0.008 * size, 0.016 * size), look.skin)
    if front < -0.2:
        return
    nose = (
        x + 0.062 * side * size if abs(side) > 0.6 else x + 0.05 * side * size,
        y + 0.018 * size,
    )
    shade = tuple(0.86 * one for one in look.skin)
    capsule(
        canvas,
        (nose[0] - 0.004 * side * size, y + 0.002 * size),
        nose,
        (0.004 * size, 0.008 * size),
        shade,
    )  # type: ignore[arg-type]
    mouth = (x + 0.042 * side * size, y + 0.043 * size)
    capsule(
        canvas,
        (mouth[0] - 0.014 * front * size, mouth[1]),
        (mouth[0] + 0.014 * front * size, mouth[1]),
        (0.0045 * size,) * 2,
        lips,
    )
