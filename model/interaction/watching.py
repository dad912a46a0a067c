"""Standing requests on what is seen: what each waits for, and what is said when it comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from model.interaction.gestures import GESTURES
from model.interaction.looked import THINGS, Network
from model.interaction.posture import EXERCISES, Exercise
from model.interaction.scene import Change, Key

__all__ = [
    "MOST_WATCHES",
    "WAYS",
    "Watch",
    "Way",
    "choices",
    "counts",
    "fires",
    "follows",
    "networks",
    "phrase",
    "spoken",
    "wording",
]

MOST_WATCHES: Final = 8
"""Of one conversation; one more takes the place of the oldest."""

Way = Literal["comes", "goes", "counts"]
WAYS: Final[tuple[Way, ...]] = ("comes", "goes", "counts")


@dataclass(frozen=True, slots=True)
class Watch:
    """A request that stands until it is cancelled.

    Attributes:
        number: from 1, unique within the stream.
        way: whether something is waited for to come or to go, or is counted.
        key: what; `("count", "push-ups")` for what is counted, `("hand", "")` for either hand.
        say: the person's own words for it; empty for ours.
    """

    number: int
    way: Way
    key: Key
    say: str = ""


_NEEDS: Final[dict[str, tuple[Network, ...]]] = {
    "person": ("body", "faces", "things"),
    "object": ("things",),
    "face": ("faces",),
    "hand": ("body",),
    "count": ("body",),
    "gesture": ("hands",),
}


def networks(watches: Sequence[Watch]) -> tuple[Network, ...]:
    """What must be looked with for these watches."""
    return tuple(sorted({network for watch in watches for network in _NEEDS[watch.key[0]]}))


def follows(watches: Sequence[Watch]) -> bool:
    """Whether how somebody moves is watched, and not only whether they are there."""
    return any(watch.key[0] in ("hand", "count", "gesture", "face") for watch in watches)


def counts(watch: Watch) -> Exercise | None:
    """The exercise that a watch counts."""
    return next((one for one in EXERCISES if watch.key == ("count", one)), None)


def fires(watch: Watch, change: Change) -> bool:
    """Whether this is what the watch waits for."""
    kind, which = watch.key
    if change.key[0] == "company":
        return change.came and watch.way == "comes" and kind == "person"
    same = change.key == watch.key or (change.key[0] == kind and not which)
    if kind == "gesture":
        same = change.key[0] == kind and change.key[1].startswith(f"{which},")
    return same and watch.way == ("comes" if change.came else "goes")


def phrase(watch: Watch, change: Change) -> str:
    """What is said when it fires."""
    if watch.say:
        return watch.say[0].upper() + watch.say[1:] + ("" if watch.say[-1] in ".!?" else ".")
    kind, which = change.key
    came = change.came
    if kind == "person":
        return "Somebody is there." if came else "Nobody is there any more."
    if kind == "company":
        return "Somebody else is there."
    if kind == "hand":
        return f"You raised your {which} hand." if came else f"Your {which} hand is down."
    if kind == "face":
        facing = (which == "facing") == came
        return "You are looking at me." if facing else "You are looking away."
    if kind == "gesture":
        return f"I see a {which.split(',')[0]}." if came else "Your hand is gone."
    return f"I see {_some(which)}." if came else f"The {which} is gone."


def _some(label: str) -> str:
    if label in ("skis", "scissors", "broccoli"):
        return label
    return f"{'an' if label[0] in 'aeiou' else 'a'} {label}"


def wording(way: Way, key: Key) -> str:
    """What a watch waits for, in words: what a request is told by."""
    kind, which = key
    if way == "counts":
        return f"count {which}"
    came = way == "comes"
    if kind == "person":
        return "somebody comes in" if came else "everybody has left"
    if kind == "hand":
        hand = f"the {which} hand" if which else "a hand"
        return f"{hand} is {'raised' if came else 'lowered'}"
    if kind == "face":
        looking = "at the camera" if (which == "facing") == came else "away"
        return f"the person looks {looking}"
    if kind == "gesture":
        return f"a hand shows {'a ' if which in ('fist', 'thumb up', 'thumb down') else ''}{which}"
    return f"{_some(which)} {'appears' if came else 'is gone'}"


def spoken(way: Way, key: Key) -> str:
    """The same as said to the person."""
    kind, which = key
    came = way == "comes"
    if kind == "hand":
        hand = f"your {which} hand" if which else "a hand"
        return f"you {'raise' if came else 'lower'} {hand}"
    if kind == "face":
        return "you look at me" if (which == "facing") == came else "you look away"
    if kind == "gesture":
        return f"you show me {wording(way, key).removeprefix('a hand shows ')}"
    return f"I see {_some(which)}" if kind == "object" and came else wording(way, key)


def choices() -> dict[str, tuple[Way, Key]]:
    """All that can be watched, by its wording."""
    keys: list[tuple[Way, Key]] = [("counts", ("count", one)) for one in EXERCISES]
    for way in WAYS[:2]:
        keys += [(way, ("hand", side)) for side in ("", "left", "right")]
        keys += [(way, ("person", "")), (way, ("face", "facing"))]
        keys += [(way, ("object", label)) for label in THINGS if label != "person"]
    keys += [("comes", ("gesture", one)) for one in GESTURES]
    made = {wording(way, key): (way, key) for way, key in keys}
    made["a person appears"] = ("comes", ("person", ""))
    made["the person is gone"] = ("goes", ("person", ""))
    # People speak of the dog when they mean theirs.
    for way, key in keys:
        if key[0] == "object":
            made[f"the {key[1]} {'appears' if way == 'comes' else 'is gone'}"] = (way, key)
    return made
