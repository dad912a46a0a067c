"""What Core's probabilities are worth where they are acted on."""

from __future__ import annotations

import numpy as np
import pytest

from model.interaction import streams
from model.interaction.weighing import weighed

SILENT = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])


def floor(**chances: float) -> np.ndarray:
    return np.array([chances.get(name, 0.0) for name in streams.FLOORS])


def told(found: np.ndarray) -> dict[str, float]:
    return dict(zip(streams.FLOORS, map(float, found), strict=True))


def test_while_we_are_silent_there_is_nothing_to_yield() -> None:
    chances = floor(listen=0.06, take=0.14) + 0.8 * np.eye(5)[streams.FLOORS.index("yield")]
    silent = told(weighed(chances, SILENT, False))
    assert silent["yield"] == 0.0 and silent["take"] == pytest.approx(0.7)
    assert silent["listen"] == pytest.approx(0.3)
    speaking = told(weighed(chances, SILENT, True))
    assert speaking["yield"] == pytest.approx(0.8) and speaking["take"] == pytest.approx(0.14)


def test_nothing_but_a_yield_leaves_nothing_while_we_are_silent() -> None:
    sure = np.eye(5)[streams.FLOORS.index("yield")]
    assert weighed(sure, SILENT, False).tolist() == [0.0] * 5


def test_micro_turns_are_weighed_each_by_itself() -> None:
    person = np.stack([np.eye(6)[streams.PERSON_STATES.index("speaking")], SILENT])
    chances = np.stack([floor(listen=0.6, hold=0.4), floor(listen=0.6, backchannel=0.4)])
    found = weighed(chances, person, np.array([True, False]))
    assert told(found[0])["yield"] == pytest.approx(0.6), "our next phrase is late"
    assert told(found[1])["backchannel"] == pytest.approx(0.4)
    assert chances[0].tolist() == floor(listen=0.6, hold=0.4).tolist(), "what is given stays"
