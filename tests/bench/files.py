"""Files that a run goes on with: what a kill leaves of them is either whole or not there."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["InUse", "alone", "as_lines", "replace_text", "whole_lines"]


class InUse(Exception):
    """Somebody else writes there; the message says where."""


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Nobody else who asks for this is let in until the block, or the process, ends.

    Raises:
        InUse: somebody is in it.
    """
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"counterpoint-bench-{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUse(
                f"another bench writes to {path}: wait for it, end it, or name another --json"
            ) from error
        yield


def replace_text(path: Path, text: str) -> None:
    """Write a file as a whole: whoever reads it finds what was there before, or all of this."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + ".new")
    scratch.write_text(text)
    scratch.replace(path)


def as_lines(objects: Iterable[Mapping[str, Any]]) -> str:
    """One line of JSON each."""
    return "".join(json.dumps(dict(one)) + "\n" for one in objects)


def whole_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file, one a line; a line that a kill cut off is left out."""
    found: list[dict[str, Any]] = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            fields = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(fields, dict):
            found.append(fields)
    return found
