"""Which rivals a run asks for, and starting them; one that cannot be started is said to be so.

`--rival pipecat` measures pipecat as it comes; `--rival 'pipecat_1s={"turn_stop_seconds": 1.0}'`
measures it with another setting under another name, so that a curve can be drawn.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from tests.bench.rivals.pipecat import rival as pipecat
from tests.bench.running import Target

__all__ = ["Started", "Wanted", "prepare", "start", "wanted"]

RIVAL_PORT: Final = 8450
_PIPECAT_SETTINGS: Final = ("turn_stop_seconds",)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rival of this run.

    Attributes:
        name: its keys are `rival.<name>.<key>`.
        turn_stop_seconds: of pipecat; None for its default.
    """

    name: str
    turn_stop_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A rival that runs: where, as what, and which process it is."""

    target: Target
    health: dict[str, Any]
    process: int


def wanted(words: Sequence[str]) -> list[Wanted]:
    """`NAME` or `NAME=JSON` as it stands after `--rival`.

    Raises:
        ValueError: a rival or a setting nobody knows, or one name twice.
    """
    found: list[Wanted] = []
    for word in words:
        name, _, text = word.partition("=")
        if name.split("_")[0] != "pipecat" or "." in name:
            raise ValueError(f"--rival {name}: there is only pipecat, or pipecat_ANYTHING=JSON")
        settings = json.loads(text or "{}")
        if not isinstance(settings, dict) or set(settings) - set(_PIPECAT_SETTINGS):
            raise ValueError(f"--rival {word}: known settings are {_PIPECAT_SETTINGS}")
        seconds = settings.get("turn_stop_seconds")
        found.append(Wanted(name, None if seconds is None else float(seconds)))
    if len({one.name for one in found}) != len(found):
        raise ValueError("--rival: every rival needs a name of its own")
    return found


def prepare(rivals: Sequence[Wanted]) -> None:
    """Make their environments while a package index is in reach; a failure is told at the start."""
    if rivals and (why := pipecat.prepare()):
        print(f"pipecat: {why}", file=sys.stderr)


async def start(
    rivals: Sequence[Wanted],
    stack: contextlib.AsyncExitStack,
    engine: Sequence[str],
    *,
    echo: bool = False,
    port: int = RIVAL_PORT,
) -> tuple[list[Started], dict[str, str]]:
    """Those that could be started, and why the others could not, by name.

    Args:
        rivals: which.
        stack: ends them.
        engine: settings our own engine got in this run.
        echo: their transport alone, which says back what it hears.
        port: of the first; the others follow.
    """
    started: list[Started] = []
    absent: dict[str, str] = {}
    for i, one in enumerate(rivals):
        try:
            async with contextlib.AsyncExitStack() as own:
                url, process = await own.enter_async_context(
                    pipecat.running(
                        port + i, engine, turn_stop_seconds=one.turn_stop_seconds, echo=echo
                    )
                )
                health = await pipecat.health(url)
                await stack.enter_async_context(own.pop_all())
        except (pipecat.NotStarted, OSError, aiohttp.ClientError) as error:
            absent[f"rival.{one.name}"] = str(error) or type(error).__name__
            print(f"rival.{one.name} is not measured: {error}", file=sys.stderr)
            continue
        prefix = f"rival.{one.name}."
        target = Target(prefix, url, dialect=pipecat.DIALECT, process=process)
        started.append(Started(target, health, process.pid))
    return started, absent
