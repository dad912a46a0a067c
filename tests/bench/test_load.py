"""How many sessions a server carries and how its clock holds: what breaks a point, what is told."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from aiohttp import web

from tests.bench import systems
from tests.bench.harness.caller import CallFailed
from tests.bench.metrics.activity import ClipLog, Interval, Label
from tests.bench.metrics.machine import (
    LoadPoint,
    VitalsSample,
    capacity_measures,
    holds,
    tick_measures,
)  # fmt: skip
from tests.bench.metrics.statistics import Measure
from tests.bench.records import Record
from tests.bench.running import Draw, Target, Work
from tests.bench.stimuli.script import Script
from tests.bench.test_sittings import serving
from tests.waiting import until

SEED = 1


def measure(value: float, low: float, high: float, n: int = 12) -> Measure:
    return Measure(value, n, SEED, (low, high))


GOOD: Mapping[str, Measure] = {
    "turn.latency_mean_s": measure(0.5, 0.4, 0.6),
    "turn.answered": measure(1.0, 1.0, 1.0),
    "pause.takeover": measure(0.0, 0.0, 0.0),
    "stop.latency_p50_s": measure(0.3, 0.2, 0.4),
    "stop.yielded": measure(1.0, 1.0, 1.0),
    "overlap.balance": measure(0.9, 0.8, 1.0),
}


def point(sessions: int, failures: int = 0, **changed: Measure) -> LoadPoint:
    """A point at which all is well but for what is named, `__` for a dot."""
    measures = {**GOOD, **{name.replace("__", "."): one for name, one in changed.items()}}
    return LoadPoint(sessions, measures, 20.0 * sessions, 60.0, failures)


class TestHolds:
    def test_all_well(self) -> None:
        assert holds(point(1))

    @pytest.mark.parametrize("key", sorted(GOOD))
    def test_what_was_not_measured_breaks(self, key: str) -> None:
        without = {name: one for name, one in GOOD.items() if name != key}
        assert not holds(replace(point(1), measures=without))

    def test_a_failed_call_breaks(self) -> None:
        assert not holds(point(1, failures=1))

    def test_a_share_breaks_only_with_its_whole_interval(self) -> None:
        assert holds(point(1, stop__yielded=measure(11 / 12, 0.75, 1.0)))
        assert not holds(point(1, stop__yielded=measure(0.5, 0.25, 0.75)))
        assert holds(point(1, pause__takeover=measure(0.25, 0.08, 0.5)))
        assert not holds(point(1, pause__takeover=measure(0.5, 0.25, 0.75)))

    def test_none_of_three_tells_nothing_and_none_of_twelve_breaks(self) -> None:
        assert holds(point(1, stop__yielded=measure(0.0, 0.0, 0.0, n=3)))
        assert not holds(point(1, stop__yielded=measure(0.0, 0.0, 0.0, n=12)))

    def test_a_latency_is_judged_by_its_value(self) -> None:
        assert not holds(point(1, turn__latency_mean_s=measure(0.75, 0.6, 0.9)))


class TestCapacity:
    SLOW = measure(0.9, 0.8, 1.0)

    def test_it_ends_at_the_first_that_breaks(self) -> None:
        points = [point(1), point(2), point(3, turn__latency_mean_s=self.SLOW), point(4)]
        assert capacity_measures(points, SEED)["capacity.sessions"].as_json() == {
            "value": 2.0, "n": 4, "seed": SEED, "ci95": None,
        }  # fmt: skip

    def test_n_is_the_most_that_were_tried(self) -> None:
        found = capacity_measures([point(1), point(2)], SEED)["capacity.sessions"]
        assert found.value == found.n == 2


def answered(number: int, delay: float | None) -> Record:
    """A turn that ends at 2 s."""
    agent = () if delay is None else (Interval(2.0 + delay, 4.0),)
    log = ClipLog(f"c{number}", "synthetic", "v", (), agent, (Label("turn", 0.5, 2.0),), (), 8.0)
    return Record("", "talk", log.clip, log)


def test_a_latency_that_must_not_be_published_is_judged_all_the_same() -> None:
    records = [answered(i, None if i == 0 else 0.4) for i in range(12)]
    found = systems.judged_of(records, SEED)
    assert found["turn.answered"].value < 0.95
    assert found["turn.latency_mean_s"].value == pytest.approx(0.4)


class _Metrics:
    """`/metrics` that fails some times, and somebody who talks until cancelled."""

    def __init__(self, fails: int) -> None:
        self.fails = fails
        self.talked_out = False

    async def read(self, _url: str) -> dict[str, float]:
        self.fails -= 1
        if self.fails >= 0:
            raise TimeoutError
        return {"ticks": 100.0 - self.fails, "missed": 0.0, "restarts": 0.0}

    async def talk(self, _target: Target, _draw: Draw, until: float) -> list[str]:
        try:
            await asyncio.sleep(0.2)
        except asyncio.CancelledError:
            self.talked_out = True
            raise
        return []


@pytest.mark.parametrize("fails", [3, 6])
async def test_a_few_readings_of_the_engine_may_fail(
    monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    """And when too many do, nobody talks on beside what is measured next."""
    metrics = _Metrics(fails)
    monkeypatch.setattr(systems, "_gauges", metrics.read)
    monkeypatch.setattr(systems, "_talk", metrics.talk)
    monkeypatch.setattr(systems, "_READING_SECONDS", 0.01)
    measuring = systems._tick(Target("", "http://x"), Draw("dev", 1), [os.getpid()], 0.2)
    if fails == 3:
        assert (await measuring)["tick.missed"].value == 0.0
        return
    with pytest.raises(TimeoutError):
        await measuring
    assert metrics.talked_out


class _Server:
    """Takes calls of set lengths in seconds; counts how many go on as the long one ends.

    Given how many there should be, the long one ends no sooner than they are, and than those beside
    it have talked for a while: on any machine.
    """

    def __init__(self, lengths: Mapping[str, float], refused: str = "", sessions: int = 0) -> None:
        self.going_on = 0
        self.at_the_end = 0
        self._lengths = lengths
        self._refused = refused
        self._sessions = sessions
        self._talked_seconds = 0.0
        self._begun = self._changed = time.monotonic()

    async def play(self, _url: str, script: Script, *_more: object) -> object:
        """One call."""
        if script.clip == self._refused:
            raise CallFailed("503 busy")
        self._change(1)
        try:
            await asyncio.sleep(self._lengths[script.clip])
            if "long" in script.clip:
                await until(self._busy_enough)
                self.at_the_end = self.at_the_end or self.going_on
        finally:
            self._change(-1)
        log = ClipLog(script.clip, "synthetic", "v", (), (), (), (), self._lengths[script.clip])
        return type("Played", (), {"log": log})()

    def _change(self, more: int) -> None:
        now = time.monotonic()
        self._talked_seconds += self.going_on * (now - self._changed)
        self._changed = now
        self.going_on += more

    def _busy_enough(self) -> bool:
        self._change(0)
        beside = self._talked_seconds - (self._changed - self._begun)
        enough = beside > 0.2 * self._sessions and self.going_on == self._sessions
        return enough or not self._sessions


class _Draw(Draw):
    def script(self, work: Work) -> Script:
        """An empty one with the work's name."""
        empty = np.zeros(0, np.float32)
        return Script(work.clip, work.suite, "synthetic", "v", (), empty, empty)


WORKS = [Work("long", "synthetic", 0), Work("short", "synthetic", 0)]
LENGTHS = {"long-synthetic-0000": 0.3, "short-synthetic-0000": 0.02}


async def held(monkeypatch: pytest.MonkeyPatch, server: _Server, sessions: int) -> tuple[
    float, list[str], list[Record]
]:  # fmt: skip
    """Two clips, one long and one short, by so many callers."""
    monkeypatch.setattr(systems, "play", server.play)
    monkeypatch.setattr(
        systems, "record_of",
        lambda target, script, played, **_: Record(target, script.suite, script.clip, played.log),
    )  # fmt: skip
    records: list[Record] = []
    draw = _Draw("dev", SEED)
    seconds, failures = await systems.hold(Target("", "http://x"), draw, WORKS, sessions, records)
    return seconds, failures, records


@pytest.mark.parametrize("sessions", [2, 3])
async def test_all_callers_talk_until_the_last_recorded_call_is_over(
    monkeypatch: pytest.MonkeyPatch, sessions: int
) -> None:
    server = _Server(LENGTHS, sessions=sessions)
    seconds, failures, records = await held(monkeypatch, server, sessions)
    assert sorted(record.clip for record in records) == sorted(LENGTHS)
    assert server.at_the_end == sessions and server.going_on == 0
    # Those that only keep it busy are calls like the others: their seconds count.
    assert seconds > 0.3 + 0.02 + 0.15 * (sessions - 1)
    assert failures == []


async def test_a_call_that_fails_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    server = _Server(LENGTHS, refused="short-synthetic-0000")
    _, failures, records = await held(monkeypatch, server, 2)
    assert "503 busy" in failures
    found = systems.failed_calls(records, failures, SEED)
    assert found.value == len(failures) and found.reason == "503 busy"


class TestTick:
    SAMPLES = tuple(VitalsSample(i, 100 * i, 0, 0.02, 1000) for i in range(50))

    @pytest.mark.parametrize(
        ("ended", "failed", "why"),
        [(1, [], "engines that ended: 1"), (0, ["503 busy"], "calls that failed: 1 (503 busy)")],
    )
    def test_what_was_not_served_was_not_on_time(
        self, ended: int, failed: list[str], why: str
    ) -> None:
        assert tick_measures(self.SAMPLES, SEED)["tick.missed"].value == 0.0
        found = tick_measures(self.SAMPLES, SEED, ended, failed)
        assert all(np.isnan(one.value) and one.reason == why for one in found.values())

    def test_the_last_ten_minutes_are_held_against_the_first(self) -> None:
        assert "ten minutes" in tick_measures(self.SAMPLES, SEED)["tick.p99_drift"].reason
        slower = [
            VitalsSample(at, 12 * at, 0, 0.03 if at > 1100 else 0.02, 1000)
            for at in range(0, 2000, 10)
        ]
        assert tick_measures(slower, SEED)["tick.p99_drift"].value == pytest.approx(0.5)

    def test_the_percentile_is_of_all_ticks_of_the_run(self) -> None:
        """A hundred a reading: 98 within 10 ms, one more within 20, one beyond; the first reading
        has those of before, which do not count."""
        each = {0.01: 98, 0.02: 99, 0.04: 100, float("inf"): 100}
        samples = [
            VitalsSample(i, 100 * i, 0, 0.3, 1000, {b: 50 + i * n for b, n in each.items()})
            for i in range(21)
        ]
        found = tick_measures(samples, SEED)["tick.p99_s"]
        assert found.n == 2000 and found.value == pytest.approx(0.02)
        each |= {0.04: 200, float("inf"): 200}
        later = [replace(one, tick_counts={b: 50 + i * n for b, n in each.items()})
                 for i, one in enumerate(samples)]  # fmt: skip
        assert tick_measures(later, SEED)["tick.p99_s"].value == pytest.approx(0.04, abs=0.001)
        slow = [replace(one, tick_counts={0.01: 9 * i, float("inf"): 10 * i})
                for i, one in enumerate(samples)]  # fmt: skip
        told = tick_measures(slow, SEED)["tick.p99_s"].as_json()
        assert told["value"] is None and told["reason"] == "more than 0.01 s, the longest class"
        assert "no histogram" in tick_measures(self.SAMPLES, SEED)["tick.p99_s"].reason

    @pytest.mark.parametrize(
        ("refused", "restarts", "why"), [(True, 0, "503 busy"), (False, 1, "ended: 1")]
    )
    async def test_a_run_sees_what_its_server_did_not_serve(
        self, monkeypatch: pytest.MonkeyPatch, refused: bool, restarts: int, why: str
    ) -> None:
        asked: list[int] = []

        async def metrics(_: web.Request) -> web.Response:
            asked.append(1)
            gone = restarts if len(asked) > 6 else 0
            values = {"restarts": gone, "ticks": len(asked)}
            lines = (f"counterpoint_engine_{name} {value}\n" for name, value in values.items())
            return web.Response(text="".join(lines))

        async def play(*_: object) -> None:
            await until(lambda: len(asked) > 6)
            await asyncio.sleep(0.01)
            if refused:
                raise CallFailed("503 busy")

        monkeypatch.setattr(systems, "play", play)
        monkeypatch.setattr(systems, "_PATIENCE_SECONDS", 0.01)
        monkeypatch.setattr(systems, "_READING_SECONDS", 0.01)
        async with serving("GET", "/metrics", metrics) as url:
            found = await systems._tick(Target("", url), _Draw("dev", SEED), [], 1.0)
        assert len(asked) > 6 and np.isnan(found["tick.missed"].value)
        assert why in found["tick.missed"].reason
