"""Micro-turns: consecutive, two in flight, newest audio wins, nothing else is lost."""

from __future__ import annotations

import numpy as np
import pytest

from model.messages import Heard, MicroTurnInput, Picture
from model.orders import Cancel
from server.intake import WAITING_BLOCKS, Intake


def block(k: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.full(1600, k, np.float32)


def add(intake: Intake, *numbers: int) -> list[MicroTurnInput]:
    sent = []
    for k in numbers:
        intake.add(k, block(k))
        while (turn := intake.take()) is not None:
            sent.append(turn)
    return sent


def test_an_engine_that_keeps_up_gets_every_block_with_its_number() -> None:
    intake = Intake(7)
    for k in range(5):
        (turn,) = add(intake, k)
        assert (turn.stream, turn.k, turn.audio[0]) == (7, k, k)
        intake.answered(k)
    assert intake.dropped_blocks == 0
    assert intake.session_seconds(0.35) == pytest.approx(0.35)


def test_two_in_flight_then_blocks_wait_then_only_the_newest_is_kept() -> None:
    intake = Intake(0)
    assert [turn.k for turn in add(intake, *range(2 + WAITING_BLOCKS))] == [0, 1]
    assert intake.dropped_blocks == 0
    assert intake.behind_seconds == pytest.approx(0.6)
    newest = 2 + WAITING_BLOCKS
    assert intake.add(newest, block(newest)) == WAITING_BLOCKS
    intake.answered(1)
    turn = intake.take()
    assert turn is not None
    assert (turn.k, turn.audio[0]) == (2, newest)
    assert intake.behind_seconds == pytest.approx(0.1)


def test_the_stream_loses_time_that_the_session_does_not() -> None:
    intake = Intake(0)
    add(intake, *range(7))  # 2 to 5 are lost
    intake.answered(1)
    add(intake, 7)
    assert intake.session_seconds(0.15) == pytest.approx(0.15)
    assert intake.session_seconds(0.25) == pytest.approx(0.65)
    assert intake.session_seconds(0.35) == pytest.approx(0.75)


def test_a_gap_in_the_microphones_numbers_is_lost_time_too() -> None:
    intake = Intake(0)
    (first, second) = add(intake, 0, 5)
    assert (first.k, second.k) == (0, 1)
    assert intake.session_seconds(0.1) == pytest.approx(0.5)


def test_all_but_audio_travels_with_the_next_micro_turn() -> None:
    intake = Intake(0)
    add(intake, 0, 1)
    intake.type("hello")
    assert intake.command("stop") == 2
    intake.command("stop")
    intake.heard(Heard(0, 10))
    intake.heard(Heard(0, 20, cut=True))
    intake.heard(Heard(0, 30))
    add(intake, *range(2, 9))
    intake.answered(1)
    turn = intake.take()
    assert turn is not None
    assert (turn.texts, turn.commands) == (("hello",), ("stop",))
    assert turn.heard == (Heard(0, 20, cut=True),)
    intake.answered(2)
    after, _ = add(intake, 9)
    assert (after.texts, after.commands, after.heard) == ((), (), ())


def test_typed_text_and_goodbye_survive_the_engine_and_nothing_else_does() -> None:
    intake = Intake(0)
    intake.type("sent, not answered")
    intake.command("goodbye")
    intake.command("stop")
    intake.heard(Heard(0, 10))
    add(intake, 0)
    intake.type("not sent")
    intake.lost()
    (turn,) = add(intake, 1)
    assert turn.k == 1
    assert turn.texts == ("sent, not answered", "not sent")
    assert (turn.commands, turn.heard) == (("goodbye",), ())


def test_text_that_was_with_two_engines_when_they_died_is_not_given_to_a_third() -> None:
    intake = Intake(0)
    intake.type("poison")
    for k in range(2):
        (turn,) = add(intake, k)
        assert turn.texts == ("poison",)
        intake.lost()  # when the engine goes,
        intake.lost()  # and again when the next one is there
    (turn,) = add(intake, 2)
    assert turn.texts == ()


def test_typed_text_is_bounded() -> None:
    intake = Intake(0)
    assert all(intake.type("x") for _ in range(32))
    assert not intake.type("x")


def test_cancellations_take_a_micro_turn_each_and_are_bounded() -> None:
    intake = Intake(0)
    assert [intake.order(Cancel()) for _ in range(33)] == [True] * 32 + [False]
    assert intake.carrying_k == 31
    (turn,) = add(intake, 0)
    assert turn.orders == (Cancel(),) and intake.order(Cancel())


def test_what_is_shown_no_longer_is_told_once() -> None:
    intake = Intake(0)
    intake.show(Picture("camera", 0, np.zeros((2, 2, 3), np.uint8)))
    intake.unseen("camera")
    (turn,) = add(intake, 0)
    assert (turn.pictures, turn.unseen) == ((), ("camera",))
    intake.answered(0)
    (turn,) = add(intake, 1)
    assert turn.unseen == ()
