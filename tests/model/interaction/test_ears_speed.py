"""What a transcription costs: `pytest -m bench -s tests/model/interaction/test_ears_speed.py`.

Times are the processor's of this process, the least of several runs: others may be busy.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from model.interaction.ears import MoonshineEars
from model.messages import Audio, Word
from model.timebase import HEARING_RATE, samples
from model.weights.store import folder
from tests.model.interaction.ears_contract import recognised
from tests.speech.recordings import long_reading

pytestmark = [pytest.mark.bench, pytest.mark.weights, pytest.mark.timeout(300)]

RUNS = 4


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_cost(precision: str, threads: int) -> None:
    torch.set_num_threads(threads)
    ears = MoonshineEars.load(folder("ears"), device="cpu", precision=precision)
    reading = long_reading().audio
    clock = time.process_time if threads == 1 else time.perf_counter
    for duration in (2.0, 4.0, 8.0, 12.0):
        audio = reading[: samples(duration, HEARING_RATE)]
        words = recognised(ears.transcribe(audio))
        earlier = recognised(ears.transcribe(audio[: -samples(0.5, HEARING_RATE)]))
        cold = min(_cost(ears, audio, (), clock) for _ in range(RUNS))
        partial = min(_cost(ears, audio, earlier, clock) for _ in range(RUNS))
        known = min(_cost(ears, audio, words, clock) for _ in range(RUNS))
        piece = min(_longest_piece(ears, audio, clock) for _ in range(RUNS))
        encoder = min(_encoder(ears, audio, clock) for _ in range(RUNS))
        print(
            f"{precision:8} {threads} threads {duration:4.0f} s: encoder {encoder * 1e3:4.0f} ms, "
            f"whole {cold * 1e3:4.0f}, half a second after the last partial {partial * 1e3:4.0f}, "
            f"guessed {known * 1e3:4.0f}, longest piece {piece * 1e3:3.0f}, {len(words)} words"
        )
        assert words
        assert partial < cold


def _cost(ears: MoonshineEars, audio: Audio, guess: Sequence[Word], clock: object) -> float:
    assert callable(clock)
    start = clock()
    recognised(ears.transcribe(audio, guess))
    return float(clock() - start)


def _longest_piece(ears: MoonshineEars, audio: Audio, clock: object) -> float:
    assert callable(clock)
    pieces = ears.transcribe(audio)
    marks = [clock()]
    while True:
        try:
            next(pieces)
            marks.append(clock())
        except StopIteration:
            marks.append(clock())
            return float(np.diff(marks).max())


def _encoder(ears: MoonshineEars, audio: Audio, clock: object) -> float:
    assert callable(clock)
    start = clock()
    for _ in ears.encode(audio):
        pass
    return float(clock() - start)
