"""The end-of-turn model: its features, and that it hears when somebody was cut short."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from transformers import WhisperFeatureExtractor

from model.interaction.end_of_turn import LISTENED_SAMPLES, EndOfTurnModel, log_mel
from model.interaction.parts import Pieces
from model.messages import Audio
from model.timebase import HEARING_RATE
from model.weights import store
from tests.speech.recordings import human_recordings, long_reading


@pytest.fixture(scope="module")
def model() -> EndOfTurnModel:
    return EndOfTurnModel.load(store.folder("end-of-turn"))


def _run(pieces: Pieces[float]) -> float:
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            return float(end.value)


def _as_transformers(audio: Audio) -> Audio:
    extractor = WhisperFeatureExtractor(chunk_length=8)  # type: ignore[no-untyped-call]
    last = audio[-LISTENED_SAMPLES:]
    given = extractor(
        np.pad(last, (LISTENED_SAMPLES - len(last), 0)),
        sampling_rate=HEARING_RATE,
        return_tensors="np",
        padding="max_length",
        max_length=LISTENED_SAMPLES,
        truncation=True,
        do_normalize=True,
    )
    features: Audio = given.input_features[0]
    return features


@pytest.mark.parametrize("seconds", [0.0, 0.01, 1.3, 8.0, 12.0])
def test_features_equal_whispers(seconds: float) -> None:
    audio = long_reading().audio[: int(seconds * HEARING_RATE)]
    assert log_mel(audio).shape == (80, 800)
    assert np.abs(log_mel(audio) - _as_transformers(audio)).max() <= 1e-3


def test_who_is_cut_short_sounds_less_finished(model: EndOfTurnModel) -> None:
    """Human recordings, whole and cut at 55 % of their length, both with 0.2 s of quiet after.

    Only the means are compared: how often it errs is the benchmark's to say.
    """
    quiet = np.random.default_rng(0).normal(0, 3e-4, HEARING_RATE // 5).astype(np.float32)
    whole: list[float] = []
    cut: list[float] = []
    for recording in human_recordings()[:5:2] + human_recordings()[10:22:2]:
        audio = recording.audio
        loud = np.flatnonzero(np.abs(audio) > 0.05 * np.abs(audio).max())
        audio = audio[loud[0] : loud[-1]]
        whole.append(_run(model.probability(np.concatenate([audio, quiet]))))
        part = audio[: int(0.55 * len(audio))]
        cut.append(_run(model.probability(np.concatenate([part, quiet]))))
    print("whole", np.round(whole, 2), "cut", np.round(cut, 2))
    assert all(0.0 <= probability <= 1.0 for probability in whole + cut)
    assert np.mean(whole) > np.mean(cut) + 0.2


def test_gives_way_before_the_network_runs(model: EndOfTurnModel) -> None:
    pieces = model.probability(np.zeros(1_600, np.float32))
    next(pieces)
    with pytest.raises(StopIteration) as end:
        next(pieces)
    assert 0.0 <= end.value.value <= 1.0


def test_a_missing_or_strange_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="make setup"):
        EndOfTurnModel.load(tmp_path)
    other = store.folder("voice-activity") / "silero_vad.onnx"
    (tmp_path / "smart-turn-v3.2-cpu.onnx").write_bytes(other.read_bytes())
    with pytest.raises(RuntimeError, match="not the end-of-turn model"):
        EndOfTurnModel.load(tmp_path)
