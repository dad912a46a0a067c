"""What a stop is, by events and by silence, and what is an answer behind one: hand-made calls."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.bench.metrics.activity import (
    ClipLog,
    HeardWord,
    Interval,
    Label,
    LabelKind,
    Utterance,
    content_onset,
)  # fmt: skip
from tests.bench.metrics.overlap import stop_delay, stretches, talked_through
from tests.bench.metrics.turns import (
    answer_delay,
    asked,
    filler_delay,
    pause_taken,
    pauses,
)

Spans = list[tuple[float, float]]


def call(
    agent: Spans, *utterances: Utterance, length: float = 30.0, **labels: tuple[float, float]
) -> ClipLog:
    """A call in which the agent is voiced in these spans; labels by kind."""
    kinds: dict[str, LabelKind] = {
        "cough": "vocal_tic", "barge": "interruption", "turn": "turn",
    }  # fmt: skip
    made = tuple(Label(kinds[kind], *span) for kind, span in labels.items())
    voiced = tuple(Interval(*span) for span in agent)
    return ClipLog("c", "synthetic", "v", (), voiced, made, utterances, length)


def words(*texts: str) -> tuple[HeardWord, ...]:
    """Of 0.3 s each."""
    return tuple(HeardWord(text, 0.3 * i, 0.3 * i + 0.3) for i, text in enumerate(texts))


def of(log: ClipLog, kind: LabelKind) -> Label:
    (found,) = log.labelled(kind)
    return found


CUT = Utterance(0.98, words("It", " is"), "cut", 5.31, 2)
NEXT = Utterance(5.70, words("Paris."), "done", 9.1, 1)


class TestCut:
    @pytest.mark.parametrize("again", [5.5, 5.72, 5.9])
    def test_what_was_cut_has_stopped_however_soon_something_new_begins(self, again: float) -> None:
        later = replace(NEXT, started=again - 0.02)
        log = call([(1.0, 5.3), (again, 9.0)], CUT, later, cough=(5.0, 5.25), barge=(5.0, 5.25))
        assert talked_through(log, of(log, "vocal_tic")) is False
        assert stop_delay(log, of(log, "interruption")) == pytest.approx(0.3)

    @pytest.mark.parametrize("cut", [5.22, 5.26, 5.45])
    def test_the_event_may_come_before_the_last_of_the_sound_or_after_it(self, cut: float) -> None:
        agent = [(1.0, 5.2), (5.26, 5.3), (5.72, 9.0)]
        log = call(agent, replace(CUT, ended=cut), NEXT, barge=(5.0, 5.25))
        assert stop_delay(log, of(log, "interruption")) == pytest.approx(0.3)

    def test_what_was_said_whole_has_not_stopped_when_the_next_comes_soon(self) -> None:
        whole = replace(CUT, finished="done", ended=5.38)
        log = call([(1.0, 5.3), (5.72, 9.0)], whole, NEXT, cough=(5.0, 5.25))
        assert talked_through(log, of(log, "vocal_tic")) is True
        assert stretches(log) == (Interval(1.0, 9.0),)
        assert stretches(log, whole_ends=True) == (Interval(1.0, 5.3), Interval(5.72, 9.0))


class TestGoesOn:
    """One utterance with a phrase's gap of 0.6 s."""

    AGENT: Spans = [(1.0, 5.3), (5.9, 12.0)]
    SAID = Utterance(0.98, words("It", " is"), "done", 12.1, 2)

    def test_a_gap_inside_an_utterance_is_no_stop(self) -> None:
        log = call(self.AGENT, self.SAID, cough=(5.0, 5.25), barge=(5.0, 6.5), turn=(5.0, 6.5))
        assert stop_delay(log, of(log, "interruption")) == math.inf
        assert talked_through(log, of(log, "vocal_tic")) is True
        assert not asked(log, of(log, "turn"))

    def test_nor_is_what_falls_into_the_gap_answered_by_the_next_phrase(self) -> None:
        log = call(self.AGENT, self.SAID, cough=(5.4, 5.6))
        assert talked_through(log, of(log, "vocal_tic")) is True

    def test_nor_is_its_next_phrase_an_answer(self) -> None:
        log = call(self.AGENT, self.SAID, turn=(3.0, 6.1))
        assert answer_delay(log, of(log, "turn")) is None
        assert filler_delay(log, of(log, "turn")) is None

    def test_who_is_cut_in_the_gap_was_silent_when_the_person_began(self) -> None:
        cut = replace(self.SAID, finished="cut", ended=5.8)
        log = call(self.AGENT[:1], cut, barge=(5.5, 7.0))
        assert stop_delay(log, of(log, "interruption")) is None

    def test_without_events_silence_decides(self) -> None:
        log = call(self.AGENT, barge=(5.0, 6.5), turn=(5.0, 6.1))
        assert stop_delay(log, of(log, "interruption")) == pytest.approx(0.3)
        assert answer_delay(log, of(log, "turn")) == pytest.approx(-0.2)
        short = call([(1.0, 5.3), (5.7, 12.0)], barge=(5.0, 6.5))
        assert stop_delay(short, of(short, "interruption")) == pytest.approx(7.0)

    def test_who_is_hung_up_on_in_a_gap_has_not_stopped(self) -> None:
        """A call may end 0.65 s behind our last sound; that ends what we say, too."""
        hung_up = replace(self.SAID, finished="cut", ended=6.36)
        log = call(self.AGENT[:1], hung_up, length=6.4, cough=(5.0, 5.25))
        assert talked_through(log, of(log, "vocal_tic")) is True
        yielded = replace(hung_up, ended=5.32)
        log = call(self.AGENT[:1], yielded, length=6.4, cough=(5.0, 5.25))
        assert talked_through(log, of(log, "vocal_tic")) is False


class TestAnswer:
    """A turn that ends at 5 s."""

    SIGN = Utterance(4.38, words("Mm-hmm."), "done", 4.95, 1)
    ANSWER = Utterance(5.1, words("Paris", " is"), "done", 9.1, 2)

    def test_a_sign_of_listening_before_the_end_does_not_hide_the_answer_behind_it(self) -> None:
        log = call([(4.4, 4.85), (5.12, 9.0)], self.SIGN, self.ANSWER, turn=(1.0, 5.0))
        assert answer_delay(log, of(log, "turn")) == pytest.approx(0.12)
        assert filler_delay(log, of(log, "turn")) == pytest.approx(0.12)

    def test_nor_does_a_start_that_was_taken_back(self) -> None:
        hasty = Utterance(4.38, words("It"), "cut", 4.86, 1)
        log = call([(4.4, 4.85), (5.12, 9.0)], hasty, self.ANSWER, turn=(1.0, 5.0))
        assert answer_delay(log, of(log, "turn")) == pytest.approx(0.12)

    def test_a_start_near_the_end_that_was_taken_back_before_it_is_none_either(self) -> None:
        hasty = Utterance(4.58, words("It"), "cut", 4.92, 1)
        log = call([(4.6, 4.9), (5.72, 9.0)], hasty, NEXT, turn=(1.0, 5.0))
        assert answer_delay(log, of(log, "turn")) == pytest.approx(0.72)
        assert filler_delay(log, of(log, "turn")) == pytest.approx(0.72)
        kept = call([(4.6, 9.0)], replace(hasty, finished="done", ended=9.1), turn=(1.0, 5.0))
        assert answer_delay(kept, of(kept, "turn")) == pytest.approx(-0.4)

    def test_who_starts_in_the_last_pause_takes_it_and_answers_nothing(self) -> None:
        said = Utterance(4.58, words("It", " is"), "done", 9.1, 2)
        log = call([(4.6, 9.0)], said, turn=(1.0, 5.0))
        paused = replace(log, person=(Interval(1.0, 4.5), Interval(4.85, 5.0)))
        assert answer_delay(paused, of(paused, "turn")) is None
        assert [pause_taken(paused, one) for one in pauses(paused)] == [True]

    def test_what_began_too_soon_is_none_though_its_content_comes_later(self) -> None:
        said = Utterance(4.38, (HeardWord("Well,", 0.0, 0.4), HeardWord("Paris", 0.7, 1.0)))
        log = call([(4.4, 9.0)], said, turn=(1.0, 5.0))
        assert answer_delay(log, of(log, "turn")) is None


class TestAsked:
    @pytest.mark.parametrize(("last", "is_asked"), [(5.3, True), (6.9, True), (7.1, False)])
    def test_who_yields_late_is_asked_as_everybody_is(self, last: float, is_asked: bool) -> None:
        """An interruption from 5 to 6.5 s; two seconds are what there is to yield in."""
        log = call([(1.0, last), (8.0, 12.0)], barge=(5.0, 6.5), turn=(5.0, 6.5))
        assert asked(log, of(log, "turn")) is is_asked
        if is_asked:
            assert answer_delay(log, of(log, "turn")) == pytest.approx(1.5)


def test_content_that_was_still_awaited_begins_with_its_sound() -> None:
    """Words know how far into the sound they are, not how long the sound was waited for."""
    words = (HeardWord("Sure!", 0.0, 0.3), HeardWord(" Paris.", 0.3, 0.6))
    said = Utterance(5.0, words)
    heard = (Interval(5.0, 5.28), Interval(5.8, 6.1))
    assert content_onset(5.0, said, heard) == pytest.approx(5.8)
    assert content_onset(5.0, said, (Interval(5.0, 5.6),)) == pytest.approx(5.3)
