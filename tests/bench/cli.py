"""`counterpoint bench SUITE --n N --seed S --json OUT --url URL|--start`.

Without `--url` the bench starts the server itself, in a network of its own, and ends it. Clips are
kept in a shard file beside the result as they are played: the same command goes on where a killed
one stopped, on the same machine. `counterpoint bench compare A.json B.json` says whether two runs
agree, `counterpoint bench redraw OUT.json` writes the report of a result again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp
from aioice.ice import get_host_addresses

from model.weights.errors import WeightsError
from tests.bench import comparing, redrawing, servers, sittings
from tests.bench.assembling import assembled
from tests.bench.beside import CALLS, Kept, beside, keep_calls
from tests.bench.command import arguments, wrong
from tests.bench.estimating import costs, shown
from tests.bench.files import InUse, alone, replace_text
from tests.bench.harness import bed
from tests.bench.harness.calibration import (
    DELAY_SECONDS,
    TOLERANCE_SECONDS,
    Calibration,
    calibrate,
    reference_command,
)
from tests.bench.harness.caller import CallFailed
from tests.bench.machine import commit, description, measured_commit, uncommitted
from tests.bench.machines import by_machine
from tests.bench.metrics.statistics import Measure
from tests.bench.records import Record, Shard, ShardMismatch
from tests.bench.report import write_report
from tests.bench.results import null_records
from tests.bench.rivals import starting as rivals
from tests.bench.running import (
    CLIP_SUITES,
    Draw,
    SittingEnded,
    Target,
    Work,
    plan,
    run_clips,
)
from tests.bench.stimuli.making import Half
from tests.bench.stimuli.splits import Split, test_seed
from tests.bench.systems import run_system
from tests.bench.visual.stamps import MaterialMissing

__all__ = ["main"]

RUNS: Final = Path(__file__).with_name("runs.jsonl")
REFERENCE_PORT: Final = 8499
RIVAL_SUITES: Final = {*CLIP_SUITES, "transport", "capacity", "load"} - {"nulls"}
_MARK: Final = "BENCH_INSIDE"
_VISUAL_TOLERANCE_SECONDS: Final = 0.1
_CALIBRATIONS: Final = 3  # a moment of load must not end a run of hours


def _address() -> str:
    """Where a reference agent can be called: in a network of our own, else at an address of this
    machine, for nobody is called at the loopback's; empty where it has none."""
    if os.environ.get(_MARK):
        return bed.ADDRESS
    return next(iter(get_host_addresses(use_ipv4=True, use_ipv6=False)), "")


async def _calibration() -> Calibration | None:
    """The harness against a known delay; None where nobody can be called."""
    if not (address := _address()):
        return None
    url = f"http://{address}:{REFERENCE_PORT}"
    command = reference_command("reference", REFERENCE_PORT, DELAY_SECONDS, address)
    try:
        async with bed.running(command, url, ready_seconds=60.0):
            for _ in range(_CALIBRATIONS):
                found = await calibrate(url)
                if found.good:
                    break
    except (RuntimeError, CallFailed, OSError, aiohttp.ClientError) as error:
        if os.environ.get(_MARK):
            raise
        print(f"not calibrated: no reference agent at {url} ({error})", file=sys.stderr)
        return None
    return found


def _tolerance(options: argparse.Namespace) -> float:
    """How far off the harness may be: what is seen is timed in tenths of a second."""
    return _VISUAL_TOLERANCE_SECONDS if options.suite == "visual" else TOLERANCE_SECONDS


def _head(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """What must be equal for a shard to be gone on with."""
    return {
        "commit": measured_commit(), "uncommitted": uncommitted(),
        "checkpoint": sittings.checkpoint(options.checkpoint), "suite": options.suite,
        "split": options.split, "seed": seed, "url": options.url or "",
        "policy": options.policy or "", "engine": options.engine, "baseline": options.baseline,
        "variant": options.variant, "target": options.target, "rival": options.rival,
    }  # fmt: skip


def _draw(options: argparse.Namespace) -> Draw:
    split: Split = options.split
    return Draw(split, test_seed(options.checkpoint) if split == "test" else options.seed)


def _works(options: argparse.Namespace) -> list[Work]:
    every: tuple[Half, ...] = ("synthetic", "human")
    return plan(options.suite, options.n, [h for h in every if options.half in (h, "both")])


def _shard(options: argparse.Namespace, head: dict[str, Any]) -> Shard | None:
    """Where the clips of a suite that has some are kept."""
    if options.suite not in CLIP_SUITES or options.suite == "nulls":
        return None
    path = options.json.with_suffix(".shard.jsonl")
    if options.fresh:
        path.unlink(missing_ok=True)
        options.json.with_suffix(".beside.json").unlink(missing_ok=True)
    return Shard(path, head)


async def _run(options: argparse.Namespace) -> int:
    draw = _draw(options)
    started = time.time()
    head = _head(options, draw.seed)
    machine = description() | {"checkout": commit()}
    shard = _shard(options, head)
    before = shard.sittings if shard is not None else []
    if not options.other_machine:
        sittings.same_machine(before, machine)
    calibration = await _calibration() if options.suite != "nulls" else None
    if calibration is not None and abs(calibration.error_seconds) > _tolerance(options):
        off = f"the reference agent was off by {calibration.error_seconds * 1000:.1f} ms"
        print(f"{off}: this machine is too busy to measure anything; try again", file=sys.stderr)
        return 3
    sitting: dict[str, Any] = {
        "started": round(started), "machine": machine,
        "calibration": calibration.as_json() if calibration is not None else None,
    }  # fmt: skip
    async with contextlib.AsyncExitStack() as stack:
        others = await _rivals(options, sitting, shard, stack)
        begin = partial(_begin, options, head, shard, sitting)
        sizes = {"n": options.n, "sessions": options.sessions, "minutes": options.minutes}
        kept = Kept(options.json.with_suffix(".beside.json"), head | sizes)
        found: dict[str, Measure] = {}
        records: list[Record] = []
        if options.suite in CLIP_SUITES:
            records, found = await _clips(options, draw, (shard, kept, begin), stack, others)
        else:
            found = await _system(options, draw, begin, stack, others, records)
    every = shard.sittings if shard is not None else [sitting]
    result = {
        "run": head | sizes
        | {"half": options.half, "started": round(started),
           "seconds": round(time.time() - started)},
        "machine": machine,
        "calibration": sitting["calibration"],
        **assembled(records, found, draw.seed, servers.variants(options)),
        "sittings": every,
        "machines": by_machine(shard, records, draw.seed) if shard is not None else [],
        "rivals": sittings.versions_of(every),
        "not_measured": kept.failed
        + [f"{name}: not measured: {why}" for name, why in sittings.left_out(every).items()],
    }  # fmt: skip
    _write(options, result, records)
    return 0


def _begin(
    options: argparse.Namespace,
    head: dict[str, Any],
    shard: Shard | None,
    sitting: dict[str, Any],
) -> None:
    """All servers are up: the sitting, and a run of the test split, are written down."""
    if options.split == "test":
        sittings.log_begun(RUNS, head, sitting["machine"], shard, fresh=options.fresh)
    if shard is not None:
        shard.sit(sitting)


async def _rivals(
    options: argparse.Namespace,
    sitting: dict[str, Any],
    shard: Shard | None,
    stack: contextlib.AsyncExitStack,
) -> list[rivals.Started]:
    """Those that are measured, started; the sitting is told of them, and of those that are not."""
    asked = rivals.wanted(options.rival) if options.suite in RIVAL_SUITES else []
    gone = sittings.left_out(shard.sittings) if shard is not None else {}
    asked = [one for one in asked if f"rival.{one.name}" not in gone]
    echo = options.suite == "transport"
    others, absent = await rivals.start(asked, stack, options.engine, echo=echo)
    allowed = options.without_rival or shard is None
    sitting["without"] = sittings.without(absent, allowed=allowed)
    sitting["rivals"] = {one.target.prefix.rstrip("."): one.health for one in others}
    return others


async def _system(
    options: argparse.Namespace,
    draw: Draw,
    begin: Callable[[], None],
    stack: contextlib.AsyncExitStack,
    others: Sequence[rivals.Started],
    failed: list[Record],
) -> dict[str, Measure]:
    targets, processes = await servers.targets(options, stack)
    begin()
    given = vars(options)
    kept: list[Record] = []
    found = await run_system(options.suite, targets[0], draw, processes, given, kept)
    for one in others:
        theirs = await run_system(options.suite, one.target, draw, [one.process], given, kept)
        found |= {f"{one.target.prefix}{key}": value for key, value in theirs.items()}
    if options.suite == "load":
        keep_calls(options.json.with_suffix(CALLS), kept)
    else:
        failed += kept
    return found


async def _clips(
    options: argparse.Namespace,
    draw: Draw,
    kept: tuple[Shard | None, Kept, Callable[[], None]],
    stack: contextlib.AsyncExitStack,
    others: Sequence[rivals.Started],
) -> tuple[list[Record], dict[str, Measure]]:
    """The records of a suite of clips, and what `all` measures beside them."""
    works = _works(options)
    shard, parts, begin = kept
    if shard is None:
        begin()
        return null_records(draw.script(work) for work in works), {}
    targets, processes = await servers.targets(options, stack)
    every: list[Target] = [*targets, *(one.target for one in others)]
    words = options.words or options.suite in ("voice", "heard", "all")
    begin()
    await run_clips(shard, works, every, draw, words=words, at_once=options.at_once)
    nulls = null_records(draw.script(work) for work in works if work.suite != "voice")
    wanted = {work.clip for work in works}
    # Of a rival that was left out later there are some, which say nothing.
    prefixes = {target.prefix for target in every}
    records = [r for r in shard.records if r.clip in wanted and r.target in prefixes] + nulls
    if options.suite != "all" or options.url or options.policy:
        return records, {}
    return records, await beside(parts, options, draw, (targets[0], processes[:1]), others)


def _write(options: argparse.Namespace, result: dict[str, Any], records: list[Record]) -> None:
    replace_text(options.json, json.dumps(result, indent=1) + "\n")
    page = options.json.with_suffix(".html")
    write_report(page, options.json.with_suffix(".md"), result, records)
    if options.split == "test":
        sittings.log_measured(RUNS, result)
    for key, measure in result["measures"].items():
        if not key.startswith("null."):
            print(f"{key:44} {measure['value']!s:>10}  n={measure['n']}  {measure['ci95']}")
    print(f"{options.json}\n{page}")


def main(words: Sequence[str] | None = None) -> int:
    """Run one suite; 0 when it was measured, 2 for a bad command, 3 for a machine too busy, 4 when
    something that is measured is not there (any more)."""
    words = list(sys.argv[1:] if words is None else words)
    if words[:1] == ["compare"]:
        return comparing.main(words[1:])
    if words[:1] == ["redraw"]:
        return redrawing.main(words[1:])
    options = arguments(words, __doc__)
    if why := wrong(options):
        print(f"counterpoint bench: {why}", file=sys.stderr)
        return 2
    if options.plan:
        print(shown(costs(_works(options), servers.prefixes(options), _draw(options))))
        return 0
    if options.split == "test" and uncommitted():
        print("counterpoint bench: what is measured, or measures, differs from HEAD; a run on the "
              "test split is of a commit", file=sys.stderr)  # fmt: skip
        return 2
    if options.suite != "nulls" and not options.url and not os.environ.get(_MARK):
        rivals.prepare(rivals.wanted(options.rival))
        # Into a network of our own; --url stays in the one we were started in.
        return bed.enter([sys.executable, "-m", "tests.bench", *words])
    if os.environ.get(_MARK):
        bed.prepare()
    try:
        with alone(options.json):
            return asyncio.run(_run(options))
    except (InUse, ShardMismatch, MaterialMissing, WeightsError) as error:
        print(f"counterpoint bench: {error}", file=sys.stderr)
        return 2
    except SittingEnded as error:
        print(f"counterpoint bench: {error}", file=sys.stderr)
        return 4


if __name__ == "__main__":
    sys.exit(main())
