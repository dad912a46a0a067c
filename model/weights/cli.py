"""`counterpoint weights`: list (also without a word), fetch, verify, path."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, Final

from model.weights import fetch as fetching
from model.weights import store
from model.weights.convert_llama import DTYPES
from model.weights.errors import WeightsError
from model.weights.manifest import SETS, Part, chosen, parts
from model.weights.progress import megabytes

__all__ = ["main"]

ONLY_HELP: Final = f"a set ({', '.join(SETS)}) or a part; may be given several times"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; errors go to stderr in one line and give 1."""
    options = _parser().parse_args(arguments)
    before = signal.signal(signal.SIGTERM, _stop)
    # A shell's background jobs are started with Ctrl-C ignored; being told by a signal counts all
    # the same.
    interrupt = signal.signal(signal.SIGINT, _stop)
    try:
        return int(options.run(options))
    except WeightsError as error:
        print(f"counterpoint weights: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("counterpoint weights: stopped; nothing half-written was left", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, interrupt)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="counterpoint weights", description="Pretrained parts.")
    parser.set_defaults(run=_list, json=False)
    commands = parser.add_subparsers()

    listing = commands.add_parser("list", help="parts, licences, sizes, present or missing")
    listing.add_argument("--json", action="store_true", help="for programs")
    listing.set_defaults(run=_list)

    fetch = commands.add_parser("fetch", help="bring parts in, check and convert them")
    fetch.add_argument("--only", action="append", default=[], metavar="WHAT", help=ONLY_HELP)
    fetch.add_argument("--dtype", choices=DTYPES, default="int8", help="of language parts")
    fetch.add_argument("--source", choices=fetching.SOURCES, help="ask this source only")
    fetch.add_argument("--deep", action="store_true", help="read all files that are there again")
    fetch.set_defaults(run=_fetch)

    verify = commands.add_parser("verify", help="check what is there")
    verify.add_argument("--only", action="append", default=[], metavar="WHAT", help=ONLY_HELP)
    verify.add_argument("--deep", action="store_true", help="hash every file again")
    verify.set_defaults(run=_verify)

    path = commands.add_parser("path", help="print the folder of a part")
    path.add_argument("part")
    path.set_defaults(run=_path)
    return parser


def _row(part: Part) -> dict[str, Any]:
    if part.installed:
        source = part.installed
    else:
        first, last = part.packages[0], part.packages[-1]
        source = first.name if first == last else f"{first.name} … {last.name}"
        source += f"=={first.version}"
    return {
        "part": part.name,
        "sets": list(part.sets),
        "licence": part.licence,
        "licence_url": part.licence_url,
        "bytes": part.raw_bytes,
        "files": [{"name": f.name, "bytes": f.size, "sha256": f.sha256} for f in part.files],
        "source": source,
        "second": part.second.replace("{hub}", "hub:"),
        "purpose": part.purpose,
        "state": store.fault(part) or "present",
    }


def _list(options: argparse.Namespace) -> int:
    rows = [_row(part) for part in parts()]
    if options.json:
        print(json.dumps({"folder": str(store.root()), "parts": rows}, indent=1))
        return 0
    table = [("part", "set", "licence", "size", "state", "purpose, source")]
    for row in rows:
        about = f"{row['purpose']} ({row['source']})"
        sets = ",".join(row["sets"])
        size = megabytes(row["bytes"])
        table.append((row["part"], sets, row["licence"], size, row["state"], about))
    widths = [max(len(line[column]) for line in table) for column in range(5)]
    print(f"weights in {store.root()}")
    for line in table:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        print("  ".join([*cells, line[5]]))
    return 0


def _fetch(options: argparse.Namespace) -> int:
    wanted = chosen(options.only)
    allowed = (options.source,) if options.source else fetching.SOURCES
    brought = fetching.fetch(wanted, (options.dtype,), allowed, deep=options.deep)
    names = ", ".join(part.name for part in wanted)
    new = f"; new: {', '.join(brought)}" if brought else ""
    print(f"weights present: {names}{new}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    bad = 0
    for part in chosen(options.only) if options.only else parts():
        wrong = store.fault(part, deep=options.deep)
        print(f"{part.name}: {wrong or 'whole'}")
        # What was never fetched is no fault, unless it was asked for or is needed by default.
        bad += bool(wrong) and (wrong != "missing" or bool(options.only) or "default" in part.sets)
    if bad:
        deep = " --deep" if options.deep else ""
        print(f"run `counterpoint weights fetch{deep} --only PART`", file=sys.stderr)
    return 1 if bad else 0


def _path(options: argparse.Namespace) -> int:
    print(store.folder(options.part))
    return 0
