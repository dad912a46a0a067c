"""How a split's conversations go: which scenes, how late we are, what is done while we speak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from model.training.render.cast import Split

__all__ = ["MANNERS", "Manners"]


@dataclass(frozen=True, slots=True)
class Manners:
    """What a split's scenes are drawn from.

    Attributes:
        scenes: names of scenes and their shares.
        slow: how often we answer very late; in dev often, so that lateness can be measured there.
            With one in seven in training a tenth of dev's turns were never answered: whoever has
            rarely seen a long silence behind an end does not know what to do in it.
        stops_late: how often we stop very late: where a voice over ours has always been stopped
            for after half a second, one that goes on is proof of an aside, and waiting cannot be
            learnt.
        longest_gap: seconds of the longest silence before an answer; the longest pause in a turn
            is 2.4.
        sentences: fewest and most of an answer.
        misplaced: how often we say "mhm" inside a turn that is no story.
        misplaced_at_end: how often where a turn is over, of a story thrice as often: whoever is
            shown signs of listening in turns above all believes after one that the person goes on,
            and live half of those that Core gave stood at an end.
        catches_breath: how often a person breathes, sniffs or clicks their tongue right behind
            what they said, in pauses as at ends: with breaths at other times only, one is a sound
            from elsewhere, and no answer belongs behind it.
        early: how often what the person does over us falls into our first second and a half.
        over_us: what is done over an answer and its share; what is left of 1 is nothing.
        again: how often something more is done over the same answer, if it goes on.
        apart: seconds from one such thing to the next, least and most.
        depth: interruptions that may follow one another.
        false_stop: how often we stop for what asked for nothing, and go on a little later. Without
            such stops having stopped was proof of an interruption: live, after a wrong one, Core
            was sure of a turn and answered "okay".
        hesitation: how often we hold our breath for a moment where something could be done over us,
            whether or not it is, and go on where we were.
        thought: how often the person thinks for half a second to twelve before they are heard next,
            whatever they say or do then. In human timing alone hardly any turn begins a second or
            two behind our voice, so that what does is taken for something that is none.
        brief: how often a turn is a short question or request.
        patient: no silence between the sentences of a story is doubtful: taken, each counts as
            much as one inside a sentence.
    """

    scenes: tuple[tuple[str, float], ...]
    slow: float
    stops_late: float
    longest_gap: float
    sentences: tuple[int, int]
    misplaced: float
    misplaced_at_end: float
    catches_breath: float
    early: float
    over_us: tuple[tuple[str, float], ...]
    again: float
    apart: tuple[float, float]
    depth: int
    false_stop: float
    hesitation: float = 0.4
    thought: float = 0.0
    brief: float = 0.0
    patient: bool = False


_TRAINED: Final = Manners(
    scenes=(("exchange", 0.60), ("story", 0.10), ("aside", 0.08), ("quiet", 0.09),
            ("abandoned", 0.06), ("notice", 0.03), ("ignored", 0.04)),
    slow=0.35,
    stops_late=0.35,
    longest_gap=4.0,
    sentences=(1, 4),
    misplaced=0.06,
    misplaced_at_end=0.2,
    catches_breath=0.25,
    early=0.45,
    over_us=(("interruption", 0.34), ("backchannel", 0.24), ("tic", 0.10), ("aside", 0.07),
             ("other", 0.05)),
    again=0.6,
    apart=(0.7, 2.5),
    depth=2,
    false_stop=0.1,
    thought=0.35,
    brief=0.2,
)  # fmt: skip

_OVERLAPPING: Final = replace(
    _TRAINED,
    scenes=(("exchange", 0.86), ("story", 0.0), ("aside", 0.03), ("quiet", 0.05),
            ("abandoned", 0.0), ("notice", 0.06), ("ignored", 0.0)),
    stops_late=0.8,
    sentences=(3, 6),
    over_us=(("interruption", 0.34), ("backchannel", 0.24), ("tic", 0.10), ("aside", 0.16),
             ("other", 0.12)),
    again=1.0,
    apart=(0.5, 1.8),
    depth=5,
    false_stop=0.15,
)  # fmt: skip

_ASKING: Final = replace(
    _TRAINED,
    scenes=(("exchange", 0.80), ("story", 0.02), ("aside", 0.04), ("quiet", 0.05),
            ("abandoned", 0.03), ("notice", 0.03), ("ignored", 0.03)),
    sentences=(1, 3),
    thought=0.7,
    brief=0.7,
)  # fmt: skip

_TELLING: Final = replace(
    _TRAINED,
    scenes=(("exchange", 0.36), ("story", 0.48), ("aside", 0.04), ("quiet", 0.04),
            ("abandoned", 0.03), ("notice", 0.03), ("ignored", 0.02)),
    sentences=(1, 2),
    brief=0.2,
    patient=True,
)  # fmt: skip

MANNERS: Final[Mapping[Split, Manners]] = {
    "train": _TRAINED,
    "natural": _TRAINED,
    "overlap": _OVERLAPPING,
    "asking": _ASKING,
    "telling": _TELLING,
    "dev": replace(_TRAINED, slow=0.4, stops_late=0.4, longest_gap=2.5, false_stop=0.0),
    "dev-overlap": replace(_OVERLAPPING, slow=0.8, longest_gap=2.5, false_stop=0.0),
    "dev-asking": replace(_ASKING, slow=0.4, stops_late=0.4, longest_gap=2.5, false_stop=0.0),
    "dev-telling": replace(_TELLING, slow=0.4, stops_late=0.4, longest_gap=2.5, false_stop=0.0),
    "dev-natural": replace(_TRAINED, slow=0.4, stops_late=0.4, longest_gap=2.5, false_stop=0.0),
}
