"""Holding one's breath when somebody begins over us: when, for how long, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from model.interaction.breath import APART_MICRO_TURNS, LONGEST_MICRO_TURNS, Breath

WANTED = 0.2


def held(chances: Sequence[float], *, speaking: bool = True) -> list[bool]:
    """Whether it is held behind each micro-turn."""
    breath, found = Breath(), []
    for k, chance in enumerate(chances):
        breath = breath.next(k, chance, WANTED, speaking)
        found.append(breath.held)
    return found


def test_it_is_held_from_the_first_doubt_on_and_let_go_when_that_is_settled() -> None:
    assert held([0.1, 0.2, 0.15, 0.09, 0.05]) == [False, True, True, False, False]


def test_it_is_never_held_for_as_long_as_a_stop_lasts() -> None:
    found = held([0.0, *[0.3] * 40])
    assert found == [False, *[True] * LONGEST_MICRO_TURNS, *[False] * (40 - LONGEST_MICRO_TURNS)]
    assert LONGEST_MICRO_TURNS * 0.1 < 0.5


@pytest.mark.parametrize("calm", [1, APART_MICRO_TURNS])
def test_the_next_time_is_a_while_later_and_behind_a_calm(calm: int) -> None:
    found = held([0.3, *[0.0] * calm, *[0.3] * 20])
    again = found.index(True, 1)
    assert again == max(APART_MICRO_TURNS, calm) + 1
    assert sum(found) == 1 + LONGEST_MICRO_TURNS


def test_who_does_not_speak_holds_nothing() -> None:
    assert not any(held([0.9] * 5, speaking=False))
    breath = Breath().next(0, 0.5, WANTED, True)
    assert breath.held
    assert not breath.next(1, 0.5, WANTED, False).held
