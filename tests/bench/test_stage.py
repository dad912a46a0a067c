"""The stage: cues, optional pieces, and calls that end once their last label is decided."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench.estimating import costs, shown
from tests.bench.metrics.activity import ClipLog, LabelKind
from tests.bench.metrics.overlap import overlap_measures, stop_delay, stop_measures
from tests.bench.metrics.turns import answer_delay, pause_taken, turn_measures
from tests.bench.policies import POLICIES, Responder, perform
from tests.bench.running import Draw, Work, plan, wants
from tests.bench.stimuli.script import NOT_PLAYED, RATE, Cue, Mark, Piece, Script, placed_labels
from tests.bench.stimuli.splits import wording
from tests.bench.stimuli.stage import FRAME, Stage
from tests.bench.stimuli.talk import SILENCERS


def piece(cue: Cue, *kinds: LabelKind, length: float = 1.0) -> Piece:
    """A buzz with these labels over all of it."""
    times = np.arange(round(length * RATE)) / RATE
    audio = (0.2 * np.sign(np.sin(2 * np.pi * 200 * times))).astype(np.float32)
    marks = tuple(Mark(kind, 0, len(audio)) for kind in kinds)
    return Piece(audio, marks, ((0, len(audio)),), cue=cue)


def script(*pieces: Piece, tail: float = 8.0) -> Script:
    """A quiet clip that ends when it is decided."""
    empty = np.zeros(0, np.float32)
    return Script("clip", "talk", "synthetic", "buzz", pieces, empty, empty, tail_seconds=tail,
                  ends="decided")  # fmt: skip


def _interrupts(one: Piece) -> bool:
    return any(mark.kind == "interruption" for mark in one.marks)


def staged(clip: Script, *spoken: tuple[float, float]) -> tuple[list[int], float]:
    """Starts of the pieces and the clip's length, when the agent is voiced in these spans."""
    stage, at = Stage(clip), 0
    while not stage.over(at):
        stage.hear(at, voiced=any(start <= at / RATE < end for start, end in spoken))
        stage.near(at)
        at += FRAME
    return stage.starts, at / RATE


class TestCues:
    def test_never_sooner_than_after_the_piece_before(self) -> None:
        over = Cue("agent_speaks", 0.5, after_seconds=1.5)
        starts, _ = staged(script(piece(Cue("clock", 0.5)), piece(over)), (0.0, 9.0))
        assert starts == [round(0.5 * RATE), round(3.0 * RATE)]

    def test_an_optional_piece_is_left_out_once_the_agent_speaks(self) -> None:
        again = piece(Cue("agent_silent", 3.0, 20.0, optional=True))
        clip = script(piece(Cue("clock", 0.5)), again, piece(Cue("clock", 0.2), "turn"))
        starts, _ = staged(clip, (2.0, 9.0))
        assert starts[1] == NOT_PLAYED
        assert [label.kind for label in placed_labels(clip, tuple(starts))] == ["turn"]

    def test_and_played_when_it_stays_silent(self) -> None:
        again = piece(Cue("agent_silent", 3.0, 20.0, after_seconds=0.2, optional=True))
        late = piece(Cue("clock", 0.2))
        starts, _ = staged(script(piece(Cue("clock", 0.5)), again, late))
        # Silent from the first frame on, which counts.
        assert NOT_PLAYED not in starts and starts[1] == pytest.approx(3.0 * RATE, abs=FRAME)

    def test_the_rest_is_dropped_at_the_limit(self) -> None:
        late = piece(Cue("agent_speaks", 1.0, 2.0), "interruption")
        starts, length = staged(script(piece(Cue("clock", 0.5), "turn"), late))
        assert len(starts) == 1 and length < 8.0


class TestDecided:
    def test_an_answer_heard(self) -> None:
        _, length = staged(script(piece(Cue("clock", 0.5), "turn")), (2.0, 9.0))
        assert length == pytest.approx(3.0, abs=0.05)

    def test_a_sign_of_listening_is_no_answer(self) -> None:
        """Half a second of sound; what follows it within the window is waited for."""
        _, length = staged(script(piece(Cue("clock", 0.5), "turn")), (1.7, 2.2))
        assert length == pytest.approx(1.5 + 5.1, abs=0.05)

    def test_no_answer_is_waited_for_as_long_as_it_would_count(self) -> None:
        _, length = staged(script(piece(Cue("clock", 0.5), "turn")))
        assert length == pytest.approx(1.5 + 5.1, abs=0.05)

    def test_a_take_over_is_no_answer(self) -> None:
        _, length = staged(script(piece(Cue("clock", 0.5), "turn")), (0.2, 9.0))
        assert length > 6.0

    @pytest.mark.parametrize(
        ("spoken", "length"),
        [
            ((0.0, 9.0), 2.5 + 1.1),  # talked on
            ((0.0, 2.6), 2.5 + 1.1),  # stopped at once
            ((0.0, 3.2), 3.2 + 0.65),  # late: it may be a gap between phrases
            ((5.5, 5.6), 2.5 + 2.1),  # was silent: an answer within 2 s would be wrong
        ],
    )
    def test_what_asks_for_nothing(self, spoken: tuple[float, float], length: float) -> None:
        event = piece(Cue("clock", 1.5), "backchannel")
        _, found = staged(script(event), spoken)
        assert found == pytest.approx(length, abs=0.06)

    def test_who_talks_through_an_interruption_is_not_waited_for(self) -> None:
        barge = piece(Cue("clock", 1.5), "interruption", "turn", length=2.0)
        _, length = staged(script(barge), (0.0, 30.0))
        assert length <= 1.5 + 2.7


@pytest.fixture(scope="module")
def scripts() -> list[Script]:
    """Whole conversations of dev."""
    return [Draw("dev", 3).script(Work("talk", "synthetic", i)) for i in range(8)]


def kinds(log: ClipLog) -> list[str]:
    return [label.kind for label in log.labels]


class TestTalk:
    def test_a_call_holds_an_event_of_every_metric(self, scripts: list[Script]) -> None:
        logs = [perform(s, Responder(0.7, 0.3, 9.0)) for s in scripts]
        for log in logs:
            assert kinds(log).count("turn") == 2
            assert kinds(log).count("interruption") == 1
            assert kinds(log).count("pause") == 1
            assert len(kinds(log)) == 5
            first, second = log.labelled("turn")
            (barge,) = log.labelled("interruption")
            assert (second.start, second.end) == (barge.start, barge.end)
            assert all(first.start < pause.start < first.end for pause in log.labelled("pause"))
        assert sum(kinds(log)[0] != "pause" for log in logs) >= 1
        assert np.mean([log.length for log in logs]) < 22.0

    def test_every_event_is_measured_as_the_agent_treats_it(self, scripts: list[Script]) -> None:
        logs = [perform(s, Responder(1.6, 0.3, 9.0)) for s in scripts]
        assert not any(pause_taken(log, p) for log in logs for p in log.labelled("pause"))
        delays = [answer_delay(log, turn) for log in logs for turn in log.labelled("turn")]
        assert [d for d in delays if d is None] == []
        assert np.median([d for d in delays if d]) == pytest.approx(1.67, abs=0.1)
        stops = [stop_delay(log, log.labelled("interruption")[0]) for log in logs]
        assert np.median([s for s in stops if s is not None]) == pytest.approx(0.37, abs=0.1)

    @pytest.mark.timeout(60)
    @pytest.mark.parametrize("name", ["never_yield", "always_yield"])
    def test_the_nulls_score_one_half(self, name: str) -> None:
        logs = [
            perform(Draw("dev", 1).script(Work("talk", "synthetic", i)), POLICIES[name]())
            for i in range(18)
        ]
        assert overlap_measures(logs, 1)["overlap.balance"].value == pytest.approx(0.5, abs=0.01)

    def test_who_does_not_yield_is_not_asked_for_an_answer_too(self, scripts: list[Script]) -> None:
        """Every event counts once."""
        logs = [perform(s, Responder(1.6, None, 25.0)) for s in scripts]
        assert stop_measures(logs, 1)["stop.yielded"].value == 0.0
        measures = turn_measures(logs, 1)
        assert measures["turn.answered"].value == 1.0
        assert measures["turn.answered"].n == sum("turn" in kinds(log) for log in logs) >= 5

    def test_who_says_nothing_is_asked_again_and_then_let_go(self, scripts: list[Script]) -> None:
        log = perform(scripts[0], POLICIES["silence"]())
        assert "interruption" not in kinds(log)
        assert log.length < 40.0

    def test_behind_a_request_for_silence_nothing_is_owed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is an interruption all the same."""
        sentences, _ = wording("test")
        assert set(sentences["interruptions"]) >= SILENCERS
        work = Work("talk", "synthetic", 0)
        (barge,) = (p for p in Draw("dev", 1).script(work).pieces if _interrupts(p))
        assert [mark.kind for mark in barge.marks] == ["interruption", "turn"]
        monkeypatch.setattr("tests.bench.stimuli.talk.SILENCERS", frozenset({barge.text}))
        (quiet,) = (p for p in Draw("dev", 1).script(work).pieces if _interrupts(p))
        assert quiet.marks == barge.marks[:1]


class TestCost:
    def test_a_baseline_is_played_no_clips_for_words(self) -> None:
        assert not wants("baseline.timeout_700.", Work("voice", "human", 0))
        assert wants("rival.pipecat.", Work("voice", "human", 0))
        assert wants("", Work("voice", "human", 0))

    @pytest.mark.timeout(60)
    def test_the_plan_says_what_a_run_takes(self) -> None:
        works = plan("all", 4)
        found = costs(works, ["", "baseline.timeout_700."], Draw("dev", 1))
        ours, baseline = found
        assert ours.clips == len(works) > baseline.clips
        assert ours.seconds > baseline.seconds > 4 * 10.0
        assert baseline.labels["interruption"] == 5
        assert baseline.labels["turn"] == 5 * 2 + 1 + 1 + 1
        assert "hours" in shown(found)
