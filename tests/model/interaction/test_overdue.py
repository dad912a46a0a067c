"""What dev judges a take by is what live decides by, at every threshold and after every silence."""

from __future__ import annotations

import numpy as np
import pytest

from model.interaction import streams
from model.interaction.overdue import as_at_once, needed, silence_seconds, voiced


def test_a_take_that_is_worth_the_threshold_is_one_that_reaches_what_is_needed() -> None:
    generator = np.random.default_rng(1)
    takes = 0
    for _ in range(4000):
        take, overdue, chance = generator.uniform(0.02, 0.98, 3)
        silence = float(generator.uniform(0.0, 3.0))
        wanted = needed(take, overdue, silence)
        if abs(chance - wanted) < 1e-6:
            continue
        worth = as_at_once(np.array([chance]), overdue, np.array([silence]))[0]
        assert (worth >= take) == (chance >= wanted), (take, overdue, chance, silence)
        assert chance <= worth <= 1.0
        takes += chance >= wanted
    assert 1000 < takes < 3000


@pytest.mark.parametrize("silence", [2.5, 60.0])
def test_whoever_is_silent_long_enough_is_answered_from_overdue_on(silence: float) -> None:
    worth = as_at_once(np.array([0.29, 0.3, 0.31]), 0.3, np.full(3, silence))
    assert worth.tolist() == [0.29, 1.0, 1.0]


def test_silence_counts_from_the_last_voice_of_anybody() -> None:
    person = np.zeros((7, 6))
    person[:, streams.PERSON_STATES.index("silent")] = 1.0
    person[1] = 0.0
    person[1, streams.PERSON_STATES.index("speaking")] = 0.3
    person[1, streams.PERSON_STATES.index("elsewhere")] = 0.3
    ahead = np.array([0.0, 0.0, 0.6, 0.0, 0.0, 0.0, 0.4])
    assert voiced(person, ahead).tolist() == [False, True, True, False, False, False, False]
    seconds = silence_seconds(voiced(person, ahead))
    assert seconds == pytest.approx([0.1, 0.0, 0.0, 0.1, 0.2, 0.3, 0.4])
