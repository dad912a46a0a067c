"""Ten minutes of training at full size, killed again and again, beside the same left alone."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.model.training.tiny_shards import write_shard

STEPS = 400
"""Some ten minutes of one thread."""


def command(folder: Path, out: str, steps: int) -> list[str]:
    return [sys.executable, "-m", "model.training", "core", "--data", str(folder / "train"),
            "--out", str(folder / out), "--steps", str(steps), "--seed", "5", "--threads", "1",
            "--save-minutes", "0.2"]  # fmt: skip


def run_killed(folder: Path, steps: int, longest_seconds: float) -> int:
    """Start it until it ends by itself, killing it after random times; returns how often."""
    draws, kills = random.Random(7), 0
    while True:
        process = subprocess.Popen(command(folder, "killed", steps), stdout=subprocess.DEVNULL)
        try:
            process.wait(draws.uniform(0.3, 1.0) * longest_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            continue
        assert process.returncode == 0
        return kills


@pytest.mark.endurance
@pytest.mark.timeout(5400)
def test_a_run_killed_again_and_again_is_the_same_to_the_bit(tmp_path: Path) -> None:
    for index in range(3):
        write_shard(tmp_path / "train", index, conversations=8)
    began = time.monotonic()
    subprocess.run(command(tmp_path, "alone", STEPS), check=True, stdout=subprocess.DEVNULL)
    alone = time.monotonic() - began
    # Long enough to start and to save once.
    kills = run_killed(tmp_path, STEPS, max(alone / 4, 60.0))
    assert kills >= 3
    states = [
        torch.load(tmp_path / out / "state.pt", weights_only=True) for out in ("alone", "killed")
    ]
    for part in ("network", "average"):
        for name, tensor in states[0][part].items():
            assert torch.equal(tensor, states[1][part][name]), name
    print(f"\n{alone / 60:.1f} minutes alone; killed {kills} times: the same bits")
