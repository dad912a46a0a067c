"""`counterpoint bench SUITE --n N --seed S --json OUT --url URL|--start`.

Without `--url` the bench starts the server itself, in a network of its own, and ends it. Clips are
kept in a shard file beside the result as they are played: the same command goes on where a killed
one stopped. `counterpoint bench compare A.json B.json` says whether two runs agree.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from model.weights.errors import WeightsError
from tests.bench import comparing, servers
from tests.bench.beside import Kept, beside
from tests.bench.estimating import costs, shown
from tests.bench.harness import bed
from tests.bench.harness.calibration import (
    DELAY_SECONDS,
    TOLERANCE_SECONDS,
    Calibration,
    calibrate,
    reference_command,
)
from tests.bench.machine import commit, description, measured_commit
from tests.bench.matched import matched
from tests.bench.metrics.statistics import Measure
from tests.bench.records import Record, Shard, ShardMismatch
from tests.bench.report import write_report
from tests.bench.results import compared, measures_of, null_records, unreached
from tests.bench.rivals import starting as rivals
from tests.bench.running import CLIP_SUITES, Draw, Target, Work, plan, run_clips
from tests.bench.stimuli.making import Half
from tests.bench.stimuli.splits import Split, test_seed
from tests.bench.systems import SYSTEM_SUITES, run_system
from tests.bench.visual.stamps import MaterialMissing

__all__ = ["main"]

ROOT: Final = Path(__file__).parents[2]
RUNS: Final = Path(__file__).with_name("runs.jsonl")
REFERENCE_PORT: Final = 8499
RIVAL_SUITES: Final = {*CLIP_SUITES, "transport", "capacity", "load"} - {"nulls"}
_MARK: Final = "BENCH_INSIDE"
_VISUAL_TOLERANCE_SECONDS: Final = 0.1
_CALIBRATIONS: Final = 3  # a moment of load must not end a run of hours


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="counterpoint bench", description=__doc__)
    parser.add_argument("suite", choices=[*CLIP_SUITES, *SYSTEM_SUITES])
    parser.add_argument("--n", type=int, default=20, help="clips of each kind")
    parser.add_argument("--seed", type=int, default=1, help="of dev; test has its checkpoint's")
    parser.add_argument("--split", choices=["dev", "test"], default="dev")
    parser.add_argument("--checkpoint", type=Path, help="whose hash seeds the test split")
    parser.add_argument("--half", choices=["synthetic", "human", "both"], default="both")
    parser.add_argument("--json", type=Path, default=ROOT / "out/bench/result.json", metavar="OUT")
    parser.add_argument("--url", help="of a running server, reachable over UDP from here")
    parser.add_argument("--start", action="store_true", help="start it (the default without --url)")
    parser.add_argument("--policy", help="measure a scripted agent instead, by name")
    parser.add_argument("--plan", action="store_true", help="only say how long it would take")
    parser.add_argument(
        "--at-once", type=int, default=1, help="clips side by side; for scripted agents only"
    )
    parser.add_argument(
        "--target", action="append", default=[], metavar="PREFIX=URL",
        help="measure another server in the same run, as baseline.NAME or rival.NAME",
    )  # fmt: skip
    parser.add_argument(
        "--baseline", action="append", default=[], metavar="NAME=JSON",
        help="also start our server with these settings of the floor; NAME_NUMBER makes a curve",
    )  # fmt: skip
    parser.add_argument(
        "--rival", action="append", default=[], metavar="NAME[=JSON]",
        help="also start this rival: pipecat, or pipecat_1000={\"turn_stop_seconds\": 1}",
    )  # fmt: skip
    parser.add_argument("--engine", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--sessions", type=int, default=2, help="most sessions of load")
    parser.add_argument("--minutes", type=float, default=2.0, help="of tick")
    parser.add_argument("--browser", type=int, default=6, help="clips through Chromium, of all")
    parser.add_argument("--fresh", action="store_true", help="drop the clips played before")
    parser.add_argument("--words", action="store_true", help="transcribe in every suite")
    return parser.parse_args(words)


def _wrong(options: argparse.Namespace) -> str:
    """What is wrong with the command; empty when nothing is."""
    try:
        rivals.wanted(options.rival)
    except ValueError as error:
        return str(error)
    for prefix in servers.prefixes(options)[1:]:
        parts = prefix.split(".")
        if len(parts) != 3 or parts[0] not in ("baseline", "rival") or not parts[1]:
            return f"{prefix.rstrip('.')}: a name has no dot and no '='; use baseline.NAME"
    if options.at_once > 1 and not options.policy:
        return "--at-once measures scripted agents only; how many sessions ours carries is `load`"
    if options.plan and options.suite in (*SYSTEM_SUITES, "nulls"):
        return f"--plan: {options.suite} plays no fixed clips"
    return ""


async def _calibration() -> Calibration | None:
    """The harness against a known delay; None outside a network of our own."""
    if not os.environ.get(_MARK):
        return None
    url = f"http://{bed.ADDRESS}:{REFERENCE_PORT}"
    command = reference_command("reference", REFERENCE_PORT, DELAY_SECONDS)
    async with bed.running(command, url, ready_seconds=60.0):
        for _ in range(_CALIBRATIONS):
            found = await calibrate(url)
            if found.good:
                break
    return found


def _tolerance(options: argparse.Namespace) -> float:
    """How far off the harness may be: what is seen is timed in tenths of a second."""
    return _VISUAL_TOLERANCE_SECONDS if options.suite == "visual" else TOLERANCE_SECONDS


def _head(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """What must be equal for a shard to be gone on with."""
    return {
        "commit": measured_commit(), "suite": options.suite, "split": options.split,
        "seed": seed, "url": options.url or "", "policy": options.policy or "",
        "engine": options.engine, "baseline": options.baseline, "target": options.target,
        "rival": options.rival,
    }  # fmt: skip


def _draw(options: argparse.Namespace) -> Draw:
    split: Split = options.split
    return Draw(split, test_seed(options.checkpoint) if split == "test" else options.seed)


def _works(options: argparse.Namespace) -> list[Work]:
    every: tuple[Half, ...] = ("synthetic", "human")
    return plan(options.suite, options.n, [h for h in every if options.half in (h, "both")])


async def _run(options: argparse.Namespace) -> int:
    draw = _draw(options)
    started = time.time()
    head = _head(options, draw.seed)
    shard: Shard | None = None
    if options.suite in CLIP_SUITES and options.suite != "nulls":
        path = options.json.with_suffix(".shard.jsonl")
        if options.fresh:
            path.unlink(missing_ok=True)
            options.json.with_suffix(".beside.json").unlink(missing_ok=True)
        shard = Shard(path, head)
    calibration = await _calibration()
    if calibration is not None and abs(calibration.error_seconds) > _tolerance(options):
        off = f"the reference agent was off by {calibration.error_seconds * 1000:.1f} ms"
        print(f"{off}: this machine is too busy to measure anything; try again", file=sys.stderr)
        return 3
    async with contextlib.AsyncExitStack() as stack:
        asked = rivals.wanted(options.rival) if options.suite in RIVAL_SUITES else []
        echo = options.suite == "transport"
        others, absent = await rivals.start(asked, stack, options.engine, echo=echo)
        failed = [f"{name}: not measured: {why}" for name, why in absent.items()]
        found: dict[str, Measure] = {}
        records: list[Record] = []
        if options.suite in CLIP_SUITES:
            records, found = await _clips(options, draw, shard, stack, others, failed)
        else:
            found = await _system(options, draw, stack, others)
    result = {
        "run": head | {"started": round(started), "seconds": round(time.time() - started)},
        "machine": description() | {"checkout": commit()},
        "calibration": calibration.as_json() if calibration is not None else None,
        **_measured(records, found, draw.seed),
        "rivals": {one.target.prefix.rstrip("."): one.health for one in others},
        "failed": failed + [f"{r.target}{r.clip}: {r.failure}" for r in records if r.failure],
    }
    _write(options, result, records)
    return 0


def _measured(records: list[Record], found: dict[str, Measure], seed: int) -> dict[str, Any]:
    """Measures by key; those of `load` at some number of sessions apart."""
    every = measures_of(records, seed) | found
    return {
        "measures": {key: m.as_json() for key, m in sorted(every.items()) if "load_" not in key},
        "load": {key: m.as_json() for key, m in sorted(every.items()) if "load_" in key},
        "paired": {
            target: {key: measure.as_json() for key, measure in pairs.items()}
            for target, pairs in compared(records, seed).items()
        },
        "matched": matched(records, seed),
        "unreached": unreached(records),
    }


async def _system(
    options: argparse.Namespace,
    draw: Draw,
    stack: contextlib.AsyncExitStack,
    others: Sequence[rivals.Started],
) -> dict[str, Measure]:
    targets, processes = await servers.targets(options, stack)
    given = vars(options)
    found = await run_system(options.suite, targets[0], draw, processes, given)
    for one in others:
        theirs = await run_system(options.suite, one.target, draw, [one.process], given)
        found |= {f"{one.target.prefix}{key}": value for key, value in theirs.items()}
    return found


async def _clips(
    options: argparse.Namespace,
    draw: Draw,
    shard: Shard | None,
    stack: contextlib.AsyncExitStack,
    others: Sequence[rivals.Started],
    failed: list[str],
) -> tuple[list[Record], dict[str, Measure]]:
    """The records of a suite of clips, and what `all` measures beside them."""
    works = _works(options)
    if shard is None:
        return null_records(draw.script(work) for work in works), {}
    targets, processes = await servers.targets(options, stack)
    every: list[Target] = [*targets, *(one.target for one in others)]
    words = options.words or options.suite in ("voice", "heard", "all")
    await run_clips(shard, works, every, draw, words=words, at_once=options.at_once)
    nulls = null_records(draw.script(work) for work in works if work.suite != "voice")
    wanted = {work.clip for work in works}
    records = [r for r in shard.records if r.clip in wanted] + nulls
    if options.suite != "all" or options.url or options.policy:
        return records, {}
    kept = Kept(options.json.with_suffix(".beside.json"), _head(options, draw.seed))
    ours = targets[0], processes[:1]
    found, missing = await beside(kept, options, draw, ours, others)
    failed.extend(missing)
    return records, found


def _write(options: argparse.Namespace, result: dict[str, Any], records: list[Record]) -> None:
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n")
    page = options.json.with_suffix(".html")
    write_report(page, options.json.with_suffix(".md"), result, records)
    if options.split == "test":
        line = {"run": result["run"], "machine": result["machine"],
                "measures": result["measures"]}  # fmt: skip
        with RUNS.open("a") as file:
            file.write(json.dumps(line) + "\n")
    for key, measure in result["measures"].items():
        if not key.startswith("null."):
            print(f"{key:44} {measure['value']!s:>10}  n={measure['n']}  {measure['ci95']}")
    print(f"{options.json}\n{page}")


def main(words: Sequence[str] | None = None) -> int:
    """Run one suite; 0 when it was measured, 2 for a bad command, 3 for a machine too busy."""
    words = list(sys.argv[1:] if words is None else words)
    if words[:1] == ["compare"]:
        return comparing.main(words[1:])
    options = _arguments(words)
    if wrong := _wrong(options):
        print(f"counterpoint bench: {wrong}", file=sys.stderr)
        return 2
    if options.plan:
        print(shown(costs(_works(options), servers.prefixes(options), _draw(options))))
        return 0
    if options.suite != "nulls" and not options.url and not os.environ.get(_MARK):
        rivals.prepare(rivals.wanted(options.rival))
        # Into a network of our own; --url stays in the one we were started in.
        return bed.enter([sys.executable, "-m", "tests.bench", *words])
    if os.environ.get(_MARK):
        bed.prepare()
    try:
        return asyncio.run(_run(options))
    except (ShardMismatch, MaterialMissing, WeightsError) as error:
        print(f"counterpoint bench: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
