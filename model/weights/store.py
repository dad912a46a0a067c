"""The folder of fetched parts: where a part is, and whether it is whole.

A part is present when its `receipt.json` is and agrees with the files beside it. The receipt is
written last.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from model.weights import conversions
from model.weights.errors import WeightsError
from model.weights.manifest import Part, parts

__all__ = [
    *("RECEIPT", "Receipt", "digest", "fault", "faults", "folder", "installed_file", "named"),
    "root",
]

RECEIPT: Final = "receipt.json"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was put into a part's folder: sizes by name, digests of the fetched files by name."""

    conversion: str
    raw: dict[str, str]
    sizes: dict[str, int]
    digests: dict[str, str]

    def write(self, into: Path) -> None:
        """Write it whole or not at all."""
        partial = into / f"{RECEIPT}.partial"
        partial.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        partial.replace(into / RECEIPT)

    @classmethod
    def read(cls, part_folder: Path) -> Receipt | None:
        """The receipt of a folder, or None when there is none that can be read."""
        try:
            return cls(**json.loads((part_folder / RECEIPT).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def root() -> Path:
    """`COUNTERPOINT_WEIGHTS`, or `weights/` of the checkout."""
    named = os.environ.get("COUNTERPOINT_WEIGHTS")
    return Path(named).absolute() if named else Path(__file__).resolve().parents[2] / "weights"


def named(setting: str) -> Path:
    """The folder that an engine's setting names; an empty one is `root`."""
    return Path(setting) if setting else root()


def folder(part_name: str, *needs: str) -> Path:
    """The folder of a part that is present and whole.

    Args:
        part_name: a name of the manifest.
        needs: files that must be in it besides, such as "model.float32.safetensors".

    Raises:
        WeightsError: the part is unknown, missing, damaged or lacks one of `needs`.
    """
    part = _part(part_name)
    if part.installed:
        return installed_file(part, part.files[0].name).parent
    wrong = fault(part)
    if wrong:
        raise WeightsError(_told(part, wrong))
    place = root() / part.name
    for name in needs:
        if not (place / name).is_file():
            dtype = name.split(".")[1] if name.endswith(".safetensors") else "int8"
            command = f"counterpoint weights fetch --only {part.name} --dtype {dtype}"
            raise WeightsError(f"the part {part.name} has no {name}: run `{command}`")
    return place


def faults(names: Iterable[str], store: Path) -> list[str]:
    """What is wrong with these parts in a store, a line each that says what to do; no file is read.

    Raises:
        WeightsError: a name is of no part.
    """
    found = ((part, fault(part, store=store)) for part in map(_part, names))
    return [_told(part, wrong) for part, wrong in found if wrong]


def fault(part: Part, *, deep: bool = False, store: Path | None = None) -> str:
    """What is wrong with a part, in a few words; empty when it is present and whole.

    Sizes and recorded digests are compared, which takes no time; `deep` reads every file. `store`
    is the folder to look into, `root` where there is none.
    """
    if part.installed:
        return _installed_fault(part, deep)
    place = (store or root()) / part.name
    receipt = Receipt.read(place)
    if receipt is None:
        return "missing" if not place.exists() else "not complete"
    if receipt.raw != {file.name: file.sha256 for file in part.files}:
        return "of another version than the manifest asks for"
    if receipt.conversion != conversions.version(part.conversion):
        return "converted by an older version"
    for name, size in receipt.sizes.items():
        path = place / name
        if not path.is_file():
            return f"damaged ({name} is missing)"
        if not os.access(path, os.R_OK):
            return f"not readable by this user ({name})"
        if path.stat().st_size != size:
            return f"damaged ({name} has {path.stat().st_size} bytes instead of {size})"
        if deep and digest(path) != receipt.digests[name]:
            return f"damaged ({name} has other content)"
    return ""


def installed_file(part: Part, name: str) -> Path:
    """Where the library that carries a part has put one of its files; nothing is imported.

    Raises:
        WeightsError: the library is not installed.
    """
    try:
        library = importlib.metadata.distribution(part.installed)
    except importlib.metadata.PackageNotFoundError:
        raise WeightsError(
            f"the part {part.name} is inside the library {part.installed}, which is not "
            "installed: run `make setup`"
        ) from None
    return Path(str(library.locate_file(name)))


def digest(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _part(name: str) -> Part:
    part = next((part for part in parts() if part.name == name), None)
    if part is None:
        names = ", ".join(part.name for part in parts())
        raise WeightsError(f"there is no part {name!r}; there are {names}")
    return part


def _told(part: Part, wrong: str) -> str:
    return f"the part {part.name} is {wrong}: run `counterpoint weights fetch --only {part.name}`"


def _installed_fault(part: Part, deep: bool) -> str:
    for file in part.files:
        try:
            path = installed_file(part, file.name)
        except WeightsError:
            return "missing"
        if not path.is_file() or path.stat().st_size != file.size:
            return f"another version than the manifest's (reinstall {part.installed})"
        if deep and digest(path) != file.sha256:
            return f"damaged (reinstall {part.installed})"
    return ""
