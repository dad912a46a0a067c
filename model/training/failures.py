"""Which events of dev go wrong: counts by voice, and the worst of each kind with what was said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from model.interaction.core import OperatingPoint
from model.timebase import MICRO_TURN_SECONDS
from model.training.dataset import Whole
from model.training.events import BEHIND, KINDS, Event, Judged, events_of, joined

__all__ = ["failures"]

YIELDS: Final = (
    "interruption", "acknowledged over us", "other sound over us", "holding",
)  # fmt: skip
DUE: Final = ("turn end", "interruption")
LATE: Final = 8
"""Micro-turns after which an action that is due has failed."""

AROUND_SECONDS: Final = 0.6


def failures(
    talks: Sequence[Judged], wholes: Sequence[Whole], point: OperatingPoint, most: int
) -> Iterator[str]:
    """Lines for people.

    Args:
        talks: what the model makes of the conversations.
        wholes: the same conversations.
        point: where to act.
        most: events shown of each kind.
    """
    events = joined([events_of(talk, number) for number, talk in enumerate(talks)])
    for kind, asks in KINDS.items():
        threshold = point.yielding if kind in YIELDS else point.take
        failed = [one for one in events[kind] if _failed(one, kind, threshold)]
        yield f"{kind} ({asks}): {len(failed)} of {len(events[kind])} fail"
        yield f"    {_voices(events[kind], failed, wholes)}"
        if kind == "turn end":
            yield f"    {_behind_ours(events[kind], failed)}"
        failed.sort(key=lambda one: _badness(one, kind, threshold), reverse=True)
        for one in failed[:most]:
            trace = " ".join(f"{chance:.2f}" for chance in one.trace[:10])
            yield f"    conversation {one.conversation}, k {one.first}: {trace}"
            yield f"        {_said(one, wholes[one.conversation].facts)}"


def _first(event: Event, threshold: float) -> int | None:
    reached = np.flatnonzero(event.trace >= threshold)
    return int(reached[0]) if len(reached) else None


def _failed(event: Event, kind: str, threshold: float) -> bool:
    first = _first(event, threshold)
    if kind not in DUE:
        return first is not None
    # An event that the conversation cut short before it was late is no failure.
    return len(event.trace) >= LATE if first is None else first >= LATE


def _badness(event: Event, kind: str, threshold: float) -> float:
    if kind not in DUE:
        return float(event.trace.max())
    first = _first(event, threshold)
    return float(len(event.trace) if first is None else first)


def _voices(events: Sequence[Event], failed: Sequence[Event], wholes: Sequence[Whole]) -> str:
    def counts(some: Sequence[Event]) -> Counter[str]:
        metas = (wholes[one.conversation].facts.get("meta", {}) for one in some)
        return Counter(str(meta.get("voice", "?")) for meta in metas)

    wrong, all_of_it = counts(failed), counts(events)
    return ", ".join(f"{voice} {wrong[voice]}/{count}" for voice, count in all_of_it.items())


def _behind_ours(events: Sequence[Event], failed: Sequence[Event]) -> str:
    """Failures by how long we had been silent when the turn began."""
    wrong, count = (Counter(one.behind for one in some) for some in (failed, events))
    told = ", ".join(f"{name} {wrong[name]}/{count[name]}" for name in BEHIND)
    return f"begun behind our voice: {told}"


def _said(event: Event, facts: dict[str, Any]) -> str:
    at = event.first * MICRO_TURN_SECONDS
    parts = [
        f"{who} {part['kind']} {part['first']:.1f}-{part['last']:.1f} {part['text'][:100]!r}"
        for who in ("person", "own")
        for part in facts.get(who, ())
        if part["first"] - AROUND_SECONDS <= at <= part["last"] + AROUND_SECONDS
    ]
    told = [one["text"] for one in facts.get("told", ()) if one["k"] <= event.first + 1]
    return "; ".join([*parts, f"Ears: {told[-1][-60:]!r}"] if told else parts)
