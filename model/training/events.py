"""What happens in conversations of the dev split, each event with the model's trace through it.

Floor decisions as live: `take` counts only while we are silent, `yield` only while our voice is
being sent. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.interaction import streams
from model.timebase import MICRO_TURN_SECONDS
from model.training.operating_point import Trace
from model.training.render.labels import SHORTEST_PAUSE

__all__ = ["BEHIND", "KINDS", "Event", "Events", "Judged", "events_of", "joined", "of_ours"]

TAKE, HOLD, YIELD = (streams.FLOORS.index(name) for name in ("take", "hold", "yield"))
LISTEN: Final = streams.FLOORS.index("listen")
SPEAKING, PAUSING, FINISHED, ACKNOWLEDGING, SILENT = (
    streams.PERSON_STATES.index(name)
    for name in ("speaking", "pausing", "finished", "acknowledging", "silent")
)  # fmt: skip
LONGEST_PAUSE: Final = 16
"""Micro-turns: longer ones, which the bench lacks, count apart; shorter than `SHORTEST_PAUSE` are
none."""

NEARLY_ENDED: Final = 2
"""Micro-turns around a turn's end in which a take is early or late, not over the person's words."""

KINDS: Final = {
    "turn end": "take is due",
    "pause": "take is wrong",
    "long pause": "take is wrong: the person thinks",
    "broken off": "take is wrong: a sentence is given up; the bench's pauses all go on",
    "clear pause": "those pauses at which the words so far are no whole thought",
    "speaking": "take is wrong: the person speaks, from one pause to the next",
    "acknowledged": "take is wrong: an acknowledgement while we are silent",
    "other sound": "take is wrong: talk to others, other voices, noise while we are silent",
    "silence": "take is wrong: nobody said anything",
    "interruption": "yield is due",
    "acknowledged over us": "yield is wrong",
    "other sound over us": "yield is wrong",
    "holding": "yield is wrong: nobody but us makes a sound",
}
"""All kinds of event, and what they ask for."""

NEVER: Final = float("inf")
BEHIND_SECONDS: Final = (0.5, 2.5)
BEHIND: Final = ("under 0.5 s", "0.5 to 2.5 s", "later, or first")
"""Classes of turns by the seconds from the end of our voice to the turn's first. In the middle one
somebody thinks before a short question, and what is no turn begins as well."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A conversation with the model's probabilities.

    Attributes:
        floor: probabilities in the order of `streams.FLOORS`, float32 `[micro-turns, 5]`; what is
            not sure to be ours to hold is in `yield` too, see `weighing`; `take` is what it
            is worth after a silence, see `overdue.as_at_once`.
        labels: the columns of `streams.LABELS`.
    """

    floor: npt.NDArray[np.float32]
    labels: streams.Arrays


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        trace: probability of the action that is due or wrong, from its first micro-turn on.
        conversation: its number.
        first: the micro-turn in which it begins.
        behind_ours: of a turn's end, seconds from the end of our voice to the turn's first; 0 for
            one that began over our voice, `NEVER` where we had not spoken.
        said_seconds: of a turn's end, how long the turn was, pauses included.
    """

    trace: Trace
    conversation: int
    first: int
    behind_ours: float = NEVER
    said_seconds: float = 0.0

    @property
    def behind(self) -> str:
        """Which of `BEHIND` that is."""
        return BEHIND[int(np.searchsorted(BEHIND_SECONDS, self.behind_ours, "right"))]


Events = dict[str, list[Event]]
"""By the names of `KINDS`."""


def of_ours(labels: streams.Arrays) -> npt.NDArray[np.bool_]:
    """The micro-turns in which our voice is being sent."""
    return np.isin(labels["floor"], (HOLD, YIELD))


def events_of(judged: Judged, conversation: int = 0) -> Events:
    """All events of one conversation."""
    labels, ours = judged.labels, of_ours(judged.labels)
    event, person, sure = labels["event"], labels["person"], labels["floor_weight"] > 0.99
    take = np.where(ours, 0.0, judged.floor[:, TAKE])
    made: Events = {kind: [] for kind in KINDS}

    def add(kind: str, chance: Trace, spans: list[slice]) -> None:
        made[kind] += [Event(chance[span], conversation, span.start) for span in spans]

    ends = [span for span in _spans(event == streams.TURN_END, labels["event_age"])
            if labels["event_age"][span.start] == 0]  # fmt: skip
    made["turn end"] = [
        Event(take[span], conversation, span.start, *_turn(person, ours, span.start))
        for span in ends
    ]
    between = (event == streams.BACKCHANNEL_PLACE) & (person == PAUSING)
    pauses = [span for span in _spans((event == streams.PAUSE) | between)
              if span.stop - span.start >= SHORTEST_PAUSE and not ours[span].all()]  # fmt: skip
    # Behind a sentence that is given up nothing is taught any more, see `labels`.
    untaught = np.append(labels["floor_weight"] == 0, False)
    gone = [span for span in pauses if untaught[span.stop]]
    add("broken off", take, gone)
    pauses = [span for span in pauses if span not in gone]
    add("long pause", take, [s for s in pauses if s.stop - s.start > LONGEST_PAUSE])
    pauses = [span for span in pauses if span.stop - span.start <= LONGEST_PAUSE]
    add("pause", take, pauses)
    add("clear pause", take, [span for span in pauses if sure[span].all()])
    plain = (event == streams.NO_EVENT) | (event == streams.BACKCHANNEL_PLACE)
    talking = (person == SPEAKING) & plain & ~ours
    for end in ends:
        talking[max(end.start - NEARLY_ENDED, 0) : end.start] = False
        # Who goes on after an end has only just begun again.
        talking[end.stop : end.stop + NEARLY_ENDED] = False
    add("speaking", take, _spans(talking))
    for span in _spans(event == streams.OTHER_SOUND, labels["event_age"]):
        acknowledged = bool((person[span] == ACKNOWLEDGING).any())
        if not ours[span].all():
            add("acknowledged" if acknowledged else "other sound", take, [span])
    quiet = (event == streams.NO_EVENT) & (person == SILENT) & sure
    add("silence", take, _spans(quiet & (labels["floor"] == LISTEN)))
    _over_us(judged, ours, quiet, add)
    return made


def _turn(
    person: npt.NDArray[np.uint8], ours: npt.NDArray[np.bool_], end: int
) -> tuple[float, float]:
    """Seconds from our voice to the turn that is over in micro-turn `end`, and those it lasted."""
    said = np.isin(person[: end + 1], (SPEAKING, PAUSING))
    last = int(np.flatnonzero(said)[-1]) if said.any() else end
    unsaid = np.flatnonzero(~said[:last])
    first = int(unsaid[-1]) + 1 if len(unsaid) else 0
    sent = np.flatnonzero(ours[: first + 1])
    behind = max(first - 1 - int(sent[-1]), 0) * MICRO_TURN_SECONDS if len(sent) else NEVER
    return behind, (last + 1 - first) * MICRO_TURN_SECONDS


def _over_us(
    judged: Judged, ours: npt.NDArray[np.bool_], quiet: npt.NDArray[np.bool_], add: Any
) -> None:
    labels = judged.labels
    event, age, person = labels["event"], labels["event_age"], labels["person"]
    yielding = judged.floor[:, YIELD]
    for span in _spans((event == streams.INTERRUPTION) & ours, age):
        if age[span.start] == 0:
            add("interruption", yielding, [span])
    for span in _spans(event == streams.OVERLAP, age):
        acknowledged = bool((person[span] == ACKNOWLEDGING).any())
        if ours[span].any():
            kind = "acknowledged over us" if acknowledged else "other sound over us"
            add(kind, np.where(ours, yielding, 0.0), [span])
    add("holding", yielding, _spans(quiet & (labels["floor"] == HOLD)))


def joined(parts: list[Events]) -> Events:
    """The events of several conversations."""
    return {kind: [one for part in parts for one in part[kind]] for kind in KINDS}


def _spans(inside: npt.NDArray[Any], age: npt.NDArray[Any] | None = None) -> list[slice]:
    """Runs of micro-turns, cut besides where the age begins anew."""
    places = np.flatnonzero(inside)
    if not len(places):
        return []
    cuts = np.diff(places) != 1
    if age is not None:
        cuts |= np.diff(age[places].astype(np.int64)) != 1
    parts = np.split(places, np.flatnonzero(cuts) + 1)
    return [slice(int(part[0]), int(part[-1]) + 1) for part in parts]
