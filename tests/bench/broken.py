"""Is a server that is broken on purpose found out? Over real calls, with scripted agents.

    python -m tests.bench.broken --n 100 --at-once 8

Two reference agents run side by side: a sound one, and the same with 200 ms added and one sound in
five over its speech ignored, an interruption or a person who goes on after a pause. The bench's
own clips are played to both, and its own metrics must tell them apart. Without echo: a scripted
agent takes its own voice for the person's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from tests.bench.harness import bed
from tests.bench.harness.calibration import reference_command
from tests.bench.harness.caller import CallFailed
from tests.bench.harness.conversation import play
from tests.bench.metrics.activity import ClipLog
from tests.bench.metrics.overlap import stop_measures
from tests.bench.metrics.statistics import Measure, paired_difference
from tests.bench.metrics.turns import answer_delay, asked, turn_measures
from tests.bench.running import Draw, Work
from tests.bench.stimuli.script import Script

__all__ = ["found_out", "measured"]

_PORT: Final = 8490
_SIDES: Final = ("reference", "broken")
_ADDED_SECONDS: Final = 0.2
_KEYS: Final = ("turn.latency_mean_s", "turn.answered", "stop.yielded", "stop.latency_p50_s")


def _clip(number: int, seed: int) -> Script:
    """Up to the answer to the interruption."""
    script = Draw("dev", seed).script(Work("talk", "synthetic", number))
    barge = max(i for i, piece in enumerate(script.pieces)
                if any(mark.kind == "interruption" for mark in piece.marks))  # fmt: skip
    return replace(script, pieces=script.pieces[: barge + 1], room=np.zeros(0, np.float32))


def _delays(logs: Sequence[ClipLog]) -> dict[str, float]:
    return {
        f"{log.clip}#{number}": delay
        for log in logs
        for number, turn in enumerate(log.labelled("turn"))
        if asked(log, turn) and (delay := answer_delay(log, turn)) is not None
    }


def measured(sound: Sequence[ClipLog], broken: Sequence[ClipLog], seed: int) -> dict[str, Measure]:
    """Both sides' figures and the paired difference of latency, broken minus sound."""
    found: dict[str, Measure] = {}
    for name, logs in zip(_SIDES, (sound, broken), strict=True):
        every = turn_measures(logs, seed) | stop_measures(logs, seed)
        found |= {f"{name}.{key}": every[key] for key in _KEYS}
    found["added_s"] = paired_difference(_delays(broken), _delays(sound), seed)
    return found


def found_out(measures: dict[str, Measure]) -> bool:
    """Whether both faults show: what was added lies in the interval, the shares are apart."""
    low, high = measures["added_s"].ci95
    sound, wrong = (measures[f"{name}.stop.yielded"] for name in _SIDES)
    fewer = wrong.ci95[1] < (sound.ci95[0] if sound.n else float("nan"))
    return bool(0.1 < low <= _ADDED_SECONDS <= high and fewer and wrong.ci95[1] < 0.95)


async def _run(n: int, at_once: int, seed: int) -> dict[str, Any]:
    logs: tuple[list[ClipLog], list[ClipLog]] = [], []
    failed: list[str] = []
    waiting = list(range(n))
    async with contextlib.AsyncExitStack() as stack:
        urls = [f"http://{bed.ADDRESS}:{_PORT + i}" for i in range(2)]
        for i, name in enumerate(_SIDES):
            command = reference_command(name, _PORT + i)
            await stack.enter_async_context(bed.running(command, urls[i]))

        async def caller() -> None:
            while waiting:
                number = waiting.pop()
                script = await asyncio.to_thread(_clip, number, seed)
                for side in (0, 1) if number % 2 else (1, 0):
                    try:
                        logs[side].append((await play(urls[side], script)).log)
                    except (CallFailed, TimeoutError) as error:
                        failed.append(f"{_SIDES[side]} {script.clip}: {error}")

        await asyncio.gather(*(caller() for _ in range(at_once)))
    measures = measured(*logs, seed)
    return {"n": n, "failed": failed, "found_out": found_out(measures),
            "measures": {key: one.as_json() for key, one in measures.items()}}  # fmt: skip


def main() -> int:
    """Print the figures as JSON; 0 when the broken one is found out."""
    parser = argparse.ArgumentParser(prog="broken", description=__doc__)
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    bed.prepare()
    found = asyncio.run(_run(options.n, options.at_once, options.seed))
    print(json.dumps(found, indent=1))
    return 0 if found["found_out"] else 1


if __name__ == "__main__":
    if not os.environ.get("BENCH_INSIDE"):
        sys.exit(bed.enter([sys.executable, "-m", "tests.bench.broken", *sys.argv[1:]]))
    sys.exit(main())
