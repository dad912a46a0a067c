"""Audio goes first: the scheduler is asked to run this process before others, where it lets us.

Beside a busy engine an ordinary process gets the processor 20 ms and more late now and then, and a
browser remembers one such stall for seconds. Audio services take a low real-time priority for
that; it needs root or CAP_SYS_NICE, and whoever has neither goes on as before.
"""

from __future__ import annotations

import os
from typing import Final

__all__ = ["put_first"]

_LOWEST_REAL_TIME: Final = 1


def put_first() -> bool:
    """Give this thread the lowest real-time priority; whether the system let us.

    What it starts (the engine above all) begins as an ordinary process again.
    """
    if not hasattr(os, "SCHED_RESET_ON_FORK"):
        return False  # not Linux
    policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
    try:
        os.sched_setscheduler(0, policy, os.sched_param(_LOWEST_REAL_TIME))
    except OSError:
        return False
    return True
