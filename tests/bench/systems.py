"""Suites that measure no floor: tick, transport, capacity, load, identity, and visual."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import aiohttp
import psutil

from tests.bench import identity
from tests.bench.evidence import record_of
from tests.bench.harness import bed
from tests.bench.harness.calibration import probe, reference_command, round_trips
from tests.bench.harness.conversation import play
from tests.bench.metrics.machine import (
    LoadPoint,
    VitalsSample,
    capacity_measures,
    tick_measures,
    transport_measures,
)  # fmt: skip
from tests.bench.metrics.statistics import NO_INTERVAL, Measure
from tests.bench.metrics.turns import turn_measures
from tests.bench.records import Record
from tests.bench.results import measures_of
from tests.bench.running import Draw, Target, Work, plan, reason
from tests.bench.visual.running import run_visual

__all__ = ["SYSTEM_SUITES", "run_system"]

SYSTEM_SUITES: Final = ("tick", "identity", "transport", "capacity", "load", "visual")
_STOCK_PORT: Final = 8498
_PATIENCE_SECONDS: Final = 1.0  # before a server that refused a call is asked again
_READING_SECONDS: Final = 2.0
_MOST_UNREAD: Final = 5
"""Readings of `/metrics` that may fail in a run of ticks."""


async def run_system(
    suite: str,
    target: Target,
    draw: Draw,
    processes: Sequence[int],
    options: Mapping[str, Any],
    kept: list[Record] | None = None,
) -> dict[str, Measure]:
    """Measure one of `SYSTEM_SUITES`.

    Args:
        suite: its name.
        target: the server; for `transport` one whose model is the echo.
        draw: of stimuli.
        processes: ids of the server's processes when the bench started them.
        options: of the command line.
        kept: appended to: of `visual` clips that could not be played, of `load` all calls that are
            judged, with `load_N.` of N sessions in front of their target.
    """
    seed = draw.seed
    if suite == "transport":
        return await _transport(target, int(options["n"]), seed)
    if suite == "tick":
        return await _tick(target, draw, processes, float(options["minutes"]) * 60.0)
    if suite == "visual":
        return await run_visual(target, draw, options, [] if kept is None else kept)
    if suite == "identity":
        # Seen from the client nothing tells one bit from another: the journals and a replay do.
        works = plan("floor", int(options["n"]), ("synthetic",))
        ours = bool(processes) and not options["policy"]
        async with identity.journalling(target, options["engine"], ours) as (server, folder):
            talk = partial(_talk_together, server, draw, works, int(options["sessions"]))
            return await identity.measured(folder, talk, seed)
    sizes = int(options["sessions"]), int(options["n"])
    return await _load(target, draw, processes, sizes, [] if kept is None else kept)


async def _transport(target: Target, turns: int, seed: int) -> dict[str, Measure]:
    """Buzzes to an echo and back, ours and stock aiortc's in alternation."""
    stock = f"http://{bed.ADDRESS}:{_STOCK_PORT}"
    ours: list[float] = []
    theirs: list[float] = []
    async with bed.running(reference_command("stock", _STOCK_PORT), stock):
        for block in range(max(turns // 5, 1)):
            script = probe(5, seed + block)
            ours += round_trips(await play(target.url, script, dialect=target.dialect))
            theirs += round_trips(await play(stock, script))
    return transport_measures(ours, theirs, seed)


def _tree(processes: Sequence[int]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for number in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(number)
            found += [parent, *parent.children(recursive=True)]
    return found


def _resident(processes: Sequence[int]) -> int:
    total = 0
    for process in _tree(processes):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


def _cpu_seconds(processes: Sequence[int]) -> float:
    total = 0.0
    for process in _tree(processes):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


async def _gauges(url: str) -> dict[str, float]:
    """What `/metrics` says of the engine, by name without what all begin with."""
    limit = aiohttp.ClientTimeout(total=10.0)
    async with aiohttp.ClientSession(timeout=limit) as http, http.get(f"{url}/metrics") as response:
        text = await response.text()
    pattern = r'^counterpoint_engine_(\w+(?:\{le="[^"]+"\})?) ([0-9.e+-]+)$'
    return {name: float(value) for name, value in re.findall(pattern, text, re.M)}


_CLASS: Final = re.compile(r'tick_seconds_bucket\{le="([^"]+)"\}')


def _sample(
    gauges: Mapping[str, float], at: float, processes: Sequence[int]
) -> VitalsSample | None:
    """None while there is no engine that ticks."""
    if "ticks" not in gauges:
        return None
    return VitalsSample(
        at, int(gauges["ticks"]), int(gauges.get("missed", 0)),
        gauges.get("tick_p99_seconds", float("nan")), _resident(processes),
        {float(of[1]): int(count) for name, count in gauges.items() if (of := _CLASS.match(name))},
    )  # fmt: skip


async def _talk(target: Target, draw: Draw, until: float) -> list[str]:
    """Monologues and turns until the time is up; why calls failed."""
    index = 0
    failed: list[str] = []
    while time.monotonic() < until:
        work = Work("backchannel" if index % 3 == 0 else "turn", "synthetic", index)
        script = await asyncio.to_thread(draw.script, work)
        try:
            await play(target.url, script, target.settings, target.dialect)
        except Exception as error:  # Whatever one call dies of, the run goes on, and tells it.
            failed.append(reason(error))
            await asyncio.sleep(_PATIENCE_SECONDS)
        index += 1
    return failed


async def _tick(
    target: Target, draw: Draw, processes: Sequence[int], length_seconds: float
) -> dict[str, Measure]:
    """Read `/metrics` every two seconds while somebody talks, and once more behind."""
    begun = time.monotonic()
    talking = asyncio.create_task(_talk(target, draw, begun + length_seconds))
    samples: list[VitalsSample] = []
    restarts: list[float] = []
    unread = 0
    try:
        while True:
            over = talking.done()
            try:
                gauges = await _gauges(target.url)
            except (aiohttp.ClientError, OSError, TimeoutError):
                gauges, unread = {}, unread + 1
                if unread > _MOST_UNREAD:
                    raise
            restarts += [gauges["restarts"]] if "restarts" in gauges else []
            sample = _sample(gauges, time.monotonic() - begun, processes)
            samples += [] if sample is None else [sample]
            if over:
                break
            await asyncio.sleep(_READING_SECONDS)
    finally:
        talking.cancel()  # Nobody talks on beside what is measured next.
        await asyncio.wait([talking])
    ended = int(restarts[-1] - restarts[0]) if restarts else 0
    return tick_measures(samples, draw.seed, ended, await talking)


async def _caller(
    target: Target, draw: Draw, works: Sequence[Work], records: list[Record]
) -> float:
    """Play these clips one after another; seconds of call."""
    seconds = 0.0
    for work in works:
        script = await asyncio.to_thread(draw.script, work)
        try:
            played = await play(target.url, script, target.settings, target.dialect)
        except Exception as error:  # Whatever one call dies of, the others go on.
            why = reason(error)
            records.append(Record("", script.suite, script.clip, failure=why))
            continue
        seconds += played.log.length
        # Beside the other callers' packets, which must not wait for it.
        records.append(await asyncio.to_thread(record_of, "", script, played, words=False))
    return seconds


async def _talk_together(target: Target, draw: Draw, works: Sequence[Work], callers: int) -> None:
    """Calls of one clip each, so many at a time: neighbours come and go."""
    records: list[Record] = []
    async with asyncio.TaskGroup() as group:
        for first in range(callers):
            group.create_task(_caller(target, draw, works[first::callers], records))


async def _talk_on(target: Target, draw: Draw, works: Sequence[Work], failures: list[str]) -> float:
    """Go on calling, unrecorded, until cancelled; seconds of call."""
    seconds = 0.0
    begun: float | None = None
    try:
        for work in itertools.cycle(works):
            script = await asyncio.to_thread(draw.script, work)
            begun = time.monotonic()
            try:
                await play(target.url, script, target.settings, target.dialect)
            except Exception as error:
                failures.append(reason(error))
                await asyncio.sleep(_PATIENCE_SECONDS)
            seconds += time.monotonic() - begun
            begun = None
    except asyncio.CancelledError:
        seconds += time.monotonic() - begun if begun is not None else 0.0
    return seconds


async def hold(
    target: Target, draw: Draw, works: Sequence[Work], sessions: int, records: list[Record]
) -> tuple[float, list[str]]:
    """Play the clips by so many callers, all of whom talk until the last of them is played.

    Who has played his own goes on, unrecorded: with fewer callers at the end it would not be so
    many sessions that are measured.

    Args:
        target: the server.
        draw: of stimuli.
        works: the clips, dealt out among the callers.
        sessions: how many callers.
        records: of the clips, appended to.

    Returns:
        Seconds of all calls, and why calls failed, recorded or not.
    """
    failures: list[str] = []
    idle: list[asyncio.Task[float]] = []

    async def caller(number: int) -> float:
        seconds = await _caller(target, draw, works[number::sessions], records)
        others = [*works[number:], *works[:number]]
        idle.append(asyncio.create_task(_talk_on(target, draw, others, failures)))
        return seconds

    try:
        recorded = await asyncio.gather(*(caller(number) for number in range(sessions)))
    finally:
        for task in idle:
            task.cancel()
    # One that was cancelled before it began has called nobody.
    more = await asyncio.gather(*idle, return_exceptions=True)
    seconds = sum(recorded) + sum(one for one in more if isinstance(one, float))
    return seconds, [r.failure for r in records if r.failure] + failures


async def _load(
    target: Target,
    draw: Draw,
    processes: Sequence[int],
    sizes: tuple[int, int],
    kept: list[Record],
) -> dict[str, Measure]:
    """The floor's suites by 1, 2, … sessions at a time, so many at most and `n` calls each; the
    curve goes into the result too."""
    most, n = sizes
    points: list[LoadPoint] = []
    measures: dict[str, Measure] = {}
    for sessions in range(1, most + 1):
        works = plan("floor", n, ("synthetic",))
        records: list[Record] = []
        before = _cpu_seconds(processes)
        spoken, failures = await hold(target, draw, works, sessions, records)
        cpu = _cpu_seconds(processes) - before
        kept += [replace(one, target=f"{target.prefix}load_{sessions}.") for one in records]
        judged = judged_of(records, draw.seed)
        points.append(LoadPoint(sessions, judged, cpu, spoken, len(failures)))
        found = measures_of(records, draw.seed)
        found |= {"calls.failed": failed_calls(records, failures, draw.seed)}
        measures |= {f"load_{sessions}.{key}": value for key, value in found.items()}
    return measures | capacity_measures(points, draw.seed)


def failed_calls(records: Sequence[Record], failures: Sequence[str], seed: int) -> Measure:
    """How many calls failed; n is of the recorded ones."""
    reasons = "; ".join(dict.fromkeys(failures))
    return Measure(len(failures), len(records), seed, NO_INTERVAL, reasons)


def judged_of(records: Sequence[Record], seed: int) -> dict[str, Measure]:
    """What is judged of so many sessions.

    A latency is judged where too few turns were answered for it to be published, too: whether they
    are too few is the share's own target, which has an interval.
    """
    logs = [record.log for record in records if record.log is not None]
    return measures_of(records, seed) | turn_measures(logs, seed, least_answered=0.0)
