"""Metric 2: which pauses there are to be taken, and which were: hand-made calls."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.bench.metrics.activity import ClipLog, Interval, Label
from tests.bench.metrics.turns import pause_measures, pauses

SEED = 7

Spans = Sequence[tuple[float, float]]


def voiced(spans: Spans) -> tuple[Interval, ...]:
    return tuple(Interval(*span) for span in spans)


def clip(agent: Spans, pause: tuple[float, float], person: Spans = (), name: str = "c") -> ClipLog:
    """A turn from 0.5 to 9 s in which a pause was put, and the intervals of both sides."""
    marks = (Label("turn", 0.5, 9.0), Label("pause", *pause))
    return ClipLog(name, "synthetic", "v", voiced(person), voiced(agent), marks, (), 30.0)


def test_share_taken() -> None:
    pause = (1.0, 1.8)
    logs = [
        clip([(1.5, 3.0)], pause, name="taken"),
        clip([(1.75, 1.85)], pause, name="taken, cut at once"),
        clip([(2.0, 3.0)], pause, name="late"),
        clip([(0.5, 3.0)], pause, name="was talking before, and could not start"),
        clip([], pause, name="waited"),
    ]
    measures = pause_measures(logs, SEED)
    assert measures["pause.takeover"].n == 4
    assert measures["pause.takeover"].value == pytest.approx(2 / 4)
    assert measures["pause.takeover_late"].value == pytest.approx(3 / 4)


def test_the_speakers_own_pauses_count_and_each_once() -> None:
    """Silences of .2, .9 (put there), .31 and 1.6 s in a turn, and one behind it."""
    spans = [(0.5, 1.0), (1.2, 2.0), (2.9, 4.0), (4.31, 6.0), (7.6, 9.0), (9.5, 10.0)]
    log = clip([(4.05, 4.2)], (2.0, 2.9), spans)
    assert [(one.start, one.end) for one in pauses(log)] == [(2.0, 2.9), (4.0, 4.31)]
    assert pause_measures([log], SEED)["pause.takeover"].value == pytest.approx(1 / 2)
