"""The report of a run made up, with a release's targets: its words, tables and pictures."""

from __future__ import annotations

import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.bench.distributions import Series, answers, distribution, stops
from tests.bench.judging import LINES, falls_short, in_words, of_variants
from tests.bench.matched import matched
from tests.bench.metrics import statistics
from tests.bench.metrics.activity import ClipLog, Interval, Label
from tests.bench.pictures import OURS
from tests.bench.records import Record
from tests.bench.report import markdown, page, write_report
from tests.bench.results import compared, measures_of, unreached
from tests.bench.stimuli.making import Half

LATENCIES = {
    "": (0.55, 0.1), "rival.pipecat.": (1.1, 0.3),
    "baseline.timeout_400.": (0.5, 0.7), "baseline.timeout_800.": (0.9, 0.4),
    "baseline.timeout_1300.": (1.4, 0.1), "baseline.end_of_turn_30.": (0.5, 0.5),
    "baseline.end_of_turn_60.": (0.7, 0.3), "baseline.end_of_turn_90.": (1.0, 0.2),
    "baseline.core.": (0.6, 0.15),
    "null.timeout_300.": (0.4, 0.8), "null.timeout_1500.": (1.6, 0.0),
}  # fmt: skip
"""By target: mean latency in seconds, share of pauses taken."""


def clip(number: int, target: str, generator: np.random.Generator) -> Record:
    """A turn with a pause, an interruption, a backchannel; odd ones are of the human half."""
    latency, taken = LATENCIES[target]
    half: Half = "human" if number % 2 else "synthetic"
    start = 3.0 + max(float(generator.normal(latency, 0.15)), 0.05)
    ignored = generator.random() < 0.1
    silent = generator.random() < (0.2 if "1300" in target else 0.01)
    agent = [] if silent else [Interval(start, 10.4 if ignored else 7.4)]
    agent.append(Interval(10.5 if ignored else 9.0, 14.0))
    if generator.random() < taken:
        agent.insert(0, Interval(1.4, 1.6))
    labels = [Label("pause", 1.0, 2.0), Label("turn", 0.0, 3.0, f"Sentence {number % 20}.")]
    if half == "synthetic":
        labels += [Label("interruption", 7.0, 8.0), Label("backchannel", 11.0, 11.5)]
    speaker = f"speaker-{number % 5}" if half == "human" else "voice"
    log = ClipLog(f"c{number:03d}", half, speaker, (Interval(0, 3),), tuple(agent), tuple(labels),
                  (), 16.0)  # fmt: skip
    return Record(target, "talk", log.clip, log)


@cache
def records() -> tuple[Record, ...]:
    """Sixty clips by every target."""
    generator = np.random.default_rng(1)
    return tuple(clip(i, target, generator) for i in range(60) for target in LATENCIES)


def made_up(records: list[Record]) -> dict[str, Any]:
    """The result of these clips, as the command line makes it."""
    measures = {key: m.as_json() for key, m in measures_of(records, 1).items()}
    whole: dict[str, object] = {"value": 4.0, "n": 4, "seed": 1, "ci95": None}
    wer = {"value": 0.08, "n": 12, "seed": 1, "ci95": [0.05, 0.11]}
    trip = {"value": 51.0, "n": 40, "seed": 1, "ci95": [46, 52]}
    measures |= {"capacity.sessions": whole, "voice.wer": wer, "transport.round_trip_ms": trip,
                 "rival.pipecat.capacity.sessions": {**whole, "value": 2.0},
                 "rival.pipecat.transport.round_trip_ms": trip}  # fmt: skip
    calibration = {"known_seconds": 0.35, "error_seconds": 0.002, "drift": 1e-5,
                   "jitter_seconds": 0.004}  # fmt: skip
    machine = {"processor": "cpu", "cores": 2, "memory_gib": 24, "load": [0.1, 0.2, 0.3]}
    load = {f"load_{n}.turn.latency_mean_s": wer for n in (1, 2)}
    failures = {"value": 2.0, "n": 14, "seed": 1, "ci95": None, "reason": "503 <busy>"}
    return {
        "run": {"commit": "0123456789abcdef", "suite": "all", "split": "test", "seed": 1,
                "seconds": 9, "rival": ["pipecat", "pipecat_1s={}"],
                "variant": ["core=core=shipped"], "clips": 60, "planned": 90, "n": 100},
        "machine": machine, "calibration": calibration, "measures": measures,
        "sittings": [{"calibration": calibration, "machine": machine, "load": [1.5, 1, 1]},
                     {"calibration": None, "machine": machine, "load": [2.5, 1, 1]}],
        "load": load | {"load_2.calls.failed": failures},
        "paired": {t: {k: m.as_json() for k, m in pair.items()}
                   for t, pair in compared(records, 1, ["baseline.core."]).items()},
        "matched": matched(records, 1, ["baseline.core."]), "unreached": unreached(records),
        "failed": {"ours": {"n": 2, "reasons": ["503 <busy> | no place"]},
                   "rival.pipecat.": {"n": 1, "reasons": ["time out"]}},
    }  # fmt: skip


@pytest.fixture(scope="module")
def text_of_result() -> str:
    """As JSON: each test may change its own. Forty resamples, since nothing hangs on intervals."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "RESAMPLES", 40)
        return json.dumps(made_up(list(records())))


@pytest.fixture
def fields(text_of_result: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text_of_result)
    return found


class TestWords:
    def measures(self, **changed: float | None) -> dict[str, Any]:
        """Every line held, but for what is named, `__` for a dot."""
        values: dict[str, float | None] = {}
        for line in LINES:
            value = line.aim if line.aim is not None else line.must
            if line.key != "overlap.ignored":
                values[line.key] = value
        values |= {f"overlap.{kind}": 0.9 for kind in ("backchannel", "vocal_tic", "not_directed")}
        values |= {name.replace("__", "."): value for name, value in changed.items()}
        return {key: {"value": value, "n": 10_000, "ci95": None} for key, value in values.items()}

    def test_all_held(self) -> None:
        assert falls_short(self.measures()) == []

    @pytest.mark.parametrize("key", [line.key for line in LINES if line.key != "overlap.ignored"])
    def test_a_line_that_is_absent_is_not_fine(self, key: str) -> None:
        measures = self.measures()
        del measures[key]
        assert falls_short(measures) == [f"not measured in this run: {key}"]

    def test_identity_of_few_micro_turns_is_no_claim(self) -> None:
        measures = self.measures()
        measures["identity.equal"]["n"] = 417
        assert falls_short(measures) == ["identity.equal stands on 417, wanted 10000"]

    def test_every_line_is_judged(self) -> None:
        for line in LINES:
            if line.key != "overlap.ignored":
                worse = self.measures() | {line.key: {
                    "value": 1e6 if line.sign == "<=" else -1.0, "n": 10_000, "ci95": None,
                }}  # fmt: skip
                (told,) = falls_short(worse)
                assert told.startswith(f"{line.key} is ")

    def test_what_holds_and_is_not_what_is_aimed_at(self) -> None:
        (told,) = falls_short(self.measures(turn__latency_mean_s=0.65))
        assert told == "turn.latency_mean_s is 0.65, which holds <= 0.7, aim <= 0.6"

    def test_the_other_term_of_the_balance_is_judged(self) -> None:
        (told,) = falls_short(self.measures(overlap__vocal_tic=0.3))
        assert told.startswith("overlap.ignored is 0.7, ")

    def test_a_withheld_value_is_not_held(self) -> None:
        (told,) = falls_short(self.measures(human__turn__latency_p95_s=None))
        assert "withheld: too few turns were answered" in told

    @staticmethod
    def pair(latency: tuple[float, float] | None, takeover: tuple[float, float]) -> dict[str, Any]:
        def one(ends: tuple[float, float] | None) -> dict[str, Any]:
            if ends is None:
                return {"value": None, "n": 5, "ci95": None, "reason": "ours answered 80% of turns"}
            return {"value": sum(ends) / 2, "n": 5, "ci95": list(ends)}

        keys = ("latency_mean_s", "filler_latency_mean_s")
        return {**{key: one(latency) for key in keys}, "pause_takeover": one(takeover)}

    def test_of_a_rival_of_one_setting_only_this_point_is_judged(self) -> None:
        better, level = (-0.4, -0.1), (-0.1, 0.1)
        for pair, verdict, beaten in (
            (self.pair(better, better), "content is better, of any sound is better", True),
            (self.pair(better, level), "take-over is not told apart", False),
            (self.pair(None, better), "latency of content is not compared (ours ", False),
        ):
            paired = {"rival.pipecat.": pair, "baseline.x.": pair}
            (told,) = in_words({"run": {}, "paired": paired})
            assert told.startswith("ours beside rival.pipecat") and verdict in told
            assert ("this point of it is beaten" in told) is beaten
            assert "other settings were not measured" in told

    def test_a_variant_is_judged_as_ours_is(self) -> None:
        pair = self.pair((-1, -1), (-1, -1))
        run = {"variant": ["core=core=shipped"]}
        told = in_words({"run": run, "paired": {"rival.pipecat. from baseline.core": pair}})
        assert told == []  # ours is not there: nothing is known of the rival
        paired = {"rival.pipecat.": pair, "rival.pipecat. from baseline.core": pair}
        ours, variant = in_words({"run": run, "paired": paired})
        assert ours.startswith("ours ") and variant.startswith("baseline.core beside rival.pipecat")
        measures = self.measures()
        late = {"value": 0.9, "n": 5, "ci95": None}
        measures |= {"baseline.core.turn.latency_mean_s": late}
        ((name, missed),) = of_variants({"run": run, "measures": measures})
        assert name == "baseline.core" and missed[0].startswith(
            "turn.latency_mean_s is 0.9, wanted"
        )

    def test_a_swept_rival_is_not_judged_at_points(self) -> None:
        pair = self.pair((-1, -1), (-1, -1))
        paired = {"rival.pipecat_1.": pair, "rival.pipecat_2.": pair}
        assert in_words({"run": {}, "paired": paired}) == []


class TestReport:
    def test_what_stands_in_both(self, fields: dict[str, Any]) -> None:
        for text in (page(fields, records()), markdown(fields, records())):
            for words in (
                "Calls that failed", "no place", "rival.pipecat_1s: absent from this run",
                "Sittings", "not calibrated", "Clip by clip", "latency of any sound, s",
                "30 clips of 5 speakers: speaker-0 (6)", "They play 10 recordings",
                "(10 recordings)", "a silence of 0.5 s is a stop", "not measured in this run: ",
                "ours beside rival.pipecat at its one setting (human): ",
                "variant.core beside rival.pipecat at its one setting (synthetic): ",
                "What falls short of variant.core",
                "(a) a baseline, or a variant of ours, is our server with another floor",
                "no points of it, for they answered too few turns: baseline.timeout_1300",
                "PARTIAL: 60 of 90 clips", "variant.core against baseline.end_of_turn", "n 100",
                "fewer than 100 events of baseline.timeout_400: turn.answered 30",
                "Settings: variant core=core=shipped", "ours against baseline.timeout human",
            ):  # fmt: skip
                assert words in text, words
            assert "baseline.core" not in text

    def test_a_number_of_sessions_that_was_not_exceeded_is_a_bound(
        self, fields: dict[str, Any]
    ) -> None:
        (row,) = (line for line in markdown(fields).splitlines() if "capacity.sessions |" in line)
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1] == ">= 4 (no more were tried)" and cells[2] == "2 (4 tried)"
        assert "(a)" in cells and "(b)" in cells

    def test_failures_under_load_are_shown(self, fields: dict[str, Any]) -> None:
        (row,) = (line for line in markdown(fields).splitlines() if line.startswith("| load_2"))
        assert "| 2: 503 &lt;busy> |" in row
        assert row.endswith("stop.yielded, overlap.balance, calls |"), "not measured, or failed"
        few = {"value": None, "n": 11, "seed": 1, "ci95": None, "reason": "answered 91.0% of turns"}
        fields["load"]["load_1.turn.latency_mean_s"] = few
        (row,) = (line for line in markdown(fields).splitlines() if line.startswith("| load_1"))
        assert "| turn.answered, pause.takeover," in row, "withheld: the share's own target"
        assert "2: 503 &lt;busy&gt;" in page(fields, records())

    def test_a_table_is_not_broken_by_a_reason(self, fields: dict[str, Any]) -> None:
        lines = markdown(fields).splitlines()
        (row,) = (line for line in lines if line.startswith("| ours | 2 |"))
        assert row == "| ours | 2 |  | 503 &lt;busy> / no place |"

    def test_what_may_be_absent_may(self, fields: dict[str, Any]) -> None:
        for key in ("failed", "sittings", "paired", "load"):
            del fields[key]
        HTMLParser().feed(page(fields, records()))
        assert "0.350" in markdown(fields)

    def test_every_picture_is_a_file_that_the_text_links(
        self, fields: dict[str, Any], tmp_path: Path
    ) -> None:
        write_report(tmp_path / "r.html", tmp_path / "r.md", fields, records())
        text = (tmp_path / "r.md").read_text()
        linked = re.findall(r"!\[[^]]+\]\((.+)\)", text)
        assert sorted(linked) == sorted(path.name for path in tmp_path.glob("*.svg"))
        assert {"r-answers-human.svg", "r-stops.svg", "r-latency-synthetic.svg"} <= set(linked)
        for name in linked:
            root = ElementTree.fromstring((tmp_path / name).read_text())
            assert root.tag == "{http://www.w3.org/2000/svg}svg"


class TestDistribution:
    @staticmethod
    def points(picture: str, colour: str = OURS) -> list[tuple[float, float]]:
        (found,) = re.findall(rf'points="([^"]+)" fill="none" stroke="{colour}"', picture)
        return [(float(x), float(y)) for x, y in (pair.split(",") for pair in found.split())]

    def test_what_never_came_is_no_delay(self) -> None:
        some = self.points(distribution({"": Series((0.2, 0.4), 4)}, "x"))
        every = self.points(distribution({"": Series((0.2, 0.4), 2)}, "x"))
        bottom = some[0][1]
        assert bottom - some[-1][1] == pytest.approx((bottom - every[-1][1]) / 2, abs=0.2)
        # At the right edge the line is level: nothing comes at 3 s.
        assert some[-1][1] == some[-2][1] and some[-1][0] > some[-2][0]

    def test_unanswered_turns_and_interruptions_never_yielded_to_count(self) -> None:
        labels = (Label("turn", 0.0, 3.0), Label("interruption", 7.0, 8.0))
        agents = [(Interval(3.4, 7.4),), (Interval(6.0, 20.0),), ()]
        records = [
            Record("", "talk", f"c{i}", ClipLog(f"c{i}", "synthetic", "v", (), agent, labels,
                                                (), 20.0))
            for i, agent in enumerate(agents)
        ]  # fmt: skip
        (turns,), (barges,) = (
            answers(records, "synthetic").values(),
            stops(records, "synthetic").values(),
        )
        assert turns.delays == pytest.approx((0.4, 3.0)) and turns.events == 3 and turns.withheld
        assert barges.delays == pytest.approx((0.4,)) and barges.events == 2
        assert answers(records, "human") == {}

    def test_the_legend_tells_the_share_at_the_edge(self) -> None:
        assert "ours: 50% of 4 in 3 s" in distribution({"": Series((0.2, 0.4, 3.4), 4)}, "x")

    def test_whose_latency_is_withheld_is_marked(self) -> None:
        picture = distribution({"": Series((0.2,), 2, withheld=True)}, "x")
        assert "ours \u2020" in picture and "opacity" in picture and "is withheld" in picture

    def test_a_colour_for_each_target_and_a_dash_for_each_family(self) -> None:
        picture = distribution(answers(records(), "synthetic"), "x")
        lines = re.findall(
            r'<polyline [^>]*stroke="(#\w+)" stroke-width="\d" stroke-dasharray="([^"]*)"', picture
        )
        assert len(lines) == len({colour for colour, _ in lines}) == 9
        assert len({dashes for _, dashes in lines}) == 5
        assert "not drawn: null.timeout_300, null.timeout_1500" in picture
