"""The metrics on hand-made logs whose answers are known, the traps among them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.bench.metrics.activity import (
    ClipLog,
    HeardWord,
    Interval,
    Label,
    LabelKind,
    Utterance,
    begun_in,
    bursts,
    content_onset,
    voiced_intervals,
)  # fmt: skip
from tests.bench.metrics.backchannels import backchannel_measures, matches
from tests.bench.metrics.keys import check
from tests.bench.metrics.machine import (
    VitalsSample,
    identity_measures,
    tick_measures,
    transport_measures,
)  # fmt: skip
from tests.bench.metrics.overlap import (
    overlap_measures,
    stop_delay,
    stop_measures,
    talked_through,
    untold,
)  # fmt: skip
from tests.bench.metrics.statistics import Measure, bootstrap, mean, paired_difference
from tests.bench.metrics.turns import pause_measures, turn_measures
from tests.bench.metrics.words import (
    CutCount,
    heard_measures,
    word_error_measures,
    word_errors,
    words_heard,
)  # fmt: skip

SEED = 7
RATE = 16_000


def log(
    agent: list[tuple[float, float]],
    labels: list[tuple[LabelKind, float, float]],
    utterances: tuple[Utterance, ...] = (),
    name: str = "clip",
    length: float = 30.0,
) -> ClipLog:
    """A clip of these intervals and labels."""
    voiced = tuple(Interval(*pair) for pair in agent)
    return ClipLog(
        name, "synthetic", "voice", (), voiced, tuple(Label(*label) for label in labels),
        utterances, length,
    )  # fmt: skip


def tone(spans: list[tuple[float, float]], length: float, level: float = 0.1) -> np.ndarray:
    """A 440 Hz tone in these spans of seconds, float32 at 16 kHz."""
    audio = np.zeros(round(length * RATE), np.float32)
    for start, end in spans:
        a, b = round(start * RATE), round(end * RATE)
        audio[a:b] = level * np.sin(2 * np.pi * 440 * np.arange(b - a) / RATE)
    return audio


class TestOnset:
    def test_found_within_one_step(self) -> None:
        (found,) = voiced_intervals(tone([(0.5, 1.25)], 2.0), RATE)
        assert abs(found.start - 0.5) <= 0.005
        assert abs(found.end - 1.25) <= 0.005

    def test_a_click_of_50_ms_is_no_onset(self) -> None:
        assert voiced_intervals(tone([(0.5, 0.55)], 2.0), RATE) == ()

    def test_60_ms_is(self) -> None:
        assert len(voiced_intervals(tone([(0.5, 0.565)], 2.0), RATE)) == 1

    def test_below_the_level_is_silence(self) -> None:
        assert voiced_intervals(tone([(0.5, 1.5)], 2.0, level=0.005), RATE) == ()

    def test_a_stop_consonants_closure_does_not_split(self) -> None:
        assert len(voiced_intervals(tone([(0.5, 0.8), (0.85, 1.2)], 2.0), RATE)) == 1
        assert len(voiced_intervals(tone([(0.5, 0.8), (0.9, 1.2)], 2.0), RATE)) == 2

    def test_silence_gives_nothing(self) -> None:
        assert voiced_intervals(np.zeros(0, np.float32), RATE) == ()

    def test_bursts_close_breaths(self) -> None:
        joined = bursts((Interval(0, 1), Interval(1.2, 2), Interval(2.5, 3)))
        assert joined == (Interval(0, 2), Interval(2.5, 3))

    def test_an_interval_must_not_end_before_it_starts(self) -> None:
        with pytest.raises(ValueError, match="before it starts"):
            Interval(2.0, 1.0)


def spoken(started: float, *words: str) -> Utterance:
    """An utterance of words of 0.3 s each."""
    return Utterance(
        started, tuple(HeardWord(w, 0.3 * i, 0.3 * i + 0.3) for i, w in enumerate(words))
    )


def content(start: float, end: float, *said: Utterance) -> float | None:
    """Of all that begins in a burst the first content."""
    begun = begun_in(Interval(start, end), said)
    onsets = (content_onset(at, utterance) for at, utterance in begun)
    return next((onset for onset in onsets if onset is not None), None)


class TestContent:
    def test_fillers_are_skipped(self) -> None:
        said = spoken(5.02, "Well,", " hmm,", " Paris.")
        assert content(5.0, 6.0, said) == pytest.approx(5.6)

    def test_all_filler_is_no_content(self) -> None:
        assert content(5.0, 5.3, spoken(5.0, "Hmm.")) is None
        for sign in ("Mm-hmm.", "Uh-huh.", "Yeah.", "Right.", "Okay.", "I see."):
            assert content(5.0, 5.5, spoken(5.0, sign)) is None, sign

    def test_behind_a_sign_of_listening_the_answer_is_content(self) -> None:
        """In one burst with it, and in one of its own."""
        said = (spoken(5.02, "I see."), spoken(5.72, "Paris", " is"))
        assert content(5.0, 7.0, *said) == pytest.approx(5.7)
        assert content(5.7, 7.0, *said) == pytest.approx(5.7)
        assert content(5.0, 5.4, *said) is None

    def test_without_words_the_sound_counts(self) -> None:
        assert content(5.0, 6.0) == 5.0


class TestTurns:
    def test_latency_of_known_logs(self) -> None:
        logs = [log([(2.0 + d, 4.0)], [("turn", 0.5, 2.0)], name=f"c{d}") for d in (0.2, 0.4, 0.6)]
        measures = turn_measures(logs, SEED)
        assert measures["turn.latency_mean_s"].value == pytest.approx(0.4)
        assert measures["turn.latency_p50_s"].value == pytest.approx(0.4)
        assert measures["turn.answered"].value == 1.0
        low, high = measures["turn.latency_mean_s"].ci95
        assert 0.19 < low < 0.4 < high < 0.61

    def test_a_filler_is_reported_apart(self) -> None:
        clip = log([(2.3, 4.0)], [("turn", 0.5, 2.0)], (spoken(2.3, "Well,", " yes", " Paris"),))
        measures = turn_measures([clip], SEED)
        assert measures["turn.latency_mean_s"].value == pytest.approx(0.9)
        assert measures["turn.filler_latency_mean_s"].value == pytest.approx(0.3)

    def test_withheld_below_95_percent_answered(self) -> None:
        logs = [log([(2.1, 3.0)], [("turn", 0.5, 2.0)], name=f"c{i}") for i in range(9)]
        logs.append(log([], [("turn", 0.5, 2.0)], name="silent"))
        measures = turn_measures(logs, SEED)
        assert measures["turn.answered"].value == pytest.approx(0.9)
        assert math.isnan(measures["turn.latency_mean_s"].value)
        assert measures["turn.latency_mean_s"].as_json()["value"] is None

    def test_the_silent_time_out_answers_nothing(self) -> None:
        logs = [log([(7.5, 9.0)], [("turn", 0.5, 2.0)])]
        assert turn_measures(logs, SEED)["turn.answered"].value == 0.0

    def test_talking_on_from_a_take_over_is_no_answer(self) -> None:
        logs = [log([(1.0, 4.0)], [("turn", 0.5, 2.0)])]
        assert turn_measures(logs, SEED)["turn.answered"].value == 0.0

    def test_nor_is_what_goes_on_behind_a_phrases_gap(self) -> None:
        agent = [(1.0, 2.2), (2.55, 5.0)]
        clip = log(agent, [("turn", 0.5, 2.0)])
        assert turn_measures([clip], SEED)["turn.answered"].value == 0.0
        cut = Utterance(1.0, (HeardWord("It", 0.0, 0.3),), "cut", 2.25)
        yielded = log(agent, [("turn", 0.5, 2.0)], (cut, spoken(2.56, "Paris")))
        found = turn_measures([yielded], SEED)["turn.latency_mean_s"].value
        assert found == pytest.approx(0.55)

    def test_a_start_just_before_the_end_is_an_answer(self) -> None:
        logs = [log([(1.8, 4.0)], [("turn", 0.5, 2.0)])]
        assert turn_measures(logs, SEED)["turn.latency_mean_s"].value == pytest.approx(-0.2)

    def test_a_phrase_gap_of_an_ignored_interruption_is_no_early_answer(self) -> None:
        spoken_over: list[tuple[LabelKind, float, float]] = [
            ("interruption", 5.0, 6.7), ("turn", 5.0, 6.7),
        ]  # fmt: skip
        ignored = log([(1.0, 6.0), (6.35, 12.0)], spoken_over)
        assert turn_measures([ignored], SEED)["turn.answered"].n == 0
        yielded = log([(1.0, 5.4), (7.2, 12.0)], spoken_over)
        assert turn_measures([yielded], SEED)["turn.latency_mean_s"].value == pytest.approx(0.5)


LONG = [(1.0, 12.0)]


class TestStop:
    def test_last_voiced_frame(self) -> None:
        clip = log([(1.0, 5.4)], [("interruption", 5.0, 6.5)])
        assert stop_delay(clip, clip.labels[0]) == pytest.approx(0.4)

    def test_a_phrase_gap_is_no_stop(self) -> None:
        clip = log([(1.0, 5.3), (5.7, 12.0)], [("interruption", 5.0, 6.5)])
        assert stop_delay(clip, clip.labels[0]) == pytest.approx(7.0)

    def test_stopped_and_later_answered(self) -> None:
        clip = log([(1.0, 5.3), (7.2, 12.0)], [("interruption", 5.0, 6.5)])
        assert stop_delay(clip, clip.labels[0]) == pytest.approx(0.3)

    def test_not_speaking_is_not_counted(self) -> None:
        clip = log([(1.0, 3.0)], [("interruption", 5.0, 6.5)])
        assert stop_delay(clip, clip.labels[0]) is None

    @pytest.mark.parametrize(("spoken", "told"), [(0.9, None), (1.0, math.inf), (1.9, math.inf)])
    def test_who_speaks_to_the_end_has_not_stopped(self, spoken: float, told: float | None) -> None:
        said = Utterance(1.0, (), "done", 5.05 + spoken)
        clip = log([(1.0, 5.0 + spoken)], [("interruption", 5.0, 6.5)], (said,))
        assert stop_delay(clip, clip.labels[0]) == told
        assert untold([clip]) == (int(told is None), 0)

    def test_a_turn_that_was_spoken_over_to_our_own_end_is_asked(self) -> None:
        """It is metric 3's, not yielded to; we are silent and it waits for its answer."""
        said = Utterance(1.0, (), "done", 6.45)
        labels: list[tuple[LabelKind, float, float]] = [
            ("interruption", 5.0, 6.7), ("turn", 5.0, 6.7),
        ]  # fmt: skip
        clip = log([(1.0, 6.4), (7.2, 9.0)], labels, (said, Utterance(7.2)))
        assert stop_measures([clip], SEED)["stop.yielded"].value == 0.0
        assert turn_measures([clip], SEED)["turn.latency_mean_s"].value == pytest.approx(0.5)

    def test_a_cut_is_a_stop(self) -> None:
        cut = Utterance(1.0, (), "cut", 5.45)
        clip = log([(1.0, 5.4)], [("interruption", 5.0, 6.5)], (cut,))
        assert stop_delay(clip, clip.labels[0]) == pytest.approx(0.4)

    def test_measures(self) -> None:
        label: list[tuple[LabelKind, float, float]] = [("interruption", 5.0, 6.5)]
        logs = [log([(1.0, 5.0 + d)], label, name=f"{d}") for d in (0.2, 0.4, 0.6, 7.0)]
        measures = stop_measures(logs, SEED)
        assert measures["stop.latency_p50_s"].value == pytest.approx(0.4)
        assert measures["stop.yielded"].value == pytest.approx(0.75)

    def test_still_talking_at_the_end_of_the_recording(self) -> None:
        clip = log([(1.0, 6.0)], [("interruption", 5.0, 6.0)], length=6.1)
        assert stop_delay(clip, clip.labels[0]) == math.inf


EVENTS: tuple[LabelKind, ...] = ("backchannel", "vocal_tic", "not_directed")


def policy_logs(*, yields: bool, stops_for_events: bool) -> list[ClipLog]:
    """Forty clips of interruptions and events, played by a policy."""
    logs = []
    for i in range(10):
        end = 5.3 if yields else 12.0
        logs.append(log([(1.0, end)], [("interruption", 5.0, 6.5)], name=f"i{i}"))
        for kind in EVENTS:
            end = 5.3 if stops_for_events else 12.0
            logs.append(log([(1.0, end)], [(kind, 5.0, 5.5)], name=f"{kind}{i}"))
    return logs


class TestOverlap:
    @pytest.mark.parametrize("always", [False, True])
    def test_never_and_always_yield_score_one_half(self, always: bool) -> None:
        measures = overlap_measures(policy_logs(yields=always, stops_for_events=always), SEED)
        assert measures["overlap.balance"].value == pytest.approx(0.5)

    def test_a_perfect_policy_scores_one(self) -> None:
        measures = overlap_measures(policy_logs(yields=True, stops_for_events=False), SEED)
        assert measures["overlap.balance"].value == 1.0
        assert measures["overlap.vocal_tic"].value == 1.0

    def test_a_late_stop_is_still_a_stop(self) -> None:
        clip = log([(1.0, 6.4)], [("backchannel", 5.0, 5.5)])
        assert talked_through(clip, clip.labels[0]) is False

    def test_silent_and_answering_is_an_error(self) -> None:
        answered = log([(6.5, 8.0)], [("not_directed", 4.0, 5.0)])
        assert talked_through(answered, answered.labels[0]) is False
        quiet = log([(7.5, 8.0)], [("not_directed", 4.0, 5.0)])
        assert talked_through(quiet, quiet.labels[0]) is True

    def test_a_natural_end_cannot_tell(self) -> None:
        clip = log([(1.0, 5.4)], [("vocal_tic", 5.0, 5.5)], (Utterance(1.0, (), "done", 5.5),))
        assert talked_through(clip, clip.labels[0]) is None
        assert untold([clip]) == (0, 1)

    def test_but_one_second_of_speech_over_it_can(self) -> None:
        """However long what asks for nothing is; a stop within it is one all the same."""
        said = Utterance(1.0, (), "done", 6.1)
        clip = log([(1.0, 6.05)], [("not_directed", 5.0, 8.0)], (said,))
        assert talked_through(clip, clip.labels[0]) is True
        cut = log([(1.0, 6.05)], [("not_directed", 5.0, 8.0)], (replace(said, finished="cut"),))
        assert talked_through(cut, cut.labels[0]) is False


def monologue(events: list[float], wanted: list[float], name: str, width: float = 0.4) -> ClipLog:
    """A monologue of 40 s with short events of ours."""
    labels: list[tuple[LabelKind, float, float]] = [("monologue", 0.0, 40.0)]
    labels += [("opportunity", at, at) for at in wanted]
    return log([(at, at + width) for at in events], labels, name=name, length=45.0)


def wanted_at(seed: int) -> list[float]:
    """Irregular opportunities, as of people."""
    gaps = np.random.default_rng(seed).uniform(2.5, 9.0, 10)
    return [float(at) for at in np.cumsum(gaps) if at < 39]


class TestBackchannel:
    def test_matching_is_one_to_one(self) -> None:
        assert matches([1.0, 1.2], [1.1]) == 1
        assert matches([1.0, 2.0], [1.4, 1.6]) == 2
        assert matches([1.0], [1.6]) == 0

    def test_a_perfect_listener_gains(self) -> None:
        logs = [monologue(wanted_at(i), wanted_at(i), f"m{i}") for i in range(6)]
        measures = backchannel_measures(logs, SEED)
        assert measures["backchannel.f1"].value == 1.0
        assert measures["backchannel.f1_gain"].value > 0.4
        assert measures["backchannel.takeover"].value == 0.0

    @pytest.mark.parametrize("period", [1.0, 2.5, 5.0, 10.0])
    def test_a_metronome_gains_nothing(self, period: float) -> None:
        beats = [float(at) for at in np.arange(period, 40.0, period)]
        logs = [monologue(beats, wanted_at(i), f"m{i}", width=0.3) for i in range(6)]
        assert backchannel_measures(logs, SEED)["backchannel.f1_gain"].value <= 1e-9

    def test_silence_loses(self) -> None:
        logs = [monologue([], wanted_at(i), f"m{i}") for i in range(3)]
        assert backchannel_measures(logs, SEED)["backchannel.f1_gain"].value < 0

    def test_a_long_answer_is_a_take_over(self) -> None:
        logs = [monologue([10.0], wanted_at(1), "m", width=2.0)]
        measures = backchannel_measures(logs, SEED)
        assert measures["backchannel.takeover"].value == 1.0
        assert measures["backchannel.f1"].value == 0.0

    def test_answers_cut_off_at_once_are_no_backchannels(self) -> None:
        """A hasty policy that starts at every breath and stops again must not look attentive."""
        wanted = wanted_at(1)
        hasty = monologue(wanted, wanted, "m")
        cut = tuple(Utterance(at, (), "cut", at + 0.4) for at in wanted)
        measures = backchannel_measures([replace(hasty, utterances=cut)], SEED)
        assert measures["backchannel.f1"].value == 0.0
        assert measures["backchannel.takeover"].value == 1.0

    def test_of_who_tells_nothing_what_ends_in_the_persons_speech_was_cut(self) -> None:
        wanted = wanted_at(1)
        hasty = monologue(wanted, wanted, "m")
        interrupted = tuple(Interval(at + 0.3, at + 0.9) for at in wanted)
        measures = backchannel_measures([replace(hasty, person=interrupted)], SEED)
        assert measures["backchannel.f1"].value == 0.0
        assert measures["backchannel.takeover"].value == 1.0
        whole = tuple(Utterance(at, (), "done", at + 0.4) for at in wanted)
        told = replace(hasty, person=interrupted, utterances=whole)
        assert backchannel_measures([told], SEED)["backchannel.f1"].value == 1.0
        quiet = tuple(Interval(at + 0.6, at + 0.9) for at in wanted)
        measures = backchannel_measures([replace(hasty, person=quiet)], SEED)
        assert measures["backchannel.f1"].value == 1.0


class TestMachine:
    def test_tick(self) -> None:
        samples = [VitalsSample(i, 100 * i, i // 10, 0.02, 1000 + 2 * i) for i in range(50)]
        measures = tick_measures(samples, SEED)
        assert measures["tick.missed"].value == pytest.approx(4 / 4900)
        assert measures["tick.memory_growth"].value == pytest.approx(1089 / 1029 - 1, abs=1e-3)

    def test_too_few_samples_give_no_value(self) -> None:
        assert math.isnan(tick_measures([], SEED)["tick.missed"].value)

    def test_identity(self) -> None:
        runs = [(b"a", b"a")] * 9 + [(b"a", b"b")]
        measures = identity_measures(runs, [(1.05, 1.0)] * 10, SEED)
        assert measures["identity.equal"].value == pytest.approx(0.9)
        assert measures["identity.overhead"].value == pytest.approx(0.05)

    def test_transport(self) -> None:
        measures = transport_measures([0.06, 0.07, 0.08], [0.14, 0.14, 0.14], SEED)
        assert measures["transport.round_trip_ms"].value == pytest.approx(70)
        assert measures["transport.stock_ratio"].value == pytest.approx(0.5)


class TestWords:
    def test_errors(self) -> None:
        assert word_errors("Ten of clubs.", "10 of clubs") == (0, 3)
        assert word_errors("one two three", "one three four") == (2, 3)
        assert word_errors("", "hello") == (1, 0)

    def test_words_heard_is_the_prefix_that_fits(self) -> None:
        said = "the cat sat on the mat".split()
        assert words_heard(said, "The cat sat.") == 3
        assert words_heard(said, "") == 0
        assert words_heard(said, "the cat sat on a mat") == 6

    def test_wer_is_pooled(self) -> None:
        pairs = [("one two three four", "one two three four"), ("one two", "one")]
        assert word_error_measures("recognition", pairs, SEED)[
            "recognition.wer"
        ].value == pytest.approx(1 / 6)

    def test_heard(self) -> None:
        measures = heard_measures([CutCount(5, 5), CutCount(4, 6)], SEED)
        assert measures["heard.word_error"].value == 1.0
        assert measures["heard.within_one"].value == 0.5


class TestStatistics:
    def test_same_seed_same_interval(self) -> None:
        rows = [[float(i % 7) ** 1.5] for i in range(50)]
        assert bootstrap(rows, mean, 3) == bootstrap(rows, mean, 3)
        assert bootstrap(rows, mean, 3).ci95 != bootstrap(rows, mean, 4).ci95

    def test_an_interval_covers_the_truth_about_as_often_as_it_says(self) -> None:
        generator = np.random.default_rng(1)
        covered = 0
        for i in range(60):
            low, high = bootstrap(generator.normal(0, 1, (40, 1)), mean, i).ci95
            covered += low <= 0 <= high
        assert covered >= 50

    def test_pairing_removes_what_clips_share(self) -> None:
        generator = np.random.default_rng(2)
        hard = generator.normal(1.0, 0.5, 40)
        ours = {str(i): float(h) for i, h in enumerate(hard)}
        theirs = {clip: value + 0.1 for clip, value in ours.items()}
        low, high = paired_difference(ours, theirs, SEED).ci95
        assert low == pytest.approx(-0.1)
        assert high == pytest.approx(-0.1)

    def test_json_keeps_the_fixed_form(self) -> None:
        measure = bootstrap([[1.0], [2.0]], mean, SEED)
        assert set(measure.as_json()) == {"value", "n", "seed", "ci95"}
        assert Measure.of_json(measure.as_json()).value == measure.value

    def test_every_key_given_is_a_key_of_the_bench(self) -> None:
        logs = policy_logs(yields=True, stops_for_events=False)
        every = turn_measures(logs, SEED) | pause_measures(logs, SEED) | stop_measures(logs, SEED)
        every |= overlap_measures(logs, SEED) | backchannel_measures(logs, SEED)
        for key in every:
            check(key)
            check(f"null.always_yield.human.{key}")
        with pytest.raises(KeyError, match="not a key"):
            check("turn.wishful")
