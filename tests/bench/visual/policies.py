"""What the metrics of suite `visual` say of agents that do not look, or look badly. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from tests.bench.metrics.visual import Announcement, VisualLog

__all__ = ["BROKEN", "NULLS", "Policy", "metronome", "oracle", "performed", "silence"]

Policy = Callable[[VisualLog], tuple[Announcement, ...]]
"""Gives what it says in a clip, of which only the times and what is true may be used."""

COUNT_SECONDS: Final = 2.4
"""The metronome's: twenty-five a minute, the middle of the rates that are played."""

EVENT_SECONDS: Final = 6.0
"""About as often as events come."""


def silence(log: VisualLog) -> tuple[Announcement, ...]:
    """Says nothing."""
    del log
    return ()


def metronome(log: VisualLog) -> tuple[Announcement, ...]:
    """Says the next number, or announces the event, every so many seconds, whatever is shown."""
    period = COUNT_SECONDS if log.kind == "count" else EVENT_SECONDS
    times = np.arange(log.began + period, log.ended, period)
    counting = log.kind == "count"
    return tuple(Announcement(float(at), n if counting else 0) for n, at in enumerate(times, 1))


def oracle(delay: float = 0.4) -> Policy:
    """Announces what is there, `delay` seconds later, and counts it right."""

    def said(log: VisualLog) -> tuple[Announcement, ...]:
        counting = log.kind == "count"
        return tuple(
            Announcement(at + delay, n if counting else 0) for n, at in enumerate(log.moments, 1)
        )

    return said


def _sleepy(log: VisualLog) -> tuple[Announcement, ...]:
    """Sees every other thing, one and a half seconds late."""
    seen = replace(log, moments=log.moments[1::2])
    return oracle(1.5)(seen)


def _jumpy(log: VisualLog) -> tuple[Announcement, ...]:
    """Takes everything for two, and sees something every five seconds besides."""
    right = oracle()(log)
    counting = log.kind == "count"
    twice = tuple(Announcement(one.at + 0.3, 2 * one.number) for one in right)
    ghosts = tuple(Announcement(float(at)) for at in np.arange(log.began, log.ended, 5.0))
    return tuple(sorted((*right, *twice, *(() if counting else ghosts)), key=lambda one: one.at))


NULLS: Final[dict[str, Policy]] = {"silence": silence, "metronome": metronome}
BROKEN: Final[dict[str, Policy]] = {"sleepy": _sleepy, "jumpy": _jumpy}


def performed(log: VisualLog, policy: Policy) -> VisualLog:
    """The same clip with what the policy would have said, and told, instead."""
    said = policy(log)
    return replace(log, spoken=said, told=said, asked=True)
