"""Who listens in hears what is heard, and disturbs nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from model.messages import Audio
from server.audience import Audience, Listener, can_hear_person
from server.session_events import Listeners


def frame(value: float) -> Audio:
    return np.full(480, value, np.float32)


class Voice:
    """Says a rising number of frames."""

    def __init__(self) -> None:
        self.said = 0

    def next_frame(self) -> Audio | None:
        self.said += 1
        return frame(self.said / 1000)


class Microphone:
    on_sound: Any = None


class Mouth:
    source: Any = None


class Client:
    def __init__(self, microphone: Any) -> None:
        self.speaker = Mouth()
        self.microphone = microphone


class Session:
    """As much of one as can be listened to."""

    def __init__(self, microphone: Any = None) -> None:
        self.speaking = Voice()
        self.port: Any = Client(microphone or Microphone())
        self.port.speaker.source = self.speaking
        self.told: list[Listeners] = []

    def tell(self, event: Listeners) -> None:
        self.told.append(event)

    def plays(self, frames: int) -> list[float]:
        return [float(self.port.speaker.source.next_frame()[0]) for _ in range(frames)]


def heard_by(session: Session) -> object:
    """Who is given the person's sound."""
    return session.port.microphone.on_sound


def hears(listener: Listener, frames: int) -> list[float]:
    taken = (listener.next_frame() for _ in range(frames))
    return [round(float(one[0]), 6) for one in taken if one is not None]


def test_what_is_heard_is_the_same_with_listeners_and_without() -> None:
    session, emptied = Session(), []
    audience = Audience(session, lambda: emptied.append(True))
    assert session.plays(2) == pytest.approx([0.001, 0.002])
    first, second = Listener(), Listener()
    audience.join(first)
    audience.join(second)
    assert session.plays(3) == pytest.approx([0.003, 0.004, 0.005])
    assert hears(first, 3) == hears(second, 3) == [0.003, 0.004, 0.005]
    audience.leave(first)
    audience.leave(first)
    assert session.plays(1) == pytest.approx([0.006]) and not emptied
    audience.leave(second)
    assert session.port.speaker.source is session.speaking and emptied == [True]
    assert session.plays(1) == pytest.approx([0.007])
    assert [one.count for one in session.told] == [1, 2, 1, 0]
    assert not any(one.hear_person for one in session.told)


def test_a_session_that_ended_meanwhile_stays_silent() -> None:
    session = Session()
    audience, listener = Audience(session), Listener()
    audience.join(listener)
    session.port.speaker.source = None
    audience.leave(listener)
    assert session.port.speaker.source is None


def test_one_that_does_not_take_its_frames_loses_the_oldest() -> None:
    session = Session()
    audience, listener = Audience(session), Listener()
    audience.join(listener)
    session.plays(100)
    heard = hears(listener, 50)
    assert len(heard) == 10 and heard[-1] == 0.1


def test_it_is_silent_until_two_frames_are_there_and_again_when_none_is() -> None:
    session = Session()
    audience, listener = Audience(session), Listener()
    audience.join(listener)
    session.plays(1)
    assert listener.next_frame() is None
    session.plays(1)
    assert hears(listener, 3) == [0.001, 0.002]
    session.plays(1)
    assert listener.next_frame() is None


def test_the_persons_voice_is_mixed_in_for_who_asked_for_it() -> None:
    session = Session()
    audience, both, ours = Audience(session), Listener(hears_person=True), Listener()
    audience.join(ours)
    assert heard_by(session) is None
    audience.join(both)
    assert heard_by(session) == audience.hear
    audience.hear(np.full(1_600, 0.5, np.float32))
    assert session.plays(4) == pytest.approx([0.001, 0.002, 0.003, 0.004])
    assert hears(ours, 4) == [0.001, 0.002, 0.003, 0.004]
    mixed = hears(both, 4)
    assert mixed[1:] == pytest.approx([0.502, 0.503, 0.504], abs=0.01)
    assert session.told[-1] == Listeners(2, True)
    audience.leave(both)
    assert heard_by(session) is None and session.told[-1] == Listeners(1, False)


def test_not_every_person_can_be_heard() -> None:
    assert can_hear_person(Session())
    assert not can_hear_person(Session(object()))
