"""What `all` measures beside its clips: transport, load, a sample through Chromium.

Each of them is kept in a file once it is done, so that a run that was killed goes on behind it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.bench.harness.browser import BrowserMissing, play_in_browser
from tests.bench.metrics.statistics import Measure
from tests.bench.records import Record
from tests.bench.results import measures_of
from tests.bench.rivals import starting as rivals
from tests.bench.running import Draw, Target, Work
from tests.bench.servers import echo_target
from tests.bench.stimuli.making import Half
from tests.bench.systems import run_system

__all__ = ["Kept", "beside"]

_LOAD_SHARE: Final = 0.12
_RIVAL_ECHO_PORT: Final = 8470

Found = dict[str, Measure]


class Kept:
    """Measures by part of a run, in a file; those of another run are dropped.

    Args:
        path: of the file, made when it is not there.
        head: commit, seed, split and whatever else must be equal to go on with it.
    """

    def __init__(self, path: Path, head: Mapping[str, Any]) -> None:
        self._path = path
        self._parts: dict[str, dict[str, Any]] = {}
        self._head = json.loads(json.dumps(dict(head)))
        if path.is_file():
            known = json.loads(path.read_text())
            if known["head"] == self._head:
                self._parts = known["parts"]

    async def once(self, part: str, measure: Callable[[], Awaitable[Found]]) -> Found:
        """What was kept of this part, else what `measure` finds now."""
        if part not in self._parts:
            found = await measure()
            self._parts[part] = {key: one.as_json() for key, one in found.items()}
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps({"head": self._head, "parts": self._parts}))
        return {key: Measure.of_json(one) for key, one in self._parts[part].items()}


async def beside(
    kept: Kept,
    options: argparse.Namespace,
    draw: Draw,
    ours: tuple[Target, Sequence[int]],
    others: Sequence[rivals.Started],
) -> tuple[Found, list[str]]:
    """All of it for ours and the rivals; and what could not be measured, with reasons."""
    found: Found = {}
    failed: list[str] = []
    turns = {"n": max(min(options.n // 2, 40), 5)}
    load = {"n": max(round(options.n * _LOAD_SHARE), 2), "sessions": options.sessions}

    async def transport() -> Found:
        async with contextlib.AsyncExitStack() as stack:
            return await run_system("transport", await echo_target(stack), draw, (), turns)

    found |= await kept.once("transport", transport)
    target, processes = ours
    found |= await kept.once("load", lambda: run_system("load", target, draw, processes, load))
    for i, one in enumerate(others):
        name = one.target.prefix

        async def echoed(port: int = _RIVAL_ECHO_PORT + i) -> Found:
            async with contextlib.AsyncExitStack() as stack:
                asked = [rivals.Wanted("pipecat")]
                started, absent = await rivals.start(
                    asked, stack, options.engine, echo=True, port=port
                )
                failed.extend(absent.values())
                if not started:
                    return {}
                return await run_system("transport", started[0].target, draw, (), turns)

        async def loaded(one: rivals.Started = one) -> Found:
            return await run_system("load", one.target, draw, [one.process], load)

        for part, measure in (("transport", echoed), ("load", loaded)):
            measured = await kept.once(f"{name}{part}", measure)
            found |= {f"{name}{key}": value for key, value in measured.items()}
    with contextlib.suppress(_NoBrowser):
        found |= await kept.once("browser", lambda: _browser(options, draw, target, failed))
    return found, failed


class _NoBrowser(Exception):
    """There is none, or it failed; said in the report, and tried again by the next run."""


async def _browser(
    options: argparse.Namespace, draw: Draw, target: Target, failed: list[str]
) -> Found:
    """A few turns and pauses through a real page; `browser.<key>`."""
    records: list[Record] = []
    for index in range(options.browser):
        half: Half = "human" if index % 2 and options.half != "synthetic" else "synthetic"
        work = Work("pause" if index % 4 < 2 else "turn", half, index)
        script = draw.script(work)
        try:
            log = await play_in_browser(target.url, script)
        except BrowserMissing as error:
            failed.append(f"browser: not measured: {error}")
            raise _NoBrowser from error
        records.append(Record("browser.", script.suite, script.clip, log))
    return measures_of(records, draw.seed)
