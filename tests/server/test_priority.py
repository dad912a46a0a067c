"""Audio goes first, and only audio."""

from __future__ import annotations

import subprocess
import sys

ASK = "import os, server.priority as p; done = p.put_first(); "
CHILD = (
    "import subprocess, sys; "
    "subprocess.run([sys.executable, '-c', 'import os; print(os.sched_getscheduler(0))'])"
)


def output(code: str, *before: str) -> list[str]:
    command = [*before, sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=True)
    return done.stdout.split()


def test_this_process_goes_first_and_what_it_starts_does_not() -> None:
    said = output(ASK + "print(done, os.sched_getscheduler(0) & os.SCHED_RR, flush=True); " + CHILD)
    assert said == ["True", "2", "0"]


def test_without_the_right_to_it_nothing_changes() -> None:
    said = output(
        ASK + "print(done, os.sched_getscheduler(0))",
        *("setpriv", "--bounding-set=-sys_nice", "--inh-caps=-all"),
    )
    assert said == ["False", "0"]
