"""Kokoro-82M: many natural voices, slow (0.6 s of one core for a second of speech).

`counterpoint weights fetch --only training` brings it in. Phonemes and the search for words are
those of the voice of the house, which was distilled from it.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

import numpy as np

from model.engine.pieces import PAUSE
from model.interaction.parts import Pieces
from model.interaction.pronunciation import Breath, Pronunciation
from model.interaction.voice import HibariVoice, cut_to_words, with_output
from model.messages import Audio
from model.training.render.espeak import VoiceMissing
from model.weights.errors import WeightsError
from model.weights.store import folder

__all__ = ["VOICES", "Kokoro"]

VOICES: Final = (
    "af_alloy", "af_aoede", "af_bella", "af_jessica", "af_kore", "af_nicole", "af_nova",
    "af_river", "af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam",
    "am_michael", "am_onyx", "am_puck", "am_santa", "bf_alice", "bf_emma", "bf_isabella",
    "bf_lily", "bm_daniel", "bm_fable", "bm_george", "bm_lewis",
)  # fmt: skip
"""All English ones but `af_heart`, which is the voice of the house."""

_DURATIONS: Final = "/encoder/Clip_output_0"
"""The graph's durations, one for each phoneme, in steps of 25 ms."""

_STYLES: Final = 510
_STYLE_SIZE: Final = 256


class Kokoro(HibariVoice):
    """One person: a voice, or one that lies between two.

    Args:
        voice: of `VOICES`.
        other: mixed in.
        share: of the other one, 0 to 1.
        pace: what the speed is multiplied by.

    Raises:
        VoiceMissing: the weights are not there.
    """

    def __init__(self, voice: str, other: str, share: float, pace: float) -> None:
        session, alphabet, pronunciation = _loaded()
        super().__init__(session, pronunciation, alphabet)
        self._styles = (1 - share) * _style(voice) + share * _style(other)
        self._pace = pace

    def _speak(self, breath: Breath) -> Pieces[tuple[Audio, dict[int, tuple[int, int]]]]:
        phonemes = breath.phonemes[: _STYLES - 2]
        ids = [0, *(self._alphabet[phoneme] for phoneme in phonemes), 0]
        inputs = {
            "tokens": np.asarray([ids], np.int64),
            "style": self._styles[len(phonemes)][None],
            "speed": np.full(1, self._pace, np.float32),
        }
        audio, durations = self._session.run(None, inputs)
        yield PAUSE
        return cut_to_words(
            np.asarray(audio, np.float32).reshape(-1),
            Breath(phonemes, breath.owners[: len(phonemes)], breath.ends_sentence),
            np.asarray(durations).reshape(-1).astype(np.int64),
        )


@cache
def _loaded() -> tuple[Any, dict[str, int], Pronunciation]:
    import onnxruntime

    try:
        where = folder("training-voices")
    except WeightsError as error:
        raise VoiceMissing(str(error)) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    network = with_output((where / "kokoro.onnx").read_bytes(), _DURATIONS)
    session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    alphabet: dict[str, int] = json.loads((where / "vocab.json").read_text("utf-8"))["vocab"]
    return session, alphabet, Pronunciation(frozenset(alphabet))


@cache
def _style(voice: str) -> np.ndarray:
    """One style for each number of phonemes, float32 `[510, 256]`."""
    raw = np.fromfile(folder("training-voices") / f"{voice}.bin", np.float32)
    return raw.reshape(_STYLES, _STYLE_SIZE)
