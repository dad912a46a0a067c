"""What a result was measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

__all__ = ["commit", "description", "measured_commit"]

_ROOT: Final = Path(__file__).parents[2]
_PACKAGES: Final = ("aiortc", "aiohttp", "av", "numpy", "torch", "onnxruntime", "faster-whisper",
                    "webrtcvad-wheels", "hibari-tts")  # fmt: skip

_WORDS: Final = ("*.md", "docs", "tests/bench/full", "tests/bench/runs.jsonl")


def commit() -> str:
    """The checkout's commit, with `+` when tracked files differ from it."""
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return (_git("rev-parse", "HEAD") or "unknown") + ("+" if changed else "")


def measured_commit() -> str:
    """The last commit that changed something that is measured or measures: not words about it, and
    not what was found, which is kept beside it while a run goes on for days."""
    left_out = [f":(exclude){one}" for one in _WORDS]
    return _git("log", "-1", "--format=%H", "--", ".", *left_out) or "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def description() -> dict[str, object]:
    """Processor, cores, memory, load, system, versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "load": [round(one, 2) for one in os.getloadavg()],
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {package: _version(package) for package in _PACKAGES},
    }
