"""Runs: shards that resume, keys and report of a result, and a broken server that is found out."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tests.bench.metrics.activity import ClipLog, HeardWord, Interval, Label, Utterance
from tests.bench.metrics.keys import check
from tests.bench.metrics.overlap import overlap_measures, stop_delay, stop_measures
from tests.bench.metrics.statistics import paired_difference
from tests.bench.metrics.turns import answer_delay, turn_measures
from tests.bench.policies import POLICIES, Responder, perform
from tests.bench.records import Record, Shard, ShardMismatch, log_from_json, log_to_json
from tests.bench.report import markdown, page
from tests.bench.results import compared, measures_of, null_records, unreached
from tests.bench.running import Draw, Work, plan
from tests.bench.stimuli.script import RATE, Cue, Mark, Piece, Script

LOG = ClipLog(
    "turn-synthetic-0001", "synthetic", "flite-rms", (Interval(0.8, 2.0),), (Interval(2.4, 4.0),),
    (Label("turn", 0.8, 2.0, "Hello?"),),
    (Utterance(2.41, (HeardWord(" Hi.", 0.0, 0.3),), "cut", 4.01, 1), Utterance(4.5)), 6.0,
)  # fmt: skip


def test_a_log_survives_json() -> None:
    assert log_from_json(json.loads(json.dumps(log_to_json(LOG)))) == LOG


class TestShard:
    HEAD = {"commit": "abc", "seed": 1, "suite": "turn"}

    def test_a_killed_run_goes_on_without_repeating(self, tmp_path: Path) -> None:
        path = tmp_path / "run.shard.jsonl"
        shard = Shard(path, self.HEAD)
        shard.add(Record("", "turn", LOG.clip, LOG, recognised=(("a", "b"),), cuts=((1, 2),)))
        shard.add(Record("null.silence.", "turn", "two", failure="busy"))
        with path.open("a") as file:
            file.write('{"target": "", "clip": "cut off by a ki')
        again = Shard(path, self.HEAD)
        assert again.records == shard.records
        assert again.has("", LOG.clip)
        assert not again.has("", "two")
        again.add(Record("", "turn", "three", failure="busy"))
        assert len(Shard(path, self.HEAD).records) == 3

    def test_another_runs_shard_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "run.shard.jsonl"
        Shard(path, self.HEAD).add(Record("", "turn", "one", failure="busy"))
        with pytest.raises(ShardMismatch, match="seed"):
            Shard(path, self.HEAD | {"seed": 2})


class TestPlan:
    def test_kinds_and_halves_are_interleaved(self) -> None:
        works = plan("floor", 8)
        assert len(works) == 8 * 4 + 2 * 8 + 2
        first = {work.suite for work in works[:8]}
        assert {"turn", "pause", "stop", "overlap"} <= first
        assert {work.half for work in works[:8]} == {"synthetic", "human"}
        assert len({work.clip for work in works}) == len(works)

    def test_names_agree_with_the_stimuli(self) -> None:
        work = Work("pause", "synthetic", 3)
        assert Draw("dev", 1).script(work).clip == work.clip


def buzz(length: float, mark: Mark, cue: Cue) -> Piece:
    """A buzz with one label over all of it."""
    times = np.arange(round(length * RATE)) / RATE
    audio = (0.2 * np.sign(np.sin(2 * np.pi * 200 * times))).astype(np.float32)
    return Piece(audio, (mark,), ((0, len(audio)),), cue=cue)


def conversation(number: int) -> Script:
    """A turn of its own length, and an interruption somewhere in the answer."""
    generator = np.random.default_rng(number)
    length = float(generator.uniform(0.6, 1.4))
    empty = np.zeros(0, np.float32)
    turn = buzz(length, Mark("turn", 0, round(length * RATE)), Cue("clock", 0.3))
    over = Cue("agent_speaks", float(generator.uniform(0.4, 1.2)))
    barge = buzz(1.0, Mark("interruption", 0, RATE), over)
    return Script(f"clip-{number:03d}", "stop", "synthetic", "buzz", (turn, barge), empty, empty,
                  tail_seconds=1.2)  # fmt: skip


class TestBrokenServer:
    """200 ms added and one interruption in five ignored, at n = 100."""

    @staticmethod
    def logs(*, broken: bool) -> list[ClipLog]:
        """A hundred clips whose delays scatter as a real server's do."""
        generator = np.random.default_rng(int(broken))
        found = []
        for number in range(100):
            delay = float(generator.normal(0.45, 0.1))
            policy = Responder(max(delay, 0.2) + (0.2 if broken else 0.0), 0.25, 4.0)
            ignores = broken and number % 5 == 4
            if ignores:
                policy = Responder(max(delay, 0.2) + 0.2, None, 4.0)
            found.append(perform(conversation(number), policy))
        return found

    @pytest.mark.timeout(60)
    def test_it_is_found_out(self) -> None:
        sound, broken = self.logs(broken=False), self.logs(broken=True)
        right, wrong = turn_measures(sound, 1), turn_measures(broken, 1)
        key = "turn.latency_mean_s"
        assert wrong[key].ci95[0] > right[key].ci95[1]
        stops, fewer = stop_measures(sound, 1), stop_measures(broken, 1)
        assert stops["stop.yielded"].value == 1.0
        assert fewer["stop.yielded"].value == pytest.approx(0.8, abs=0.02)
        assert fewer["stop.yielded"].ci95[1] < 0.95
        slow, quick = (
            {log.clip: d for log in logs if (d := answer_delay(log, log.labels[0])) is not None}
            for logs in (broken, sound)
        )
        low, high = paired_difference(slow, quick, 1).ci95
        assert low > 0.1
        assert high < 0.3

    def test_the_broken_policy_is_the_reference_made_worse(self) -> None:
        script = conversation(3)
        good, bad = (perform(script, POLICIES[name]()) for name in ("reference", "broken"))
        one, other = (answer_delay(log, log.labels[0]) for log in (good, bad))
        assert one is not None
        assert other == pytest.approx(one + 0.2, abs=0.01)
        assert stop_delay(good, good.labels[1]) == pytest.approx(0.32, abs=0.02)


@cache
def records_of_a_run() -> list[Record]:
    """Ours and the nulls on four clips."""
    scripts = [conversation(number) for number in range(4)]
    ours = [
        Record("", s.suite, s.clip, perform(s, POLICIES["reference"]()),
               floor=((1.0, "take"), (2.0, "yield")), scene="<quiet>")
        for s in scripts
    ]  # fmt: skip
    return [*ours, *null_records(scripts), Record("", "turn", "lost", failure="503 <busy>")]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["never_yield", "always_yield"])
def test_the_nulls_score_one_half_on_the_real_stimuli(name: str) -> None:
    works = [Work(kind, "synthetic", i) for i in range(9) for kind in ("stop", "overlap")]
    logs = [perform(Draw("dev", 1).script(work), POLICIES[name]()) for work in works]
    measures = overlap_measures(logs, 1)
    assert measures["overlap.balance"].value == pytest.approx(0.5, abs=0.01), [
        (key, measure.value) for key, measure in measures.items()
    ]


@cache
def measured() -> str:
    """Their measures, as JSON: each test may change its own."""
    return json.dumps({k: m.as_json() for k, m in measures_of(records_of_a_run(), 1).items()})


def result() -> tuple[dict[str, object], list[Record]]:
    """A small result with nulls, as the command line makes it."""
    records = records_of_a_run()
    run = {"commit": "0123456789abcdef", "suite": "stop", "split": "dev", "seed": 1, "seconds": 9}
    machine = {"processor": "cpu", "cores": 2, "memory_gib": 24, "load": [0.1, 0.2, 0.3]}
    return {
        "run": run, "machine": machine, "calibration": None, "unreached": unreached(records),
        "measures": json.loads(measured()),
        "failed": ["lost: 503 <busy>"],
    }, records  # fmt: skip


class TestReport:
    def test_keys_are_those_of_the_bench(self) -> None:
        fields, _ = result()
        measures = fields["measures"]
        assert isinstance(measures, dict)
        assert {"turn.latency_mean_s", "null.always_yield.stop.yielded"} <= measures.keys()
        for key, measure in measures.items():
            check(key)
            assert set(measure) == {"value", "n", "seed", "ci95"}

    def test_one_page_without_anything_from_elsewhere(self) -> None:
        text = page(*result())
        HTMLParser().feed(text)
        assert not re.search(r"(src|href)=|https?://", text)
        assert text.count("<svg") >= 6
        assert "503 &lt;busy&gt;" in text
        assert "&lt;quiet&gt;" in text
        assert "anchor" in text

    def test_what_falls_short_is_said(self) -> None:
        fields, _ = result()
        measures = fields["measures"]
        assert isinstance(measures, dict)
        measures["turn.latency_mean_s"] = {"value": 1.2, "n": 20, "seed": 1, "ci95": [1.0, 1.4]}
        assert "turn.latency_mean_s is 1.2, wanted <= 0.7" in markdown(fields)

    def test_paired_with_the_nulls(self) -> None:
        _, records = result()
        pairs = compared(records, 1)["null.timeout_700."]["latency_mean_s"]
        assert pairs.n == 4
        assert pairs.value == pytest.approx(-0.3, abs=0.02)

    def test_clips_whose_event_never_came_are_counted(self) -> None:
        silent = Record("", "stop", "x", replace(LOG, labels=()))
        assert unreached([silent, silent]) == {"": 2}
