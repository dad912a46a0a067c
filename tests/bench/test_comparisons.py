"""Ours against others over the same clips: what is paired, and when no latency may be compared."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.bench import tables
from tests.bench.judging import of_curves
from tests.bench.matched import at_matched, matched
from tests.bench.metrics.activity import ClipLog, HeardWord, Interval, Label, Utterance
from tests.bench.metrics.statistics import Measure
from tests.bench.records import Record
from tests.bench.results import compared, measures_of
from tests.bench.stimuli.making import Half

CURVE = ["baseline.timeout_1.", "baseline.timeout_2.", "baseline.timeout_3."]
SEED = 1


def clip(
    number: int, target: str, latency: float | None, *, taken: bool = False, filler: float = 0.0
) -> Record:
    """A turn with a pause, an interruption yielded to after 0.4 s, a backchannel talked through.

    Odd clips are of the human half. `filler` seconds of the answer come before its content.
    """
    agent = [Interval(9.0, 14.0)]
    said: tuple[Utterance, ...] = ()
    if latency is not None:
        agent.insert(0, Interval(3.0 + latency, 7.4))
        words = HeardWord("Well,", 0.0, filler), HeardWord(" yes,", filler, filler + 0.1)
        content = HeardWord(" Paris.", filler, filler + 0.5)
        said = (Utterance(3.0 + latency, (*words[:1], content), "cut", 7.4),) if filler else ()
    if taken:
        agent.insert(0, Interval(1.4, 1.6))
    labels = (Label("pause", 1.0, 2.0), Label("turn", 0.0, 3.0, f"Sentence {number}."),
              Label("interruption", 7.0, 8.0), Label("backchannel", 10.0, 10.5))  # fmt: skip
    half: Half = "human" if number % 2 else "synthetic"
    log = ClipLog(f"c{number}", half, "v", (), tuple(agent), labels, said, 16.0)
    return Record(target, "talk", log.clip, log)


def ours(latency: float = 0.6, *, silent: int = 0, filler: float = 0.0) -> list[Record]:
    """Forty clips, one pause in ten taken, the first `silent` turns not answered."""
    return [clip(i, "", None if i < silent else latency, taken=i % 10 == 0, filler=filler)
            for i in range(40)]  # fmt: skip


def curve(*, silent: int = 0) -> list[Record]:
    """From 0.5 s and .8 over 0.7 s and .4 to 0.9 s and 0; of the last so many are silent."""
    return [
        one
        for i in range(40)
        for one in (
            clip(i, CURVE[0], 0.5, taken=i % 5 != 0),
            clip(i, CURVE[1], 0.7, taken=i % 5 < 2),
            clip(i, CURVE[2], None if i < silent else 0.9),
        )
    ]


class TestMatched:
    def test_both_axes_say_where_the_curve_ends(self) -> None:
        inside = at_matched([*ours(), *curve()], "synthetic", CURVE, SEED)
        assert inside is not None and not inside.beyond and not inside.beyond_takeover
        short = at_matched([*ours(), *curve()], "synthetic", CURVE[:2], SEED)
        assert short is not None and not short.beyond and short.beyond_takeover
        slow = at_matched([*ours(1.2), *curve()], "synthetic", CURVE, SEED)
        assert slow is not None and slow.beyond and not slow.beyond_takeover

    def test_an_end_that_is_in_our_favour_is_told_and_nothing_is_claimed_by_it(self) -> None:
        """Later than the slowest setting, or taking more pauses than the quickest."""
        hasty = [clip(i, "", 0.6, taken=True) for i in range(40)]
        for mine, favoured, claim in (
            (ours(1.2), "takeover_at_our_latency", "share of pauses at its latency"),
            (hasty, "latency_at_our_takeover_s", "latency at its share of pauses"),
        ):
            found = matched([*mine, *curve()], SEED)
            assert found["baseline.timeout"]["favoured"] == [favoured]
            said = of_curves({"matched": found})[0]
            assert said.count("is not told: beyond the curve") == 1
            assert f"{claim} is not told: beyond the curve" in said
            older = {name: {key: one for key, one in curve.items() if key != "favoured"}
                     for name, curve in found.items()}  # fmt: skip
            assert f"{claim} is not told" in of_curves({"matched": older})[0]
            assert "compared in our favour" in tables.matched({"matched": found}).rows[0][-1]

    def test_an_end_that_is_in_its_favour_may_be_claimed(self) -> None:
        """Quicker than the quickest setting, or taking fewer pauses than the most careful."""
        for mine, points in ((ours(0.3), CURVE), (ours(0.6), CURVE[:2])):
            found = at_matched([*mine, *curve()], "synthetic", points, SEED)
            assert found is not None and found.favoured == ()
            assert found.beyond or found.beyond_takeover
            told = of_curves({"matched": {"baseline.timeout": found.as_json()}})[0]
            assert "not told: beyond" not in told

    def test_a_setting_that_answers_too_little_is_no_point_of_the_curve(self) -> None:
        found = at_matched([*ours(), *curve(silent=8)], "synthetic", CURVE, SEED)
        assert found is not None and found.left_out == (CURVE[2],)
        assert found.beyond_takeover
        assert found.takeover_at_our_latency.value == pytest.approx(0.2 - 0.6, abs=0.05)

    def test_a_setting_that_another_beats_is_no_point_of_the_curve(self) -> None:
        """As quick as the quickest and taking more, as careful as the most careful and later."""
        worse = [
            one
            for i in range(40)
            for one in (
                clip(i, "baseline.timeout_4.", 0.5, taken=True),
                clip(i, "baseline.timeout_5.", 1.4),
            )
        ]
        names = [*CURVE, "baseline.timeout_4.", "baseline.timeout_5."]
        without = at_matched([*ours(), *curve()], "synthetic", CURVE, SEED)
        beside = at_matched([*ours(), *curve(), *worse], "synthetic", names, SEED)
        assert without is not None and beside is not None
        assert beside.latency_at_our_takeover == without.latency_at_our_takeover
        assert beside.takeover_at_our_latency == without.takeover_at_our_latency

    def test_a_variant_of_ours_is_held_against_the_same_curves(self) -> None:
        alone = [replace(one, target="baseline.alone.") for one in ours(0.7)]
        found = matched([*ours(), *alone, *curve()], SEED, ["baseline.alone."])
        assert set(found) == {
            f"baseline.timeout{half}{of}"
            for half in ("", " human")
            for of in ("", " from baseline.alone")
        }
        later = found["baseline.timeout from baseline.alone"]["takeover_at_our_latency"]
        assert isinstance(later, dict) and later["value"] == pytest.approx(0.2 - 0.4, abs=0.02)

    def test_no_latency_is_compared_where_ours_answered_too_little(self) -> None:
        found = matched([*ours(silent=4), *curve()], SEED)["baseline.timeout"]
        for key in ("takeover_at_our_latency", "latency_at_our_takeover_s"):
            measure = found[key]
            assert isinstance(measure, dict)
            assert measure["value"] is None and measure["ci95"] is None
            assert measure["reason"] == "ours answered 90.0% of turns"
        balance = found["balance"]
        assert isinstance(balance, dict) and balance["value"] is not None


class TestPaired:
    RIVAL = "rival.pipecat."

    def rival(self, *, silent: int = 0) -> list[Record]:
        """Answers after 0.9 s, takes three pauses in ten, tells no words."""
        return [clip(i, self.RIVAL, None if i < silent else 0.9, taken=i % 10 < 3)
                for i in range(40)]  # fmt: skip

    def test_a_rival_of_one_setting_is_compared_at_its_point(self) -> None:
        found = compared([*ours(), *self.rival()], SEED)
        assert set(found) == {self.RIVAL, f"{self.RIVAL}human.", f"{self.RIVAL}synthetic."}
        both = found[self.RIVAL]
        assert both["latency_mean_s"].value == pytest.approx(-0.3)
        assert both["pause_takeover"].value == pytest.approx(-0.2)
        assert both["balance"].value == pytest.approx(0.0)
        assert both["stop_p50_s"].value == pytest.approx(0.0)
        assert both["stop_p50_s"].ci95 == pytest.approx((0.0, 0.0))
        assert found[f"{self.RIVAL}human."]["pause_takeover"].n == 20

    def test_the_onset_of_any_sound_is_paired_too(self) -> None:
        """Who tells no words has fillers counted as content; this compares like with like."""
        found = compared([*ours(filler=0.4), *self.rival()], SEED)[self.RIVAL]
        assert found["latency_mean_s"].value == pytest.approx(0.1)
        assert found["filler_latency_mean_s"].value == pytest.approx(-0.3)

    def test_latencies_are_withheld_when_either_answered_too_little(self) -> None:
        for records in ([*ours(silent=4), *self.rival()], [*ours(), *self.rival(silent=4)]):
            found = compared(records, SEED)[self.RIVAL]
            for key in ("latency_mean_s", "filler_latency_mean_s"):
                assert math.isnan(found[key].value)
                assert "answered 90.0% of turns" in found[key].reason
            assert found["pause_takeover"].value == pytest.approx(-0.2)


class TestRecordings:
    """Forty turns of the human half, which play eight recordings: answered soon or late by what was
    said, not by chance."""

    @staticmethod
    def played(target: str, added: float, *, texts: int) -> list[Record]:
        found = []
        for number in range(40):
            said = number % texts
            start = 3.0 + 0.3 + 0.1 * (number % 8) + added * (number % 8) / 8
            agent = ((Interval(1.4, 1.6),) if number % 8 < 3 else ()) + (Interval(start, 8.0),)
            labels = Label("pause", 1.0, 2.0), Label("turn", 0.0, 3.0, f"Sentence {said}.")
            log = ClipLog(f"c{number}", "human", "v", (), agent, labels, (), 16.0)
            found.append(Record(target, "pause", log.clip, log, recognised=(("a b", "a c"),)))
        return found

    @staticmethod
    def width(measure: Measure) -> float:
        return measure.ci95[1] - measure.ci95[0]

    def test_clips_of_one_recording_are_drawn_together(self) -> None:
        few, many = (measures_of(self.played("", 0.0, texts=texts), SEED) for texts in (8, 40))
        for key in ("human.turn.latency_mean_s", "human.pause.takeover"):
            assert few[key].value == pytest.approx(many[key].value)
            assert (few[key].n, few[key].recordings, many[key].recordings) == (40, 8, 40)
            assert self.width(few[key]) > 1.5 * self.width(many[key]), key
        assert few["human.recognition.wer"].recordings == 8

    def test_so_are_they_in_what_is_paired_and_held_against_curves(self) -> None:
        widths: dict[int, list[float]] = {}
        for texts in (8, 40):
            mine = self.played("", 0.0, texts=texts)
            slower = self.played(CURVE[1], 0.6, texts=texts)
            pair = compared([*mine, *slower], SEED)[f"{CURVE[1]}human."]["latency_mean_s"]
            points = [*self.played(CURVE[0], 0.4, texts=texts), *slower]
            curve = at_matched([*mine, *points], "human", CURVE[:2], SEED)
            assert curve is not None and pair.recordings == texts
            widths[texts] = [self.width(pair), self.width(curve.latency_at_our_takeover)]
        assert all(few > 1.5 * many for few, many in zip(widths[8], widths[40], strict=True))

    def test_they_are_told_beside_n(self) -> None:
        measure = measures_of(self.played("", 0.0, texts=8), SEED)["human.pause.takeover"]
        assert Measure.of_json(measure.as_json()).recordings == 8
        cells = tables.figures({"human.pause.takeover": measure.as_json()}, "human").rows[0]
        assert cells[1].endswith("n=40 (8 recordings)")
        assert "They play 8 recordings" in tables.speakers(self.played("", 0.0, texts=8))


class TestFalseActions:
    """No latency without the false actions of the same clips."""

    def test_a_turn_without_pauses_has_no_latency(self) -> None:
        labels = (Label("turn", 0.0, 3.0),)
        log = ClipLog("c", "synthetic", "v", (), (Interval(3.4, 8.0),), labels, (), 16.0)
        found = measures_of([Record("", "turn", "c", log)], SEED)
        assert found["turn.answered"].value == 1.0
        for key in ("turn.latency_mean_s", "turn.latency_p95_s", "turn.filler_latency_mean_s"):
            assert math.isnan(found[key].value) and "no pause" in found[key].reason
        paused = replace(log, labels=(*labels, Label("pause", 1.0, 2.0)))
        found = measures_of([Record("", "turn", "c", paused)], SEED)
        assert found["turn.latency_mean_s"].value == pytest.approx(0.4)

    def test_an_interruption_without_what_is_to_be_ignored_has_no_stop_latency(self) -> None:
        labels = (Label("interruption", 7.0, 8.0),)
        log = ClipLog("c", "synthetic", "v", (), (Interval(3.4, 7.4),), labels, (), 16.0)
        found = measures_of([Record("", "stop", "c", log)], SEED)
        assert found["stop.yielded"].value == 1.0
        assert math.isnan(found["stop.latency_p50_s"].value)
        assert "no B" in found["stop.latency_p50_s"].reason
        both = replace(log, labels=(*labels, Label("backchannel", 5.0, 5.5)))
        found = measures_of([Record("", "stop", "c", both)], SEED)
        for key in ("stop.latency_mean_s", "stop.latency_p50_s"):
            assert found[key].value == pytest.approx(0.4)
