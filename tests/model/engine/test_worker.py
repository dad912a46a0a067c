"""The engine's loop: nothing that came waits for something else to come."""

from __future__ import annotations

import multiprocessing
import threading

import numpy as np
import pytest

from model.engine import vitals, worker
from model.engine.echo import EchoModel
from model.engine.engine import Engine
from model.messages import (
    MicroTurnInput,
    MicroTurnOutput,
    OpenStream,
    Shutdown,
    StreamOpened,
    StreamSettings,
)
from model.timebase import HEARING_BLOCK_SAMPLES


def test_two_micro_turns_that_came_together_are_both_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = vitals.VitalsWindow.__init__

    def rarely(window: vitals.VitalsWindow, now: float) -> None:
        real(window, now)
        window.due = now + 3_600.0

    monkeypatch.setattr(vitals.VitalsWindow, "__init__", rarely)
    ours, theirs = multiprocessing.Pipe()
    engine = Engine(EchoModel(1))
    serving = threading.Thread(
        target=worker._serve, args=(theirs, engine, threading.current_thread()), daemon=True
    )
    # Both wait in the pipe before the loop looks into it.
    ours.send(OpenStream(1, StreamSettings()))
    for k in (0, 1):
        ours.send(MicroTurnInput(1, k, np.zeros(HEARING_BLOCK_SAMPLES, np.float32)))
    serving.start()
    try:
        assert ours.recv() == StreamOpened(1)
        for k in (0, 1):
            assert ours.poll(60.0), f"micro-turn {k} waits for another message"
            output = ours.recv()
            assert isinstance(output, MicroTurnOutput) and output.k == k
    finally:
        ours.send(Shutdown())
        serving.join(60.0)
    assert not serving.is_alive()
