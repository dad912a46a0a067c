"""What a step of Core costs; run by hand: `pytest -m bench -s` on this file."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from model.interaction.core import Core, known_nothing
from model.nn.core_config import CoreConfig
from model.nn.core_network import CoreNetwork
from tests.model.nn.core_steps import made_up, of_arrays

pytestmark = pytest.mark.bench

STEPS = 600
GUIDE_SECONDS = 0.008
"""A step of four rows on one thread, the encoder apart; a tenth of the micro-turn."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def report(name: str, durations: list[float], used: float) -> float:
    p50, p99 = np.percentile(durations[STEPS // 6 :], (50, 99))
    print(
        f"\n{name}: p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms, "
        f"CPU {used / STEPS * 1e3:.2f} ms a step"
    )
    return float(p50)


@pytest.mark.parametrize("rows", [1, 4, 16])
@torch.inference_mode()
def test_the_network_s_step(rows: int) -> None:
    network = CoreNetwork(CoreConfig()).requires_grad_(False)
    inputs = of_arrays(made_up(1, rows))
    state, active = network.new_state(rows), torch.ones(rows, dtype=torch.bool)
    durations, begun = [], time.process_time()
    for _ in range(STEPS):
        at = time.perf_counter()
        _, state = network.step(inputs, state, active)
        durations.append(time.perf_counter() - at)
    p50 = report(f"network, {rows} rows", durations, time.process_time() - begun)
    assert rows != 4 or p50 <= GUIDE_SECONDS


def test_a_step_with_both_front_ends() -> None:
    core = Core(CoreNetwork(CoreConfig()).requires_grad_(False), 4)
    random = np.random.default_rng(1)
    audio = random.normal(0, 0.1, (4, 1600)).astype(np.float32)
    own = random.normal(0, 0.1, (4, 2400)).astype(np.float32)
    memory, known, active = core.new_memory(), known_nothing(4), np.ones(4, bool)
    durations, begun = [], time.process_time()
    for _ in range(STEPS):
        at = time.perf_counter()
        _, memory = core.step(audio, own, known, memory, active)
        durations.append(time.perf_counter() - at)
    assert report("with sound, 4 rows", durations, time.process_time() - begun) < 0.05
