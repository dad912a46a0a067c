"""Whether a journalled stream gives the same bits again, and where it first does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from model.engine.engine import InteractionModel
from model.engine.journal_entries import Closed, Entry, Stepped, Stopped
from model.engine.journal_file import JournalReader
from model.replay.again import Again, Lost, Step

__all__ = ["Verdict", "replay"]


@dataclass(slots=True)
class Verdict:
    """What a replay found.

    Attributes:
        turns: micro-turns journalled.
        unequal: numbers of those that differ, or come after the replay was lost.
        first: number of the first, and what differed in it.
        lost: why the rest could not be replayed.
        shared: tokens sampled in batches of 1, 2, … rows when they were journalled.
        together: micro-turns stepped with 0, 1, … neighbours when they were journalled.
        withheld: pictures that the model was given and the journal does not hold.
        ended: `closed`, `overflow`, `full`, `ended` (the engine was), or `cut off` (it was killed).
        fault: what is wrong with the file.
        seconds: of all steps, and of all pieces, this time.
    """

    turns: int = 0
    unequal: list[int] = field(default_factory=list)
    first: tuple[int, tuple[str, ...]] | None = None
    lost: str = ""
    shared: Counter[int] = field(default_factory=Counter)
    together: Counter[int] = field(default_factory=Counter)
    withheld: int = 0
    ended: str = "cut off"
    fault: str = ""
    seconds: tuple[float, float] = (0.0, 0.0)

    @property
    def equal(self) -> int:
        """Micro-turns that are the same to the bit."""
        return self.turns - len(self.unequal)

    def as_json(self) -> dict[str, Any]:
        """For other programs."""
        first = self.first
        return {
            "turns": self.turns,
            "equal": self.equal,
            "unequal": self.unequal,
            "first": None if first is None else {"k": first[0], "kinds": list(first[1])},
            "lost": self.lost,
            "shared": {str(rows): count for rows, count in sorted(self.shared.items())},
            "together": {str(rows): count for rows, count in sorted(self.together.items())},
            "withheld": self.withheld,
            "ended": self.ended,
            "fault": self.fault,
            "seconds": [round(one, 3) for one in self.seconds],
        }

    def lines(self) -> list[str]:
        """For people."""
        share = self.equal / self.turns if self.turns else float("nan")
        tokens = sum(self.shared.values())
        told = [
            f"{self.equal} of {self.turns} micro-turns are equal to the bit ({share:.4%})",
            f"{tokens} tokens, {tokens - self.shared[1]} of them sampled beside other rows",
            f"{self.turns - self.together[1]} micro-turns were stepped beside other streams",
            f"the journal: {self.ended}{', ' + self.fault if self.fault else ''}",
        ]
        if self.withheld:
            told.append(f"{self.withheld} pictures were not kept: what was made of them is lost")
        if self.first is not None:
            k, kinds = self.first
            told.append(f"first difference at micro-turn {k} ({k / 10:.1f} s): {', '.join(kinds)}")
        if self.lost:
            told.append(f"lost there: {self.lost}")
        return told

    def note(self, k: int, kinds: tuple[str, ...]) -> None:
        """A micro-turn that differs."""
        self.unequal.append(k)
        if self.first is None:
            self.first = k, kinds


def replay(
    model: InteractionModel, journal: JournalReader, look: Callable[[Step], None] | None = None
) -> tuple[Verdict, Again]:
    """Run a journal's stream through the model, alone, and compare.

    Args:
        model: as the journal's head describes it; no row in use.
        journal: the file.
        look: called with every micro-turn, such as to draw it.
    """
    verdict, again = Verdict(), Again(model)
    try:
        for entry in journal:
            _count(entry, verdict)
            if verdict.lost:
                if isinstance(entry, Stepped):
                    verdict.note(entry.turn.k, ("lost",))
                continue
            try:
                step = again.feed(entry)
            except Lost as lost:
                verdict.lost = str(lost)
                if isinstance(entry, Stepped):
                    verdict.note(entry.turn.k, ("lost",))
                continue
            if step is not None:
                if step.differs:
                    verdict.note(step.turn.k, step.differs)
                tick, work = verdict.seconds
                verdict.seconds = tick + step.seconds[0], work + step.seconds[1]
                if look is not None:
                    look(step)
    finally:
        again.close()
    verdict.shared, verdict.fault = again.shared, journal.fault
    return verdict, again


def _count(entry: Entry, verdict: Verdict) -> None:
    match entry:
        case Stepped():
            verdict.turns += 1
            verdict.together[entry.together] += 1
            verdict.withheld += len(entry.withheld)
        case Closed():
            verdict.ended = "closed"
        case Stopped(why):
            verdict.ended = why
        case _:
            pass
