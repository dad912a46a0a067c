"""Counting on signals whose repetitions are known: rates, pictures a second, noise, gaps."""

from __future__ import annotations

import math
import random

import pytest

from model.interaction.counting import Counter, counted
from model.interaction.posture import LEAST, signal
from tests.model.interaction.bodies import figure

LATEST_SECONDS = 0.5
"""After the moment at which the last way back is done by six tenths."""


def run(values: list[tuple[float, float]], counter: Counter) -> tuple[Counter, list[float]]:
    """The counter behind these (time, value), and when each repetition was counted."""
    moments = []
    for at, value in values:
        before = counter.count
        counter = counted(counter, value, at)
        moments += [at] * (counter.count - before)
    return counter, moments


def repeated(
    count: int, a_minute: float, pictures: float, noise: float, seed: int
) -> list[tuple[float, float]]:
    """`count` ways from 0 to about 1 and back, pauses between some, pictures a little irregular."""
    chance = random.Random(seed)
    starts, at = [], 1.0
    for _ in range(count):
        length = 60 / a_minute * chance.uniform(0.85, 1.15)
        starts.append((at, length, chance.uniform(0.8, 1.1)))
        at += length
    values = []
    now = 0.0
    while now < at + 1.5:
        value = 0.0
        for start, length, high in starts:
            if start <= now < start + length:
                value = high * (1 - math.cos(2 * math.pi * (now - start) / length)) / 2
        values.append((now, value + chance.gauss(0, noise)))
        now += chance.uniform(0.85, 1.15) / pictures
    return values


@pytest.mark.parametrize("a_minute", [5, 12, 20, 30, 40])
@pytest.mark.parametrize("noise", [0.0, 0.05, 0.1])
def test_a_count_is_right_within_one(a_minute: float, noise: float) -> None:
    off = []
    for seed in range(20):
        done, _ = run(repeated(10, a_minute, 5.0, noise, seed), Counter(0.4))
        off.append(abs(done.count - 10))
    assert sum(one <= 1 for one in off) >= 19, off
    assert sum(off) <= 6, off


@pytest.mark.parametrize("a_minute", [10, 20, 30, 40])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_looks_that_come_slowly_count_as_well(a_minute: float, noise: float) -> None:
    """Of a busy machine: 0.2 to 0.6 s apart, three a second."""
    off = []
    for seed in range(20):
        chance, kept, due = random.Random(seed), [], 0.0
        for at, value in repeated(10, a_minute, 20.0, noise, seed):
            if at >= due:
                kept.append((at, value))
                due = at + chance.choice((0.2, 0.2, 0.3, 0.3, 0.4, 0.6))
        off.append(abs(run(kept, Counter(0.4))[0].count - 10))
    assert sum(one <= 1 for one in off) >= 16, off


def test_one_look_gone_wrong_among_many_counts_nothing() -> None:
    values = [(t / 5, 0.9 if t % 40 == 20 else 0.0) for t in range(200)]
    assert run(values, Counter(0.4))[0].count == 0


def test_a_repetition_is_counted_when_it_is_done_not_later() -> None:
    values = [(t / 5, (1 - math.cos(2 * math.pi * t / 10)) / 2) for t in range(60)]
    done, moments = run(values, Counter(0.4))
    assert done.count == 6
    # Six tenths of the way back lie at 0.718 of a round of two seconds.
    for number, moment in enumerate(moments):
        assert 0 <= moment - (2 * number + 1.436) <= LATEST_SECONDS


def test_rest_noise_and_slow_drift_count_nothing() -> None:
    chance = random.Random(5)
    noise = [(t / 5, chance.gauss(0, 0.08)) for t in range(600)]
    drift = [(t / 5, t / 300 + chance.gauss(0, 0.05)) for t in range(600)]
    assert run(noise, Counter(0.4))[0].count == 0
    assert run(drift, Counter(0.4))[0].count == 0


def test_a_gap_begins_anew_and_keeps_the_count() -> None:
    values = repeated(4, 20, 5.0, 0.02, 1)
    later = [(at + 60, value) for at, value in values]
    assert run([*values, *later], Counter(0.4))[0].count == 8
    halfway = [(0.0, 0.0), (0.2, 0.5), (0.4, 1.0), (30.0, 0.0), (30.2, 0.0), (30.4, 0.0)]
    assert run(halfway, Counter(0.4))[0].count == 0


@pytest.mark.parametrize("exercise", ["push-ups", "squats", "jumping jacks", "raised hands"])
@pytest.mark.parametrize("a_minute", [10, 40])
def test_a_moving_figure_is_counted(exercise: str, a_minute: float) -> None:
    least, sign = LEAST[exercise]  # type: ignore[index]
    counter = Counter(least, sign)
    for at, way in repeated(8, a_minute, 5.0, 0.0, 3):
        value = signal(figure(exercise, way, seed=int(at * 1000)), exercise)  # type: ignore[arg-type]
        if value is not None:
            counter = counted(counter, value, at)
    assert abs(counter.count - 8) <= 1
