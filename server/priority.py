"""Audio goes first: the scheduler is asked to run it before all else, where it lets us.

Beside a busy engine an ordinary process gets the processor 20 ms and more late now and then, and a
browser remembers one such stall for seconds. Audio services take a low real-time priority for
that; it needs root or CAP_SYS_NICE, and whoever has neither goes on as before. The engine's tick
comes right behind: a few milliseconds in each micro-turn, beside the jobs in the same process.
"""

from __future__ import annotations

import os
from typing import Final

__all__ = ["goes_first", "put_behind", "put_first"]

_AUDIO: Final = 2
_TICK: Final = 1


def put_first() -> bool:
    """Give this thread a low real-time priority; whether the system let us.

    What it starts (the engine above all) begins as an ordinary process again.
    """
    return _ask(0, _AUDIO)


def put_behind(process: int) -> bool:
    """Give the main thread of another process the priority right behind audio; whether we may."""
    return _ask(process, _TICK)


def goes_first() -> bool:
    """Whether this process's main thread was put first."""
    try:
        return bool(os.sched_getscheduler(os.getpid()) & os.SCHED_RR)
    except (OSError, AttributeError):
        return False


def _ask(process: int, priority: int) -> bool:
    if not hasattr(os, "SCHED_RESET_ON_FORK"):
        return False  # not Linux
    policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
    try:
        os.sched_setscheduler(process, policy, os.sched_param(priority))
    except OSError:
        return False
    return True
