"""`counterpoint bench SUITE --n N --seed S --json OUT --url URL|--start`.

Without `--url` the bench starts the server itself, in a network of its own, and ends it. Clips are
kept in a shard file beside the result as they are played: the same command goes on where a killed
one stopped.
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

from tests.bench.harness import bed
from tests.bench.harness.calibration import DELAY_SECONDS, Calibration, calibrate, reference_command
from tests.bench.machine import commit, description
from tests.bench.records import Record, Shard, ShardMismatch
from tests.bench.report import write_report
from tests.bench.results import compared, measures_of, null_records, unreached
from tests.bench.rivals import starting as rivals
from tests.bench.running import CLIP_SUITES, Draw, Target, plan, run_clips
from tests.bench.stimuli.making import Half
from tests.bench.stimuli.splits import Split, test_seed
from tests.bench.systems import SYSTEM_SUITES, run_system

__all__ = ["main"]

ROOT: Final = Path(__file__).parents[2]
RUNS: Final = Path(__file__).with_name("runs.jsonl")
SERVER_PORT: Final = 8400
REFERENCE_PORT: Final = 8499
RIVAL_SUITES: Final = {*CLIP_SUITES, "transport", "capacity", "load"} - {"nulls"}
_MARK: Final = "BENCH_INSIDE"


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
    parser.add_argument(
        "--target", action="append", default=[], metavar="PREFIX=URL",
        help="measure another server in the same run, as baseline.NAME or rival.NAME",
    )  # fmt: skip
    parser.add_argument(
        "--baseline", action="append", default=[], metavar="NAME=JSON",
        help="also start our server with these settings of the floor",
    )  # fmt: skip
    parser.add_argument(
        "--rival", action="append", default=[], metavar="NAME[=JSON]",
        help="also start this rival: pipecat, or pipecat_1s={\"turn_stop_seconds\": 1}",
    )  # fmt: skip
    parser.add_argument("--engine", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--sessions", type=int, default=2, help="most sessions of load")
    parser.add_argument("--minutes", type=float, default=2.0, help="of tick")
    parser.add_argument("--fresh", action="store_true", help="drop the clips played before")
    parser.add_argument("--words", action="store_true", help="transcribe in every suite")
    return parser.parse_args(words)


def _serve_command(port: int, engine: Sequence[str]) -> list[str]:
    command = [str(Path(sys.executable).with_name("counterpoint")), "serve", "--host", bed.ADDRESS]
    command += ["--port", str(port), "--offers-per-window", "1000"]
    command += ["--max-sessions-per-address", "64"]
    for setting in engine:
        command += ["--engine", setting]
    return command


async def _targets(
    options: argparse.Namespace, stack: contextlib.AsyncExitStack
) -> tuple[list[Target], list[int]]:
    """Every server of the run, started where asked, and the ids of ours."""
    targets: list[Target] = []
    processes: list[int] = []

    async def start(prefix: str, port: int, command: list[str], ready: str = "/healthz") -> None:
        url = f"http://{bed.ADDRESS}:{port}"
        server = bed.running(command, url, ready_seconds=300.0, ready_path=ready)
        process = await stack.enter_async_context(server)
        targets.append(Target(prefix, url))
        processes.append(process.pid)

    if options.url:
        targets.append(Target("", options.url))
    elif options.policy:
        await start("", SERVER_PORT, reference_command(options.policy, SERVER_PORT))
    elif options.suite == "transport":
        # Our Peer with nothing behind it: the model, and its micro-turns, are excluded.
        echo = [sys.executable, "-m", "tests.network.echo_server", "--host", bed.ADDRESS]
        await start("", SERVER_PORT, [*echo, "--port", str(SERVER_PORT)], "/peers")
    else:
        await start("", SERVER_PORT, _serve_command(SERVER_PORT, options.engine))
    for i, named in enumerate(options.baseline):
        name, floor = named.split("=", 1)
        port = SERVER_PORT + 1 + i
        command = _serve_command(port, [*options.engine, f"floor={floor}"])
        await start(f"baseline.{name}.", port, command)
    for named in options.target:
        prefix, url = named.split("=", 1)
        targets.append(Target(f"{prefix}.", url))
    return targets, processes


async def _calibration() -> Calibration | None:
    """The harness against a known delay; None outside a network of our own."""
    if not os.environ.get(_MARK):
        return None
    url = f"http://{bed.ADDRESS}:{REFERENCE_PORT}"
    command = reference_command("reference", REFERENCE_PORT, DELAY_SECONDS)
    async with bed.running(command, url):
        return await calibrate(url)


def _head(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """What must be equal for a shard to be gone on with."""
    return {
        "commit": commit().rstrip("+"), "suite": options.suite, "split": options.split,
        "seed": seed, "url": options.url or "", "policy": options.policy or "",
        "engine": options.engine, "baseline": options.baseline, "target": options.target,
        "rival": options.rival,
    }  # fmt: skip


async def _run(options: argparse.Namespace) -> int:
    split: Split = options.split
    seed = test_seed(options.checkpoint) if split == "test" else options.seed
    started = time.time()
    head = _head(options, seed)
    shard: Shard | None = None
    if options.suite in CLIP_SUITES and options.suite != "nulls":
        path = options.json.with_suffix(".shard.jsonl")
        if options.fresh:
            path.unlink(missing_ok=True)
        shard = Shard(path, head)
    calibration = await _calibration()
    if calibration is not None and not calibration.good:
        off = f"the reference agent was off by {calibration.error_seconds * 1000:.1f} ms"
        print(f"{off}: this machine is too busy to measure anything; try again", file=sys.stderr)
        return 3
    async with contextlib.AsyncExitStack() as stack:
        records: list[Record] = []
        asked = rivals.wanted(options.rival) if options.suite in RIVAL_SUITES else []
        echo = options.suite == "transport"
        others, absent = await rivals.start(asked, stack, options.engine, echo=echo)
        draw = Draw(split, seed)
        if options.suite in CLIP_SUITES:
            records = await _clips(options, draw, shard, stack, [one.target for one in others])
            measures = measures_of(records, seed)
        else:
            targets, processes = await _targets(options, stack)
            given = vars(options)
            measures = await run_system(options.suite, targets[0], draw, processes, given)
            for one in others:
                found = await run_system(options.suite, one.target, draw, [one.process], given)
                measures |= {f"{one.target.prefix}{key}": value for key, value in found.items()}
    result = {
        "run": head | {"started": round(started), "seconds": round(time.time() - started)},
        "machine": description(),
        "calibration": calibration.as_json() if calibration is not None else None,
        "measures": {key: measure.as_json() for key, measure in sorted(measures.items())},
        "paired": {
            target: {key: measure.as_json() for key, measure in pairs.items()}
            for target, pairs in compared(records, seed).items()
        },
        "unreached": unreached(records),
        "rivals": {one.target.prefix.rstrip("."): one.health for one in others},
        "failed": [f"{name}: not measured: {why}" for name, why in absent.items()]
        + [f"{r.target}{r.clip}: {r.failure}" for r in records if r.failure],
    }
    _write(options, result, records)
    return 0


async def _clips(
    options: argparse.Namespace,
    draw: Draw,
    shard: Shard | None,
    stack: contextlib.AsyncExitStack,
    others: Sequence[Target],
) -> list[Record]:
    every: tuple[Half, ...] = ("synthetic", "human")
    halves = [half for half in every if options.half in (half, "both")]
    works = plan(options.suite, options.n, halves)
    if shard is None:
        return null_records(draw.script(work) for work in works)
    targets, _ = await _targets(options, stack)
    targets += others
    words = options.words or options.suite in ("voice", "heard", "all")
    await run_clips(shard, works, targets, draw, words=words)
    floor = [work for work in works if work.suite in CLIP_SUITES["floor"]]
    nulls = null_records(draw.script(work) for work in floor)
    wanted = {work.clip for work in works}
    return [r for r in shard.records if r.clip in wanted] + nulls


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
    options = _arguments(words)
    try:
        asked = rivals.wanted(options.rival)
    except ValueError as error:
        print(f"counterpoint bench: {error}", file=sys.stderr)
        return 2
    if options.suite != "nulls" and not options.url and not os.environ.get(_MARK):
        rivals.prepare(asked)
        # Into a network of our own; --url stays in the one we were started in.
        environment = os.environ | {_MARK: "1"}
        command = bed.within([sys.executable, "-m", "tests.bench", *words])
        os.execvpe(command[0], command, environment)
    if os.environ.get(_MARK):
        bed.prepare()
    try:
        return asyncio.run(_run(options))
    except ShardMismatch as error:
        print(f"counterpoint bench: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
