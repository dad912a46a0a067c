"""Starting what a run measures: our server, its baselines, a scripted agent, our wire alone."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.harness import bed
from tests.bench.harness.calibration import reference_command
from tests.bench.running import Target

__all__ = ["ECHO_PORT", "echo_target", "prefixes", "targets"]

SERVER_PORT: Final = 8400
ECHO_PORT: Final = 8440


def _serve_command(port: int, engine: Sequence[str]) -> list[str]:
    command = [str(Path(sys.executable).with_name("counterpoint")), "serve", "--host", bed.ADDRESS]
    command += ["--port", str(port), "--offers-per-window", "1000"]
    command += ["--max-sessions-per-address", "64"]
    for setting in engine:
        command += ["--engine", setting]
    return command


def prefixes(options: argparse.Namespace) -> list[str]:
    """Of every target the command line asks for, ours first."""
    found = [""] + [f"baseline.{named.split('=', 1)[0]}." for named in options.baseline]
    found += [f"{named.split('=', 1)[0]}." for named in options.target]
    return found + [f"rival.{named.partition('=')[0]}." for named in options.rival]


async def _start(
    stack: contextlib.AsyncExitStack, port: int, command: list[str], ready: str = "/healthz"
) -> tuple[str, int]:
    url = f"http://{bed.ADDRESS}:{port}"
    server = bed.running(command, url, ready_seconds=300.0, ready_path=ready)
    process = await stack.enter_async_context(server)
    return url, process.pid


async def echo_target(stack: contextlib.AsyncExitStack, port: int = ECHO_PORT) -> Target:
    """Our Peer with nothing behind it: the model, and its micro-turns, are excluded."""
    command = [sys.executable, "-m", "tests.network.echo_server", "--host", bed.ADDRESS]
    url, _ = await _start(stack, port, [*command, "--port", str(port)], "/peers")
    return Target("", url)


async def targets(
    options: argparse.Namespace, stack: contextlib.AsyncExitStack
) -> tuple[list[Target], list[int]]:
    """Every server of the run but rivals, started where asked, and the ids of ours."""
    found: list[Target] = []
    processes: list[int] = []
    if options.url:
        found.append(Target("", options.url))
    elif options.suite == "transport":
        found.append(await echo_target(stack))
    else:
        command = (
            reference_command(options.policy, SERVER_PORT)
            if options.policy
            else _serve_command(SERVER_PORT, options.engine)
        )
        url, process = await _start(stack, SERVER_PORT, command)
        found.append(Target("", url))
        processes.append(process)
    for i, named in enumerate(options.baseline):
        name, floor = named.split("=", 1)
        # The rules, whatever has the floor in ours.
        engine = [one for one in options.engine if not one.startswith("core=")]
        engine += ["core=rules", f"floor={floor}"]
        command = _serve_command(SERVER_PORT + 1 + i, engine)
        url, _ = await _start(stack, SERVER_PORT + 1 + i, command)
        found.append(Target(f"baseline.{name}.", url))
    for named in options.target:
        prefix, url = named.split("=", 1)
        found.append(Target(f"{prefix}.", url))
    return found, processes
