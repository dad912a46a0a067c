"""The port behind which somebody has the floor: today's rules, or the trained Core.

A floor part senses on the tick, all rows in one batch, after what came in has entered the minds;
then it decides row by row. It sees minds and never changes them: what it remembers of a row is
`Mind.floor`, a value of its own kind that each of its verdicts replaces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from model.engine.jobs import Priority, Work
from model.interaction.mind import Mind
from model.messages import FloorDecision, MicroTurnInput, PersonDoing, Speech

__all__ = ["FloorJob", "FloorPart", "Owed", "RowSeen", "Sensed", "Verdict"]

Owed = Literal["no", "perhaps", "yes"]
"""Whether something was said to us that waits for an answer."""


@dataclass(frozen=True, slots=True)
class RowSeen:
    """One row as it is sensed: what came in, and the mind with it in it."""

    mind: Mind
    turn: MicroTurnInput


@dataclass(frozen=True, slots=True)
class Sensed:
    """What was sensed of one row in this micro-turn.

    Attributes:
        voiced: the person's voice is in it; segments begin and last by this.
        found: the rest, for `FloorPart.decide`.
    """

    voiced: bool
    found: Any = None


@dataclass(frozen=True, slots=True)
class FloorJob:
    """Work that the floor wants done; it replaces what is under way in its lane."""

    lane: str
    priority: Priority
    work: Work


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision for one row.

    Attributes:
        state: what the part remembers of the row from now on.
        decision, probability: about the floor.
        person, person_probability: about what the person is doing.
        draft: an answer is worth its work, though not yet the floor.
        goes_on: the person goes on: a draft answers the wrong thing.
        hesitates: our voice is to stand still while that is being settled.
        resume: we were stopped for nothing, and may go on where we were cut.
        confirms: nothing is said before all voiced sound has been recognised.
        insists: it is said all the same: what goes on sounding is not the person.
        owes: whether what was said waits for an answer, however long ago it was.
        jobs: work for the floor's own sake.
    """

    state: Any
    decision: FloorDecision
    probability: float
    person: PersonDoing
    person_probability: float
    draft: bool = False
    goes_on: bool = False
    hesitates: bool = False
    resume: bool = False
    confirms: bool = False
    insists: bool = False
    owes: Owed = "no"
    jobs: tuple[FloorJob, ...] = ()


class FloorPart(Protocol):
    """Who has the floor."""

    described: str
    """A line that says what decides."""

    def new_state(self, rows: int) -> Any:
        """The senses' state of all rows, every row new."""

    def reset(self, state: Any, row: int) -> Any:
        """The state with one row new."""

    def begin(self) -> Any:
        """`Mind.floor` of a new conversation."""

    def sense(
        self, state: Any, rows: Sequence[RowSeen | None]
    ) -> tuple[Sequence[Sensed | None], Any]:
        """Sense one micro-turn of all rows that have one; `state` stays usable."""

    def enter(self, mind: Mind, value: object) -> Any:
        """`Mind.floor` with the result of one of the part's jobs in it; TypeError if it is none."""

    def failed(self, mind: Mind, lane: str) -> Any:
        """`Mind.floor` after the job of one of the part's lanes failed."""

    def decide(self, mind: Mind, turn: MicroTurnInput, sensed: Sensed) -> Verdict:
        """Decide for one row; the mind knows of this micro-turn's audio."""

    def waits(self, state: Any) -> Any:
        """The floor was taken and there is nothing to say yet: the decision stands."""

    def forget(self, state: Any) -> Any:
        """What was judged of the person's turn no longer counts."""

    def spoke(self, state: Any, speech: Sequence[Speech]) -> Any:
        """This is what goes out in answer to the micro-turn."""

    def told(self, state: Any, row: int, mind: Mind) -> Mapping[str, float]:
        """What the last decision was made from, for journal and replay."""
