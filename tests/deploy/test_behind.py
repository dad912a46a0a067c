"""What runs behind all else: how it runs, and that it ends with what started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
BEHIND: Final = [sys.executable, str(ROOT / "deploy" / "behind.py")]
IMPATIENT: Final = (
    "import sys; sys.path[0] = 'deploy'; import behind as b; b.PATIENCE_SECONDS = 1; "
    "sys.exit(b.main(sys.argv[1:]))"
)
# Tells the numbers of itself and of a child that a plain end of its parent would not end.
WORK: Final = "sleep 60 & echo $$ $! >{file}.new; mv {file}.new {file}; wait; wait"
NOTHING_HELPS: Final = "trap '' HUP INT TERM; " + WORK


def usual_signals() -> None:
    """What a shell starts beside itself ignores Ctrl-C, and so would all that these tests start."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def begin(command: list[str]) -> subprocess.Popen[bytes]:
    """A process group of its own, as a shell makes one of what is typed."""
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=usual_signals,
    )


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def told(file: Path) -> tuple[int, int]:
    """The numbers of the work and of its child, once it runs."""
    until(file.exists)
    leader, child = file.read_text().split()
    return int(leader), int(child)


def is_gone(process: int) -> bool:
    """A dead one that nobody waits for is gone, too."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_status_is_the_commands() -> None:
    assert subprocess.run([*BEHIND, "sh", "-c", "exit 7"]).returncode == 7
    assert subprocess.run([*BEHIND, "sh", "-c", "kill -KILL $$"]).returncode == 128 + 9
    assert subprocess.run([*BEHIND, "sh", "-c", 'test "$1" = "a b"', "sh", "a b"]).returncode == 0
    assert subprocess.run(BEHIND, capture_output=True).returncode == 2


def test_it_goes_behind_all_else_in_a_session_of_its_own() -> None:
    shown = "import os; print(os.getsid(0) == os.getpid() == os.getpgrp(), os.nice(0))"
    shown += "; print(open('/proc/self/autogroup').read())"
    ran = subprocess.run([*BEHIND, sys.executable, "-c", shown], capture_output=True, text=True)
    assert ran.stdout.startswith("True 19\n")
    if Path("/proc/self/autogroup").exists():
        assert ran.stdout.endswith("nice 19\n\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_ends_us_ends_the_work_and_nothing_else(tmp_path: Path, number: int) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as neighbour:
        behind = begin([*BEHIND, "sh", "-c", WORK.format(file=tmp_path / "told")])
        work = told(tmp_path / "told")
        behind.send_signal(number)
        assert behind.wait(10) == 128 + number
        until(lambda: all(map(is_gone, work)))
        assert neighbour.poll() is None
        neighbour.kill()


def test_what_does_not_listen_is_killed(tmp_path: Path) -> None:
    stubborn = NOTHING_HELPS.format(file=tmp_path / "told")
    behind = begin([sys.executable, "-c", IMPATIENT, "sh", "-c", stubborn])
    work = told(tmp_path / "told")
    behind.send_signal(signal.SIGINT)
    assert behind.wait(10) == 128 + signal.SIGKILL
    until(lambda: all(map(is_gone, work)))


def test_nothing_is_left_running_behind_the_end(tmp_path: Path) -> None:
    left = "sleep 60 & echo $$ $! >" + str(tmp_path / "told")
    assert subprocess.run([*BEHIND, "sh", "-c", left], timeout=10).returncode == 0
    until(lambda: is_gone(told(tmp_path / "told")[1]))


def test_nohup_holds_for_the_work(tmp_path: Path) -> None:
    behind = begin(["nohup", *BEHIND, "sh", "-c", WORK.format(file=tmp_path / "told")])
    work = told(tmp_path / "told")
    behind.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert behind.poll() is None and not is_gone(work[0])
    behind.terminate()
    assert behind.wait(10) == 128 + signal.SIGTERM


@pytest.mark.timeout(40)
def test_ctrl_c_ends_make_and_what_it_put_behind(tmp_path: Path) -> None:
    """As a terminal does it: one signal to make's process group."""
    work = WORK.format(file=tmp_path / "told").replace("$", "$$")
    rules = tmp_path / "rules.mk"
    rules.write_text(f"include Makefile\nprobe:\n\t$(BEHIND) sh -c '{work}'\n")
    make = begin(["make", "-f", str(rules), f"BIN={Path(sys.executable).parent}", "probe"])
    running = told(tmp_path / "told")
    assert os.getpgid(running[0]) == running[0] != make.pid
    os.killpg(make.pid, signal.SIGINT)
    make.wait(10)
    until(lambda: all(map(is_gone, running)))
