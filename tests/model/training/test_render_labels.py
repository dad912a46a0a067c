"""Labels of conversations made by hand, where everybody can see what is right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from model.interaction import streams
from model.messages import Audio
from model.training.render.cast import VOICES
from model.training.render.labels import labels
from model.training.render.parts import Conversation, OwnPart, Pause, PersonKind, PersonPart
from model.training.render.speech import Persona

FLOOR = {name: number for number, name in enumerate(streams.FLOORS)}
STATE = {name: number for number, name in enumerate(streams.PERSON_STATES)}


def sound(seconds: float, rate: int) -> Audio:
    noise = np.random.default_rng(1).normal(0.0, 0.1, round(seconds * rate))
    return noise.astype(np.float32)


def person(
    kind: PersonKind, start: float, seconds: float, wanted: bool | None = True
) -> PersonPart:
    return PersonPart(kind, round(start * 16_000), sound(seconds, 16_000), wanted=wanted)


def ours(k: int, seconds: float, sent: float | None = None) -> OwnPart:
    audio = sound(seconds, 24_000)
    return OwnPart("answer", k, audio, (), round((sent or seconds) * 24_000), sent is not None)


def conversation(parts: tuple[PersonPart, ...], own: tuple[OwnPart, ...]) -> Conversation:
    return Conversation(Persona(VOICES["train"][0], 1.0, 1.0, 1.0), 100, 0.1, parts, own)


def test_a_short_interruption_is_to_be_obeyed_after_it_is_over() -> None:
    """ "Stop", said from 2.0 to 2.4 s; we go on until 2.85 s and answer at 3.5 s."""
    made = labels(conversation((person("interruption", 2.0, 0.4),),
                               (ours(5, 5.0, sent=2.35), ours(35, 1.0))))  # fmt: skip
    assert (made["floor"][20:28] == FLOOR["yield"]).all()
    assert (made["event"][20:28] == streams.INTERRUPTION).all()
    assert made["event_age"][20:28].tolist() == list(range(8))
    assert (made["floor_weight"][22:28] == 1.0).all()
    # In micro-turn 28 we still sound; from then on it is for us to answer.
    assert (made["floor"][29:35] == FLOOR["take"]).all()
    assert (made["event"][29:35] == streams.TURN_END).all() and made["event_age"][29] == 0
    assert (made["person"][25:35] == STATE["finished"]).all()
    assert (made["floor"][35:45] == FLOOR["hold"]).all()


def test_who_was_told_to_be_silent_owes_nothing_after_it() -> None:
    made = labels(conversation((person("interruption", 2.0, 0.4, wanted=None),),
                               (ours(5, 5.0, sent=2.35),)))  # fmt: skip
    assert (made["floor"][20:28] == FLOOR["yield"]).all()
    assert (made["floor_weight"][29:] == 0.0).all()
    assert not (made["floor"] == FLOOR["take"]).any()
    assert (made["person"][25:] == STATE["silent"]).all()
    assert STATE["finished"] not in made["person"]


def test_stopping_late_matters_less_the_later_it_is() -> None:
    made = labels(conversation((person("interruption", 2.0, 0.5),), (ours(5, 6.0),)))
    assert (made["floor"][20:65] == FLOOR["yield"]).all()
    assert (made["floor_weight"][22:34] == 1.0).all() and (made["floor_weight"][36:65] < 0.5).all()
    assert (made["floor"][65:] == FLOOR["take"]).all()


def test_a_word_in_passing_is_no_interruption() -> None:
    made = labels(conversation((person("backchannel", 2.0, 0.4, wanted=False),), (ours(5, 5.0),)))
    assert (made["floor"][5:55] == FLOOR["hold"]).all()
    assert (made["event"][20:34] == streams.OVERLAP).all()
    assert STATE["acknowledging"] in made["person"][20:25]


def test_what_we_stopped_for_in_error_is_followed_by_the_rest() -> None:
    """We stop at 2.3 s for an "okay" of 2.0 to 2.4 s, and say the rest at 4 s."""
    rest = replace(ours(40, 1.0), kind="resumed")
    made = labels(conversation((person("backchannel", 2.0, 0.4, wanted=False),),
                               (ours(5, 5.0, sent=1.8), rest)))  # fmt: skip
    assert (made["floor"][5:23] == FLOOR["hold"]).all()
    assert (made["floor"][23:25] == FLOOR["listen"]).all()
    assert (made["floor"][25:40] == FLOOR["take"]).all()
    assert (made["floor"][40:50] == FLOOR["hold"]).all()
    assert not (made["event"] == streams.TURN_END).any()


def test_coughs_and_side_talk_over_our_voice_are_overlaps() -> None:
    kinds: tuple[PersonKind, ...] = ("tic", "aside")
    for kind in kinds:
        made = labels(conversation((person(kind, 2.0, 0.6, wanted=False),), (ours(5, 5.0),)))
        assert (made["event"][20:36] == streams.OVERLAP).all(), kind
        assert (made["floor"][20:36] == FLOOR["hold"]).all(), kind


def test_a_turn_within_our_last_words_is_answered_when_we_are_silent() -> None:
    made = labels(conversation((person("turn", 2.0, 0.5),), (ours(5, 2.2), ours(40, 1.0))))
    assert (made["floor"][20:27] == FLOOR["hold"]).all()
    assert (made["floor"][27:40] == FLOOR["take"]).all()


def test_a_gap_within_an_interruption_does_not_end_it() -> None:
    """ "Yes, … and what about that", from 2.0 s, silent from 2.3 to 2.7; we stop at 3.1 s."""
    said = person("interruption", 2.0, 1.2)
    said.audio[round(0.3 * 16_000) : round(0.7 * 16_000)] *= 0.001
    made = labels(conversation((said,), (ours(5, 5.0, sent=2.6),)))
    assert (made["event"][20:31] == streams.INTERRUPTION).all()
    assert made["event_age"][20:31].tolist() == list(range(11))
    assert (made["floor"][20:31] == FLOOR["yield"]).all()


def test_a_sign_of_listening_is_held_while_it_sounds() -> None:
    """A sentence to 2.0 s, a gap to 2.8 s, another to 3.8 s; "mhm" from 2.2 to 2.6 s, or none."""
    audio = sound(2.8, 16_000)
    audio[16_000:28_800] = 0.0
    gap = Pause(32_000, 44_800, True, True)
    story = PersonPart("turn", 16_000, audio, (), (gap,))
    mhm = replace(ours(22, 0.4), kind="backchannel")
    silent, given = (labels(conversation((story,), own)) for own in ((), (mhm,)))
    assert FLOOR["backchannel"] in silent["floor"][20:28]
    assert (given["floor"][22:26] == FLOOR["hold"]).all()
    assert FLOOR["backchannel"] not in given["floor"][22:28]
    assert (given["floor"][28:38] == FLOOR["listen"]).all()


def test_a_silence_too_short_to_be_taken_for_an_end_is_no_event() -> None:
    """Of .2 s and .4 s, both inside the person's turn: only the longer is a pause."""
    audio = sound(3.0, 16_000)
    for start, end in ((0.5, 0.7), (1.5, 1.9)):
        audio[round(start * 16_000) : round(end * 16_000)] = 0.0
    made = labels(conversation((PersonPart("turn", 16_000, audio),), ()))
    pauses = np.flatnonzero(made["event"] == streams.PAUSE)
    assert pauses.min() >= 24 and 3 <= len(pauses) <= 5
    assert (made["person"][16] == STATE["pausing"]) and (
        made["floor"][15:18] == FLOOR["listen"]
    ).all()


def test_a_breath_behind_a_turn_or_in_a_pause_changes_nothing() -> None:
    audio = sound(2.0, 16_000)
    audio[16_000 : round(1.6 * 16_000)] = 0.0
    turn = PersonPart("turn", 16_000, audio)
    breaths = (person("tic", 2.1, 0.2, wanted=False), person("tic", 3.2, 0.3, wanted=False))
    plain, breathing = (
        labels(conversation((turn, *more), (ours(50, 1.0),))) for more in ((), breaths)
    )
    for name in ("floor", "floor_weight", "person", "event", "event_age", "projection"):
        assert np.array_equal(plain[name], breathing[name]), name
