"""The test bed itself: two sides that see each other, a wire that does what it is told."""

from __future__ import annotations

import contextlib
import re
import socket
import sys
import time
from pathlib import Path

import pytest

from tests.network.testbed import SERVER_ADDRESS, Link, TestBed

# What it waits for comes in a moment, or on a busy machine some seconds later.
pytestmark = pytest.mark.timeout(60)

ECHO = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("{SERVER_ADDRESS}", 4000))
print("ready", flush=True)
while True:
    data, who = s.recvfrom(2000); s.sendto(data, who)
"""


def echoes(
    bed: TestBed, count: int, wait_seconds: float = 20.0, *, in_order: bool = False
) -> list[int]:
    """Which of `count` datagrams come back.

    Where some are lost and the others come in order, what comes back of a last one ends the wait.
    """
    server = bed.spawn_server([sys.executable, "-c", ECHO])
    server.wait_for_output("ready")
    with bed.in_client():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with client:
        for i in range(count):
            with contextlib.suppress(OSError):  # the wire is cut
                client.sendto(str(i).encode(), (SERVER_ADDRESS, 4000))
            time.sleep(0.0005)  # not faster than the sockets' buffers are emptied
        client.settimeout(0.1)
        until = time.monotonic() + wait_seconds
        back: list[int] = []
        while len(back) < count and time.monotonic() < until:
            try:
                came = client.recv(100)
            except TimeoutError:
                if in_order:
                    client.sendto(b"last", (SERVER_ADDRESS, 4000))
                continue
            if came == b"last":
                break
            back.append(int(came))
    server.stop()
    return back


def test_a_clean_wire_carries_everything() -> None:
    with TestBed() as bed:
        assert sorted(echoes(bed, 100)) == list(range(100))


@pytest.mark.parametrize("seed", [1, 2])
def test_loss_is_of_the_asked_share_and_the_same_every_time(seed: int) -> None:
    runs = []
    for _ in range(2):
        with TestBed(link=Link(loss=0.1, seed=seed)) as bed:
            runs.append(sorted(echoes(bed, 200, in_order=True)))
    assert runs[0] == runs[1]
    assert 0.7 < len(runs[0]) / 200 < 0.9  # lost once on the way there or once on the way back


def test_jitter_reorders_and_loses_nothing() -> None:
    with TestBed(link=Link(delay_seconds=0.005, jitter_seconds=0.02)) as bed:
        back = echoes(bed, 100)
    assert sorted(back) == list(range(100))
    assert back != sorted(back)


def test_a_cut_wire_carries_nothing_until_mended() -> None:
    with TestBed() as bed:
        bed.cut()
        assert echoes(bed, 10, 0.3) == []
        bed.mend()
        assert sorted(echoes(bed, 10)) == list(range(10))


def test_nothing_is_left() -> None:
    with TestBed(link=Link(loss=0.1)) as bed:
        spawned = bed.spawn_client([sys.executable, "-c", "import time; time.sleep(60)"])
        names = (bed.server_namespace, bed.client_namespace)
    assert spawned.process.poll() is not None
    assert not any(Path(f"/run/netns/{name}").exists() for name in names)


def test_a_process_that_dies_is_reported_with_its_last_words() -> None:
    with TestBed() as bed:
        spawned = bed.spawn_server([sys.executable, "-c", "print('oh no')"])
        with pytest.raises(AssertionError, match=re.compile("ended with 0.*oh no", re.DOTALL)):
            spawned.wait_for_output("never", 30)


def test_an_error_that_a_process_printed_fails_whoever_started_it() -> None:
    with pytest.raises(AssertionError, match="ValueError: odd"):
        with TestBed() as bed:
            bed.spawn_server([sys.executable, "-c", "raise ValueError('odd')"]).process.wait(30)
    with TestBed() as bed:
        spawned = bed.spawn_server([sys.executable, "-c", "raise ValueError('odd')"])
        spawned.may_fail = True
        spawned.process.wait(30)
