"""Suite `visual`: clips one after another, kept as they are played, and their measures."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tests.bench.files import as_lines, replace_text, whole_lines
from tests.bench.harness.caller import CallFailed
from tests.bench.machine import commit
from tests.bench.metrics.statistics import Measure
from tests.bench.metrics.visual import Announcement, VisualLog, visual_measures
from tests.bench.running import Draw, Target
from tests.bench.visual.calling import LOSS, Viewed, view
from tests.bench.visual.drawn import Split
from tests.bench.visual.policies import NULLS, performed
from tests.bench.visual.real import real_scripts
from tests.bench.visual.script import VisualScript, make_script

__all__ = ["Reel", "measures_of", "run_visual"]

_TRIES: Final = 2


def _as_json(viewed: Viewed) -> dict[str, Any]:
    return asdict(viewed)


def _log_of(fields: Mapping[str, Any]) -> VisualLog:
    plain = dict(fields)
    for name in ("spoken", "told"):
        plain[name] = tuple(Announcement(**one) for one in fields[name])
    return VisualLog(**plain | {"moments": tuple(fields["moments"])})


class Reel:
    """Logs of clips, line by line in a file; a run that was killed goes on with it.

    Args:
        path: of the file.
        head: commit, split and seed: a file of another run is begun anew.
        fresh: begin anew in any case.
    """

    def __init__(self, path: Path, head: Mapping[str, Any], *, fresh: bool) -> None:
        self.logs: dict[str, VisualLog] = {}
        self._path = path
        ours = json.loads(json.dumps(dict(head)))
        lines = [] if fresh else whole_lines(path)
        kept = lines[1:] if lines and lines[0] == ours else []
        for line in kept:
            self._take(line)
        replace_text(path, as_lines([ours, *kept]))

    def _take(self, fields: Mapping[str, Any]) -> None:
        log = _log_of(fields["log"])
        self.logs[log.clip] = log

    def add(self, viewed: Viewed) -> None:
        """Keep a clip."""
        fields = json.loads(json.dumps(_as_json(viewed)))
        self._take(fields)
        with self._path.open("a") as file:
            file.write(json.dumps(fields | {"load": round(os.getloadavg()[0], 1)}) + "\n")


def _of_null(key: str) -> bool:
    """Whether a null can be said to have it: it tells what it says, and nobody asks it."""
    return "told" not in key and not key.endswith("asked")


def measures_of(logs: Sequence[VisualLog], seed: int) -> dict[str, Measure]:
    """Of the server, and of the null policies on the same clips."""
    if not logs:
        return {}
    found = visual_measures(logs, seed)
    for name, policy in NULLS.items():
        nulls = visual_measures([performed(log, policy) for log in logs], seed)
        found |= {f"null.{name}.{key}": one for key, one in nulls.items() if _of_null(key)}
    return found


async def _played(
    target: Target, scripts: Iterable[VisualScript], reel: Reel, seed: int
) -> list[VisualLog]:
    for number, script in enumerate(scripts):
        for attempt in range(_TRIES):
            if script.clip in reel.logs:
                break
            try:
                viewed = await view(target.url, script, seed + number)
            except (CallFailed, TimeoutError) as error:
                print(f"{script.clip}: {error or 'time out'}", file=sys.stderr, flush=True)
                await asyncio.sleep(1.0 + attempt)
                continue
            reel.add(viewed)
            numbers = len(viewed.log.moments), len(viewed.log.spoken), len(viewed.log.told)
            print(f"{script.clip}: {numbers} {viewed.promise!r}", file=sys.stderr, flush=True)
    return []


async def run_visual(target: Target, draw: Draw, options: Mapping[str, Any]) -> dict[str, Measure]:
    """All clips, rendered and real; options are the command line's.

    Raises:
        MaterialMissing, WeightsError: photographs or films are not there.
    """
    split: Split = "test" if draw.split == "test" else "dev"
    head = {"commit": commit().rstrip("+"), "split": split, "seed": draw.seed,
            "engine": options["engine"], "loss": LOSS, "url": options["url"] or ""}  # fmt: skip
    path = Path(options["json"]).with_suffix(".visual.jsonl")
    reel = Reel(path, head, fresh=bool(options["fresh"]))
    found: dict[str, Measure] = {}
    half = options["half"]
    if half in ("synthetic", "both"):
        drawn = [make_script(split, draw.seed, index) for index in range(int(options["n"]))]
        await _played(target, drawn, reel, draw.seed)
        logs = [reel.logs[one.clip] for one in drawn if one.clip in reel.logs]
        found |= measures_of(logs, draw.seed)
    if half in ("human", "both"):
        real = real_scripts()
        await _played(target, real, reel, draw.seed)
        logs = [reel.logs[one.clip] for one in real if one.clip in reel.logs]
        measured = measures_of(logs, draw.seed)
        found |= {_apart(key): one for key, one in measured.items()}
    return found


def _apart(key: str) -> str:
    """The key with `real.` before its own name."""
    return key.replace("visual.", "real.visual.", 1)
