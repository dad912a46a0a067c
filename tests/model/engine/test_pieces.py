"""Pauses: a pass goes on past them while it is quick, and can be cut at any of them again."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from model.engine.jobs import Job, JobQueue
from model.engine.pieces import PAUSE, Emit, Piece, Priority, Work, advance


class Notes:
    """A Watch that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def submitted(self, job: Job) -> None:
        """A job was queued."""
        self.told.append(("submitted", job.number))

    def sampled(self, jobs: Sequence[Job], rows: Sequence[int], tokens: Sequence[int]) -> None:
        """Tokens were sampled."""
        self.told.append(("sampled", len(tokens)))

    def ran(self, piece: Piece) -> None:
        """A piece was run."""
        self.told.append((piece.ended, piece.pauses))


def layers(trace: list[int], count: int) -> Work:
    for number in range(count):
        trace.append(number)
        yield PAUSE
    yield Emit("read")
    return "done"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No piece lasts too long, whatever else the machine does meanwhile."""
    monkeypatch.setattr("model.engine.jobs.PIECE_SECONDS", math.inf)


def test_a_quick_pass_is_one_piece() -> None:
    notes, trace = Notes(), list[int]()
    jobs = JobQueue(watch=notes)
    jobs.submit(Job(1, "language", Priority.SPEECH, layers(trace, 5)))
    assert jobs.run_piece()
    assert trace == [0, 1, 2, 3, 4]
    assert jobs.run_piece()
    assert not jobs.run_piece()
    assert notes.told == [("submitted", 1), ("emitted", 5), ("returned", 0)]
    assert [value for _, _, value in jobs.results(1)] == ["read", "done"]


def test_a_pass_is_cut_where_it_was_cut_before() -> None:
    trace: list[int] = []
    job = Job(1, "language", Priority.SPEECH, layers(trace, 5))
    assert advance(job, None, lambda pauses: pauses == 3) == ("paused", None, 3)
    assert trace == [0, 1, 2]
    assert advance(job, None, lambda pauses: False) == ("emitted", "read", 2)


def test_a_cancelled_pass_ends_at_its_next_pause() -> None:
    notes, trace = Notes(), list[int]()
    jobs = JobQueue(watch=notes)

    def interrupted() -> Work:
        for number in range(5):
            if number == 2:
                jobs.cancel(1)
            trace.append(number)
            yield PAUSE

    jobs.submit(Job(1, "language", Priority.SPEECH, interrupted()))
    while jobs.run_piece():
        pass
    assert trace == [0, 1, 2]
    assert notes.told == [("submitted", 1), ("paused", 3), ("closed", 0)]
