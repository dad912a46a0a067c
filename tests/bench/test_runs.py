"""Runs: shards that resume, keys and report of a result, and a broken server that is found out."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bench import cli
from tests.bench.comparing import compare
from tests.bench.comparing import main as compare_files
from tests.bench.matched import at_matched, families, interpolated, matched
from tests.bench.metrics import statistics
from tests.bench.metrics.activity import ClipLog, HeardWord, Interval, Label, Utterance
from tests.bench.metrics.keys import check
from tests.bench.metrics.overlap import overlap_measures, stop_delay, stop_measures
from tests.bench.metrics.statistics import paired_difference
from tests.bench.metrics.turns import answer_delay, turn_measures
from tests.bench.policies import POLICIES, Responder, perform
from tests.bench.records import Record, Shard, ShardMismatch, log_from_json, log_to_json
from tests.bench.report import markdown, page
from tests.bench.results import compared, failures, measures_of, null_records, unreached
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
        with path.open("a") as file:
            file.write('{"target": "", "client": {"late_p99": 0.1}')  # Cut, and ends like a whole.
        again = Shard(path, self.HEAD)
        assert again.records == shard.records
        again.add(Record("", "turn", "three", failure="busy"))
        assert len(Shard(path, self.HEAD).records) == 3

    def test_another_runs_shard_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "run.shard.jsonl"
        Shard(path, self.HEAD).add(Record("", "turn", "one", failure="busy"))
        with pytest.raises(ShardMismatch, match="seed"):
            Shard(path, self.HEAD | {"seed": 2})


class TestPlan:
    def test_kinds_and_halves_are_interleaved(self) -> None:
        works = plan("floor", 16)
        assert len(works) == 21 + 2 + 6 + 2 + 1
        assert {work.suite for work in works[:18]} == {"talk", "pause", "turn", "backchannel"}
        assert {work.half for work in works[:4]} == {"synthetic", "human"}
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


def with_false_actions(script: Script) -> Script:
    """With a pause in the turn, too short for anybody here, and an "okay" over the last answer:
    without them no latency is published."""
    turn, barge = script.pieces
    middle, half = len(turn.audio) // 2, RATE // 10
    turn.audio[middle - half : middle + half] = 0.0
    pause = Mark("pause", middle - half, middle + half)
    okay = buzz(0.3, Mark("backchannel", 0, round(0.3 * RATE)),
                Cue("agent_speaks", 0.8, after_seconds=1.5))  # fmt: skip
    return replace(script, pieces=(replace(turn, marks=(*turn.marks, pause)), barge, okay))


@cache
def records_of_a_run() -> list[Record]:
    """Ours and the nulls on four clips."""
    scripts = [with_false_actions(conversation(number)) for number in range(4)]
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
    """Their measures, as JSON: each test may change its own. Nothing hangs on intervals."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "RESAMPLES", 40)
        return json.dumps({k: m.as_json() for k, m in measures_of(records_of_a_run(), 1).items()})


def result() -> tuple[dict[str, object], list[Record]]:
    """A small result with nulls, as the command line makes it."""
    records = records_of_a_run()
    run = {"commit": "0123456789abcdef", "suite": "stop", "split": "dev", "seed": 1, "seconds": 9}
    machine = {"processor": "cpu", "cores": 2, "memory_gib": 24, "load": [0.1, 0.2, 0.3]}
    return {
        "run": run, "machine": machine, "calibration": None, "unreached": unreached(records),
        "measures": json.loads(measured()),
        "failed": failures(records), "matched": matched(records, 1),
        "load": {"load_2.turn.answered": {"value": 1.0, "n": 4, "seed": 1, "ci95": [1, 1]}},
    }, records  # fmt: skip


class TestReport:
    def test_a_report_is_drawn_again_without_its_figures_being_touched(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "run.json"
        fields: Any = result()[0]
        head = {name: fields["run"][name] for name in ("commit", "seed", "split", "suite")}
        shard = Shard(out.with_suffix(".shard.jsonl"), head)
        for record in records_of_a_run():
            if not record.target:
                shard.add(replace(record, clip=f"stop-synthetic-{len(shard.records):04d}"))
        out.write_text(json.dumps(fields))
        before = out.read_bytes(), shard.path.read_bytes()
        assert cli.main(["redraw", str(out)]) == 0
        assert (out.read_bytes(), shard.path.read_bytes()) == before
        text = out.with_suffix(".md").read_text()
        value = fields["measures"]["stop.latency_p50_s"]["value"]
        assert f"{value:.3g}" in text and list(tmp_path.glob("run-*.svg"))
        assert "<svg" in out.with_suffix(".html").read_text()

        fields["run"] |= {"commit": "another"}
        out.write_text(json.dumps(fields))
        assert cli.main(["redraw", str(out)]) == 2
        assert "another run" in capsys.readouterr().err
        assert cli.main(["redraw", str(tmp_path / "none.json")]) == 2

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
        half = Record("", "talk", "y", LOG)
        assert unreached([silent, half, Record("", "turn", "z", LOG)]) == {"": 2}

    def test_load_is_there(self) -> None:
        fields, records = result()
        assert "load_2" in page(fields, records) and "load_2" in markdown(fields)


class TestMatched:
    def test_a_number_at_the_end_of_a_name_makes_a_curve(self) -> None:
        targets = ["", "baseline.timeout_400.", "baseline.timeout_800.", "rival.pipecat."]
        assert families(targets) == {
            "baseline.timeout": ["baseline.timeout_400.", "baseline.timeout_800."]
        }

    def test_between_two_points_and_beyond_the_last(self) -> None:
        assert interpolated(0.5, [0.8, 0.2], [0.1, 0.7]) == pytest.approx(0.4)
        assert interpolated(0.1, [0.8, 0.2], [0.1, 0.7]) == pytest.approx(0.7)

    @staticmethod
    def clip(number: int, target: str, latency: float, *, taken: bool) -> Record:
        """A turn with a pause, an interruption that is yielded to, a backchannel that is not."""
        agent = [Interval(3.0 + latency, 7.4), Interval(9.0, 14.0)]
        if taken:
            agent.insert(0, Interval(1.4, 1.6))
        labels = (Label("pause", 1.0, 2.0), Label("turn", 0.0, 3.0),
                  Label("interruption", 7.0, 8.0), Label("backchannel", 10.0, 10.5))  # fmt: skip
        log = ClipLog(f"c{number}", "synthetic", "v", (), tuple(agent), labels, (), 16.0)
        return Record(target, "talk", log.clip, log)

    def records(self) -> list[Record]:
        """Ours answers at 0.6 s and takes one pause in ten; the curve runs from .5/.8 to .7/.4."""
        made: list[Record] = []
        for i in range(40):
            made.append(self.clip(i, "", 0.6, taken=i % 10 == 0))
            made.append(self.clip(i, "baseline.timeout_1.", 0.5, taken=i % 5 != 0))
            made.append(self.clip(i, "baseline.timeout_2.", 0.7, taken=i % 5 < 2))
        return made

    def test_ours_is_compared_with_the_curve_at_its_own_latency(self) -> None:
        curve = at_matched(
            self.records(), "synthetic", ["baseline.timeout_1.", "baseline.timeout_2."], 1
        )
        assert curve is not None and not curve.beyond
        assert curve.takeover_at_our_latency.value == pytest.approx(0.1 - 0.6, abs=0.01)
        assert curve.takeover_at_our_latency.ci95[1] < -0.2
        assert curve.balance.value == pytest.approx(0.0)
        assert curve.stop_p50.value == pytest.approx(0.0)
        # Nothing of theirs takes so few pauses: the slowest setting is what there is.
        assert curve.latency_at_our_takeover.value == pytest.approx(-0.1, abs=0.01)

    def test_curves_anchors_and_the_comparison_are_in_the_report(self) -> None:
        records = self.records()
        fields, _ = result()
        measures = {key: m.as_json() for key, m in measures_of(records, 1).items()}
        fields |= {"measures": measures, "matched": matched(records, 1)}
        text = page(fields, records)
        assert "baseline.timeout (swept)" in text
        assert "anchor: PersonaPlex" in text and "anchor: gpt-realtime-1.5" in text
        assert "Against whole curves" in text and "Against whole curves" in markdown(fields)
        assert text.count('stroke-dasharray=""') >= 2

    def test_beyond_the_curve_is_said(self) -> None:
        slow = [self.clip(i, "", 1.2, taken=False) for i in range(40)]
        found = matched([*slow, *(r for r in self.records() if r.target)], 1)
        assert found["baseline.timeout"]["beyond"] is True


class TestCompare:
    RUN = {"suite": "floor", "split": "dev", "seed": 1}

    @staticmethod
    def measure(value: float | None, low: float, high: float, n: int = 20) -> dict[str, object]:
        return {"value": value, "n": n, "seed": 1, "ci95": [low, high]}

    def one(self, **more: dict[str, object]) -> dict[str, object]:
        """A result."""
        return {"run": self.RUN, "measures": {name.replace("__", "."): m
                                              for name, m in more.items()}}  # fmt: skip

    def test_intervals_that_meet_agree(self) -> None:
        a = self.one(turn__latency=self.measure(0.5, 0.4, 0.6), stop__yielded=self.measure(1, 1, 1))
        b = self.one(turn__latency=self.measure(0.7, 0.59, 0.8),
                     stop__yielded=self.measure(0.95, 0.85, 1.0))  # fmt: skip
        assert [verdict.agrees for verdict in compare(a, b)] == [True, True]

    def test_those_that_do_not_differ(self, tmp_path: Path) -> None:
        a = self.one(turn__latency=self.measure(0.5, 0.4, 0.6))
        b = self.one(turn__latency=self.measure(0.9, 0.7, 1.0))
        assert [verdict.agrees for verdict in compare(a, b)] == [False]
        paths = [tmp_path / "a.json", tmp_path / "b.json"]
        for path, fields in zip(paths, (a, b), strict=True):
            path.write_text(json.dumps(fields))
        assert compare_files([str(path) for path in paths]) == 1
        assert compare_files([str(paths[0])] * 2) == 0

    def test_what_is_withheld_or_the_machines_is_left_out(self) -> None:
        a = self.one(
            turn__latency=self.measure(None, 0, 0), capacity__sessions=self.measure(2, 2, 2)
        )
        assert compare(a, a) == []

    def test_what_only_one_of_them_withholds_differs(self) -> None:
        told = self.one(turn__latency=self.measure(0.5, 0.4, 0.6))
        withheld = self.one(turn__latency=self.measure(None, 0, 0))
        assert [verdict.agrees for verdict in compare(told, withheld)] == [False]
        assert [verdict.agrees for verdict in compare(withheld, told)] == [False]

    def test_runs_of_two_seeds_are_not_compared(self, tmp_path: Path) -> None:
        other = {"run": self.RUN | {"seed": 2}, "measures": {}}
        with pytest.raises(ValueError, match="seed"):
            compare(self.one(), other)
        (tmp_path / "a.json").write_text("{}")
        assert compare_files([str(tmp_path / "a.json")] * 2) == 2
