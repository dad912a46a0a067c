"""One clip of suite `visual`: what is asked, what the camera shows, and when it happens, exactly.

Time 0 is when the action begins; before it the camera shows the same scene at rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from tests.bench.visual.acting import Actor, Repetitions, Sight, entering, raising, repeating
from tests.bench.visual.clutter import background
from tests.bench.visual.drawn import DRAWN, Drawn, Split, drawn_look
from tests.bench.visual.figures import Place
from tests.bench.visual.postures import EXERCISES, Exercise
from tests.bench.visual.things import Shown, showing
from tests.bench.visual.wording import clips

__all__ = ["KINDS", "VisualScript", "Wanted", "make_script"]

Kind = Literal["count", "object", "hand", "enters", "leaves"]
KINDS: Final[tuple[Kind, ...]] = ("count", "object", "count", "hand", "count", "enters", "object",
                                  "count", "hand", "leaves")  # fmt: skip
"""By number of the clip: four of ten count, so that n = 10 holds each exercise once."""

Pixels = npt.NDArray[np.uint8]

_NOISE_FRAMES: Final = 7


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for, in the terms of whoever looks without a conversation."""

    way: Literal["comes", "goes", "counts"]
    kind: str
    which: str


@dataclass(frozen=True, slots=True)
class VisualScript:
    """One clip.

    Attributes:
        clip: unique in its split.
        kind: what is asked for.
        request: as the person types it.
        names: words of which what the agent promises must hold one.
        wanted: the same as the request, without words.
        rate: frames a second.
        size: width and height.
        seconds: of the action.
        moments: when what was asked for happened; see `VisualLog`.
        paint: the picture at a time, uint8 `[height, width, 3]`.
    """

    clip: str
    kind: Kind
    request: str
    names: tuple[str, ...]
    wanted: Wanted
    rate: float
    size: tuple[int, int]
    seconds: float
    moments: tuple[float, ...]
    paint: Callable[[float], Pixels]

    @property
    def measured(self) -> Literal["count", "event"]:
        """What its log counts for."""
        return "count" if self.kind == "count" else "event"


class _Stage:
    """Everything in the picture, painted from the back to the front."""

    def __init__(self, generator: np.random.Generator, drawn: Drawn) -> None:
        self.size = drawn.sizes[int(generator.integers(len(drawn.sizes)))]
        clutter = drawn.clutter[int(generator.integers(len(drawn.clutter)))]
        self._back = background(generator, drawn, clutter, self.size)
        shape = (_NOISE_FRAMES, self.size[1], self.size[0], 1)
        self._noise = generator.normal(0, generator.uniform(1.0, 3.0), shape).astype(np.float32)
        self._light = (generator.uniform(0, 0.06), generator.uniform(0.02, 0.1))
        self.sights: list[Sight] = []

    def paint(self, time: float) -> Pixels:
        canvas = self._back.copy()
        for sight in self.sights:
            sight(canvas, time)
        much, often = self._light
        canvas *= 1.0 + much * np.sin(6.28 * often * time)
        canvas += self._noise[int(time * 31) % _NOISE_FRAMES]
        return np.clip(canvas, 0, 255).astype(np.uint8)


def _one(generator: np.random.Generator, of: tuple[str, ...]) -> str:
    return of[int(generator.integers(len(of)))]


def some(label: str) -> str:
    """With its article."""
    return f"{'an' if label[0] in 'aeiou' else 'a'} {label}"


def make_script(split: Split, seed: int, index: int) -> VisualScript:
    """Clip `index` of a split.

    Raises:
        MaterialMissing: a clip with things, and the package that ships them is not installed.
    """
    digest = hashlib.sha256(f"visual {split} {seed} {index}".encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    drawn = DRAWN[split]
    kind = KINDS[index % len(KINDS)]
    stage = _Stage(generator, drawn)
    rate = drawn.rates[int(generator.integers(len(drawn.rates)))]
    request = _one(generator, tuple(clips(split)[kind]))
    if kind == "count":
        nth = KINDS[: index % len(KINDS)].count("count") + 4 * (index // len(KINDS))
        found = _counting(generator, drawn, stage, EXERCISES[nth % 4])
    elif kind == "object":
        found = _things(generator, drawn, stage)
    elif kind == "hand":
        found = _hands(generator, drawn, stage)
    else:
        found = _people(generator, drawn, stage, kind)
    what, names, wanted, seconds, moments = found
    clip = f"visual-{split}-{index:04d}-{kind}"
    return VisualScript(
        clip, kind, request.format(what), names, wanted, rate, stage.size, seconds, moments,
        stage.paint,
    )  # fmt: skip


_Found = tuple[str, tuple[str, ...], Wanted, float, tuple[float, ...]]


def _counting(
    generator: np.random.Generator, drawn: Drawn, stage: _Stage, exercise: Exercise
) -> _Found:
    """Six to twelve repetitions at ten to forty a minute."""
    wide, high = stage.size
    actor = Actor(drawn_look(generator, drawn))
    course = Repetitions.drawn(generator, float(generator.uniform(10, 40)))
    sign = 1 if generator.random() < 0.5 else -1
    if exercise == "push-ups":
        size, angle = wide * generator.uniform(0.72, 0.85), sign * generator.uniform(1.2, 1.6)
        feet = (wide * (0.5 - 0.03 * sign), high * generator.uniform(0.82, 0.95))
    else:
        angle = generator.uniform(0.6, 1.2) * sign if exercise == "squats" else 0.0
        angle += generator.uniform(-0.25, 0.25)
        size = high * generator.uniform(0.6, 0.75)
        feet = (wide * generator.uniform(0.4, 0.6), high * generator.uniform(0.9, 0.97))
    stage.sights.append(repeating(actor, Place(size, feet, angle), exercise, course))
    return (
        exercise, (exercise.split()[0].rstrip("s"), exercise), Wanted("counts", "count", exercise),
        course.seconds, course.moments,
    )  # fmt: skip


def _things(generator: np.random.Generator, drawn: Drawn, stage: _Stage) -> _Found:
    """A thing comes and goes twice or thrice, other things do in between, somebody may stand by."""
    label = _one(generator, tuple(sorted(drawn.stamps)))
    if generator.random() < 0.5:
        actor = Actor(drawn_look(generator, drawn))
        wide, high = stage.size
        feet = (wide * generator.uniform(0.15, 0.3), high * generator.uniform(0.95, 1.3))
        stage.sights.append(raising(actor, Place(high * 0.9, feet, 0.0), ()))
    shown: list[Shown] = []
    moments: list[float] = []
    at = float(generator.uniform(1.5, 3.0))
    for number in range(int(generator.integers(2, 4))):
        if number or generator.random() < 0.5:
            other = _one(generator, tuple(drawn.others))
            shown.append(Shown.drawn(generator, other, at, stage.size))
            at = shown[-1].until + float(generator.uniform(0.6, 1.5))
        shown.append(Shown.drawn(generator, _one(generator, drawn.stamps[label]), at, stage.size))
        moments.append(at)
        at = shown[-1].until + float(generator.uniform(3.0, 5.0))
    stage.sights.append(showing(tuple(shown)))
    return (
        some(label), (label,), Wanted("comes", "object", label), at, tuple(moments),
    )  # fmt: skip


def _hands(generator: np.random.Generator, drawn: Drawn, stage: _Stage) -> _Found:
    """Somebody raises the hand that is asked for, and the other one too."""
    wide, high = stage.size
    which = ("left", "right", "")[int(generator.integers(3))]
    close = generator.random() < 0.5
    size = high * (generator.uniform(1.1, 1.35) if close else generator.uniform(0.68, 0.75))
    head = high * (generator.uniform(0.42, 0.5) if close else 0.22)
    feet = (wide * generator.uniform(0.4, 0.6), head + 0.93 * size)
    raises: list[tuple[float, float, str]] = []
    at = float(generator.uniform(1.5, 3.0))
    for _ in range(int(generator.integers(3, 5))):
        side = ("left", "right")[int(generator.integers(2))]
        raises.append((at, at + float(generator.uniform(1.8, 3.0)), side))
        at = raises[-1][1] + float(generator.uniform(2.6, 4.5))
    actor = Actor(drawn_look(generator, drawn))
    sight = raising(actor, Place(size, feet, generator.uniform(-0.3, 0.3)), tuple(raises))
    stage.sights.append(sight)
    moments = tuple(
        actor.above_shoulder(start) for start, _, side in raises if not which or side == which
    )
    what = f"my {which} hand" if which else "my hand"
    return (
        what, ("hand",), Wanted("comes", "hand", which), at, moments,
    )  # fmt: skip


def _people(generator: np.random.Generator, drawn: Drawn, stage: _Stage, kind: Kind) -> _Found:
    """Somebody walks in, stands, and walks out again, twice; things lie about meanwhile."""
    actor = Actor(drawn_look(generator, drawn))
    wide, high = stage.size
    size = high * float(generator.uniform(0.75, 1.0))
    visits: list[tuple[float, float]] = []
    at = float(generator.uniform(1.5, 3.0))
    for _ in range(2):
        visits.append((at, at + float(generator.uniform(4.0, 6.0))))
        at = visits[-1][1] + float(generator.uniform(4.5, 6.5))
    if drawn.others:
        lying = Shown.drawn(generator, _one(generator, drawn.others), 0.0, stage.size)
        stage.sights.append(showing((lying.always(),)))
    feet = high * float(generator.uniform(0.94, 1.1))
    sight, came, went = entering(actor, size, (wide, feet), tuple(visits))
    stage.sights.append(sight)
    if kind == "enters":
        return (
            "",
            ("somebody", "someone", "person", "anybody"),
            Wanted("comes", "person", ""),
            at,
            came,
        )
    return "", ("left", "nobody", "everybody", "gone"), Wanted("goes", "person", ""), at, went
