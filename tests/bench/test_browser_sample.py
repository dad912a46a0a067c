"""The sample through Chromium: what it plays, and how it finds it again in what it heard."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench.harness.browser import LEAD_SECONDS, found_at, spoken
from tests.bench.running import Draw, Work
from tests.bench.stimuli.script import RATE


def test_a_clip_becomes_one_recording_with_its_bed() -> None:
    script = Draw("dev", 1).script(Work("pause", "synthetic", 0))
    audio, (start,) = spoken(script)
    piece = script.pieces[0]
    assert start == round((LEAD_SECONDS + piece.cue.seconds) * RATE)
    assert len(audio) == start + len(piece.audio) + round(script.tail_seconds * RATE)
    assert np.allclose(audio[start : start + 100] - script.bed[start : start + 100],
                       piece.audio[:100], atol=1e-6)  # fmt: skip


def test_a_clip_that_waits_for_the_agent_is_refused() -> None:
    with pytest.raises(ValueError, match="waits for the agent"):
        spoken(Draw("dev", 1).script(Work("talk", "synthetic", 0)))


def test_the_stimulus_is_found_to_the_sample_in_what_a_browser_made_of_it() -> None:
    audio, (start,) = spoken(Draw("dev", 1).script(Work("turn", "synthetic", 1)))
    known = audio[start : start + 2 * RATE]
    noise = np.random.default_rng(1).normal(0, 0.002, len(audio)).astype(np.float32)
    heard = np.concatenate([np.zeros(777, np.float32), 0.4 * audio + noise])
    at, clear = found_at(heard, known)
    assert at == start + 777
    assert clear > 1.5
    assert found_at(noise, known)[1] < 1.4
    assert found_at(known[:100], known) == (0, 0.0)
