"""A network of its own: one address that WebRTC accepts, reachable by nobody else.

Neither aioice nor Chromium uses 127.0.0.1, so a measurement runs inside a network namespace with
a dummy device. Its processes have a namespace of their own too, which ends with the bench, however
that ends: nothing is left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

import aiohttp

__all__ = ["ADDRESS", "enter", "prepare", "running", "within"]

ADDRESS: Final = "10.77.0.1"
_MARK: Final = "BENCH_NETWORK"


def within(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` in new namespaces; all in them dies with who runs it."""
    # `unshare` holds SIGTERM back while it waits: who is terminated is us, and it is killed for it.
    return ["setpriv", "--pdeathsig", "KILL", "--", "unshare", "--net", "--pid", "--fork",
            "--kill-child", "--mount-proc", "--", *command]  # fmt: skip


def enter(command: Sequence[str]) -> int:
    """Run `command` in new namespaces, marked with `BENCH_INSIDE`; its status."""
    return subprocess.call(within(command), env=os.environ | {"BENCH_INSIDE": "1"})


def prepare() -> None:
    """Give the namespace this process is in its address; does nothing the second time.

    Raises:
        RuntimeError: the devices cannot be made (needs root and iproute2).
    """
    if os.environ.get(_MARK):
        return
    for line in (
        "link set lo up",
        "link add bench0 type veth peer name bench1",
        f"addr add {ADDRESS}/24 dev bench0",
        "link set bench0 up",
        "link set bench1 up",
        # A browser finds its own address by asking for the way out.
        "route replace default dev bench0",
    ):
        done = subprocess.run(["ip", *line.split()], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(
                f"ip {line}: {done.stderr.strip()}; the bench's network needs root and iproute2"
            )
    os.environ[_MARK] = "1"


@contextlib.asynccontextmanager
async def running(
    command: Sequence[str],
    url: str,
    *,
    ready_seconds: float = 20.0,
    ready_path: str = "/healthz",
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """A server as a child process, from the moment `ready_path` says 200 until the block ends."""
    process = await asyncio.to_thread(_start, command, environment)
    try:
        await _healthy(process, url + ready_path, ready_seconds)
        yield process
    finally:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, 10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(
    command: Sequence[str], environment: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=dict(environment or os.environ), stdout=sys.stderr)


async def _healthy(process: subprocess.Popen[bytes], url: str, limit_seconds: float) -> None:
    until = time.monotonic() + limit_seconds
    async with aiohttp.ClientSession() as http:
        while time.monotonic() < until:
            if process.poll() is not None:
                raise RuntimeError(f"the server ended with {process.returncode} before it was up")
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(url) as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.1)
    raise RuntimeError(f"{url} did not answer 200 within {limit_seconds:.0f} s")
