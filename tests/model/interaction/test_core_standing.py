"""What Core decided and cannot be done yet: until when it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from model.interaction import streams
from model.interaction.core import OperatingPoint
from model.interaction.core_floor import CoreFloor
from model.interaction.floor_port import Sensed, Verdict
from model.interaction.mind import Mind
from model.messages import MicroTurnInput
from tests.model.interaction.core_live import Decided, Listening, Live, untrained
from tests.model.interaction.test_core_floor import ROWS, blocks, model_with

NOTHING = cast(Any, None)


class Remembering(CoreFloor):
    """Keeps what it decided."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.decisions: list[str] = []

    def decide(self, mind: Mind, turn: MicroTurnInput, sensed: Sensed) -> Verdict:
        verdict = super().decide(mind, turn, sensed)
        self.decisions.append("insists" if verdict.insists else verdict.decision)
        return verdict


class Waiting(Remembering):
    """Has nothing to say yet, whatever it decides."""

    def decide(self, mind: Mind, turn: MicroTurnInput, sensed: Sensed) -> Verdict:
        verdict = super().decide(mind, turn, sensed)
        taken = verdict.decision == "take"
        return replace(verdict, state=self.waits(verdict.state) if taken else verdict.state)


def begun(point: OperatingPoint | None = None) -> tuple[Decided, Callable[[int], int], Listening]:
    """Who makes Core say things, how often the floor is taken in so many micro-turns, and Core."""
    used = untrained(ROWS)
    decided, floor = Decided(used), Remembering(used, NOTHING)
    used.point = point or used.point
    live = Live.begin(model_with(used, floor))

    def taken(micro_turns: int) -> int:
        floor.decisions.clear()
        for _ in range(micro_turns):
            live.step({0: live.given(0, blocks(1, 1)[0])})
        return floor.decisions.count("take")

    return decided, taken, used


@pytest.mark.parametrize(("silence", "speaks_again", "stands"), [(17, 0, 1), (5, 0, 0), (17, 2, 0)])
def test_an_overdue_answer_is_owed_until_it_is_there_or_the_person_goes_on(
    silence: int, speaks_again: int, stands: int
) -> None:
    decided, taken, _ = begun()
    decided("listen", "speaking", ahead=12)
    taken(3)
    decided("listen", "finished")
    assert not taken(silence)
    decided("take", "finished")
    assert taken(1)
    decided("listen", "speaking", ahead=12)
    assert not taken(speaks_again)
    decided("listen", "silent")
    assert taken(20) == 20 * stands, "no draft is ever there in this test"


@pytest.mark.parametrize(
    ("chance", "speaks_again", "stands"), [(0.6, 0, 8), (0.4, 0, 0), (0.6, 2, 0)]
)
def test_an_answer_that_was_taken_and_is_not_there_yet_stands_while_an_end_is_likely(
    chance: float, speaks_again: int, stands: int
) -> None:
    decided, taken, used = begun(OperatingPoint(take=0.9, draft=0.4))
    decided("listen", "speaking", ahead=12)
    taken(3)
    decided("listen", "finished")
    taken(3)
    decided("take", "finished")
    assert taken(1)
    if speaks_again:
        decided("listen", "speaking", ahead=12)
        taken(speaks_again)
    decided("take", "finished")
    biases = used.network.heads.bias
    listen, take = (streams.FLOORS.index(name) for name in ("listen", "take"))
    biases[listen] = biases[take] - np.log(chance / (1.0 - chance))
    assert taken(8) == stands


@pytest.mark.parametrize(("doing", "ahead", "insists"), [
    ("finished", 12, True),  # A television speaks on.
    ("finished", -12, False),  # In silence the last words are waited for.
    ("elsewhere", 12, False),
])  # fmt: skip
def test_an_answer_waits_for_what_sounds_on_but_not_for_ever(
    doing: str, ahead: int, insists: bool
) -> None:
    used = untrained(ROWS)
    decided, floor = Decided(used), Waiting(used, NOTHING)
    live = Live.begin(model_with(used, floor))

    def decisions(micro_turns: int) -> list[str]:
        floor.decisions.clear()
        for _ in range(micro_turns):
            live.step({0: live.given(0, blocks(1, 1)[0])})
        return floor.decisions

    decided("listen", "speaking", ahead=12)
    decisions(3)
    decided("take", doing, ahead=ahead)
    assert "insists" not in decisions(8)
    assert ("insists" in decisions(6)) is insists
    decided("listen", "speaking", ahead=12)
    decisions(1)
    decided("take", doing, ahead=ahead)
    assert "insists" not in decisions(8), "it is another taking"
