"""Which sign a hand makes, by which of its fingers are stretched."""

from __future__ import annotations

from math import dist
from typing import Final

from model.interaction.looked import Hand, Point, even

__all__ = ["GESTURES", "gesture"]

GESTURES: Final = ("thumb up", "thumb down", "open hand", "fist", "victory", "pointing")

FINGERS: Final = ((5, 6, 8), (9, 10, 12), (13, 14, 16), (17, 18, 20))
"""Root, first joint and tip of the index to the little finger."""


def gesture(hand: Hand) -> str:
    """One of `GESTURES`, or nothing."""
    points = tuple(even(point, hand.aspect) for point in hand.points)
    palm = dist(points[0], points[9])
    if palm < 1e-4:
        return ""
    out = [_stretched(points, *finger) for finger in FINGERS]
    thumb = dist(points[4], points[17]) > 1.15 * dist(points[2], points[17])
    if all(out):
        return "open hand" if thumb else ""
    if out == [True, True, False, False]:
        return "victory"
    if out == [True, False, False, False]:
        return "pointing"
    if any(out):
        return ""
    # A thumb that stands out of a fist, up or down.
    rise = (points[2][1] - points[4][1]) / palm
    if rise > 0.35:
        return "thumb up"
    if rise < -0.35:
        return "thumb down"
    return "fist"


def _stretched(points: tuple[Point, ...], root: int, joint: int, tip: int) -> bool:
    wrist = points[0]
    return dist(points[tip], wrist) > 1.15 * dist(points[joint], wrist) and (
        dist(points[tip], points[root]) > 1.3 * dist(points[joint], points[root])
    )
