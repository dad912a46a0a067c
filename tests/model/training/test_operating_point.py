"""Thresholds are chosen as the bench will judge them."""

from __future__ import annotations

import numpy as np
import pytest

from model.training.operating_point import (
    Point,
    choose_balanced,
    choose_quick,
    sweep,
)

DUE = [np.array([0.2, 0.6, 0.9]), np.array([0.7, 0.9]), np.array([0.1, 0.2, 0.3])]
WRONG = [np.array([0.1, 0.3]), np.array([0.65, 0.1])]


def test_a_sweep_counts_delays_and_false_actions() -> None:
    points = sweep(DUE, WRONG, [0.15, 0.5, 0.8])
    assert [point.threshold for point in points] == [0.15, 0.5, 0.8]
    assert [point.acted for point in points] == pytest.approx([1, 2 / 3, 2 / 3])
    delays = [(0.05 + 0.05 + 0.15) / 3, (0.15 + 0.05) / 2, (0.25 + 0.15) / 2]
    assert [point.delay_seconds for point in points] == pytest.approx(delays)
    assert [point.wrong for point in points] == [1.0, 0.5, 0.0]


def test_what_comes_too_late_did_not_come() -> None:
    (point,) = sweep(DUE, WRONG, [0.8], within_seconds=0.2)
    assert point.acted == pytest.approx(1 / 3)
    (never,) = sweep(DUE, WRONG, [0.99])
    assert (never.acted, never.wrong, never.delay_seconds) == (0.0, 0.0, float("inf"))


def test_a_sweep_needs_both_kinds() -> None:
    with pytest.raises(ValueError, match="more conversations"):
        sweep(DUE, [], [0.5])


def test_the_quickest_point_within_bounds_is_chosen() -> None:
    points = [
        Point(0.1, 1.0, 0.2, 0.3),
        Point(0.3, 1.0, 0.3, 0.05),
        Point(0.5, 0.97, 0.5, 0.04),
        Point(0.7, 0.80, 0.4, 0.00),
    ]
    assert choose_quick(points).threshold == 0.3
    assert choose_quick(points, most_wrong=0.4).threshold == 0.1
    assert choose_quick(points, most_wrong=0.04).threshold == 0.5
    # Whoever is not answered counts as 3 s.
    assert choose_quick([*points, Point(0.6, 0.5, 0.1, 0.04)], 0.04).threshold == 0.5
    # Nothing is within: the smallest excess, not the quickest.
    assert choose_quick(points[:3], most_wrong=0.0).threshold == 0.5


def test_what_never_came_has_a_price() -> None:
    assert Point(0.5, 0.9, 0.5, 0.0).cost_seconds == pytest.approx(0.45 + 0.3)
    assert Point(0.9, 0.0, float("inf"), 0.0).cost_seconds == 3.0


def test_the_quickest_of_the_best_balanced_is_chosen() -> None:
    points = [
        Point(0.2, 1.0, 0.1, 0.40),
        Point(0.4, 0.99, 0.3, 0.105),
        Point(0.6, 0.96, 0.4, 0.07),
    ]
    assert choose_balanced(points).threshold == 0.4
    assert choose_balanced(points, margin=0.0).threshold == 0.6
    assert points[0].balance == pytest.approx(0.8)
