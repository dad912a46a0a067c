"""The checkpoint that ships, whole and as it is, hears a question."""

from __future__ import annotations

import numpy as np
import pytest

from model.interaction import streams
from model.interaction.core import Core, known_nothing
from model.interaction.load import SHIPPED_CORE
from model.timebase import HEARING_BLOCK_SAMPLES, HEARING_RATE, SPEAKING_BLOCK_SAMPLES
from tests.end_to_end.spoken import spoken

pytestmark = pytest.mark.weights

TAKE = streams.FLOORS.index("take")
SPEAKING, FINISHED = (streams.PERSON_STATES.index(name) for name in ("speaking", "finished"))
BEFORE_SECONDS, BEHIND_SECONDS = 1.0, 2.5


def test_it_tells_who_speaks_and_takes_the_floor_behind_a_question() -> None:
    """By sound alone, without words, encoder or belief: so it is later than with them."""
    question = spoken("Where does the river begin?")
    padding = [round(seconds * HEARING_RATE) for seconds in (BEFORE_SECONDS, BEHIND_SECONDS)]
    heard = np.pad(question, padding) + np.random.default_rng(1).normal(
        0.0, 3e-4, len(question) + sum(padding)
    )
    blocks = (
        heard[: len(heard) // HEARING_BLOCK_SAMPLES * HEARING_BLOCK_SAMPLES]
        .astype(np.float32)
        .reshape(-1, 1, HEARING_BLOCK_SAMPLES)
    )
    core = Core.load(SHIPPED_CORE, 1)
    memory, own = core.new_memory(), np.zeros((1, SPEAKING_BLOCK_SAMPLES), np.float32)
    take, person = [], []
    for k, block in enumerate(blocks):
        known = known_nothing(1)
        known["k"][0] = k
        judged, memory = core.step(block, own, known, memory, np.array([True]))
        take.append(float(judged.floor[0, TAKE]))
        person.append(judged.person[0])
    first, last = (
        round(s * 10) for s in (BEFORE_SECONDS, BEFORE_SECONDS + len(question) / HEARING_RATE)
    )
    spoken_of = np.array(person)[first + 3 : last - 2]
    assert spoken_of[:, SPEAKING].mean() > 0.5, "somebody speaks"
    assert max(take[: last - 3]) < core.point.take, "nobody is cut off"
    # Without words, encoder or belief it is as sure as that only after two seconds of silence, and
    # would not act by then: half of what tells an end to it is not sound.
    assert max(take[last:]) > 10 * max(take[: last - 3]) and person[-1][FINISHED] > 0.5
    assert max(take[last:]) > 0.3
