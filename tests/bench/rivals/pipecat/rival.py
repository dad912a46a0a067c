"""pipecat as a rival of the bench: how to start it, and how the bench's client calls it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.bench.harness import bed
from tests.bench.harness.dialects import Dialect, Event, Timed
from tests.bench.rivals.pipecat import setup

__all__ = ["DIALECT", "NotStarted", "health", "prepare", "read", "read_call", "running"]

ROOT: Final = Path(__file__).parents[4]
READY_SECONDS: Final = 300.0


def read(event: dict[str, Any]) -> dict[str, Any]:
    """RTVI's transcript of the person as our `person.words`; every other event as it is."""
    if event.get("type") != "user-transcription" or not event["data"].get("final"):
        return event
    said = event["data"]
    # One event is one segment, whole; their times put them in order.
    number = round(datetime.fromisoformat(said["timestamp"]).timestamp() * 1000.0)
    words = [{"text": word} for word in str(said["text"]).split()]
    return {"type": "person.words", "segment": number, "words": words, "final": True}


def read_call(events: Timed) -> Timed:
    """RTVI's `bot-started-speaking` and `bot-stopped-speaking` as ours of numbered utterances.

    RTVI does not say whether what stopped was over: it was cut off when pipecat, which interrupts
    at once by default, took the person to speak (or said so) since it began.
    """
    found: list[tuple[float, Event]] = []
    number, cut = 0, False
    for at, event in events:
        kind = event.get("type")
        if kind == "bot-started-speaking":
            number, cut = number + 1, False
            event = {"type": "agent.started", "utterance": number}
        elif kind == "bot-stopped-speaking" and number:
            event = {"type": "agent.cut" if cut else "agent.done", "utterance": number}
        elif kind in _INTERRUPTING:
            cut = True
        found.append((at, event))
    return tuple(found)


_INTERRUPTING: Final = ("user-started-speaking", "bot-interrupted")

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
    read=read,
    read_call=read_call,
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
        "ORT_DISABLE_TELEMETRY": "1",
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


async def _turns(url: str, clips: int, seed: int) -> None:
    """Play `clips` turns and print how long each answer took."""
    from tests.bench.harness.conversation import play
    from tests.bench.metrics.turns import answer_delay
    from tests.bench.running import Draw, Work

    draw = Draw("dev", seed)
    for index in range(clips):
        script = draw.script(Work("turn", "human" if index % 2 else "synthetic", index))
        played = await play(url, script, dialect=DIALECT)
        delays = [answer_delay(played.log, label) for label in played.log.labelled("turn")]
        shown = {
            "clip": script.clip,
            "answered_after_s": [None if d is None else round(d, 3) for d in delays],
            "connect_s": round(played.connect_seconds, 2),
            "client_late_p99_s": round(played.late_p99_seconds, 4),
            "lost": played.lost,
            "load": round(os.getloadavg()[0], 1),
        }
        print(json.dumps(shown), flush=True)


async def _main(options: argparse.Namespace) -> int:
    from tests.bench.harness.calibration import probe, round_trips
    from tests.bench.harness.conversation import play

    async with running(8450, options.engine, echo=options.echo) as (url, _):
        print(json.dumps(await health(url)))
        if options.echo:
            trips = round_trips(await play(url, probe(options.clips), dialect=DIALECT))
            print(json.dumps({"round_trips_s": [round(trip, 4) for trip in trips]}))
        else:
            await _turns(url, options.clips, options.seed)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="a few turns with pipecat, in a network of its own"
    )
    parser.add_argument("--clips", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--echo", action="store_true", help="buzzes to its transport alone")
    parser.add_argument("--engine", action="append", default=[], metavar="FIELD=VALUE")
    if "BENCH_INSIDE" not in os.environ:
        again = [sys.executable, "-m", "tests.bench.rivals.pipecat.rival", *sys.argv[1:]]
        sys.exit(bed.enter(again))
    bed.prepare()
    sys.exit(asyncio.run(_main(parser.parse_args())))
