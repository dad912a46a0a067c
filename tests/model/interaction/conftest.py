"""The real interaction model with the small decoder, loaded once for all tests here."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy.signal import resample_poly

from model.config import EngineConfig
from model.interaction.counterpoint import CounterpointModel
from model.interaction.load import load
from model.interaction.voice import HibariVoice
from model.messages import Audio
from model.weights.store import root

Saying = Callable[[str], Audio]

ROOM_LEVEL = 0.0005
"""A quiet room: digital silence is nothing that a microphone gives."""


@pytest.fixture(scope="session")
def small_model() -> CounterpointModel:
    """Two rows, SmolLM2-135M, everything else as by default."""
    config = EngineConfig(
        rows=2, language="language-135m", weights=str(root()), threads=1, answer_tokens=48
    )
    model, _, _ = load(config)
    return model


@pytest.fixture(scope="session")
def person() -> Saying:
    """Says a text as the person: 16 kHz, a little silence around it, the noise of a room."""
    voice = HibariVoice.load()

    @cache
    def say(text: str) -> Audio:
        pieces = voice.render(text)
        while True:
            try:
                next(pieces)
            except StopIteration as done:
                spoken: Audio = done.value.audio
                break
        audio = resample_poly(spoken, 2, 3).astype(np.float32)
        padded = np.pad(audio, (3_200, 1_600))
        noise = np.random.default_rng(len(text)).normal(0, ROOM_LEVEL, len(padded))
        return (padded + noise).astype(np.float32)

    return say
