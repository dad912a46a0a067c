"""Two network namespaces, joined by a wire made for one test: a server's side and a client's.

Neither aiortc nor a browser talks over 127.0.0.1, and the kernel here has no netem; so a test
that needs a network makes one. Needs root and `ip`; everything is gone afterwards, also what an
earlier run that was killed left behind.

    with TestBed() as bed:                                   # a veth pair: clean and fast
        server = bed.spawn_server([sys.executable, "-m", "server.cli", "serve", "--port", "8000"])
        server.wait_for_output("listening", 10)
        url = f"http://{bed.server_address}:8000/"
        bed.run_in_client(["curl", "-sf", url])
        with bed.in_client():                                # this thread joins the client's side:
            ...                                              # sockets made here, and processes
                                                             # started here (a browser), live there
    with TestBed(link=Link(loss=0.05, delay_seconds=0.02, seed=1)) as bed: ...

A `Link` with loss, delay or jitter goes through a forwarder process between two TUN devices, each
direction with its own generator from the seed. `bed.cut()` and `bed.mend()` pull and plug the
wire. `link(...)` is short for `Link(...)`.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

__all__ = [
    "CLIENT_ADDRESS",
    "SERVER_ADDRESS",
    "Link",
    "Spawned",
    "TestBed",
    "enter_namespace",
    "link",
]

SERVER_ADDRESS = "10.77.0.1"
CLIENT_ADDRESS = "10.77.0.2"

_CLONE_NEWNET = 0x40000000
_NAMES = itertools.count()
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Link:
    """What the wire does to each packet, in both directions.

    Attributes:
        loss: probability that a packet is lost, in [0, 1].
        delay_seconds: added to each packet.
        jitter_seconds: added at random between 0 and this; packets may overtake each other.
        seed: of the two generators.
    """

    loss: float = 0.0
    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0
    seed: int = 1

    @property
    def clean(self) -> bool:
        """Whether a plain wire does."""
        return not (self.loss or self.delay_seconds or self.jitter_seconds)


def link(
    loss: float = 0.0, delay_seconds: float = 0.0, jitter_seconds: float = 0.0, seed: int = 1
) -> Link:
    """A `Link`."""
    return Link(loss, delay_seconds, jitter_seconds, seed)


def enter_namespace(descriptor: int) -> None:
    """Move the calling thread into the network namespace open as `descriptor`."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _plug(namespace: str) -> None:
    _ip("-n", namespace, "link", "set", "wire", "up")
    # A default route, because browsers find their own address by asking for the way out.
    _ip("-n", namespace, "route", "replace", "default", "dev", "wire")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=60)


_UNFORESEEN: Final = re.compile(r"Traceback \(most|was never awaited|was never retrieved")


class Spawned:
    """A process in one of the namespaces; its output goes to a file.

    Attributes:
        may_fail: whether errors in its output are what a test is about.
    """

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self.may_fail = False
        self._output = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=_ROOT,
            env=environment,
            start_new_session=True,
        )

    def output(self) -> str:
        """All it printed so far."""
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode(errors="replace")

    def wait_for_output(self, pattern: str, timeout_seconds: float = 30.0) -> re.Match[str]:
        """Wait until the output matches; raises with the output when it does not or it died."""
        until = time.monotonic() + timeout_seconds
        while True:
            ended = self.process.poll() is not None
            match = re.search(pattern, self.output())
            if match:
                return match
            if ended or time.monotonic() > until:
                how = f"ended with {self.process.returncode}" if ended else "took too long"
                raise AssertionError(f"no {pattern!r}: the process {how}\n{self.output()[-4000:]}")
            time.sleep(0.02)

    def stop(self, timeout_seconds: float = 5.0) -> int:
        """SIGTERM to it and its children, SIGKILL if that is not enough; its exit code."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout_seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # children that outlived it
        return self.process.wait(timeout_seconds)

    def close(self) -> None:
        """Stop it and forget its output.

        Raises:
            AssertionError: it printed an error that nobody foresaw; a server survives most of them,
                and a test would pass over it.
        """
        self.stop()
        printed = self.output()
        self._output.close()
        if not self.may_fail and (found := _UNFORESEEN.search(printed)):
            raise AssertionError(printed[max(found.start() - 1_000, 0) : found.end() + 3_000])


class TestBed:
    """See the module's text."""

    __test__ = False  # not a test case, though its name begins like one

    server_address = SERVER_ADDRESS
    client_address = CLIENT_ADDRESS

    def __init__(self, link: Link | None = None) -> None:
        self.link = link or Link()
        name = f"cpt{os.getpid()}x{next(_NAMES)}"
        self.server_namespace = f"{name}s"
        self.client_namespace = f"{name}c"
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> TestBed:
        with contextlib.ExitStack() as stack:
            _sweep()
            for namespace in (self.server_namespace, self.client_namespace):
                _ip("netns", "add", namespace)
                stack.callback(_ip, "netns", "del", namespace)
                _ip("-n", namespace, "link", "set", "lo", "up")
            if self.link.clean:
                self._join_by_veth()
            else:
                self._join_by_forwarder(stack)
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exit.close()

    # ---- processes

    def spawn_server(self, command: Sequence[str], **environment: str) -> Spawned:
        """Start a process on the server's side; it is ended with the bed."""
        return self._spawn(self.server_namespace, command, environment)

    def spawn_client(self, command: Sequence[str], **environment: str) -> Spawned:
        """Start a process on the client's side; it is ended with the bed."""
        return self._spawn(self.client_namespace, command, environment)

    def run_in_client(
        self, command: Sequence[str], timeout_seconds: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the client's side to its end; raises when it fails."""
        return subprocess.run(
            ["ip", "netns", "exec", self.client_namespace, *command],
            check=True,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            cwd=_ROOT,
        )

    def _spawn(
        self, namespace: str, command: Sequence[str], environment: dict[str, str]
    ) -> Spawned:
        spawned = Spawned(
            ["ip", "netns", "exec", namespace, *command],
            {**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        )
        self._exit.callback(spawned.close)
        return spawned

    # ---- this thread

    @contextlib.contextmanager
    def in_client(self) -> Iterator[None]:
        """The calling thread's new sockets and processes belong to the client's side."""
        with _inside(self.client_namespace):
            yield

    # ---- the wire

    def cut(self) -> None:
        """Pull the wire: nothing passes, and nobody is told."""
        _ip("-n", self.client_namespace, "link", "set", "wire", "down")

    def mend(self) -> None:
        """Plug it in again."""
        _plug(self.client_namespace)

    def _join_by_veth(self) -> None:
        server, client = self.server_namespace, self.client_namespace
        _ip("-n", server, "link", "add", "wire", "type", "veth", "peer", "wire", "netns", client)
        for namespace, address in ((server, SERVER_ADDRESS), (client, CLIENT_ADDRESS)):
            _ip("-n", namespace, "addr", "add", f"{address}/24", "dev", "wire")
            _plug(namespace)

    def _join_by_forwarder(self, stack: contextlib.ExitStack) -> None:
        link = self.link
        numbers = [link.loss, link.delay_seconds, link.jitter_seconds, link.seed]
        forwarder = Spawned(
            [
                sys.executable,
                "-m",
                "tests.network.forwarder",
                self.server_namespace,
                self.client_namespace,
                *map(str, numbers),
            ],
            dict(os.environ),
        )
        stack.callback(forwarder.close)
        forwarder.wait_for_output("forwarding", 30)
        for namespace, address in (
            (self.server_namespace, SERVER_ADDRESS),
            (self.client_namespace, CLIENT_ADDRESS),
        ):
            _ip("-n", namespace, "addr", "add", f"{address}/24", "dev", "wire")
            _plug(namespace)


@contextlib.contextmanager
def _inside(namespace: str) -> Iterator[None]:
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter_namespace(there)
        try:
            yield
        finally:
            enter_namespace(home)
    finally:
        os.close(there)
        os.close(home)


def _sweep() -> None:
    """Remove the namespaces of test runs that were killed."""
    folder = Path("/run/netns")
    for path in folder.glob("cpt*x*") if folder.is_dir() else ():
        owner = re.fullmatch(r"cpt(\d+)x\d+[sc]", path.name)
        if owner and not Path(f"/proc/{owner[1]}").exists():
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "del", path.name)
