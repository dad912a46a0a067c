"""What people in the picture do, as functions of time with exact moments. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sin
from typing import Final

import numpy as np

from tests.bench.visual.drawing import Canvas
from tests.bench.visual.figures import Look, Place, draw
from tests.bench.visual.postures import Exercise, exercising, standing, walking

__all__ = ["Actor", "Repetitions", "Sight", "entering", "raising", "repeating"]

Sight = Callable[[Canvas, float], None]
"""Paints its part of the picture as it is at a time."""

RAISE_SECONDS: Final = 0.6
WALK_SECONDS: Final = 1.6
"""From outside the picture to the place where somebody stands."""

ABOVE: Final = 0.2
"""A wrist so many widths of the shoulders above its shoulder is a raised hand."""


def _eased(share: float) -> float:
    return 0.5 - 0.5 * cos(pi * min(max(share, 0.0), 1.0))


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who looks like this."""

    look: Look

    def above_shoulder(self, start: float) -> float:
        """When a hand that began to rise at `start` is raised, to 10 ms."""
        build = self.look.build
        for step in range(round(RAISE_SECONDS * 100) + 1):
            joints = standing(build, _eased(step / 100 / RAISE_SECONDS), 0.0)
            if joints["wrist_l"][1] - joints["shoulder_l"][1] >= ABOVE * build.shoulders:
                return start + step / 100
        raise AssertionError("a raised hand is above its shoulder")


@dataclass(frozen=True, slots=True)
class Repetitions:
    """Ways there and back: when each begins and ends, its share there, and how far it goes."""

    spans: tuple[tuple[float, float, float, float], ...]

    @staticmethod
    def drawn(generator: np.random.Generator, a_minute: float) -> Repetitions:
        """Six to twelve at about that rate, each of its own length, some with rests between."""
        at = float(generator.uniform(1.0, 2.5))
        spans = []
        rest = float(generator.uniform(0.0, 0.15))
        for _ in range(int(generator.integers(6, 13))):
            period = 60.0 / a_minute * float(generator.uniform(0.88, 1.12))
            there, far = float(generator.uniform(0.38, 0.6)), float(generator.uniform(0.85, 1.0))
            spans.append((at, at + period * (1 - rest), there, far))
            at += period
        return Repetitions(tuple(spans))

    def way(self, time: float) -> float:
        """How far the body is at that time, 0 to 1."""
        for start, end, there, far in self.spans:
            if start <= time < end:
                u = (time - start) / (end - start)
                return far * _eased(u / there if u < there else (1 - u) / (1 - there))
        return 0.0

    @property
    def moments(self) -> tuple[float, ...]:
        """When each is half way back."""
        return tuple(start + (end - start) * (1 + there) / 2 for start, end, there, _ in self.spans)

    @property
    def seconds(self) -> float:
        """To the end of the last, and a breath."""
        return self.spans[-1][1] + 2.0


def repeating(actor: Actor, place: Place, exercise: Exercise, course: Repetitions) -> Sight:
    """Somebody exercises."""

    def sight(canvas: Canvas, time: float) -> None:
        joints = exercising(exercise, course.way(time), actor.look.build)
        draw(canvas, joints, actor.look, place)

    return sight


def raising(actor: Actor, place: Place, raises: tuple[tuple[float, float, str], ...]) -> Sight:
    """Somebody stands, shifts their weight, and raises hands: from, until, and which."""

    def up(time: float, side: str) -> float:
        return max(
            (
                min(_eased((time - start) / RAISE_SECONDS), _eased((until - time) / RAISE_SECONDS))
                for start, until, which in raises
                if which == side
            ),
            default=0.0,
        )

    def sight(canvas: Canvas, time: float) -> None:
        joints = standing(actor.look.build, up(time, "left"), up(time, "right"), sin(0.9 * time))
        draw(canvas, joints, actor.look, place)

    return sight


def entering(
    actor: Actor, size: float, frame: tuple[int, float], visits: tuple[tuple[float, float], ...]
) -> tuple[Sight, tuple[float, ...], tuple[float, ...]]:
    """Somebody walks in from the left at the beginning of each visit, stands, and walks out to the
    right after its end; when they are half in, and when nothing of them is left.

    Args:
        actor: who.
        size: pixels a height of the body.
        frame: width of the picture, and where the feet are.
        visits: when each begins, and when the way out does.
    """
    wide, feet = frame
    outside, middle = -0.25 * size, wide / 2
    span = middle - outside

    def place(time: float) -> tuple[float, float, float] | None:
        for start, end in visits:
            if start <= time < start + WALK_SECONDS:
                share = (time - start) / WALK_SECONDS
                return outside + span * share, 1.2 * (1 - max(0.0, share * 3 - 2)), share
            if start + WALK_SECONDS <= time < end:
                return middle, 0.0, 0.0
            if end <= time < end + WALK_SECONDS:
                share = (time - end) / WALK_SECONDS
                return middle + span * share, 1.2 * min(1.0, share * 4), share
        return None

    def sight(canvas: Canvas, time: float) -> None:
        found = place(time)
        if found is None:
            return
        x, angle, share = found
        moving = share > 0
        build = actor.look.build
        joints = walking(build, share * 2) if moving else standing(build, sway=sin(time))
        draw(canvas, joints, actor.look, Place(size, (x, feet), angle))

    came = tuple(start + WALK_SECONDS * -outside / span for start, _ in visits)
    gone = wide + 0.12 * size
    went = tuple(end + WALK_SECONDS * (gone - middle) / span for _, end in visits)
    return sight, came, went
