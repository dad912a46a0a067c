"""What an engine is: build, machine, settings and weights, as far as its bits depend on them."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from model.config import EngineConfig
from model.weights.store import named

__all__ = ["build", "changed"]

PACKAGES: Final = ("torch", "onnxruntime", "numpy", "hibari-tts", "tokenizers", "safetensors")
PARTS: Final = ("ears", "end-of-turn", "eyes", "eyes-text", "language-135m", "voice-activity")
"""Besides the decoder that was chosen."""

ROOT: Final = Path(__file__).resolve().parents[1]
MAY_DIFFER: Final = ("began", "commit", "parts", "engine")
"""Parts of a head that do not decide by themselves whether bits are the same."""


def build(config: EngineConfig, device: str, parts: Mapping[str, str]) -> dict[str, Any]:
    """A description to be written as JSON and compared by `changed`.

    Args:
        config: the settings as they were resolved: threads, decoder, device.
        device: where the model is.
        parts: what the engine said of its parts.
    """
    described: dict[str, Any] = {
        "engine": asdict(config),
        "device": device,
        "parts": dict(parts),
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "processor": _processor(),
        "threads": config.threads,
        "commit": _commit(),
    }
    if config.model != "echo":
        described["torch"] = _torch()
        described["weights"] = dict(_hashes(named(config.weights), parts.get("language", "")))
        described["core"] = dict(_of_folder(_core(config.core)))
    return described


def changed(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What of a recorded description is not so here, in words; bits may then differ."""
    found: list[str] = []
    for name, before in recorded.items():
        if name in MAY_DIFFER or name not in here:
            continue
        now = here[name]
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            found += [
                f"{name} {key}: {before.get(key)} is now {now.get(key)}"
                for key in sorted({*before, *now})
                if before.get(key) != now.get(key)
            ]
        elif before != now:
            found.append(f"{name}: {before} is now {now}")
    return found


def _torch() -> dict[str, Any]:
    import torch

    return {
        "version": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "mkldnn": torch.backends.mkldnn.is_available(),  # type: ignore[no-untyped-call]
        "cuda": torch.version.cuda,
    }


def _hashes(weights: Path, language: str) -> Iterator[tuple[str, str]]:
    for part in sorted({*PARTS, language} - {""}):
        for name, found in _of_folder(weights / part):
            yield f"{part}/{name}", found


def _of_folder(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob("*")):
        # Receipts and measured speeds are written here; they change nothing.
        if path.is_file() and path.name not in ("receipt.json", "speed.json"):
            yield path.name, _hash(path)


def _core(setting: str) -> Path:
    """The checkpoint that has the floor; a folder that is not there for the rules."""
    return ROOT / "model" / "weights" / "core" if setting == "shipped" else Path(setting)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine()) + f", {os.cpu_count()} cores"


def _commit() -> str:
    """The checkout's commit; empty where there is none."""
    try:
        head = (ROOT / ".git" / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head
        return (ROOT / ".git" / head.removeprefix("ref: ")).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
