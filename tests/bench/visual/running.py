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
from tests.bench.machine import measured_commit, uncommitted
from tests.bench.metrics.statistics import Measure
from tests.bench.metrics.visual import Announcement, VisualLog, visual_measures
from tests.bench.records import MOST_FAILURES, Record, ShardMismatch
from tests.bench.running import Draw, Target, reason
from tests.bench.visual.calling import LOSS, NotLooked, Viewed, unseen, view
from tests.bench.visual.drawn import Split
from tests.bench.visual.policies import NULLS, performed
from tests.bench.visual.real import real_scripts
from tests.bench.visual.script import VisualScript, make_script

__all__ = ["Reel", "measures_of", "run_visual"]

_TRIES: Final = 2
_PATIENCE_SECONDS: Final = 1.0


def _as_json(viewed: Viewed) -> dict[str, Any]:
    return asdict(viewed)


def _log_of(fields: Mapping[str, Any]) -> VisualLog:
    plain = dict(fields)
    for name in ("spoken", "told"):
        plain[name] = tuple(Announcement(**one) for one in fields[name])
    return VisualLog(**plain | {"moments": tuple(fields["moments"])})


class Reel:
    """Logs of clips, and why clips failed, line by line in a file; a run that was killed goes on
    with it.

    Args:
        path: of the file.
        head: commit, split, seed and whatever else must be equal to go on with it.
        fresh: begin anew in any case.

    Raises:
        ShardMismatch: it holds clips of another run.
    """

    def __init__(self, path: Path, head: Mapping[str, Any], *, fresh: bool) -> None:
        self.logs: dict[str, VisualLog] = {}
        self._failures: dict[str, list[str]] = {}
        self._path = path
        ours = json.loads(json.dumps(dict(head)))
        theirs, *lines = ([] if fresh else whole_lines(path)) or [ours]
        if theirs != ours and lines:
            changed = sorted(k for k in theirs | ours if theirs.get(k) != ours.get(k))
            raise ShardMismatch(
                f"{path} was begun with another {', '.join(changed)}; finish it there, name "
                "another --json, or drop it with --fresh"
            )
        for line in lines:
            self._take(line)
        replace_text(path, as_lines([ours, *lines]))

    def has(self, clip: str) -> bool:
        """Whether this clip was seen, or failed too often to be tried again."""
        return clip in self.logs or len(self._failures.get(clip, ())) >= MOST_FAILURES

    def failed(self, clips: Iterable[str]) -> list[Record]:
        """Those of these clips that never succeeded, with the last reason."""
        return [
            Record("", "visual", clip, failure=self._failures[clip][-1])
            for clip in clips
            if clip in self._failures and clip not in self.logs
        ]

    def _take(self, fields: Mapping[str, Any]) -> None:
        if "failure" in fields:
            self._failures.setdefault(fields["clip"], []).append(fields["failure"])
            return
        log = _log_of(fields["log"])
        self.logs[log.clip] = log

    def add(self, viewed: Viewed) -> None:
        """Keep a clip."""
        self._keep(json.loads(json.dumps(_as_json(viewed))))

    def fail(self, clip: str, why: str) -> None:
        """Keep why it could not be shown."""
        self._keep({"clip": clip, "failure": why})

    def _keep(self, fields: dict[str, Any]) -> None:
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


async def _shown(target: Target, script: VisualScript, seed: int) -> Viewed:
    """One clip, tried twice. A server that does not look has seen and said nothing.

    Raises:
        CallFailed, TimeoutError: there was no call.
    """
    for attempt in range(_TRIES):
        try:
            return await view(target.url, script, seed)
        except (CallFailed, TimeoutError) as error:
            print(f"{script.clip}: {reason(error)}", file=sys.stderr, flush=True)
            failure = error
            await asyncio.sleep(_PATIENCE_SECONDS * (1 + attempt))
    if isinstance(failure, NotLooked):
        return unseen(script)
    raise failure


async def _played(target: Target, scripts: Iterable[VisualScript], reel: Reel, seed: int) -> None:
    for number, script in enumerate(scripts):
        if reel.has(script.clip):
            continue
        try:
            viewed = await _shown(target, script, seed + number)
        except (CallFailed, TimeoutError) as error:
            reel.fail(script.clip, reason(error))
            continue
        reel.add(viewed)
        numbers = len(viewed.log.moments), len(viewed.log.spoken), len(viewed.log.told)
        print(f"{script.clip}: {numbers} {viewed.promise!r}", file=sys.stderr, flush=True)


async def run_visual(
    target: Target, draw: Draw, options: Mapping[str, Any], failed: list[Record]
) -> dict[str, Measure]:
    """All clips, rendered and real; options are the command line's.

    Args:
        target: the server.
        draw: of clips.
        options: of the command line.
        failed: of clips that could not be shown, appended to; no figure holds them.

    Raises:
        MaterialMissing, WeightsError: photographs or films are not there.
        ShardMismatch: the clips kept beside the result are of another run.
    """
    split: Split = "test" if draw.split == "test" else "dev"
    head = {"commit": measured_commit(), "uncommitted": uncommitted(), "split": split,
            "seed": draw.seed, "engine": options["engine"], "policy": options["policy"] or "",
            "loss": LOSS, "url": options["url"] or ""}  # fmt: skip
    path = Path(options["json"]).with_suffix(".visual.jsonl")
    reel = Reel(path, head, fresh=bool(options["fresh"]))
    found: dict[str, Measure] = {}
    half = options["half"]
    if half in ("synthetic", "both"):
        drawn = [make_script(split, draw.seed, index) for index in range(int(options["n"]))]
        found |= await _measured(target, drawn, reel, draw.seed, failed)
    if half in ("human", "both"):
        measured = await _measured(target, real_scripts(), reel, draw.seed, failed)
        found |= {_apart(key): one for key, one in measured.items()}
    return found


async def _measured(
    target: Target,
    scripts: Sequence[VisualScript],
    reel: Reel,
    seed: int,
    failed: list[Record],
) -> dict[str, Measure]:
    await _played(target, scripts, reel, seed)
    failed += reel.failed(one.clip for one in scripts)
    return measures_of([reel.logs[one.clip] for one in scripts if one.clip in reel.logs], seed)


def _apart(key: str) -> str:
    """The key with `real.` before its own name."""
    return key.replace("visual.", "real.visual.", 1)
