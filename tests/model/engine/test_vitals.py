"""How the engine says that it keeps up."""

from __future__ import annotations

import pytest

from model.engine.vitals import VitalsWindow
from model.messages import TICK_BOUNDS_SECONDS


def test_ticks_are_counted_in_classes_since_the_start() -> None:
    window = VitalsWindow(0.0)
    for took in (0.0005, 0.001, 0.012, 0.012, 0.09, 0.7):
        window.add(100.0, 100.0 + took)
    # The window of ten seconds is long over; counts are of all.
    vitals = window.report(200.0, 0)
    counts = dict(zip((*TICK_BOUNDS_SECONDS, float("inf")), vitals.tick_counts, strict=True))
    assert (counts[0.002], counts[0.01], counts[0.015], counts[0.1]) == (2, 2, 4, 5)
    assert counts[0.5] == 5 and counts[float("inf")] == vitals.ticks == 6
    assert vitals.missed == 1 and vitals.tick_p99_seconds == 0.0
    assert vitals.tick_total_seconds == pytest.approx(0.8155)
