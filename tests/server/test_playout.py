"""Playout: what is handed over, what counts as heard, what a flush leaves. Frames are the clock."""

from __future__ import annotations

import numpy as np
import pytest

from model.messages import Audio, Heard, Speech, UtteranceDone
from model.timebase import SPEAKING_FRAME_SAMPLES as FRAME
from server.playout import QUEUE_SECONDS, Notice, Playout

LAG = 3  # frames that are under way when a sample is handed over


def speech(utterance: int, start: int, frames: float) -> Speech:
    return Speech(utterance, start, np.full(int(frames * FRAME), 0.5, np.float32))


def play(playout: Playout, frames: int) -> list[Audio | None]:
    return [playout.next_frame() for _ in range(frames)]


def kinds(playout: Playout) -> list[tuple[str, int, int]]:
    return [(one.kind, one.utterance, one.samples) for one in playout.notices()]


def test_silence_is_none() -> None:
    assert play(Playout(), 3) == [None] * 3


def test_samples_come_out_in_order_and_the_last_frame_is_padded() -> None:
    playout = Playout()
    ramp = np.arange(1000, dtype=np.float32)
    playout.push(Speech(0, 0, ramp[:700]))
    playout.push(Speech(0, 700, ramp[700:]))
    playout.finish(UtteranceDone(0, 1000))
    frames = [frame for frame in play(playout, 5) if frame is not None]
    assert np.array_equal(np.concatenate(frames)[:1000], ramp)
    assert len(frames) == 3
    assert not frames[-1][40:].any()


def test_what_was_handed_over_counts_as_heard_three_frames_later() -> None:
    playout = Playout()
    playout.push(speech(0, 0, 5))
    play(playout, LAG)
    assert playout.heard() == ()
    play(playout, 1)
    assert playout.heard() == (Heard(0, FRAME),)
    assert playout.heard() == ()  # only when it moved
    play(playout, 2)
    assert playout.heard() == (Heard(0, 3 * FRAME),)


def test_done_when_the_last_sample_was_heard_and_not_before() -> None:
    playout = Playout()
    playout.push(speech(4, 0, 2))
    playout.finish(UtteranceDone(4, 2 * FRAME))
    play(playout, 2 + LAG - 1)
    assert kinds(playout) == [("started", 4, 0)]
    play(playout, 1)
    assert kinds(playout) == [("done", 4, 2 * FRAME)]
    assert playout.heard() == (Heard(4, 2 * FRAME),)
    assert not playout.speaking


def test_starvation_inside_an_utterance_is_silence_that_counts_for_nothing() -> None:
    playout = Playout()
    playout.push(speech(0, 0, 2))
    play(playout, 20)
    assert playout.heard() == (Heard(0, 2 * FRAME),)
    playout.push(speech(0, 2 * FRAME, 1))
    play(playout, 1 + LAG)
    assert playout.heard() == (Heard(0, 3 * FRAME),)


def test_a_part_of_a_frame_waits_for_the_rest_so_that_no_word_is_torn() -> None:
    playout = Playout()
    playout.push(speech(0, 0, 0.5))
    assert playout.next_frame() is None
    playout.push(speech(0, FRAME // 2, 0.5))
    frame = playout.next_frame()
    assert frame is not None and frame.all()


def test_utterances_are_played_one_after_the_other() -> None:
    playout = Playout()
    playout.push(speech(0, 0, 1))
    playout.push(speech(1, 0, 1))
    assert playout.next_frame() is not None
    assert playout.next_frame() is None  # utterance 0 is not done
    playout.finish(UtteranceDone(0, FRAME))
    assert playout.next_frame() is not None
    assert [one[:2] for one in kinds(playout)] == [("started", 0), ("started", 1)]


def test_a_forgotten_end_holds_the_next_utterance_up_for_half_a_second_only() -> None:
    playout = Playout()
    playout.push(speech(0, 0, 1))
    playout.push(speech(1, 0, 1))
    frames = play(playout, 1 + 25 + 1)
    assert sum(frame is not None for frame in frames) == 2


def test_flush_says_what_was_heard_of_each_and_fades_out() -> None:
    playout = Playout()
    playout.push(speech(0, 0, 10))
    playout.push(speech(1, 0, 10))
    play(playout, 5)
    playout.notices()
    assert playout.flush() == (Heard(0, 2 * FRAME, cut=True), Heard(1, 0, cut=True))
    assert kinds(playout) == [("cut", 0, 2 * FRAME), ("cut", 1, 0)]
    fade = play(playout, 2)
    whole = np.concatenate([frame for frame in fade if frame is not None])
    assert len(whole) == 2 * FRAME
    assert (np.diff(whole) <= 0).all() and whole[0] <= 0.5 and whole[-1] == 0
    assert play(playout, 3) == [None] * 3


@pytest.mark.parametrize("fade_seconds", [0.0, 0.01, 0.04, 5.0])
def test_the_fade_is_never_longer_than_forty_milliseconds(fade_seconds: float) -> None:
    playout = Playout()
    playout.push(speech(0, 0, 10))
    play(playout, 1)
    playout.flush(fade_seconds)
    loud = [frame for frame in play(playout, 10) if frame is not None and frame.any()]
    assert len(loud) <= 2
    assert bool(loud) == (fade_seconds > 0)


def test_speech_of_a_flushed_utterance_is_dropped_until_a_new_one() -> None:
    playout = Playout()
    playout.push(speech(3, 0, 4))
    play(playout, 1)
    playout.flush(0)
    playout.push(speech(3, 4 * FRAME, 4))
    playout.finish(UtteranceDone(3, 8 * FRAME))
    assert playout.next_frame() is None
    playout.push(speech(4, 0, 1))
    assert playout.next_frame() is not None


def test_flush_calls_nothing_back_that_is_already_on_its_way() -> None:
    playout = Playout()
    playout.push(speech(0, 0, 2))
    playout.finish(UtteranceDone(0, 2 * FRAME))
    play(playout, 2)
    assert playout.flush() == (Heard(0, 2 * FRAME, cut=False),)


def test_flush_of_nothing_is_nothing() -> None:
    playout = Playout()
    assert playout.flush() == ()
    assert play(playout, 3) == [None] * 3


def test_an_utterance_that_is_only_expected_is_cut_with_nothing_heard() -> None:
    playout = Playout()
    assert playout.expect(2)
    assert playout.flush() == (Heard(2, 0, cut=True),)
    assert not playout.expect(2)


def test_an_utterance_without_samples_is_done_at_once() -> None:
    playout = Playout()
    playout.finish(UtteranceDone(0, 0))
    play(playout, 1)
    assert kinds(playout) == [("done", 0, 0)]


def test_overflow_refuses_the_new_and_cuts_where_the_queue_ends() -> None:
    playout = Playout()
    whole = int(QUEUE_SECONDS * 50)
    playout.push(speech(0, 0, whole))
    playout.push(speech(0, whole * FRAME, 1))
    assert playout.queued_samples == whole * FRAME
    assert playout.notices() == (Notice("overflow", 0, 0),)
    played = play(playout, whole + LAG)
    assert sum(frame is not None for frame in played) == whole
    assert playout.notices()[-1] == Notice("cut", 0, whole * FRAME)
    assert playout.heard() == (Heard(0, whole * FRAME, cut=True),)


@pytest.mark.parametrize("start", [0, FRAME - 1, FRAME + 1, 2**40])
def test_speech_with_a_hole_or_an_overlap_is_refused(start: int) -> None:
    playout = Playout()
    playout.push(speech(0, 0, 1))
    playout.push(speech(0, start, 1))
    assert playout.queued_samples == FRAME
    assert playout.notices()[0].kind == "overflow"


def test_end_here_cuts_after_what_is_queued() -> None:
    playout = Playout()
    playout.push(speech(0, 0, 1))
    playout.end_here(0)
    playout.push(speech(0, FRAME, 1))
    play(playout, 1 + LAG)
    assert playout.heard() == (Heard(0, FRAME, cut=True),)
    assert [one[0] for one in kinds(playout)] == ["started", "cut"]


def test_heard_never_goes_back_and_never_passes_what_was_handed_over() -> None:
    rng = np.random.default_rng(1)
    playout = Playout()
    pushed = handed = heard = 0
    for _ in range(500):
        if rng.random() < 0.4:
            playout.push(speech(0, pushed, 1))
            pushed += FRAME
        handed += FRAME if playout.next_frame() is not None else 0
        for news in playout.heard():
            assert heard < news.samples <= handed
            heard = news.samples
    assert heard > 0


def test_who_hesitates_stands_still_and_goes_on_at_the_same_sample() -> None:
    playout = Playout()
    ramp = np.linspace(0.1, 0.9, 10 * FRAME, dtype=np.float32)
    playout.push(Speech(0, 0, ramp))
    play(playout, 4)
    playout.hesitate(True)
    fade = [frame for frame in play(playout, 2) if frame is not None]
    assert np.abs(np.concatenate(fade)[-1]) < 0.01 < fade[0][0]
    assert play(playout, 8) == [None] * 8
    assert playout.heard() == (Heard(0, 4 * FRAME),), "what stood still was not heard"
    playout.hesitate(False)
    (on,) = play(playout, 1)
    assert on is not None
    assert on[0] == 0.0
    np.testing.assert_array_equal(on[FRAME // 2 :], ramp[4 * FRAME + FRAME // 2 : 5 * FRAME])
    assert kinds(playout) == [("started", 0, 0)]


def test_a_hesitation_of_which_no_end_is_told_ends_after_half_a_second() -> None:
    playout = Playout()
    playout.push(speech(0, 0, 100))
    play(playout, 4)
    playout.hesitate(True)
    played = play(playout, 60)
    silent = [number for number, frame in enumerate(played) if frame is None]
    assert (min(silent), max(silent)) == (2, 26)


def test_who_is_cut_while_hesitating_does_not_sound_again() -> None:
    playout = Playout()
    playout.push(speech(0, 0, 50))
    play(playout, 10)
    playout.hesitate(True)
    play(playout, 8)
    assert playout.flush() == (Heard(0, 10 * FRAME, cut=True),)
    assert play(playout, 5) == [None] * 5
    playout.push(speech(1, 0, 5))
    assert playout.next_frame() is not None, "the next utterance does not stand still"


@pytest.mark.parametrize("after", [0, 1, 2])
def test_who_is_cut_while_fading_into_a_hesitation_fades_once(after: int) -> None:
    playout = Playout()
    playout.push(speech(0, 0, 50))
    play(playout, 10)
    playout.hesitate(True)
    sound = [frame for frame in play(playout, after) if frame is not None]
    playout.flush()
    sound += [frame for frame in play(playout, 6) if frame is not None]
    assert len(sound) == 2
    assert (np.diff(np.concatenate(sound)) <= 0).all()


def test_a_hesitation_that_is_over_at_once_comes_back_without_a_click() -> None:
    playout = Playout()
    playout.push(speech(0, 0, 50))
    play(playout, 10)
    playout.hesitate(True)
    playout.hesitate(False)
    *_, on = play(playout, 3)
    assert on is not None
    assert on[0] == 0.0
