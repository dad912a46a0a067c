"""The words after `counterpoint bench`, and what is wrong with them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench import servers
from tests.bench.rivals import starting as rivals
from tests.bench.running import CLIP_SUITES
from tests.bench.sittings import checkpoint
from tests.bench.systems import SYSTEM_SUITES

__all__ = ["arguments", "wrong"]

ROOT: Final = Path(__file__).parents[2]
SHIPPED: Final = ROOT / "model/weights/core/core.safetensors"


def arguments(words: Sequence[str], description: str = "") -> argparse.Namespace:
    """The options these words mean; ends the process where they mean nothing."""
    parser = argparse.ArgumentParser(prog="counterpoint bench", description=description)
    parser.add_argument("suite", choices=[*CLIP_SUITES, *SYSTEM_SUITES])
    parser.add_argument("--n", type=int, default=20, help="clips of each kind")
    parser.add_argument("--seed", type=int, default=1, help="of dev; test has its checkpoint's")
    parser.add_argument("--split", choices=["dev", "test"], default="dev")
    parser.add_argument("--checkpoint", type=Path, help="whose hash seeds the test split")
    parser.add_argument("--half", choices=["synthetic", "human", "both"], default="both")
    parser.add_argument("--json", type=Path, default=ROOT / "out/bench/result.json", metavar="OUT")
    parser.add_argument(
        "--url",
        help="of a running server, reachable over UDP from here; of one that is not called as ours "
             "is, with its dialect before it: pipecat+http://HOST:PORT",
    )  # fmt: skip
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
        "--variant", action="append", default=[], metavar="NAME=FIELD=VALUE[;…]",
        help="also start ours with these engine settings changed, as baseline.NAME; it is held "
             "against the curves as ours is",
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
    parser.add_argument(
        "--without-rival", action="store_true",
        help="a rival that cannot be started is left out of this run for good",
    )  # fmt: skip
    parser.add_argument(
        "--other-machine", action="store_true", help="go on with what another processor began"
    )
    parser.add_argument("--words", action="store_true", help="transcribe in every suite")
    return parser.parse_args(words)


def _measured(options: argparse.Namespace) -> bool:
    """Whether the checkpoint is the shipped Core, or the one that ours, or a variant, is given.

    Any other file would be a seed to choose.
    """
    path = options.checkpoint.resolve()
    varied = [servers.changes(one.partition("=")[2]) for one in options.variant]
    settings = [*options.engine, *(setting for one in varied for setting in one)]
    named = [one.removeprefix("core=") for one in settings if one.startswith("core=")]
    folders = [Path(one).resolve() for one in named]
    if path.name == SHIPPED.name and path.parent in folders:
        return True
    shipped = checkpoint(SHIPPED) if SHIPPED.is_file() else None
    ours = checkpoint(path)
    return shipped is not None and ours is not None and ours["sha256"] == shipped["sha256"]


def wrong(options: argparse.Namespace) -> str:
    """What is wrong with the command; empty when nothing is."""
    if options.split == "test" and options.checkpoint is None:
        return "--split test needs --checkpoint FILE: its hash draws the clips, and nobody chooses"
    if options.checkpoint is not None and not options.checkpoint.is_file():
        return f"--checkpoint {options.checkpoint}: there is no such file"
    if options.split == "test" and not _measured(options):
        return (
            f"--checkpoint {options.checkpoint}: the test split is drawn by the hash of what is "
            f"measured: name {SHIPPED.relative_to(ROOT)}, or what --engine core=FOLDER names"
        )
    try:
        rivals.wanted(options.rival)
    except ValueError as error:
        return str(error)
    try:
        for address in (options.url or "", *(one.partition("=")[2] for one in options.target)):
            servers.reached("", address)
    except ValueError as error:
        return str(error)
    for named in options.variant:
        if not all(one.count("=") for one in servers.changes(named.partition("=")[2])):
            return f"--variant {named}: it is NAME=FIELD=VALUE, as in alone=belief=off"
    for prefix in servers.prefixes(options)[1:]:
        parts = prefix.split(".")
        if len(parts) != 3 or parts[0] not in ("baseline", "rival") or not parts[1]:
            return f"{prefix.rstrip('.')}: a name has no dot and no '='; use baseline.NAME"
    if options.at_once > 1 and not options.policy:
        return "--at-once measures scripted agents only; how many sessions ours carries is `load`"
    if options.plan and options.suite in (*SYSTEM_SUITES, "nulls"):
        return f"--plan: {options.suite} plays no fixed clips"
    return ""
