"""What a result was measured on."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

__all__ = ["commit", "description", "measured_commit", "uncommitted"]

_ROOT: Final = Path(__file__).parents[2]
_PACKAGES: Final = ("aiortc", "aiohttp", "av", "numpy", "torch", "onnxruntime", "faster-whisper",
                    "webrtcvad-wheels", "hibari-tts")  # fmt: skip

_DECISIVE: Final = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8")

_FOUND: Final = ("tests/bench/full", "tests/bench/runs.jsonl")
_WORDS: Final = ("*.md", "docs", *_FOUND)


def commit() -> str:
    """The checkout's commit, with `+` when tracked files differ from it, but those a run writes."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", *_but(_FOUND))
    return (_git("rev-parse", "HEAD") or "unknown") + ("+" if changed else "")


def measured_commit() -> str:
    """The last commit that changed something that is measured or measures: not words about it, and
    not what was found, which is kept beside it while a run goes on for days."""
    return _git("log", "-1", "--format=%H", "--", *_but(_WORDS)) or "unknown"


def uncommitted() -> str:
    """SHA-256 of what differs from HEAD in the files `measured_commit` counts; empty for nothing.

    Files that git does not know are not seen.
    """
    changed = _git("diff", "HEAD", "--full-index", "--no-ext-diff", "--", *_but(_WORDS))
    return hashlib.sha256(changed.encode()).hexdigest() if changed else ""


def _but(left_out: Sequence[str]) -> list[str]:
    return [".", *(f":(exclude){one}" for one in left_out)]


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=_ROOT, capture_output=True, text=True, errors="replace",
        check=False,
    )  # fmt: skip
    return done.stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def _instructions() -> list[str]:
    """Those of the processor that decide how quick the decoders are; none where it cannot be told.

    The name of a virtual processor does not tell them.
    """
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return [one for one in _DECISIVE if one in line.split()]
    return []


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def description() -> dict[str, object]:
    """Host, processor, its instructions, cores, memory, load, system, versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "host": platform.node(),
        "processor": _processor(),
        "instructions": _instructions(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "load": [round(one, 2) for one in os.getloadavg()],
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {package: _version(package) for package in _PACKAGES},
    }
