"""Core around its network: live steps equal the columns of training, decisions, checkpoints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.interaction import streams
from model.interaction.core import (
    TAKEN_FROM_SOUND,
    Core,
    Judgement,
    OperatingPoint,
    decide,
    known_nothing,
    sound_columns,
    tensors,
)
from model.nn.core_config import CoreConfig
from model.nn.core_network import CoreNetwork, save_core
from tests.model.nn.core_steps import TINY, made_up

ROWS, STEPS = 3, 12


def core() -> Core:
    torch.manual_seed(11)
    return Core(CoreNetwork(TINY).requires_grad_(False), ROWS)


def conversation() -> tuple[streams.Arrays, streams.Arrays]:
    """Audio by row, and the columns that are not sound, `[ROWS * STEPS, …]`."""
    random = np.random.default_rng(12)
    audio = {
        "person": random.normal(0, 0.1, (ROWS, STEPS, 1600)).astype(np.float32),
        "own": random.normal(0, 0.1, (ROWS, STEPS, 2400)).astype(np.float32),
    }
    arrays = made_up(13, ROWS * STEPS)
    for name in TAKEN_FROM_SOUND:
        del arrays[name]
    return audio, arrays


def live(used: Core, rows: slice = slice(0, ROWS)) -> list[Judgement]:
    audio, arrays = conversation()
    memory, active = used.new_memory(), np.zeros(ROWS, bool)
    active[rows] = True
    judged = []
    for at in range(STEPS):
        known = {
            name: array.reshape(ROWS, STEPS, *array.shape[1:])[:, at].copy()
            for name, array in arrays.items()
        }
        found, memory = used.step(
            audio["person"][:, at].copy(), audio["own"][:, at].copy(), known, memory, active
        )
        judged.append(found)
    return judged


def test_live_steps_judge_as_the_columns_of_training_do() -> None:
    used = core()
    judged = live(used)
    audio, arrays = conversation()
    for row in range(ROWS):
        columns = {
            name: array.reshape(ROWS, STEPS, *array.shape[1:])[row]
            for name, array in arrays.items()
        }
        columns |= sound_columns(audio["person"][row].ravel(), audio["own"][row].ravel())
        streams.check(columns, streams.INPUTS)
        wanted = used.network.whole(tensors(columns, lead=(1, STEPS)))
        floor = wanted.floor[0].softmax(-1).numpy()
        ahead = wanted.projection[0].sigmoid().numpy()
        for at, found in enumerate(judged):
            np.testing.assert_allclose(found.floor[row], floor[at], atol=1e-4)
            np.testing.assert_allclose(found.projection[row], ahead[at], atol=1e-4)


def test_a_row_reset_is_a_new_one_and_neighbours_change_no_bit() -> None:
    used = core()
    first = live(used)
    alone = live(used, slice(1, 2))
    for found, wanted in zip(alone, first, strict=True):
        assert np.array_equal(found.floor[1], wanted.floor[1])
    memory = used.new_memory()
    audio, _ = conversation()
    known, active = known_nothing(ROWS), np.ones(ROWS, bool)

    def step() -> Judgement:
        nonlocal memory
        found, memory = used.step(audio["person"][:, 0], audio["own"][:, 0], known, memory, active)
        return found

    wanted = step()
    for _ in range(10):
        step()
    memory.reset(1)
    found = step()
    assert np.array_equal(found.person[1], wanted.person[1])
    assert not np.array_equal(found.person[0], wanted.person[0])


def judgement(**chances: float) -> Judgement:
    floor = np.array([[chances.get(name, 0.0) for name in streams.FLOORS]], np.float32)
    person = np.array([[0.1, 0.6, 0.1, 0.1, 0.05, 0.05]], np.float32)
    return Judgement(floor, person, np.zeros((1, 2, 4), np.float32))


@pytest.mark.parametrize(
    ("chances", "speaking", "decision"),
    [
        ({"listen": 0.6, "take": 0.4}, False, "take"),
        ({"listen": 0.7, "take": 0.3}, False, "listen"),
        ({"listen": 0.9, "backchannel": 0.1}, False, "listen"),
        ({"listen": 0.5, "backchannel": 0.5}, False, "backchannel"),
        ({"yield": 0.9, "hold": 0.1}, False, "listen"),
        ({"hold": 0.5, "yield": 0.5}, True, "hold"),
        ({"hold": 0.2, "yield": 0.8}, True, "yield"),
        ({"hold": 0.2, "take": 0.8}, True, "hold"),
    ],
)
def test_what_is_sure_enough_is_done(
    chances: dict[str, float], speaking: bool, decision: str
) -> None:
    point = OperatingPoint(take=0.4, yielding=0.7, backchannel=0.3)
    found, probability, doing, of_doing = decide(judgement(**chances), 0, point, speaking)
    assert (found, doing) == (decision, "pausing")
    assert of_doing == pytest.approx(0.6)
    if decision in ("take", "yield", "backchannel"):
        assert probability == pytest.approx(chances[decision])
    else:
        assert probability > 1 - max(point.take, point.yielding)


@pytest.mark.parametrize(
    ("take", "finished", "decision"),
    [(0.2, 0.1, "backchannel"), (0.36, 0.1, "listen"), (0.2, 0.36, "listen")],
)
def test_no_sign_of_listening_is_given_where_an_answer_is_wanted(
    take: float, finished: float, decision: str
) -> None:
    rest = (1 - finished) / 5
    person = [finished if name == "finished" else rest for name in streams.PERSON_STATES]
    heard = judgement(listen=0.65 - take, take=take, backchannel=0.35)
    heard = replace(heard, person=np.array([person], np.float32))
    point = OperatingPoint(take=0.9, yielding=0.7, backchannel=0.3)
    assert decide(heard, 0, point, False)[0] == decision


@pytest.mark.parametrize(
    ("speaking", "decision"), [(0.1, "hold"), (0.6, "hold"), (0.8, "yield"), (1.0, "yield")]
)
def test_who_speaks_into_a_gap_of_ours_has_the_floor(speaking: float, decision: str) -> None:
    """Nothing of us sounds where the next phrase is late: Core hears us listen."""
    rest = (1 - speaking) / 5
    person = [speaking if name == "speaking" else rest for name in streams.PERSON_STATES]
    heard = replace(judgement(listen=0.95, hold=0.05), person=np.array([person], np.float32))
    point = OperatingPoint(take=0.4, yielding=0.7, backchannel=0.3)
    found, probability, *_ = decide(heard, 0, point, True)
    assert found == decision
    if decision == "yield":
        assert probability == pytest.approx(0.95 * speaking)
    assert decide(heard, 0, point, False)[0] == "listen"


@pytest.mark.parametrize(
    ("take", "silence", "decision"),
    [(0.5, 1.5, "listen"), (0.5, 2.1, "take"), (0.35, 2.1, "listen"), (0.35, 9.0, "take"),
     (0.2, 60.0, "listen")],
)  # fmt: skip
def test_waiting_costs_more_the_longer_it_lasts(take: float, silence: float, decision: str) -> None:
    point = OperatingPoint(take=0.7, overdue=0.3)
    assert decide(judgement(listen=1 - take, take=take), 0, point, False, silence)[0] == decision
    assert OperatingPoint(take=0.2, overdue=0.3).take_after(9.0) == pytest.approx(0.2)


def test_a_checkpoint_is_loaded_with_its_operating_point(tmp_path: Path) -> None:
    used = core()
    save_core(used.network, tmp_path)
    with pytest.raises(FileNotFoundError):
        Core.load(tmp_path, ROWS)
    path = tmp_path / "operating_point.json"
    OperatingPoint(take=0.3).write(path)
    loaded = Core.load(tmp_path, ROWS)
    assert loaded.point.take == 0.3
    for found, wanted in zip(live(loaded), live(used), strict=True):
        assert np.array_equal(found.floor, wanted.floor)
    path.write_text('{"take": 0.3}')
    with pytest.raises(ValueError, match="backchannel"):
        Core.load(tmp_path, ROWS)
    path.write_text('{"take": 1.3, "yielding": 0.5, "backchannel": 0.5}')
    with pytest.raises(ValueError, match="take must be in"):
        Core.load(tmp_path, ROWS)


def test_a_checkpoint_for_other_streams_is_refused() -> None:
    with pytest.raises(ValueError, match="version 2"):
        Core(CoreNetwork(CoreConfig(streams_version=2)), 1)


def test_a_step_without_memory_of_its_own_is_refused() -> None:
    memory = core().new_memory()
    with pytest.raises(ValueError, match="new_memory"):
        core().step(
            np.zeros((ROWS, 1600), np.float32),
            np.zeros((ROWS, 2400), np.float32),
            known_nothing(ROWS),
            memory,
            np.ones(ROWS, bool),
        )
