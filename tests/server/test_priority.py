"""Audio goes first, the engine's tick right behind, and nothing else with them."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from server.priority import goes_first, put_behind

ASK = "import os, server.priority as p; done = p.put_first(); "
CHILD = (
    "import subprocess, sys; "
    "subprocess.run([sys.executable, '-c', 'import os; print(os.sched_getscheduler(0))'])"
)


def output(code: str, *before: str) -> list[str]:
    command = [*before, sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split()


def threads_beside_the_main_one(pid: int) -> list[int]:
    """As soon as there are any."""
    end = time.monotonic() + 60
    while True:
        threads = [int(name) for name in os.listdir(f"/proc/{pid}/task")]
        if len(threads) > 1:
            return [thread for thread in threads if thread != pid]
        assert time.monotonic() < end
        time.sleep(0.02)


def test_this_process_goes_first_and_what_it_starts_does_not() -> None:
    said = output(ASK + "print(done, p.goes_first(), flush=True); " + CHILD)
    assert said == ["True", "True", "0"]


def test_without_the_right_to_it_nothing_changes() -> None:
    said = output(
        ASK + "print(done, p.goes_first())",
        *("setpriv", "--bounding-set=-sys_nice", "--inh-caps=-all"),
    )
    assert said == ["False", "False"]


def test_another_process_is_put_behind_in_its_main_thread_only() -> None:
    waiting = "import threading, sys; threading.Thread(target=sys.stdin.read).start()"
    with subprocess.Popen([sys.executable, "-c", waiting], stdin=subprocess.PIPE) as process:
        others = threads_beside_the_main_one(process.pid)
        before = [os.sched_getscheduler(thread) for thread in others]
        assert put_behind(process.pid)
        assert os.sched_getparam(process.pid).sched_priority == 1
        assert [os.sched_getscheduler(thread) for thread in others] == before
        assert os.SCHED_RR not in before
        process.communicate(b"")
    assert not put_behind(process.pid), "it is gone"
    assert not goes_first()
