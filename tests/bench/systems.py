"""Suites that measure no floor: tick, transport, capacity, load, identity, and visual."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import aiohttp
import psutil

from tests.bench import identity
from tests.bench.evidence import record_of
from tests.bench.harness import bed
from tests.bench.harness.calibration import probe, reference_command, round_trips
from tests.bench.harness.caller import CallFailed
from tests.bench.harness.conversation import play
from tests.bench.metrics.machine import (
    LoadPoint,
    VitalsSample,
    capacity_measures,
    tick_measures,
    transport_measures,
)  # fmt: skip
from tests.bench.metrics.statistics import Measure
from tests.bench.records import Record
from tests.bench.results import measures_of
from tests.bench.running import Draw, Target, Work, plan
from tests.bench.visual.running import run_visual

__all__ = ["SYSTEM_SUITES", "run_system"]

SYSTEM_SUITES: Final = ("tick", "identity", "transport", "capacity", "load", "visual")
_STOCK_PORT: Final = 8498


async def run_system(
    suite: str,
    target: Target,
    draw: Draw,
    processes: Sequence[int],
    options: Mapping[str, Any],
) -> dict[str, Measure]:
    """Measure one of `SYSTEM_SUITES`.

    Args:
        suite: its name.
        target: the server; for `transport` one whose model is the echo.
        draw: of stimuli.
        processes: ids of the server's processes when the bench started them.
        options: of the command line.
    """
    seed = draw.seed
    if suite == "transport":
        return await _transport(target, int(options["n"]), seed)
    if suite == "tick":
        return await _tick(target, draw, processes, float(options["minutes"]) * 60.0)
    if suite == "visual":
        return await run_visual(target, draw, options)
    if suite == "identity":
        # Seen from the client nothing tells one bit from another: the journals and a replay do.
        works = plan("floor", int(options["n"]), ("synthetic",))
        ours = bool(processes) and not options["policy"]
        async with identity.journalling(target, options["engine"], ours) as (server, folder):
            talk = partial(_talk_together, server, draw, works, int(options["sessions"]))
            return await identity.measured(folder, talk, seed)
    return await _load(target, draw, processes, int(options["sessions"]), int(options["n"]))


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


async def _vitals(url: str, at: float, processes: Sequence[int]) -> VitalsSample | None:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as response:
        text = await response.text()
    values = {
        name: float(value)
        for name, value in re.findall(r"^counterpoint_engine_(\w+) ([0-9.e+-]+)$", text, re.M)
    }
    if "ticks" not in values:
        return None
    return VitalsSample(
        at, int(values["ticks"]), int(values.get("missed", 0)),
        values.get("tick_p99_seconds", float("nan")), _resident(processes),
    )  # fmt: skip


async def _talk(target: Target, draw: Draw, until: float) -> None:
    """Monologues and turns until the time is up."""
    index = 0
    while time.monotonic() < until:
        work = Work("backchannel" if index % 3 == 0 else "turn", "synthetic", index)
        script = await asyncio.to_thread(draw.script, work)
        with contextlib.suppress(CallFailed, TimeoutError):
            await play(target.url, script, target.settings, target.dialect)
        index += 1


async def _tick(
    target: Target, draw: Draw, processes: Sequence[int], length_seconds: float
) -> dict[str, Measure]:
    """Read `/metrics` every two seconds while somebody talks."""
    begun = time.monotonic()
    talking = asyncio.create_task(_talk(target, draw, begun + length_seconds))
    samples: list[VitalsSample] = []
    while not talking.done():
        sample = await _vitals(target.url, time.monotonic() - begun, processes)
        if sample is not None:
            samples.append(sample)
        await asyncio.sleep(2.0)
    await talking
    return tick_measures(samples, draw.seed)


async def _caller(
    target: Target, draw: Draw, works: Sequence[Work], records: list[Record]
) -> float:
    """Play these clips one after another; seconds of call."""
    seconds = 0.0
    for work in works:
        script = await asyncio.to_thread(draw.script, work)
        try:
            played = await play(target.url, script, target.settings, target.dialect)
        except (CallFailed, TimeoutError) as error:
            records.append(Record("", script.suite, script.clip, failure=str(error)))
            continue
        seconds += played.log.length
        records.append(record_of("", script, played, words=False))
    return seconds


async def _talk_together(target: Target, draw: Draw, works: Sequence[Work], callers: int) -> None:
    """Calls of one clip each, so many at a time: neighbours come and go."""
    records: list[Record] = []
    async with asyncio.TaskGroup() as group:
        for first in range(callers):
            group.create_task(_caller(target, draw, works[first::callers], records))


async def _load(
    target: Target, draw: Draw, processes: Sequence[int], most: int, n: int
) -> dict[str, Measure]:
    """The floor's suites by 1, 2, … sessions at a time; the curve goes into the result too."""
    points: list[LoadPoint] = []
    measures: dict[str, Measure] = {}
    for sessions in range(1, most + 1):
        works = plan("floor", n, ("synthetic",))
        records: list[Record] = []
        before = _cpu_seconds(processes)
        spoken = await asyncio.gather(
            *(_caller(target, draw, works[i::sessions], records) for i in range(sessions))
        )
        found = measures_of(records, draw.seed)
        points.append(LoadPoint(sessions, found, _cpu_seconds(processes) - before, sum(spoken)))
        measures |= {f"load_{sessions}.{key}": value for key, value in found.items()}
    return measures | capacity_measures(points, draw.seed)
