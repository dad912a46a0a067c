"""What `all` measures beside its clips: transport, load, ticks, identity, a sample in Chromium.

Each of them is kept in a file once it is done, so that a run that was killed goes on behind it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.bench.files import as_lines, replace_text
from tests.bench.harness.browser import BrowserMissing, play_in_browser
from tests.bench.metrics.statistics import Measure
from tests.bench.records import Record
from tests.bench.results import measures_of
from tests.bench.rivals import starting as rivals
from tests.bench.running import Draw, Target, Work, reason
from tests.bench.servers import echo_target
from tests.bench.stimuli.making import Half
from tests.bench.systems import run_system

__all__ = ["CALLS", "Kept", "NotMeasured", "beside", "keep_calls"]

CALLS: Final = ".load.jsonl"
"""What the file with the calls of `load` ends with, beside the result."""

_LOAD_SHARE: Final = 0.12
_IDENTITY_SHARE: Final = 0.6
"""86 calls at n = 100, of 14 s each: the 10,000 micro-turns that metric 10 asks for."""
_IDENTITY_SESSIONS: Final = 2
_RIVAL_ECHO_PORT: Final = 8470

Found = dict[str, Measure]


class NotMeasured(Exception):
    """A part that could not be measured; said in the report, and tried again the next time."""


class Kept:
    """Measures by part of a run, in a file; those of another run are dropped.

    Args:
        path: of the file, made when it is not there.
        head: commit, seed, split and whatever else must be equal to go on with it.
    """

    def __init__(self, path: Path, head: Mapping[str, Any]) -> None:
        self.failed: list[str] = []
        self._path = path
        self._parts: dict[str, dict[str, Any]] = {}
        self._head = json.loads(json.dumps(dict(head)))
        if path.is_file():
            known = json.loads(path.read_text())
            if known["head"] == self._head:
                self._parts = known["parts"]

    async def once(self, part: str, measure: Callable[[], Awaitable[Found]]) -> Found:
        """What was kept of this part, else what `measure` finds now.

        What it does not find is not kept but told in `failed`.
        """
        if part not in self._parts:
            try:
                found = await measure()
                if all(one.n == 0 for one in found.values()):
                    raise NotMeasured("no call succeeded")
                if all(math.isnan(one.value) for one in found.values()):
                    raise NotMeasured(next(one.reason for one in found.values()) or "no value")
            except Exception as error:  # The clips of hours must not wait for one of these.
                why = str(error) if isinstance(error, NotMeasured) else reason(error)
                self.failed.append(f"{part}: not measured: {why}")
                return {}
            self._parts[part] = {key: one.as_json() for key, one in found.items()}
            replace_text(self._path, json.dumps({"head": self._head, "parts": self._parts}))
        return {key: Measure.of_json(one) for key, one in self._parts[part].items()}


async def beside(
    kept: Kept,
    options: argparse.Namespace,
    draw: Draw,
    ours: tuple[Target, Sequence[int]],
    others: Sequence[rivals.Started],
) -> Found:
    """All of it for ours and the rivals; `kept.failed` says what could not be measured."""
    found: Found = {}
    turns = {"n": max(min(options.n // 2, 40), 5)}
    load: dict[str, Any] = {
        "n": max(round(options.n * _LOAD_SHARE), 2), "sessions": options.sessions,
    }  # fmt: skip
    calls = options.json.with_suffix(CALLS)

    async def transport() -> Found:
        async with contextlib.AsyncExitStack() as stack:
            return await run_system("transport", await echo_target(stack), draw, (), turns)

    found |= await kept.once("transport", transport)
    target, processes = ours
    found |= await kept.once("load", lambda: _loaded(target, draw, processes, load, calls))
    for suite, given in (
        ("tick", {"minutes": options.minutes}),
        ("identity", {"n": max(round(options.n * _IDENTITY_SHARE), 1), "policy": options.policy,
                      "sessions": _IDENTITY_SESSIONS, "engine": options.engine}),
    ):  # fmt: skip
        system = partial(run_system, suite, target, draw, processes, given)
        found |= await kept.once(suite, system)
    for i, one in enumerate(others):
        name = one.target.prefix

        async def echoed(port: int = _RIVAL_ECHO_PORT + i) -> Found:
            async with contextlib.AsyncExitStack() as stack:
                asked = [rivals.Wanted("pipecat")]
                started, absent = await rivals.start(
                    asked, stack, options.engine, echo=True, port=port
                )
                if not started:
                    raise NotMeasured("; ".join(absent.values()))
                return await run_system("transport", started[0].target, draw, (), turns)

        async def loaded(one: rivals.Started = one) -> Found:
            return await _loaded(one.target, draw, [one.process], load, calls)

        for part, measure in (("transport", echoed), ("load", loaded)):
            measured = await kept.once(f"{name}{part}", measure)
            found |= {f"{name}{key}": value for key, value in measured.items()}
    if options.browser:
        found |= await kept.once("browser", lambda: _browser(options, draw, target))
    return found


def keep_calls(path: Path, records: Sequence[Record]) -> None:
    """Append the calls of `load` to a file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(as_lines([record.as_json() for record in records]))


async def _loaded(
    target: Target, draw: Draw, processes: Sequence[int], load: Mapping[str, Any], calls: Path
) -> Found:
    """`load` of one server, its calls appended to a file: what was played can be judged again.
    Where no call succeeds, nothing would break a target."""
    records: list[Record] = []
    found = await run_system("load", target, draw, processes, load, records)
    keep_calls(calls, records)
    # A call that succeeds holds a turn; how many failed may be among the findings as well.
    if not any(key.startswith("load_") and key.endswith("turn.answered") for key in found):
        raise NotMeasured("no call succeeded")
    return found


async def _browser(options: argparse.Namespace, draw: Draw, target: Target) -> Found:
    """A few turns and pauses through a real page; `browser.<key>`."""
    records: list[Record] = []
    for index in range(options.browser):
        half: Half = "human" if index % 2 and options.half != "synthetic" else "synthetic"
        work = Work("pause" if index % 4 < 2 else "turn", half, index)
        script = draw.script(work)
        try:
            log = await play_in_browser(target.url, script)
        except BrowserMissing as error:
            raise NotMeasured(str(error)) from error
        records.append(Record("browser.", script.suite, script.clip, log))
    return measures_of(records, draw.seed)
