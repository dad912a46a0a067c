"""The file of API keys: a name, a hash and limits a line; and the command that keeps it.

`counterpoint key new NAME` prints the key once; nobody can get it back from the file.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from server.auth import ApiKey, new_key
from server.errors import SettingsError

__all__ = ["load_keys", "main", "save_keys"]

_NAME: Final = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
_FIELDS: Final = {"name", "sha256", "sessions", "per_minute"}


def load_keys(file: Path) -> tuple[ApiKey, ...]:
    """The keys of a file; raises SettingsError when it cannot be read or is not one."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"cannot read the keys of {file}: {error}; make it with `counterpoint key new NAME`"
        ) from error
    keys: dict[str, ApiKey] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        key = _read(line, f"{file}:{number}")
        if key.name in keys:
            raise SettingsError(f"{file}:{number}: there is another key {key.name!r}")
        keys[key.name] = key
    return tuple(keys.values())


def save_keys(file: Path, keys: Sequence[ApiKey]) -> None:
    """Write the file anew, for its owner's eyes; a crash leaves the old one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        if file.exists():
            # The service that reads it may be another user's.
            known = file.stat()
            os.fchmod(descriptor, known.st_mode & 0o777)
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, known.st_uid, known.st_gid)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.writelines(json.dumps(_line(key)) + "\n" for key in keys)
        Path(name).replace(file)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def main(arguments: Sequence[str]) -> int:
    """`counterpoint key new|list|remove`; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        keys = load_keys(options.file) if options.file.exists() else ()
        return _carry_out(options, keys)
    except SettingsError as error:
        sys.stderr.write(f"counterpoint key: {error}\n")
        return 1


def _carry_out(options: argparse.Namespace, keys: tuple[ApiKey, ...]) -> int:
    named = [key for key in keys if key.name == getattr(options, "name", None)]
    if options.action == "list":
        for key in keys:
            limits = f"sessions {key.sessions or '-'}  a minute {key.per_minute or '-'}"
            sys.stdout.write(f"{key.name}  {limits}\n")
        return 0
    if options.action == "remove":
        if not named:
            raise SettingsError(f"there is no key {options.name!r} in {options.file}")
        save_keys(options.file, [key for key in keys if key not in named])
        return 0
    if named or not _NAME.fullmatch(options.name):
        why = "is taken" if named else "must be 1 to 64 letters, digits, . _ @ -"
        raise SettingsError(f"the name {options.name!r} {why}")
    if min(options.sessions, options.per_minute) < 0:
        raise SettingsError("--sessions and --per-minute must not be negative; 0 is no limit")
    token, key = new_key(options.name, options.sessions, options.per_minute)
    save_keys(options.file, [*keys, key])
    sys.stderr.write(f"Kept as a hash in {options.file}. The key is shown this once:\n")
    sys.stdout.write(f"{token}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="counterpoint key")
    actions = parser.add_subparsers(dest="action", required=True)
    for action in ("new", "list", "remove"):
        one = actions.add_parser(action)
        one.add_argument("--file", type=Path, default=Path("keys.jsonl"))
        if action != "list":
            one.add_argument("name")
        if action == "new":
            one.add_argument("--sessions", type=int, default=0, help="at a time; 0: any number")
            one.add_argument("--per-minute", type=int, default=0, help="requests; 0: as the server")
    return parser


def _line(key: ApiKey) -> dict[str, Any]:
    limits = {"sessions": key.sessions, "per_minute": key.per_minute}
    return {"name": key.name, "sha256": key.digest.hex(), **limits}


def _read(line: str, where: str) -> ApiKey:
    try:
        fields = json.loads(line)
        if not isinstance(fields, dict) or not set(fields) <= _FIELDS:
            raise ValueError("unknown fields")
        digest = bytes.fromhex(fields["sha256"])
        limits = [fields.get("sessions", 0), fields.get("per_minute", 0)]
        if len(digest) != 32 or not _NAME.fullmatch(fields["name"]):
            raise ValueError("not a key")
        if any(type(limit) is not int or limit < 0 for limit in limits):
            raise ValueError("limits are whole numbers from 0")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SettingsError(f"{where} is no line of a key file: {error}") from error
    return ApiKey(fields["name"], digest, *limits)
