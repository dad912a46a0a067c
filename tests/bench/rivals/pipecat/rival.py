"""pipecat as a rival of the bench: how to start it, and how the bench's client calls it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.bench.harness import bed
from tests.bench.harness.dialects import Dialect
from tests.bench.rivals.pipecat import setup

__all__ = ["DIALECT", "NotStarted", "health", "prepare", "running"]

ROOT: Final = Path(__file__).parents[4]
READY_SECONDS: Final = 300.0

DIALECT: Final = Dialect(
    # What pipecat's own client for the browser does; RTVI's two readies end the loading of a bot.
    channel="chat",
    takes_settings=False,
    hello={
        "id": "1",
        "label": "rtvi-ai",
        "type": "client-ready",
        "data": {"version": "1.0.0", "about": {"library": "counterpoint-bench"}},
    },
    ready="bot-ready",
    keep_alive="ping",
    goodbye=None,
)
_ENGINE_SETTINGS: Final = ("weights", "language", "device", "threads", "rows", "seed",
                           "answer_tokens")  # fmt: skip
"""Of the settings our own engine was started with, those that pipecat is given too."""


class NotStarted(Exception):
    """It could not be started; the message says why, and the report repeats it."""


def prepare() -> str:
    """Make its environment where that is still possible (with a package index in reach).

    Returns:
        Nothing, or why it could not be made.
    """
    try:
        setup.make()
    except (setup.SetupFailed, OSError) as error:
        return str(error)
    return ""


@contextlib.asynccontextmanager
async def running(
    port: int,
    engine: Sequence[str] = (),
    *,
    turn_stop_seconds: float | None = None,
    echo: bool = False,
    host: str = bed.ADDRESS,
) -> AsyncIterator[tuple[str, subprocess.Popen[bytes]]]:
    """The server as a child process: its address and itself, until the block ends.

    Args:
        port: a free one.
        engine: `FIELD=VALUE` settings of our own engine in the same run.
        turn_stop_seconds: silence that ends a turn whatever smart-turn thinks of it; None leaves
            pipecat's default (3 s).
        echo: its transport alone, which says back what it hears.
        host: an address of this network.

    Raises:
        NotStarted: its environment is not there, or it ended or hung before it was ready.
    """
    if not setup.is_ready():
        raise NotStarted(
            "its environment is not there: run `python -m tests.bench.rivals.pipecat.setup`"
        )
    command = [str(setup.PYTHON), "-m", "tests.bench.rivals.pipecat.server"]
    command += ["--host", host, "--port", str(port)]
    for setting in engine:
        if setting.partition("=")[0] in _ENGINE_SETTINGS:
            command += ["--engine", setting]
    if turn_stop_seconds is not None:
        command += ["--turn-stop-seconds", str(turn_stop_seconds)]
    if echo:
        command += ["--echo"]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "LOGURU_LEVEL": "WARNING",
    }  # fmt: skip
    url = f"http://{host}:{port}"
    async with contextlib.AsyncExitStack() as stack:
        try:
            process = await stack.enter_async_context(
                bed.running(command, url, ready_seconds=READY_SECONDS, environment=environment)
            )
        except (RuntimeError, OSError) as error:
            raise NotStarted(f"could not be started: {error}") from error
        yield url, process


async def health(url: str) -> dict[str, Any]:
    """What it says of itself: the language model and the versions it runs on."""
    async with aiohttp.ClientSession() as http, http.get(f"{url}/healthz") as response:
        return dict(await response.json())


async def _main(clips: int, seed: int, engine: Sequence[str]) -> int:
    """Play `clips` turns and print how long each answer took."""
    from tests.bench.harness.conversation import play
    from tests.bench.metrics.turns import answer_delay
    from tests.bench.running import Draw, Work

    draw = Draw("dev", seed)
    async with running(8450, engine) as (url, _):
        print(await health(url))
        for index in range(clips):
            script = draw.script(Work("turn", "human" if index % 2 else "synthetic", index))
            played = await play(url, script, dialect=DIALECT)
            delays = [answer_delay(played.log, label) for label in played.log.labelled("turn")]
            shown = ", ".join("-" if d is None else f"{d:.3f} s" for d in delays)
            print(f"{script.clip}: {shown}; connected in {played.connect_seconds:.2f} s, "
                  f"client late p99 {played.late_p99_seconds * 1000:.1f} ms, "
                  f"lost {played.lost}, events {len(played.events)}", flush=True)  # fmt: skip
    return 0


if __name__ == "__main__":
    import argparse
    import asyncio

    parser = argparse.ArgumentParser(
        description="a few turns with pipecat, in a network of its own"
    )
    parser.add_argument("--clips", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", action="append", default=[], metavar="FIELD=VALUE")
    options = parser.parse_args()
    if "BENCH_INSIDE" not in os.environ:
        again = [sys.executable, "-m", "tests.bench.rivals.pipecat.rival", *sys.argv[1:]]
        inside = bed.within(again)
        os.execvpe(inside[0], inside, os.environ | {"BENCH_INSIDE": "1"})
    bed.prepare()
    sys.exit(asyncio.run(_main(options.clips, options.seed, options.engine)))
