"""Metric 8 on logs whose figures are known, and agents that do not look or look badly."""

from __future__ import annotations

import pytest

from tests.bench.metrics import statistics
from tests.bench.metrics.keys import check
from tests.bench.metrics.visual import (
    Announcement,
    VisualLog,
    matched,
    number_in,
    off_by_one,
    visual_measures,
)
from tests.bench.visual.policies import BROKEN, NULLS, Policy, oracle, performed


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals are not what is tested here."""
    monkeypatch.setattr(statistics, "RESAMPLES", 40)


EVENTS = VisualLog("event", "event", 10.0, 40.0, (12.0, 20.0, 30.0))
COUNTS = VisualLog("count", "count", 10.0, 40.0, tuple(12.0 + 1.5 * n for n in range(10)))


def said(*times: float) -> tuple[Announcement, ...]:
    return tuple(Announcement(at) for at in times)


def counted(*pairs: tuple[float, int]) -> tuple[Announcement, ...]:
    return tuple(Announcement(at, number) for at, number in pairs)


@pytest.mark.parametrize(
    ("text", "number"),
    [("3.", 3), (" Twelve", 12), ("I see a cup.", 0), ("One, two, three.", 3), ("21.", 21),
     ("", 0), ("someone", 0)],
)  # fmt: skip
def test_numbers_are_read_in_digits_and_words(text: str, number: int) -> None:
    assert number_in(text) == number


@pytest.mark.parametrize(
    ("times", "delays", "false", "missed"),
    [
        ((12.5, 20.5, 30.5), [0.5, 0.5, 0.5], 0, 0),
        ((), [], 0, 3),
        ((12.5, 12.6, 12.7), [0.5], 2, 2),
        ((11.9, 20.0, 32.5), [0.0, 2.5], 1, 1),
        ((15.1, 33.1), [], 2, 3),
    ],
)
def test_an_announcement_is_of_the_event_just_before_it_and_of_one_only(
    times: tuple[float, ...], delays: list[float], false: int, missed: int
) -> None:
    found, ghosts, unseen = matched(EVENTS.moments, said(*times))
    assert found == pytest.approx(delays)
    assert (ghosts, unseen) == (false, missed)


@pytest.mark.parametrize(
    ("last", "right"), [(10, True), (9, True), (11, True), (8, False), (12, False), (0, False)]
)
def test_the_last_number_counts(last: int, right: bool) -> None:
    assert off_by_one(COUNTS.moments, counted((30.0, 4), (35.0, last))) is right
    assert off_by_one((1.0,), ()), "one that nobody counted is off by one"
    assert not off_by_one((1.0, 2.0), ())


def test_known_logs_give_known_figures() -> None:
    late = said(12.8, 21.0, 35.0)
    clips = [
        VisualLog("a", "event", 10.0, 40.0, EVENTS.moments, said(12.4, 20.6, 30.9), said(12.1)),
        VisualLog("b", "event", 10.0, 40.0, EVENTS.moments, late, late, asked=False),
        VisualLog("c", "count", 0.0, 30.0, (2.0, 4.0), counted((2.5, 1), (4.7, 2), (6.0, 3))),
        VisualLog("d", "count", 0.0, 30.0, (2.0, 4.0, 6.0), counted((2.5, 1))),
    ]
    found = {key: one.value for key, one in visual_measures(clips, 1).items()}
    for key in found:
        check(key)
    # Of six events five were announced, one announcement was of none, in one minute.
    assert found["visual.event_f1"] == pytest.approx(10 / 12)
    assert found["visual.event_delay_p50_s"] == pytest.approx(0.8)
    assert found["visual.false_per_minute"] == pytest.approx(1.0)
    assert found["visual.count_off_by_one"] == pytest.approx(0.5)
    assert found["visual.count_delay_s"] == pytest.approx(0.5)
    assert found["visual.told_event_f1"] == pytest.approx(2 * 3 / (2 * 3 + 1 + 3))
    assert found["visual.told_count_off_by_one"] == 0.0
    assert found["visual.asked"] == 0.75
    assert visual_measures(clips, 1)["visual.event_f1"].n == 6
    low, high = visual_measures(clips, 1)["visual.event_f1"].ci95
    assert low < found["visual.event_f1"] < high


def test_a_bare_number_never_counts_for_an_event_that_is_over() -> None:
    assert visual_measures([EVENTS], 1)["visual.event_f1"].value == 0.0
    quiet = VisualLog("quiet", "event", 0.0, 60.0, (), said(3.0))
    assert visual_measures([quiet], 1)["visual.false_per_minute"].value == pytest.approx(1.0)
    assert visual_measures([quiet], 1)["visual.event_f1"].value == 0.0


def scores(policy: Policy) -> dict[str, float]:
    """Over clips of several rates and numbers of events."""
    clips = [
        VisualLog(f"c{n}", "count", 5.0, 5.0 + 10 * 60 / rate + 3, tuple(
            5.0 + 60 / rate * (k + 0.75) for k in range(10)))
        for n, rate in enumerate((10, 18, 32, 40))
    ]  # fmt: skip
    clips += [
        VisualLog(f"e{n}", "event", 5.0, 32.0, moments)
        for n, moments in enumerate(((7.0, 15.5, 28.1), (9.9, 14.2, 21.3), (12.6, 18.4, 26.0)))
    ]
    logs = [performed(clip, policy) for clip in clips]
    return {key: one.value for key, one in visual_measures(logs, 1).items()}


def test_who_looks_well_scores_well_and_nobody_else() -> None:
    best = scores(oracle(0.4))
    assert best["visual.event_f1"] == best["visual.count_off_by_one"] == 1.0
    assert best["visual.event_delay_p50_s"] == pytest.approx(0.4)
    assert best["visual.false_per_minute"] == 0.0
    for name, policy in (NULLS | BROKEN).items():
        found = scores(policy)
        assert found["visual.count_off_by_one"] <= 0.25, name
        assert found["visual.event_f1"] < 0.75, name
    assert scores(BROKEN["sleepy"])["visual.event_delay_p50_s"] == pytest.approx(1.5)
    assert scores(BROKEN["jumpy"])["visual.false_per_minute"] > 10
    assert scores(NULLS["metronome"])["visual.false_per_minute"] > 4
