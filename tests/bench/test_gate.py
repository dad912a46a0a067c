"""The regression gate: ours is within its bands, a server broken on purpose is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.gate import (
    ANSWERS_MOST,
    FLOOR_LEAST,
    TRANSPORT_MOST,
    Answers,
    Floor,
    Transport,
    failures,
)

ROOT = Path(__file__).parents[2]

SOUND = (
    Transport(0.05, 0.12, 0.25), Floor((11, 12), (7, 12), (3, 12)), Answers(1.0, 0.77, 3.07)
)  # fmt: skip


class TestBands:
    def test_a_sound_server_passes_and_the_broken_one_does_not(self) -> None:
        assert failures(*SOUND) == []
        assert len(failures(*SOUND, broken=True)) == 3

    def test_a_ratio_beyond_its_band_is_said(self) -> None:
        slow = Transport(0.12 * TRANSPORT_MOST + 0.001, 0.12, 0.25)
        assert failures(slow, *SOUND[1:])[0].startswith("round trip")
        rude = Floor((int(FLOOR_LEAST * 7), 12), (7, 12), (3, 12))
        assert failures(SOUND[0], rude, SOUND[2])[0].startswith("decisions right")
        late = Answers(0.77 * ANSWERS_MOST + 0.01, 0.77, 3.07)
        assert failures(*SOUND[:2], late)[0].startswith("answers ")

    def test_a_server_that_drops_calls_fails_however_well_it_treats_the_others(self) -> None:
        right = SOUND[1]
        (told,) = failures(SOUND[0], Floor(right.ours, right.baseline, right.broken, 2), SOUND[2])
        assert told == "2 of our calls came to nothing"

    def test_a_server_that_never_answers_fails(self) -> None:
        mute = Transport(float("inf"), 0.12, 0.25)
        none = Answers(float("inf"), 0.77, 3.07)
        assert len(failures(mute, Floor((0, 0), (7, 12), (3, 12)), none)) == 3


@pytest.mark.timeout(420)
@pytest.mark.weights
def test_ours_is_within_its_bands_and_a_broken_server_is_not() -> None:
    command = [sys.executable, "-m", "tests.bench.gate"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    transport = Transport(**found["transport"])
    every = transport, Floor(**found["floor"]), Answers(**found["answers"])
    assert failures(*every) == [], found
    assert len(failures(*every, broken=True)) == 3, found
