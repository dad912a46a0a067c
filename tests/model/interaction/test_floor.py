"""The baseline floor: tables of what is heard and what is decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.interaction.floor import (
    Decided,
    FloorSettings,
    FloorState,
    Observation,
    decide,
    is_acknowledgement,
)

VOICE = (0.9, 0.9, 0.9, 0.9)
QUIET = (0.02, 0.02, 0.02, 0.02)
SETTINGS = FloorSettings()


@dataclass
class Listener:
    """Runs the rules micro-turn by micro-turn, as the interaction model does."""

    settings: FloorSettings = SETTINGS
    state: FloorState = field(default_factory=FloorState)
    told: list[Decided] = field(default_factory=list)

    def hear(
        self,
        activity: Sequence[float],
        micro_turns: int = 1,
        *,
        speaking: bool = False,
        words: str = "",
        complete: float | None = None,
        age: int = 0,
        typed: bool = False,
    ) -> list[str]:
        decisions: list[str] = []
        for _ in range(micro_turns):
            given = Observation(activity, speaking, words.split(), complete, age, typed)
            self.told.append(decide(self.state, given, self.settings))
            self.state = self.told[-1].state
            decisions.append(self.told[-1].decision)
            age += 1
        return decisions

    @property
    def person(self) -> str:
        return self.told[-1].person

    @property
    def asked(self) -> list[int]:
        return [k for k, told in enumerate(self.told) if told.wants_end_of_turn]


def test_silence_is_listened_to() -> None:
    listener = Listener()
    assert set(listener.hear(QUIET, 50)) == {"listen"}
    assert listener.person == "silent"
    assert listener.asked == []


def test_a_click_is_no_turn() -> None:
    listener = Listener()
    listener.hear(QUIET, 3)
    listener.hear((0.02, 0.9, 0.02, 0.02))
    assert set(listener.hear(QUIET, 30)) == {"listen"}
    assert {told.person for told in listener.told} == {"silent"}


def test_a_turn_begins_within_two_micro_turns_of_voice() -> None:
    listener = Listener()
    listener.hear(VOICE, 2)
    assert listener.person == "speaking"


def test_the_model_is_asked_at_each_length_of_silence_once() -> None:
    listener = Listener()
    listener.hear(VOICE, 10)
    listener.hear(QUIET, 12)
    assert listener.asked == [11, 15, 19]
    listener.hear(VOICE, 3)
    listener.hear(QUIET, 3)
    assert listener.asked == [11, 15, 19, 26]


@pytest.mark.parametrize(
    ("complete", "silent_micro_turns"),
    [(0.99, 3), (0.6, 6), (0.2, 14), (None, 14)],
    ids=["sure", "likely", "unlikely", "no answer"],
)
def test_the_surer_the_sooner(complete: float | None, silent_micro_turns: int) -> None:
    """The model's answer is there one micro-turn after it was asked."""
    listener = Listener()
    listener.hear(VOICE, 10)
    listener.hear(QUIET, 2)
    decisions = listener.hear(QUIET, 20, complete=complete, age=1)
    assert decisions.index("take") + 3 == silent_micro_turns
    assert listener.person == "finished"
    assert listener.told[-1].probability >= 0.5


def test_a_pause_is_waited_through() -> None:
    listener = Listener()
    listener.hear(VOICE, 10)
    assert "take" not in listener.hear(QUIET, 10, complete=0.1, age=0)
    assert listener.person == "pausing"
    listener.hear(VOICE, 2)
    assert listener.person == "speaking"


def test_an_answer_about_an_earlier_pause_does_not_count() -> None:
    listener = Listener()
    listener.hear(VOICE, 10)
    listener.hear(QUIET, 2)
    listener.hear(VOICE, 5, complete=0.99, age=1)
    assert set(listener.hear(QUIET, 5, complete=0.99, age=6)) == {"listen"}


def test_a_finished_turn_is_offered_until_it_is_taken_or_lapses() -> None:
    listener = Listener()
    listener.hear(VOICE, 10)
    decisions = listener.hear(QUIET, 90)
    taken = decisions.count("take")
    assert decisions[13:63] == ["take"] * 50
    assert taken == 50 and decisions[-1] == "listen"
    assert listener.person == "silent"


def test_what_we_answer_is_not_answered_again() -> None:
    listener = Listener()
    listener.hear(VOICE, 10)
    listener.hear(QUIET, 3, complete=0.99, age=0)
    assert set(listener.hear(QUIET, 30, speaking=True, words="what time is it")) == {"hold"}
    assert set(listener.hear(QUIET, 30)) == {"listen"}


@pytest.mark.parametrize(
    ("words", "voiced_micro_turns", "yielded_after"),
    [
        ("", 12, 6),  # nobody knows yet what is said
        ("the", 12, 4),  # one word that is no acknowledgement
        ("tell me", 12, 2),
        ("stop", 12, 2),
        ("okay wait", 12, 2),
        ("mm-hm", 12, None),
        ("yeah okay", 12, None),
        ("I see", 12, None),
        ("Uh-huh. Right.", 12, None),
        ("okay okay okay", 20, 15),  # nobody acknowledges that long
        ("", 5, None),  # as short as an "okay"
    ],
)
def test_who_speaks_over_us(words: str, voiced_micro_turns: int, yielded_after: int | None) -> None:
    """The words are known from the second micro-turn of the voice on."""
    listener = Listener()
    listener.hear(QUIET, 10, speaking=True)
    decisions = listener.hear(VOICE, speaking=True)
    decisions += listener.hear(VOICE, voiced_micro_turns - 1, speaking=True, words=words)
    decisions += listener.hear(QUIET, 10, speaking=True, words=words)
    found = decisions.index("yield") + 1 if "yield" in decisions else None
    assert found == yielded_after
    assert decisions.count("yield") <= 1


def test_acknowledging_is_told() -> None:
    listener = Listener()
    listener.hear(QUIET, 5, speaking=True)
    listener.hear(VOICE, 3, speaking=True)
    assert set(listener.hear(QUIET, 3, speaking=True, words="mhm")) == {"hold"}
    assert listener.person == "acknowledging"
    assert set(listener.hear(QUIET, 40, words="mhm")) == {"listen"}


def test_an_acknowledgement_that_is_forgotten_does_not_stop_us() -> None:
    listener = Listener()
    listener.hear(QUIET, 20, speaking=True)
    listener.hear(VOICE, 3, speaking=True)
    listener.hear(VOICE, 4, speaking=True, words="okay I see")
    heard = listener.hear(QUIET, 40, speaking=True, words="okay I see")
    assert set(heard) == {"hold"}
    assert "yield" in listener.hear(VOICE, 12, speaking=True, words="okay I see wait a moment")


def test_an_interruption_after_an_acknowledgement_counts_only_its_own_words() -> None:
    listener = Listener()
    listener.hear(QUIET, 5, speaking=True)
    listener.hear(VOICE, 3, speaking=True)
    listener.hear(QUIET, 10, speaking=True, words="okay")
    decisions = listener.hear(VOICE, 10, speaking=True, words="okay")
    assert decisions.index("yield") + 1 == 6


def test_after_a_yield_the_person_is_answered_within_two_seconds() -> None:
    listener = Listener()
    listener.hear(QUIET, 5, speaking=True)
    assert "yield" in listener.hear(VOICE, 7, speaking=True)
    decisions = listener.hear(QUIET, 20)
    assert "take" in decisions
    assert listener.asked


def test_words_over_our_last_ones_are_a_turn() -> None:
    """Too short to make us yield, but a question; we end, and it is answered."""
    listener = Listener()
    listener.hear(QUIET, 5, speaking=True)
    assert "yield" not in listener.hear(VOICE, 3, speaking=True)
    listener.hear(QUIET, 2, speaking=True)
    assert "take" in listener.hear(QUIET, 20, words="why")


def test_words_over_our_last_ones_are_a_turn_also_when_they_are_known_late() -> None:
    listener = Listener()
    listener.hear(QUIET, 5, speaking=True)
    listener.hear(VOICE, 3, speaking=True)
    listener.hear(QUIET, 2, speaking=True)
    assert set(listener.hear(QUIET, 3)) == {"listen"}
    assert listener.hear(QUIET, 2, words="No.", complete=0.9)[-1] == "take"
    acknowledged = Listener()
    acknowledged.hear(VOICE, 3, speaking=True)
    acknowledged.hear(QUIET, 3)
    assert set(acknowledged.hear(QUIET, 30, words="Yeah.", complete=0.9)) == {"listen"}


def test_a_person_who_goes_on_while_we_begin_makes_us_yield() -> None:
    listener = Listener()
    listener.hear(VOICE, 10)
    listener.hear(QUIET, 3, complete=0.99, age=0)
    listener.hear(VOICE, 1)
    decisions = listener.hear(VOICE, 10, speaking=True)
    assert decisions.index("yield") <= 6


def test_typed_text_takes_the_floor_at_once() -> None:
    listener = Listener()
    assert listener.hear(QUIET, 1, typed=True) == ["take"]
    listener = Listener()
    listener.hear(QUIET, 3, speaking=True)
    assert listener.hear(QUIET, 2, speaking=True, typed=True) == ["yield", "hold"]


def test_eagerness_moves_the_waits_and_half_changes_nothing() -> None:
    assert SETTINGS.with_eagerness(0.5) == SETTINGS
    eager, calm = SETTINGS.with_eagerness(1.0), SETTINGS.with_eagerness(0.0)
    assert eager.patience_seconds < SETTINGS.patience_seconds < calm.patience_seconds
    assert eager.sure < SETTINGS.sure < calm.sure < 1.0


@pytest.mark.parametrize(
    ("words", "is_one"),
    [
        ("mm-hm", True),
        ("Mhm.", True),
        ("Yeah, yeah.", True),
        ("I see.", True),
        ("okay, got it", True),
        ("That's great.", True),
        ("of course", True),
        ("I", False),
        ("that's it", False),
        ("yeah but", False),
        ("no", False),
        ("see you", False),
        ("stop", False),
        ("", False),
        ("...", False),
    ],
)
def test_acknowledgements(words: str, is_one: bool) -> None:
    assert is_acknowledgement(words.split()) is is_one


@given(
    turns=st.lists(
        st.tuples(
            st.lists(st.floats(0.0, 1.0), max_size=4),
            st.booleans(),
            st.sampled_from(["", "okay", "okay tell me", "stop"]),
            st.none() | st.floats(0.0, 1.0),
            st.integers(0, 100),
            st.booleans(),
        ),
        max_size=60,
    )
)
def test_decisions_fit_who_is_speaking_whatever_comes(
    turns: list[tuple[list[float], bool, str, float | None, int, bool]],
) -> None:
    state = FloorState()
    for activity, speaking, words, complete, age, typed in turns:
        given = Observation(activity, speaking, words.split(), complete, age, typed)
        decided = decide(state, given, SETTINGS)
        assert decided == decide(state, given, SETTINGS)
        assert decided.decision in (("hold", "yield") if speaking else ("listen", "take"))
        assert 0.0 <= decided.probability <= 1.0
        assert 0.0 <= decided.person_probability <= 1.0
        state = decided.state
