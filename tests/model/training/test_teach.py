"""The pass `teach`: when the teacher is asked, about what, and what becomes of the answer."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import pytest

from model.interaction import streams
from model.training.teach import asked_spans, taught
from model.training.tell import area, silences

SPEAKING, PAUSING, FINISHED, SILENT = (
    streams.PERSON_STATES.index(name) for name in ("speaking", "pausing", "finished", "silent")
)


class Attentive:
    """Answers with the length of what it is told, in tens of seconds."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def probability(self, audio: np.ndarray) -> Generator[None, None, float]:
        self.heard.append(len(audio))
        yield None
        return len(audio) / 160_000


def state(*runs: tuple[int, int]) -> np.ndarray:
    return np.concatenate([np.full(count, what, np.int8) for what, count in runs])


def test_it_is_asked_once_in_every_silence_that_is_long_enough() -> None:
    person = state((SILENT, 4), (SPEAKING, 6), (PAUSING, 1), (SPEAKING, 3), (PAUSING, 5),
                   (SPEAKING, 2), (FINISHED, 20), (SILENT, 5))  # fmt: skip
    assert asked_spans(person) == [(15, 19), (22, 30)]


def test_it_hears_the_turn_with_a_little_before_and_at_most_eight_seconds() -> None:
    person = state((SILENT, 20), (SPEAKING, 10), (PAUSING, 4), (SPEAKING, 100), (FINISHED, 6))
    facts = {"person": [{"kind": "turn", "first": 2.0}, {"kind": "tic", "first": 2.9}]}
    teacher = Attentive()
    column = taught(np.zeros(140 * 1600, np.float32), person, facts, teacher)  # type: ignore[arg-type]
    assert teacher.heard == [round(1.5 * 16_000), 8 * 16_000]
    streams.check({"teacher_end": column}, {"teacher_end": streams.LABELS["teacher_end"]})
    assert (column[31:34] == np.float16(0.15)).all() and (column[135:140] == np.float16(0.8)).all()
    assert (column[:31] == -1).all() and (column[34:135] == -1).all()


def test_the_area_is_the_chance_to_be_ranked_right() -> None:
    assert area([0.1, 0.4, 0.4, 0.9], [False, False, True, True]) == pytest.approx(0.875)
    with pytest.raises(ValueError, match="both kinds"):
        area([0.1, 0.2], [True, True])


def test_silences_are_found_at_the_ages_looked_at() -> None:
    labels = streams.nothing(streams.LABELS, 8)
    labels["event"][2:7] = streams.PAUSE
    labels["event_age"][2:7] = range(5)
    assert list(silences(labels)) == [(False, 2, 0), (False, 4, 2), (False, 6, 4)]
