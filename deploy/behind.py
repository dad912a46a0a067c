"""Run a command behind all else on this machine: `behind.py COMMAND...`, with its exit status.

It has a session of its own, since a niceness counts within one session only, unless the session's
own is lowered. Ctrl-C reaches the terminal's session alone: what ends us is passed on to the
command's process group, by its number, which is nobody else's until its leader is reaped. What
does not end in time is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Final

__all__ = ["main"]

PATIENCE_SECONDS: Final = 10
ENDING: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
LOWERED: Final = 'echo 19 2>/dev/null >/proc/self/autogroup || true; exec nice -n 19 "$@"'


def main(command: Sequence[str]) -> int:
    """Run it to its end; 128 and the signal's number for one that a signal ended."""
    if not command:
        sys.stderr.write("usage: behind.py COMMAND...\n")
        return 2
    told: list[int] = []
    group = 0

    def tell(number: int, _frame: FrameType | None) -> None:
        if not group:  # Not begun yet.
            told.append(number)
            return
        _signal(group, number)
        if not signal.getitimer(signal.ITIMER_REAL)[0]:
            signal.alarm(PATIENCE_SECONDS)

    signal.signal(signal.SIGALRM, lambda _number, _frame: _signal(group, signal.SIGKILL))
    for number in ENDING:
        # What we were started to ignore, as by nohup, the command ignores too.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, tell)
    started = subprocess.Popen(["sh", "-c", LOWERED, "sh", *command], start_new_session=True)
    group = started.pid
    for early in told:
        tell(early, None)
    os.waitid(os.P_PID, group, os.WEXITED | os.WNOWAIT)
    _signal(group, signal.SIGKILL)  # What it left running.
    status = started.wait()
    return status if status >= 0 else 128 - status


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
