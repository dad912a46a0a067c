"""Text that every start reads alike is read once a machine and kept beside the weights.

The 760 tokens before the first conversation take six seconds of a core with 0.5B, a third of a
start; what they leave in a row are 19 MB, which are back in a moment, the same to the bit.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from model.interaction.language import Language

__all__ = ["read_before"]

log = logging.getLogger(__name__)

FORMAT: Final = "1"


def read_before(language: Language, row: int, ids: Sequence[int], weights: Path, name: str) -> None:
    """Fill an empty row with ids: from the file that an earlier start left, or by reading them.

    Args:
        language: whose row it is.
        row: an empty one.
        ids: at least one.
        weights: the folder of the part; a file that cannot be written there is only logged.
        name: of the text, for the file.
    """
    path = weights / f"read.{name}.safetensors"
    made_of = _made_of(weights, ids)
    if _bring_back(language, row, path, made_of):
        return
    for _ in language.append(row, ids):
        pass
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        save_file(language.snapshot(row), partial, {"made_of": made_of})
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        log.warning("%s could not be kept, so it is read at every start: %s", path.name, error)


def _bring_back(language: Language, row: int, path: Path, made_of: str) -> bool:
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("made_of") != made_of:
                return False
            language.restore(row, {key: file.get_tensor(key) for key in file.keys()})
    except (OSError, SafetensorError, KeyError, ValueError):
        return False  # absent or damaged: it is read and written again
    return True


def _made_of(weights: Path, ids: Sequence[int]) -> str:
    """A digest of all that what is kept depends on: text, weights, and how this machine adds."""
    files = [
        (one.name, one.stat().st_size, one.stat().st_mtime_ns)
        for one in (weights / "config.json", *sorted(weights.glob("model.*")))
    ]
    machine = (torch.__version__, torch.backends.cpu.get_cpu_capability())
    return hashlib.sha256(repr((FORMAT, list(ids), files, machine)).encode()).hexdigest()
