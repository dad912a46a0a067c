"""Numbers of a body that do not depend on its size, its place and the shape of the picture: signals
to watch and to count."""

from __future__ import annotations

from math import acos, dist, hypot, pi
from typing import Final, Literal

from model.interaction.looked import Body, Point, even

__all__ = ["EXERCISES", "LEAST", "Exercise", "held_up", "raised", "signal", "somebody", "there"]

Exercise = Literal["push-ups", "squats", "jumping jacks", "raised hands"]
EXERCISES: Final[tuple[Exercise, ...]] = ("push-ups", "squats", "jumping jacks", "raised hands")

LEAST: Final[dict[Exercise, tuple[float, int]]] = {
    "push-ups": (0.19, -1),
    "squats": (0.23, -1),
    "jumping jacks": (0.675, 1),
    "raised hands": (0.525, 1),
}
"""The shortest way that counts, in units of the signal, and whether the way there goes up. Chosen
in pictures of 4:3 in shares of width and height; these are the same ways, measured evenly."""

SURE: Final = 0.25
"""Points below are not used."""

TRUNK: Final = 1.35
"""Widths of the shoulders a trunk is long, or a little less."""

SMALLEST: Final = 0.02
"""Of the picture's longer side; of shoulders that seem narrower nothing can be measured."""

NOSE = 0
SHOULDERS, ELBOWS, WRISTS = (5, 6), (7, 8), (9, 10)
HIPS, KNEES, ANKLES = (11, 12), (13, 14), (15, 16)


def there(body: Body) -> bool:
    """Whether this is a body at all: a head and shoulders, or most of the rest."""
    upper = sum(body.scores[place] > SURE for place in (0, 1, 2, 3, 4, *SHOULDERS))
    whole = sum(score > SURE for score in body.scores)
    return (upper >= 5 or whole >= 11) and sum(body.scores) / 17 > 0.2


BEST: Final = 9
"""Points that a person shows who is seen at all: the head and arms, or most of the rest."""


def somebody(body: Body) -> float:
    """How surely this is a person, on the scale of the network of things: .6 alone, .35 twice.

    By the mean of the best `BEST` scores. On dev (18 clips, 700 looks) it was .45 at most without a
    person, also before elephants and clutter, and .5 to .79 with one, where the network of things
    lost every second one who was drawn before shelves.
    """
    best = sorted(body.scores)[-BEST:]
    return min(max(2.0 * (sum(best) / BEST - 0.3), 0.0), 1.0)


def raised(body: Body, side: Literal["left", "right"]) -> float | None:
    """How far the person's left or right wrist is above its shoulder, in widths of the shoulders;
    below is negative, None where it cannot be told."""
    place = 0 if side == "left" else 1
    unit = _unit(body)
    wrist, shoulder = _point(body, WRISTS[place]), _point(body, SHOULDERS[place])
    if unit is None or shoulder is None:
        return None
    if wrist is None:
        return None
    return (shoulder[1] - wrist[1]) / unit


def held_up(body: Body, side: Literal["left", "right"]) -> float | None:
    """How far a hand is above its shoulder, as `raised`; where the wrist cannot be seen, as above
    the picture, by an elbow that is above it too."""
    height = raised(body, side)
    unit, place = _unit(body), 0 if side == "left" else 1
    elbow, shoulder = _point(body, ELBOWS[place]), _point(body, SHOULDERS[place])
    if height is not None or unit is None or elbow is None or shoulder is None:
        return height
    above = (shoulder[1] - elbow[1]) / unit
    return above if above > 0 else None


def signal(body: Body, exercise: Exercise) -> float | None:
    """What a repetition of the exercise makes go there and back; None where it cannot be told."""
    if exercise == "push-ups":
        return _mean([_angle(body, SHOULDERS[s], ELBOWS[s], WRISTS[s]) for s in (0, 1)])
    if exercise == "squats":
        return _mean([_angle(body, HIPS[s], KNEES[s], ANKLES[s]) for s in (0, 1)])
    heights = [raised(body, "left"), raised(body, "right")]
    known = [height for height in heights if height is not None]
    if exercise == "jumping jacks":
        return sum(known) / 2 if len(known) == 2 else None
    return max(known, default=None)


def _point(body: Body, place: int) -> Point | None:
    return even(body.points[place], body.aspect) if body.scores[place] > SURE else None


def _unit(body: Body) -> float | None:
    """The width of the shoulders, or what it would be, seen from the front."""
    left, right = (_point(body, place) for place in SHOULDERS)
    if left is None or right is None:
        return None
    wide = dist(left, right)
    hips = [point for place in HIPS if (point := _point(body, place)) is not None]
    if hips:
        middle = ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2)
        # Sideways the shoulders are one behind the other.
        wide = max(wide, dist(middle, hips[0]) / TRUNK)
    return wide if wide > SMALLEST else None


def _angle(body: Body, before: int, joint: int, after: int) -> float | None:
    """Of a joint, as a share of a straight one."""
    a, b, c = (_point(body, place) for place in (before, joint, after))
    if a is None or b is None or c is None:
        return None
    first, second = (a[0] - b[0], a[1] - b[1]), (c[0] - b[0], c[1] - b[1])
    long = hypot(*first) * hypot(*second)
    if long < 1e-6:
        return None
    cosine = (first[0] * second[0] + first[1] * second[1]) / long
    return acos(max(-1.0, min(1.0, cosine))) / pi


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
