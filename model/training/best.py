"""The averaged weights that dev liked best, kept beside a run's last ones.

So few hours of conversations are known by heart after some thousand steps: the loss goes on
falling while dev gets worse, and what was best is gone unless it is kept.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import torch

from model.nn.core_network import CoreNetwork

__all__ = ["BEST", "cost", "keep", "load"]

BEST: Final = "best.pt"
NEVER_SECONDS: Final = 3.0
"""Stands for the latency where nine in ten turns are not answered within the accepted share of
taken pauses: longer than any that was seen."""

BALANCE_SECONDS: Final = 2.0
"""What a balance of 0 instead of 1 is worth in seconds of latency."""


def cost(report: dict[str, Any]) -> float:
    """One number, in seconds, of what does not hang on the operating point; less is better."""
    matched = report["matched"]
    latency = matched["latency_at_0.15"]
    waiting = NEVER_SECONDS if latency is None else float(latency)
    return waiting + BALANCE_SECONDS * (1.0 - float(matched["best_balance"]))


def keep(out: Path, step: int, report: dict[str, Any], weights: CoreNetwork) -> bool:
    """Write the weights of a step unless better ones are kept; returns whether they were."""
    path, now = out / BEST, cost(report)
    if path.is_file() and float(_read(path)["cost"]) <= now:
        return False
    passing = out / f"{BEST}.part"
    with passing.open("wb") as file:
        torch.save({"step": step, "cost": now, "average": weights.state_dict()}, file)
        file.flush()
        os.fsync(file.fileno())
    passing.replace(path)
    return True


def load(out: Path, weights: CoreNetwork) -> int:
    """Put what was kept into `weights`; returns its step.

    Raises:
        FileNotFoundError: nothing is kept: no report on dev was made yet.
    """
    path = out / BEST
    if not path.is_file():
        raise FileNotFoundError(
            f"{out} keeps no best weights: train with --dev, or export the last"
        )
    found = _read(path)
    weights.load_state_dict(found["average"])
    return int(found["step"])


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return found
