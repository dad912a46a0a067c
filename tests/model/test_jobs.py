"""Jobs: pieces by priority, lanes in order, tokens in batches, cancellation at piece boundaries."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from model.engine.jobs import QUEUE_LIMIT, Emit, Failed, Job, JobQueue, Priority, Token, Work


def drain(jobs: JobQueue) -> None:
    while jobs.run_piece():
        pass


def pieces(trace: list[str], name: str, count: int) -> Work:
    for number in range(count):
        trace.append(f"{name}{number}")
        yield None
    return name


def test_the_most_urgent_job_goes_first() -> None:
    trace: list[str] = []
    jobs = JobQueue()
    jobs.submit(Job(1, "a", Priority.LOOKING, pieces(trace, "late", 2)))
    jobs.submit(Job(1, "b", Priority.ENDS_TURN, pieces(trace, "soon", 2)))
    drain(jobs)
    assert trace == ["soon0", "soon1", "late0", "late1"]
    assert [value for _, _, value in jobs.results(1)] == ["soon", "late"]


def test_equals_take_turns() -> None:
    trace: list[str] = []
    jobs = JobQueue()
    for stream in (1, 2):
        jobs.submit(Job(stream, "a", Priority.LOOKING, pieces(trace, f"s{stream}.", 2)))
    drain(jobs)
    assert trace == ["s1.0", "s2.0", "s1.1", "s2.1"]


def test_lanes_that_are_apart_are_run_by_who_asks_for_them() -> None:
    trace: list[str] = []
    jobs = JobQueue(apart={"ears"})
    jobs.submit(Job(1, "ears", Priority.LOOKING, pieces(trace, "hears", 1)))
    jobs.submit(Job(1, "language", Priority.LOOKING, pieces(trace, "says", 1)))
    while jobs.run_piece(apart=False):
        pass
    assert trace == ["says0"] and jobs.waiting() == 1
    while jobs.run_piece(apart=True):
        pass
    assert trace == ["says0", "hears0"]
    assert [lane for _, lane, _ in jobs.results(1)] == ["language", "ears"]


def test_who_listens_goes_on_beside_an_answer_that_takes_long() -> None:
    """Two threads: each job waits for the other one, which one thread would never get to."""
    meetings = threading.Barrier(2)

    def meets(name: str) -> Work:
        yield None
        meetings.wait(60)
        return name

    jobs = JobQueue(apart={"ears"})
    jobs.submit(Job(1, "ears", Priority.SPEECH, meets("heard")))
    jobs.submit(Job(1, "language", Priority.SPEECH, meets("said")))
    threads = [threading.Thread(target=jobs.run_forever, args=(apart,)) for apart in (False, True)]
    for thread in threads:
        thread.start()
    while jobs.waiting():
        time.sleep(0.005)
    jobs.end()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert {value for _, _, value in jobs.results(1)} == {"heard", "said"}


def test_a_lane_runs_in_the_order_of_submission() -> None:
    trace: list[str] = []
    jobs = JobQueue()
    jobs.submit(Job(1, "a", Priority.LOOKING, pieces(trace, "first", 1)))
    jobs.submit(Job(1, "a", Priority.ENDS_TURN, pieces(trace, "second", 1)))
    drain(jobs)
    assert trace == ["first0", "second0"]


def test_a_cancelled_job_is_closed_and_leaves_nothing() -> None:
    closed: list[bool] = []

    def work() -> Work:
        try:
            yield Emit("early")
            yield None
        except GeneratorExit:
            closed.append(True)
            raise
        return "never"

    jobs = JobQueue()
    jobs.submit(Job(1, "a", Priority.LOOKING, work()))
    jobs.run_piece()
    jobs.cancel(1, "a")
    drain(jobs)
    assert closed == [True]
    assert [value for _, _, value in jobs.results(1)] == ["early"]
    assert jobs.waiting() == 0


def test_waiting_tokens_are_sampled_in_one_batch_and_sent_to_their_own_job() -> None:
    batches: list[list[int]] = []

    def sample(rows: Sequence[int]) -> list[int]:
        batches.append(list(rows))
        return [row * 10 for row in rows]

    def work(row: int) -> Work:
        first = yield Token(row)
        second = yield Token(row)
        return (first, second)

    jobs = JobQueue(sample)
    for row in (3, 4):
        jobs.submit(Job(row, "language", Priority.SPEECH, work(row)))
    drain(jobs)
    assert batches == [[3, 4], [3, 4]]
    assert jobs.results(4)[0][2] == (40, 40)


def test_a_failing_job_is_a_result_and_others_go_on() -> None:
    def broken() -> Work:
        yield None
        raise ValueError("no")

    trace: list[str] = []
    jobs = JobQueue()
    jobs.submit(Job(1, "a", Priority.SPEECH, broken()))
    jobs.submit(Job(2, "a", Priority.LOOKING, pieces(trace, "ok", 1)))
    drain(jobs)
    assert jobs.results(1)[0][2] == Failed("a", "ValueError('no')")
    assert trace == ["ok0"]


def test_a_row_that_breaks_a_batch_fails_alone() -> None:
    def sample(rows: Sequence[int]) -> list[int]:
        if 3 in rows:
            raise ValueError("row 3 is broken")
        return list(rows)

    def work(row: int) -> Work:
        token = yield Token(row)
        return token

    jobs = JobQueue(sample)
    for row in (3, 4):
        jobs.submit(Job(row, "language", Priority.SPEECH, work(row)))
    drain(jobs)
    assert jobs.results(3)[0][2] == Failed("language", "ValueError('row 3 is broken')")
    assert jobs.results(4)[0][2] == 4


def test_the_queue_has_a_bound() -> None:
    jobs = JobQueue()
    for number in range(QUEUE_LIMIT):
        jobs.submit(Job(number, "a", Priority.LOOKING, pieces([], "x", 1)))
    with pytest.raises(OverflowError, match="too slow"):
        jobs.submit(Job(0, "b", Priority.LOOKING, pieces([], "x", 1)))
