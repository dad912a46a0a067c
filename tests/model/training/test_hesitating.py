"""What holding one's breath does on dev, on traces made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from model.interaction.core import OperatingPoint
from model.training.hesitating import (
    a_minute,
    choose_hesitating,
    faltered,
    silent_after,
    silent_p50,
)

POINT = OperatingPoint(yielding=0.6, hesitating=0.2)


def trace(*chances: float) -> np.ndarray:
    return np.array(chances, np.float32)


DUE = [trace(0.55, 0.55, 0.9)] * 3
"""Interruptions that are known as such after a quarter of a second, and doubted at once."""


@pytest.mark.parametrize(
    ("chances", "after", "still"),
    [
        ((0.1, 0.3, 0.4, 0.7), 0.15, True),  # silent from where it stood still on
        ((0.1, 0.7), 0.15, False),
        ((0.3, 0.05, 0.05, 0.7), 0.35, True),  # it had gone on by then
        ((*[0.3] * 6, 0.7), 0.65, True),  # so it had here: nobody stands still for so long
        ((0.3, 0.05), float("inf"), True),
        ((0.1, 0.1), float("inf"), False),
    ],
)
def test_we_are_silent_from_where_we_stood_still_on(
    chances: tuple[float, ...], after: float, still: bool
) -> None:
    found, stood = silent_after(trace(*chances), POINT)
    assert found == pytest.approx(after)
    assert stood is still


def test_what_stops_us_is_not_counted_as_faltered_at() -> None:
    wrong = [trace(0.9), trace(0.3, 0.1), trace(0.1), trace(0.1), trace(0.1)]
    assert faltered(wrong, POINT) == 0.25
    assert faltered([trace(0.9)], POINT) == 0.0


def test_the_lowest_level_at_which_few_are_faltered_at_is_chosen() -> None:
    few = [trace(0.06), trace(0.01), trace(0.01)]
    many = [trace(0.12), trace(0.12), trace(0.01)]
    assert choose_hesitating(DUE, few, [], POINT) == 0.02
    assert choose_hesitating(DUE, many, [], POINT) == 0.15
    assert choose_hesitating(DUE, [trace(0.55)] * 3, [], POINT) == 1.0


def test_nobody_falters_for_nothing() -> None:
    few = [trace(0.06), trace(0.01), trace(0.01)]
    assert silent_p50(DUE, POINT) == pytest.approx(0.05)
    assert silent_p50([trace(0.1)], POINT) == float("inf")
    at_once = [trace(0.9)] * 3
    assert choose_hesitating(at_once, few, [], POINT) == 1.0


def test_we_hardly_falter_where_nobody_else_makes_a_sound() -> None:
    quiet = [trace(*[0.01] * 300, 0.06, *[0.01] * 300)]
    assert a_minute(quiet, POINT) == 0.0
    assert a_minute(quiet, OperatingPoint(yielding=0.6, hesitating=0.05)) == pytest.approx(1, 0.01)
    assert choose_hesitating(DUE, [trace(0.01)], quiet, POINT) == 0.07
