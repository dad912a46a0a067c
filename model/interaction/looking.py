"""One stream's looking: which picture is looked at with what, and what comes of it. Pure.

The tick puts the newest pictures in and asks whether a look is due; the look itself is a job.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.interaction import pace, posture, scene, watching
from model.interaction.counting import Counter, counted
from model.interaction.looked import Looked, Network
from model.interaction.pace import GLANCE, GLANCES
from model.interaction.posture import LEAST, Exercise
from model.interaction.reading import Line
from model.interaction.scene import Scene
from model.interaction.stillness import Around, Background, Moved, background, moved, moving
from model.interaction.watching import Watch
from model.sight import Picture, Seen, SightSource
from model.timebase import HEARING_RATE, seconds

__all__ = [
    "Fired",
    "Looking",
    "around",
    "began",
    "due",
    "entered",
    "failed",
    "hidden",
    "hushed",
    "read",
    "shown",
    "stopped",
    "told",
    "wants",
    "watched",
]

ALL_EVERY: Final = 3
"""Of so many looks for a thing that is watched for one is at all there is, the others at what
changed alone, if something did: what comes is seen there soonest, and what stays is not."""

SHARPENS: Final = 30
"""A sender begins with coarse pictures that grow sharp and do not change otherwise: what is first
looked at within this time is looked at again, though it seems the same."""

AGAIN: Final = 2
"""Micro-turns to a second look at what is not believed yet, at a newer picture."""

IDLE_PICTURES: Final = 1.0
WATCHED_PICTURES: Final = 5.0

MOST_FIRED: Final = 4
MOST_LABEL: Final = 512

BLANK_MICRO_TURNS: Final = 50
"""Without a new picture for so long, nothing is being shown any more."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A watch and what is to be said of it; `count` is how far it has counted, else 0."""

    watch: Watch
    text: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """The newest picture of a source, where it lies in time, how it looked when a network last
    looked, and since when the source shows something: the micro-turn, and its first picture's time
    in seconds of the stream."""

    picture: Picture
    k: int
    thumbnail: npt.NDArray[np.uint8]
    seen: tuple[tuple[Network, npt.NDArray[np.uint8]], ...] = ()
    since: int = 0
    first: float = 0.0


@dataclass(frozen=True, slots=True)
class Looking:
    """What a stream sees and waits for.

    Attributes:
        shown: the newest picture of each source that shows one.
        scenes: what each source shows.
        watches: what is waited for, oldest first, at most `MOST_WATCHES`.
        counters: for each watch that counts.
        watch: the last number given out.
        asked: the micro-turn of the last look with each network.
        busy: a look is under way.
        looks: for things that are watched for, so far.
        still: the background of what the camera shows.
        moved: when something moved last, and where, in what the camera shows.
        wanted: pictures a second that the server was last asked for.
        fired: what waits to be said, at most `MOST_FIRED`.
    """

    shown: tuple[Shown, ...] = ()
    scenes: tuple[Scene, ...] = ()
    watches: tuple[Watch, ...] = ()
    counters: tuple[tuple[int, Counter], ...] = ()
    watch: int = 0
    asked: tuple[tuple[Network, int], ...] = ()
    busy: bool = False
    looks: int = 0
    still: Background | None = None
    moved: Moved | None = None
    wanted: float = 0.0
    fired: tuple[Fired, ...] = ()

    def scene(self, source: SightSource) -> Scene:
        """What a source shows."""
        found = (one for one in self.scenes if one.source == source)
        return next(found, Scene(source))

    def picture(self, source: SightSource) -> Shown | None:
        """The newest picture of a source, if it shows one."""
        return next((one for one in self.shown if one.picture.source == source), None)


def shown(looking: Looking, pictures: Iterable[Picture], k: int, thumbnail: Any) -> Looking:
    """Take what came in; a source that stopped showing is forgotten with what it showed."""
    held = {one.picture.source: one for one in looking.shown}
    for picture in pictures:
        before = held.get(picture.source)
        small = thumbnail(picture.pixels)
        at = _at(picture)
        seen, since, first = (before.seen, before.since, before.first) if before else ((), k, at)
        held[picture.source] = Shown(picture, k, small, seen, since, first)
        if picture.source == "camera":
            ago = 0.0 if before is None else at - _at(before.picture)
            still = background(looking.still, picture.pixels, ago)
            last = None if before is None else before.thumbnail
            looking = replace(looking, still=still, moved=moved(looking.moved, last, small, at))
    gone = [source for source, one in held.items() if k - one.k > BLANK_MICRO_TURNS]
    looking = replace(looking, shown=tuple(held.values()))
    for source in gone:
        looking = hidden(looking, source)
    return looking


def _at(picture: Picture) -> float:
    return seconds(picture.at_samples, HEARING_RATE)


def hidden(looking: Looking, source: SightSource) -> Looking:
    """A source is shown no longer: what it showed is forgotten, and what was to be said of it.
    What is watched for stands until the camera is on again."""
    return replace(
        looking,
        shown=tuple(one for one in looking.shown if one.picture.source != source),
        scenes=tuple(one for one in looking.scenes if one.source != source),
        fired=() if source == "camera" else looking.fired,
        still=None if source == "camera" else looking.still,
        moved=None if source == "camera" else looking.moved,
    )


def due(looking: Looking, k: int, changed: Any) -> tuple[Picture, tuple[Network, ...]] | None:
    """The look to be begun now, if one is: at the camera only, the screen is read on demand."""
    one = looking.picture("camera")
    if one is None or looking.busy:
        return None
    last, seen = dict(looking.asked), dict(one.seen)
    every = pace.every(looking.watches)
    unsettled = scene.unsettled(looking.scene("camera"))
    # The same picture looked at twice says the same twice, and proves nothing.
    again = {network for network in unsettled if last.get(network, -GLANCE) < one.k}
    now = [
        network
        for network, each in every.items()
        if k - last.get(network, -GLANCE) >= (min(AGAIN, each) if network in again else each)
        and (
            network in again
            or last.get(network, -GLANCE) < one.since + SHARPENS
            or changed(seen.get(network), one.thumbnail)
        )
    ]
    return (one.picture, pace.together(looking.watches, now)) if now else None


def around(looking: Looking) -> Around:
    """What the look that begins now knows of the camera's pictures before: the background, where it
    sees what changed alone; and where somebody moves, if movements are counted."""
    one = looking.picture("camera")
    moves = None
    if one is not None and any(watch.way == "counts" for watch in looking.watches):
        picture = one.picture
        moves = moving(looking.moved, _at(picture), picture.width / picture.height)
    return Around(looking.still if looking.looks % ALL_EVERY else None, moves)


def began(looking: Looking, networks: Sequence[Network], k: int) -> Looking:
    """A look at the camera's newest picture was begun."""
    asked = dict(looking.asked) | dict.fromkeys(networks, k)
    watched = any(watch.key[0] == "object" for watch in looking.watches)
    looks = looking.looks + ("things" in networks) if watched else 0
    held = []
    for one in looking.shown:
        if one.picture.source == "camera":
            seen = dict(one.seen) | dict.fromkeys(networks, one.thumbnail)
            one = replace(one, seen=tuple(seen.items()))
        held.append(one)
    return replace(looking, asked=tuple(asked.items()), shown=tuple(held), busy=True, looks=looks)


def failed(looking: Looking) -> Looking:
    """The look under way came to nothing."""
    return replace(looking, busy=False)


def entered(
    looking: Looking, looked: Looked
) -> tuple[Looking, tuple[Seen, ...], tuple[Fired, ...]]:
    """What a look found enters: events of what changed and was counted, and watches that fire."""
    looking = replace(looking, busy=False)
    shows = looking.picture(looked.source)
    if shows is None or looked.at_seconds < shows.first:
        return looking, (), ()  # It stopped showing meanwhile, and may show something again.
    before = looking.scene(looked.source)
    expected = [watch.key for watch in looking.watches]
    after, events, changes = scene.after(before, looked, expected)
    scenes = (*(one for one in looking.scenes if one.source != looked.source), after)
    fired = [
        Fired(watch, watching.phrase(watch, change))
        for watch in looking.watches
        for change in changes
        if watching.fires(watch, change)
    ]
    looking = replace(looking, scenes=scenes)
    looking, more, counts = _counted(looking, looked)
    return looking, (*events, *more), (*fired, *counts)


def told(looking: Looking, fired: Sequence[Fired]) -> Looking:
    """Watches that fired wait to be said; of a count only the latest number does."""
    waiting = looking.fired
    for one in fired:
        if one.count:
            waiting = tuple(w for w in waiting if w.watch.number != one.watch.number)
        waiting = (*waiting, one)
    return replace(looking, fired=waiting[-MOST_FIRED:])


def read(
    looking: Looking, picture: Picture, lines: Sequence[Line]
) -> tuple[Looking, tuple[Seen, ...]]:
    """Text that was read enters: an event a line, and the scene knows it."""
    source, at = picture.source, seconds(picture.at_samples, HEARING_RATE)
    if looking.picture(source) is None:
        return looking, ()  # It stopped showing meanwhile.
    events = tuple(
        Seen(source, "text", line.text[:MOST_LABEL], round(min(line.score, 1.0), 2), at, line.box)
        for line in lines
    )
    text = " ".join(line.text for line in lines)
    here = replace(looking.scene(source), text=(text, at))
    scenes = (*(one for one in looking.scenes if one.source != source), here)
    return replace(looking, scenes=scenes), events


def watched(looking: Looking, way: watching.Way, key: scene.Key, say: str = "") -> Looking:
    """A watch more; the same one again replaces it."""
    number = looking.watch + 1
    watch = Watch(number, way, key, say)
    others = [one for one in looking.watches if (one.way, one.key) != (way, key)]
    watches = (*others, watch)[-watching.MOST_WATCHES :]
    counters = dict(looking.counters)
    exercise = watching.counts(watch)
    if exercise is not None:
        counters[number] = Counter(*LEAST[exercise])
    kept = {one.number for one in watches}
    after = replace(
        looking,
        watch=number,
        watches=watches,
        counters=tuple(pair for pair in counters.items() if pair[0] in kept),
    )
    return _still_looked_for(after)


def stopped(looking: Looking) -> Looking:
    """Nothing is watched any more, and what fired and was not said yet is not said."""
    return _still_looked_for(replace(looking, watches=(), counters=(), fired=()))


def hushed(looking: Looking) -> Looking:
    """What fired and was not said yet is not said, and nothing is counted any more: a count speaks
    again with every repetition. Whatever else is watched for stands."""
    kept = tuple(watch for watch in looking.watches if watch.way != "counts")
    return _still_looked_for(replace(looking, watches=kept, counters=(), fired=()))


def _still_looked_for(looking: Looking) -> Looking:
    """Without what nobody looks for any more: it would seem to be there for ever."""
    networks = {*watching.networks(looking.watches), *GLANCES}
    if "hands" in networks:
        networks.add("body")
    scenes = tuple(scene.visible(one, networks) for one in looking.scenes)
    return replace(looking, scenes=scenes)


def wants(looking: Looking) -> tuple[Looking, float | None]:
    """How many pictures a second of the camera are of use, where that changed."""
    if looking.picture("camera") is None:
        return replace(looking, wanted=0.0), None
    wanted = WATCHED_PICTURES if looking.watches else IDLE_PICTURES
    return replace(looking, wanted=wanted), None if wanted == looking.wanted else wanted


def _counted(
    looking: Looking, looked: Looked
) -> tuple[Looking, tuple[Seen, ...], tuple[Fired, ...]]:
    if looked.body is None or not posture.there(looked.body):
        return looking, (), ()
    counters = dict(looking.counters)
    events: list[Seen] = []
    fired: list[Fired] = []
    for watch in looking.watches:
        exercise: Exercise | None = watching.counts(watch)
        value = None if exercise is None else posture.signal(looked.body, exercise)
        if exercise is None or value is None:
            continue
        before = counters[watch.number]
        now = counters[watch.number] = counted(before, value, looked.at_seconds)
        if now.count > before.count:
            label = f"{exercise}, {now.count}"
            events.append(Seen(looked.source, "count", label, 1.0, looked.at_seconds))
            fired.append(Fired(watch, f"{now.count}.", now.count))
    return replace(looking, counters=tuple(counters.items())), tuple(events), tuple(fired)
