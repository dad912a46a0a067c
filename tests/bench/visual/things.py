"""Things that come into the picture and go again. Pure but for reading the photographs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tests.bench.visual.acting import Sight
from tests.bench.visual.drawing import Canvas
from tests.bench.visual.stamps import stick

__all__ = ["Shown", "showing"]

SLIDE_SECONDS: Final = 0.3


@dataclass(frozen=True, slots=True)
class Shown:
    """A thing that is in the picture from a moment to another.

    Attributes:
        stamp: its photograph.
        start, until: it slides in from below at `start` and is gone at `until`.
        at: where its middle rests, in pixels.
        box: what it fits into, in pixels.
    """

    stamp: str
    start: float
    until: float
    at: tuple[float, float]
    box: tuple[float, float]

    @staticmethod
    def drawn(
        generator: np.random.Generator, stamp: str, start: float, size: tuple[int, int]
    ) -> Shown:
        """For 2.5 to 4 seconds, a third to half as high as the picture, right of its middle."""
        wide, high = size
        tall = float(generator.uniform(0.36, 0.5)) * high
        at = (
            wide * float(generator.uniform(0.5, 0.75)),
            high * float(generator.uniform(0.5, 0.68)),
        )
        return Shown(
            stamp, start, start + float(generator.uniform(2.5, 4.0)), at, (tall * 1.25, tall)
        )

    def always(self) -> Shown:
        """The same from before the beginning to after the end, small and in a corner."""
        box = (self.box[0] * 0.6, self.box[1] * 0.6)
        return replace(self, start=-1e6, until=1e6, at=(box[0] / 2 + 4, box[1] / 2 + 4), box=box)


def showing(shown: tuple[Shown, ...]) -> Sight:
    """What is there at a time."""

    def sight(canvas: Canvas, time: float) -> None:
        for one in shown:
            if one.start <= time < one.until:
                inside = min(
                    (time - one.start) / SLIDE_SECONDS, (one.until - time) / SLIDE_SECONDS, 1.0
                )
                below = (1 - inside) * (canvas.shape[0] - one.at[1] + one.box[1] / 2)
                stick(canvas, one.stamp, one.box, (one.at[0], one.at[1] + below))

    return sight
