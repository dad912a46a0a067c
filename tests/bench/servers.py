"""Starting what a run measures: our server, its baselines, a scripted agent, our wire alone."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tests.bench.floors import RULES
from tests.bench.harness import bed
from tests.bench.harness.calibration import reference_command
from tests.bench.harness.dialects import COUNTERPOINT
from tests.bench.rivals.pipecat.rival import DIALECT as PIPECAT
from tests.bench.running import Target

__all__ = ["ECHO_PORT", "baseline_command", "echo_target", "prefixes", "reached", "targets",
           "changes", "variant_command", "variants"]  # fmt: skip

Command = Callable[[int, Sequence[str], str], list[str]]

ROOT: Final = Path(__file__).parents[2]
SERVER_PORT: Final = 8400
ECHO_PORT: Final = 8440


def _serve_command(port: int, engine: Sequence[str]) -> list[str]:
    command = [str(Path(sys.executable).with_name("counterpoint")), "serve", "--host", bed.ADDRESS]
    command += ["--port", str(port), "--offers-per-window", "1000"]
    command += ["--max-sessions-per-address", "64"]
    for setting in engine:
        command += ["--engine", setting]
    return command


def baseline_command(port: int, engine: Sequence[str], floor: str) -> list[str]:
    """The command line of the rules with this floor, whatever has the floor in ours."""
    kept = [one for one in engine if not one.startswith("core=")]
    return _serve_command(port, [*kept, f"core={RULES}", f"floor={floor}"])


def variant_command(port: int, engine: Sequence[str], changed: str) -> list[str]:
    """The command line of ours with one setting of the engine changed, or a few: `a=1;b=2`."""
    given = changes(changed)
    names = {one.partition("=")[0] for one in given}
    kept = [one for one in engine if one.partition("=")[0] not in names]
    return _serve_command(port, [*kept, *given])


def changes(changed: str) -> list[str]:
    """The settings of a variant, `FIELD=VALUE` each."""
    return changed.split(";")


def variants(options: argparse.Namespace) -> list[str]:
    """Of every variant of ours, the prefix of its keys."""
    return [f"baseline.{named.split('=', 1)[0]}." for named in options.variant]


def prefixes(options: argparse.Namespace) -> list[str]:
    """Of every target the command line asks for, ours first."""
    found = [""] + [f"baseline.{named.split('=', 1)[0]}." for named in options.baseline]
    found += variants(options)
    found += [f"{named.split('=', 1)[0]}." for named in options.target]
    return found + [f"rival.{named.partition('=')[0]}." for named in options.rival]


async def _start(
    stack: contextlib.AsyncExitStack, port: int, command: list[str], ready: str = "/healthz"
) -> tuple[str, subprocess.Popen[bytes]]:
    url = f"http://{bed.ADDRESS}:{port}"
    # An engine finds the baselines' floor by import.
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    server = bed.running(
        command, url, ready_seconds=300.0, ready_path=ready, environment=environment
    )
    process = await stack.enter_async_context(server)
    return url, process


async def echo_target(stack: contextlib.AsyncExitStack, port: int = ECHO_PORT) -> Target:
    """Our Peer with nothing behind it: the model, and its micro-turns, are excluded."""
    command = [sys.executable, "-m", "tests.network.echo_server", "--host", bed.ADDRESS]
    url, _ = await _start(stack, port, [*command, "--port", str(port)], "/peers")
    return Target("", url)


DIALECTS: Final = {"counterpoint": COUNTERPOINT, "pipecat": PIPECAT}


def reached(prefix: str, address: str) -> Target:
    """A server that runs already, at `URL` or, where it is not called as ours is, `DIALECT+URL`.

    Raises:
        ValueError: a dialect nobody knows.
    """
    named = _DIALECT.match(address)
    if named is None:
        return Target(prefix, address)
    if named[1] not in DIALECTS:
        raise ValueError(f"{address}: known dialects are {', '.join(DIALECTS)}, as in pipecat+URL")
    return Target(prefix, named[2], dialect=DIALECTS[named[1]])


_DIALECT: Final = re.compile(r"([a-z0-9_-]+)\+(https?://.*)")


async def targets(
    options: argparse.Namespace, stack: contextlib.AsyncExitStack
) -> tuple[list[Target], list[int]]:
    """Every server of the run but rivals, started where asked, and the ids of ours."""
    found: list[Target] = []
    processes: list[int] = []
    if options.url:
        found.append(reached("", options.url))
    elif options.suite == "transport":
        found.append(await echo_target(stack))
    else:
        command = (
            reference_command(options.policy, SERVER_PORT)
            if options.policy
            else _serve_command(SERVER_PORT, options.engine)
        )
        url, process = await _start(stack, SERVER_PORT, command)
        found.append(Target("", url, process=process))
        processes.append(process.pid)
    beside: list[tuple[Command, str]] = [
        *((baseline_command, named) for named in options.baseline),
        *((variant_command, named) for named in options.variant),
    ]
    for port, (made, named) in enumerate(beside, SERVER_PORT + 1):
        name, setting = named.split("=", 1)
        url, process = await _start(stack, port, made(port, options.engine, setting))
        found.append(Target(f"baseline.{name}.", url, process=process))
    for named in options.target:
        prefix, url = named.split("=", 1)
        found.append(reached(f"{prefix}.", url))
    return found, processes
