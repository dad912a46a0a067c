"""The real server in a process of its own, on this machine's loopback, and calls to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from tests.network.caller import Caller
from tests.network.testbed import Spawned

__all__ = ["Served", "metric", "server", "tone", "until_metric"]

_COMMON = (
    "--port=0",
    "--ice-loopback=true",
    "--ice-interfaces=lo",
    "--offers-per-window=1000",
    "--max-sessions-per-address=64",
)
_ECHO = ("-c", "import sys; from server.cli import main; sys.exit(main())", "serve")


class Served:
    """A server that runs."""

    def __init__(self, spawned: Spawned) -> None:
        self.spawned = spawned
        self.url = spawned.wait_for_output(r"Open (https?://\S+)/ ", 60)[1]

    @property
    def process(self) -> psutil.Process:
        """The server process."""
        return psutil.Process(self.spawned.process.pid)

    def engines(self) -> list[psutil.Process]:
        """The engine processes, the one at work first."""
        children = self.process.children()
        engines = [one for one in children if "spawn_main" in " ".join(one.cmdline())]
        return sorted(engines, key=lambda one: one.create_time())

    def call(self, **options: Any) -> Caller:
        """Somebody who is about to call."""
        return Caller(f"{self.url}/api/offer", loopback=True, **options)

    def request(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body, whatever the status. Blocking: use it beside no live call."""
        asked = urllib.request.Request(
            self.url + path, data=body, method=method, headers=dict(headers or {})
        )
        try:
            with urllib.request.urlopen(asked, timeout=30) as response:
                return response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    def offer(self, body: Any) -> tuple[int, Mapping[str, str], Any]:
        """Post an offer, right or wrong; the JSON that comes back."""
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        json_type = {"Content-Type": "application/json"}
        status, headers, answer = self.request(
            "/api/offer", method="POST", body=text, headers=json_type
        )
        return status, headers, json.loads(answer)

    def metric(self, name: str) -> float:
        """A gauge or counter without labels."""
        _, _, text = self.request("/metrics")
        for line in text.decode().splitlines():
            if line.startswith(f"counterpoint_{name} "):
                return float(line.split()[1])
        raise AssertionError(f"there is no metric {name}")

    def wait_ready(self, timeout_seconds: float = 60.0) -> None:
        """Until offers are taken."""
        until = time.monotonic() + timeout_seconds
        while self.request("/healthz")[0] != 200:
            assert time.monotonic() < until, self.spawned.output()
            time.sleep(0.05)


@contextlib.contextmanager
def server(*flags: str, script: str = "", ready: bool = True) -> Iterator[Served]:
    """A server with the echo engine, or with an entry of `tests.server.scripted_engine`."""
    start = ("-m", "tests.server.scripted_server", script) if script else _ECHO
    engine = () if script else ("--engine=model=echo",)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    spawned = Spawned([sys.executable, *start, *_COMMON, *engine, *flags], environment)
    try:
        served = Served(spawned)
        if ready:
            served.wait_ready()
        yield served
    finally:
        spawned.close()


def tone(duration_seconds: float) -> npt.NDArray[np.float32]:
    """440 Hz at 48 kHz: what the echo engine says back."""
    at = np.arange(int(duration_seconds * 48_000)) / 48_000
    return (0.3 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)


async def metric(served: Served, name: str) -> float:
    """A metric, asked for without holding up a live call."""
    return await asyncio.to_thread(served.metric, name)


async def until_metric(
    served: Served, name: str, value: float, timeout_seconds: float = 20.0
) -> None:
    """Wait until a metric has a value; an assertion fails when it does not in time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_seconds
    while (found := await metric(served, name)) != value:
        assert loop.time() < until, f"{name} is {found}, not {value}, after {timeout_seconds} s"
        await asyncio.sleep(0.05)
