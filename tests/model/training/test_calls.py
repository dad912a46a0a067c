"""Checkpoints judged on real calls: clocks are found, events are cut where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.interaction import streams
from model.interaction.core import OperatingPoint
from model.training import calls
from model.training.calls import Call, Events, decided, judged, lag_of, read, write
from model.training.trainer import Trainer
from tests.model.nn.core_steps import made_up
from tests.model.training.tiny_shards import TINY

TURNS = 120


def call(clip: str, half: str, *labels: tuple[str, int, int], ours: slice = slice(0, 0)) -> Call:
    columns = made_up(4, TURNS) | {"k": np.arange(TURNS, dtype=np.int64)}
    speaks = np.zeros(TURNS, bool)
    speaks[ours] = True
    return Call(clip, half, columns, speaks, labels)


@pytest.mark.parametrize("lag", [-0.8, 0.0, 1.23])
def test_a_stream_that_begins_later_than_its_clip_is_laid_under_it(lag: float) -> None:
    generator = np.random.default_rng(1)
    spans = [{"start": 1.5, "end": 2.4}, {"start": 3.0, "end": 3.3}, {"start": 5.1, "end": 6.9}]
    audio = generator.normal(0, 1e-3, 9 * 16_000)
    for span in spans:
        part = slice(*(round((span[name] + lag) * 16_000) for name in ("start", "end")))
        audio[part] += generator.normal(0, 0.1, part.stop - part.start)
    found, alike = lag_of(audio.astype(np.float32), spans)
    assert found == pytest.approx(lag, abs=0.011)
    assert alike > 0.8
    other = [{"start": 0.1, "end": 0.2}, {"start": 8.0, "end": 8.7}]
    assert lag_of(audio.astype(np.float32), other)[1] < 0.5


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    made = call("talk-1", "human", ("turn", 5, 30), ours=slice(40, 60))
    write(made, tmp_path)
    (again,) = read(tmp_path)
    assert (again.clip, again.half, again.labels) == (made.clip, made.half, made.labels)
    assert again.columns.keys() == made.columns.keys()
    for name, column in made.columns.items():
        np.testing.assert_array_equal(again.columns[name], column)
    np.testing.assert_array_equal(again.ours, made.ours)
    with pytest.raises(FileNotFoundError, match="gather"):
        read(tmp_path / "empty")


def test_events_are_judged_where_they_are_heard() -> None:
    network = Trainer(TINY, 3).average
    made = judged(network, [
        call("a", "synthetic", ("turn", 5, 30), ("pause", 12, 18), ("interruption", 50, 90),
             ("backchannel", 52, 55), ("vocal_tic", 100, 103), ours=slice(40, 60)),
        call("b", "human", ("turn", 5, 30), ("pause", 20, 26)),
    ], overdue=0.3)  # fmt: skip
    # What follows the end of our voice is not known; a cough into silence is nothing to yield to.
    assert [(len(trace), whole) for trace, whole in made.interruptions] == [(10, False)]
    assert [len(made.ignored[kind]) for kind in calls.IGNORED] == [1, 0, 0]
    assert [(len(trace), whole) for trace, whole in made.ignored["backchannel"]] == [(8, False)]
    assert [(half, len(trace), until) for half, trace, until in made.ends] == [
        ("synthetic", 10, 10), ("human", calls.ANSWER_TURNS, calls.ANSWER_TURNS)
    ]  # fmt: skip
    assert [(half, len(trace)) for half, trace in made.pauses] == [("synthetic", 6), ("human", 6)]


def test_what_was_cut_short_before_it_could_tell_is_left_out() -> None:
    some = [(np.array([0.1, 0.9]), False), (np.array([0.1, 0.2]), False), (np.zeros(20), True)]
    point = OperatingPoint(yielding=0.5)
    assert calls._stops(some, point) == [pytest.approx(0.15), float("inf")]


def test_who_was_answered_before_they_would_have_been_counts_as_a_little_later() -> None:
    ends = [("human", np.array([0.1, 0.95]), 2), ("human", np.array([0.1, 0.2]), 2),
            ("human", np.zeros(31), 31), ("synthetic", np.array([0.99]), 1)]  # fmt: skip
    pauses = [("human", np.array([0.2, 0.93])), ("human", np.array([0.5]))]
    after, taken = decided(Events([], {}, ends, pauses), "human", 0.9)
    assert after == pytest.approx((0.15 + 0.55 + 3.0) / 3)
    assert taken == 0.5
    assert streams.FLOORS[calls.TAKE] == "take"
