"""Natural voices for training: real ones, one short sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.timebase import HEARING_RATE
from model.training.render import kokoro
from model.training.render.cast import VOICES
from model.training.render.espeak import VoiceMissing
from model.training.render.speech import Persona, say

TEXT = "The train is late, I walk."
NATURAL = [voice for voice in VOICES["natural"] if voice.engine == "kokoro"]

pytestmark = pytest.mark.weights


def test_words_have_their_times_and_the_same_text_sounds_the_same() -> None:
    person = Persona(NATURAL[0], 1.0, 0.0, 1.0)
    said = say(person, TEXT)
    assert said.text == TEXT
    times = [t for word in said.words for t in (word.start_seconds, word.end_seconds)]
    assert 0 <= times[0] and all(a <= b for a, b in zip(times, times[1:], strict=False))
    assert times[-1] == pytest.approx(len(said.audio) / HEARING_RATE, abs=0.06)
    # Before the word after the comma is silence, and where it begins there is none.
    place, step = round(said.words[4].start_seconds * HEARING_RATE), round(0.04 * HEARING_RATE)
    before, after = said.audio[place - 2 * step : place - step], said.audio[place : place + step]
    assert np.sqrt(np.mean(before**2)) < 0.1 * np.sqrt(np.mean(after**2))
    say.cache_clear()
    assert np.array_equal(say(person, TEXT).audio, said.audio)


def test_a_mixture_is_somebody_else() -> None:
    alone, mixed = (say(Persona(NATURAL[0], 1.0, share, 1.0), TEXT) for share in (0.0, 0.5))
    shorter = min(len(alone.audio), len(mixed.audio))
    assert not np.allclose(alone.audio[:shorter], mixed.audio[:shorter], atol=0.01)


def test_everybody_is_mixed_with_somebody_like_them_but_never_the_house() -> None:
    assert len({voice.option for voice in NATURAL}) == len(NATURAL) == 23
    assert all(voice.other[:2] == voice.option[:2] for voice in NATURAL)
    assert all(voice.other != voice.option for voice in NATURAL)
    assert "af_heart" not in kokoro.VOICES


def test_without_its_weights_it_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERPOINT_WEIGHTS", str(tmp_path))
    kokoro._loaded.cache_clear()
    with pytest.raises(VoiceMissing, match="weights fetch"):
        kokoro.Kokoro("af_alloy", "af_bella", 0.0, 1.0)
