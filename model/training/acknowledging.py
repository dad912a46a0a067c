"""Backchannels on conversations of the dev split, as the bench counts them. Pure.

Ours are matched one to one with places for them, within half a second; the F1 is judged against
the best metronome that beats in the same stretches of the person's talk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.interaction import streams
from model.training.events import HOLD, PAUSING, SPEAKING, TAKE, Event, Judged, of_ours
from model.training.operating_point import Trace
from model.training.render.labels import SHORTEST_PAUSE

__all__ = ["Acknowledging", "acknowledgements", "matched", "misplaced", "told"]

BACKCHANNEL: Final = streams.FLOORS.index("backchannel")
TOLERANCE: Final = 5
"""Micro-turns."""

SOUNDS: Final = 8
"""Micro-turns that one of ours lasts, with the room after it; live our own voice says so."""

AROUND: Final = 30
"""Micro-turns of talk before a place that are counted."""

LEAST_GAPS: Final = 2
"""Silences between whole sentences that make a turn of the person's a story."""

PERIODS: Final = tuple(range(5, 61, 2))


@dataclass(frozen=True, slots=True)
class Acknowledging:
    """How well places are met.

    Attributes:
        places: how many there are that the conversation itself did not use.
        given: how many of ours there were.
        f1: of ours against the places.
        metronome: the best F1 of a metronome.
    """

    places: int
    given: int
    f1: float
    metronome: float

    @property
    def gain(self) -> float:
        """What is won over the metronome."""
        return self.f1 - self.metronome


def acknowledgements(
    talks: Sequence[Judged], take: float, thresholds: Sequence[float]
) -> list[Acknowledging]:
    """What each threshold of `backchannel` does at one threshold of `take`."""
    stretches = [(talk, *found) for talk in talks if (found := _stretches(talk)) is not None]
    metronome = max(
        (
            _score([(list(_beats(free, period, phase)), free, places)
                    for _, free, places in stretches])[0]
            for period in PERIODS for phase in (0.0, 0.25, 0.5, 0.75)
        ),
        default=0.0,
    )  # fmt: skip
    made = []
    for threshold in thresholds:
        rows = [
            (_ours(talk, free, take, threshold), free, places) for talk, free, places in stretches
        ]
        f1, given, wanted = _score(rows)
        made.append(Acknowledging(wanted, given, f1, metronome))
    return made


def misplaced(
    talks: Sequence[Judged], ends: Sequence[Event], take: float, threshold: float
) -> float:
    """Share of the turns' ends at which we would say "mhm" before we answer, or instead.

    That costs more than a place left free: the person has asked, hears that we listen, and waits.
    """
    if not ends:
        return 0.0
    said = 0
    for end in ends:
        here = slice(end.first, end.first + len(end.trace))
        talk = talks[end.conversation]
        short = (talk.floor[here, BACKCHANNEL] >= threshold) & ~of_ours(talk.labels)[here]
        answers = np.flatnonzero(end.trace >= take)
        said += bool(short[: answers[0] if len(answers) else None].any())
    return said / len(ends)


def told(talks: Sequence[Judged]) -> list[list[Trace]]:
    """Of each story, how sure of a take Core is in the silences between its sentences, where the
    bench counts a take-over: whoever is told something waits for the rest."""
    stories = []
    for talk in talks:
        person, event = talk.labels["person"], talk.labels["event"]
        take = np.where(of_ours(talk.labels), 0.0, talk.floor[:, TAKE])
        between = _runs((event == streams.BACKCHANNEL_PLACE) & (person == PAUSING))
        gaps = [gap for gap in between if gap.stop - gap.start >= SHORTEST_PAUSE]
        for turn in _runs(np.isin(person, (SPEAKING, PAUSING))):
            inside = [take[gap] for gap in gaps if turn.start <= gap.start < turn.stop]
            if len(inside) >= LEAST_GAPS:
                stories.append(inside)
    return stories


def _runs(inside: npt.NDArray[np.bool_]) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], inside.astype(np.int8), [0]))))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def matched(given: Sequence[int], wanted: Sequence[int]) -> int:
    """Largest number of one-to-one pairs within the tolerance; both sorted."""
    found = i = j = 0
    while i < len(given) and j < len(wanted):
        apart = given[i] - wanted[j]
        if abs(apart) <= TOLERANCE:
            found, i, j = found + 1, i + 1, j + 1
        elif apart < 0:
            i += 1
        else:
            j += 1
    return found


Row = tuple[list[int], npt.NDArray[np.bool_], list[int]]


def _score(rows: Sequence[Row]) -> tuple[float, int, int]:
    """F1, how many were given, how many wanted."""
    given = sum(len(ours) for ours, _, _ in rows)
    wanted = sum(len(places) for _, _, places in rows)
    found = sum(matched(ours, places) for ours, _, places in rows)
    return 2 * found / max(given + wanted, 1), given, wanted


def _stretches(talk: Judged) -> tuple[npt.NDArray[np.bool_], list[int]] | None:
    """Micro-turns in which we could acknowledge, and the places that were left free.

    Around a place that the conversation itself used nothing is counted: whoever hears the "mhm"
    that is there gives no second one.
    """
    labels = talk.labels
    event, age = labels["event"], labels["event_age"]
    starts = np.flatnonzero((event == streams.BACKCHANNEL_PLACE) & (age == 0))
    if not len(starts):
        return None
    ours = of_ours(labels)
    free = np.zeros(len(event), bool)
    for start in starts:
        free[max(start - AROUND, 0) : start + 2 * TOLERANCE + 2] = True
    free &= ~ours
    places = []
    for start in starts:
        around = slice(start, start + 2 * TOLERANCE)
        if (labels["floor"][around] == HOLD).any():
            free[around] = False
        else:
            places.append(int(start) + TOLERANCE)
    return free, places


def _ours(talk: Judged, free: npt.NDArray[np.bool_], take: float, threshold: float) -> list[int]:
    """Micro-turns from whose end on ours would be heard."""
    acts = free & (talk.floor[:, BACKCHANNEL] >= threshold) & (talk.floor[:, TAKE] < take)
    given: list[int] = []
    for k in np.flatnonzero(acts):
        if not given or k + 1 - given[-1] >= SOUNDS:
            given.append(int(k) + 1)
    return given


def _beats(free: npt.NDArray[np.bool_], period: int, phase: float) -> npt.NDArray[Any]:
    beats = np.arange(round(period * phase), len(free), period)
    return beats[free[beats]]
