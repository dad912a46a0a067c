"""Engine, scheduler and worker, against the echo model."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from model.config import EngineConfig, UnknownSetting
from model.engine import worker
from model.engine.echo import EchoModel, Rows
from model.engine.engine import Engine, RowInput, RowOutput
from model.engine.jobs import Job
from model.engine.scheduler import NoRow, Scheduler
from model.messages import (
    CloseStream,
    EngineReady,
    EngineVitals,
    FromEngine,
    Heard,
    MicroTurnInput,
    MicroTurnOutput,
    OpenStream,
    Shutdown,
    StreamClosed,
    StreamOpened,
    StreamSettings,
    UtteranceDone,
)
from model.timebase import HEARING_BLOCK_SAMPLES, SPEAKING_BLOCK_SAMPLES

QUIET = np.zeros(HEARING_BLOCK_SAMPLES, np.float32)
LOUD = np.full(HEARING_BLOCK_SAMPLES, 0.5, np.float32)


def only_output(messages: Sequence[FromEngine]) -> MicroTurnOutput:
    assert len(messages) == 1
    assert isinstance(messages[0], MicroTurnOutput)
    return messages[0]


def test_rows_are_given_lowest_first_and_freed() -> None:
    scheduler = Scheduler(2)
    assert scheduler.open(10, 0).row == 0
    assert scheduler.open(11, 0).row == 1
    with pytest.raises(NoRow, match="all 2 rows"):
        scheduler.open(12, 0)
    scheduler.close(10)
    assert scheduler.open(12, 0).row == 0
    with pytest.raises(NoRow, match="open already"):
        scheduler.open(12, 0)


def test_an_inbox_is_bounded_and_refuses_what_is_out_of_order() -> None:
    stream = Scheduler(1).open(1, 5)
    assert not stream.push(MicroTurnInput(1, 4, QUIET), 0.0)
    for k in range(5, 11):
        assert stream.push(MicroTurnInput(1, k, QUIET), 0.0)
    assert [turn.k for turn, _ in stream.inbox] == [7, 8, 9, 10]
    stream.pop()
    assert stream.dropped == 2


def test_echo_speaks_while_it_hears_and_ends_after_quiet() -> None:
    engine = Engine(EchoModel(2))
    assert engine.open(OpenStream(1)) == StreamOpened(1)
    spoken = 0
    done: list[UtteranceDone] = []
    for k, block in enumerate([QUIET, LOUD, LOUD, QUIET, QUIET, QUIET, QUIET]):
        engine.push(MicroTurnInput(1, k, block), now=k * 0.1)
        output = only_output(engine.tick())
        assert output.k == k
        spoken += sum(len(speech.audio) for speech in output.speech)
        done += [event for event in output.events if isinstance(event, UtteranceDone)]
    assert spoken == 4 * SPEAKING_BLOCK_SAMPLES
    assert done == [UtteranceDone(1, spoken)]


def test_a_cut_ends_the_utterance() -> None:
    engine = Engine(EchoModel(1))
    engine.open(OpenStream(1))
    engine.push(MicroTurnInput(1, 0, LOUD), now=0.0)
    engine.tick()
    engine.push(MicroTurnInput(1, 1, LOUD, heard=(Heard(1, 100, cut=True),)), now=0.1)
    output = only_output(engine.tick())
    assert not output.speech
    assert UtteranceDone(1, SPEAKING_BLOCK_SAMPLES) in output.events


def test_a_stream_that_fails_is_closed_alone_and_commits_nothing() -> None:
    class Fragile(EchoModel):
        def step(
            self, state: Rows, inputs: Sequence[RowInput | None]
        ) -> tuple[Rows, tuple[RowOutput | None, ...]]:
            if any(given is not None and given.turn.texts for given in inputs):
                raise RuntimeError("typed text breaks this one")
            return super().step(state, inputs)

    engine = Engine(Fragile(2))
    for number in (1, 2):
        engine.open(OpenStream(number))
    engine.push(MicroTurnInput(1, 0, LOUD, texts=("boom",)), now=0.0)
    engine.push(MicroTurnInput(2, 0, LOUD), now=0.0)
    closed, output = engine.tick()
    assert isinstance(closed, StreamClosed)
    assert (closed.stream, bool(closed.reason)) == (1, True)
    assert isinstance(output, MicroTurnOutput)
    assert output.stream == 2
    assert engine.open(OpenStream(3)) == StreamOpened(3)


def test_a_wish_that_cannot_be_met_is_refused_and_its_row_is_free_again() -> None:
    class Particular(EchoModel):
        def open(self, state: Rows, row: int, opening: OpenStream) -> tuple[Rows, tuple[Job, ...]]:
            if opening.settings.instructions:
                raise ValueError("shorten them")
            return super().open(state, row, opening)

    engine = Engine(Particular(1))
    wish = OpenStream(1, StreamSettings(instructions="a novel"))
    assert engine.open(wish) == StreamClosed(1, "shorten them")
    assert engine.open(OpenStream(2)) == StreamOpened(2)


def test_unknown_settings_are_refused_by_name() -> None:
    with pytest.raises(UnknownSetting, match="colour"):
        EngineConfig.from_mapping({"colour": "red"})
    with pytest.raises(UnknownSetting, match="rows"):
        EngineConfig(rows=0)


def test_the_worker_process_serves_over_a_pipe_and_ends_when_told() -> None:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=worker.run, args=(theirs, EngineConfig(model="echo", rows=2)))
    process.start()
    theirs.close()

    def receive() -> Any:
        while True:
            assert ours.poll(60)
            message = ours.recv()
            if not isinstance(message, EngineVitals):
                return message

    try:
        assert isinstance(receive(), EngineReady)
        ours.send(OpenStream(7))
        assert receive() == StreamOpened(7)
        ours.send(MicroTurnInput(7, 0, LOUD))
        assert receive().speech[0].start_samples == 0
        ours.send(CloseStream(7))
        assert receive() == StreamClosed(7)
        ours.send(Shutdown())
        process.join(60)
        assert process.exitcode == 0
    finally:
        process.kill()
        process.join()
        process.close()


def test_the_worker_ends_when_the_server_is_gone() -> None:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=worker.run, args=(theirs, EngineConfig(model="echo", rows=1)))
    process.start()
    theirs.close()
    assert ours.poll(60)
    ours.recv()
    ours.close()
    process.join(60)
    assert process.exitcode == 0
    process.close()
