"""Is the person finished? A pretrained model (smart-turn v3) listens to the last eight seconds."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from model.interaction.parts import Pieces
from model.messages import Audio
from model.timebase import HEARING_RATE

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["LISTENED_SAMPLES", "EndOfTurnModel", "log_mel"]

LISTENED_SAMPLES: Final = 8 * HEARING_RATE
"""What the model listens to at most: the end of the audio given."""

_FILE: Final = "smart-turn-v3.2-cpu.onnx"
_WINDOW, _HOP, _BANDS = 400, 160, 80


class EndOfTurnModel:
    """Audio of a person's turn so far to the probability that it is complete."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> EndOfTurnModel:
        """Read `smart-turn-v3.2-cpu.onnx` in `folder`.

        Raises:
            RuntimeError: the file is missing or holds something else.
        """
        import onnxruntime

        path = folder / _FILE
        if not path.is_file():
            raise RuntimeError(f"No end-of-turn model at {path}: fetch it with `make setup`.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        inputs = [(given.name, given.shape[1:]) for given in session.get_inputs()]
        if inputs != [("input_features", [_BANDS, LISTENED_SAMPLES // _HOP])]:
            raise RuntimeError(f"{path} is not the end-of-turn model known here.")
        return cls(session)

    def probability(self, audio: Audio) -> Pieces[float]:
        """The probability in [0, 1] that the turn is complete where `audio` ends.

        Best given from the beginning of the turn, with the 0.2 s of silence after its last word.
        The second piece is one run of the network: about 0.1 s on one thread, and cannot be cut.

        Args:
            audio: 16 kHz float32 `[samples]`; of longer audio the last 8 s count.
        """
        features = log_mel(audio)
        yield None
        (found,) = self._session.run(None, {"input_features": features[None]})
        return float(np.asarray(found).reshape(-1)[0])


def log_mel(audio: Audio) -> npt.NDArray[np.float32]:
    """The last 8 s of `[samples]` as Whisper sees it, `[80, 800]`; silence is put before less."""
    given = np.asarray(audio[-LISTENED_SAMPLES:], np.float32)
    whole = np.zeros(LISTENED_SAMPLES, np.float32)
    whole[LISTENED_SAMPLES - len(given) :] = given
    whole = (whole - whole.mean()) / np.sqrt(whole.var() + 1e-7)
    padded = np.pad(whole, _WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:-1]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    power = np.square(np.abs(np.fft.rfft(frames * window, axis=1)))
    mel = np.log10(np.maximum(_mel_filters() @ power.T, 1e-10))
    mel = np.maximum(mel, mel.max() - 8.0)
    return ((mel + 4.0) / 4.0).astype(np.float32)


@lru_cache(maxsize=1)
def _mel_filters() -> npt.NDArray[np.float64]:
    """Slaney's triangles of equal area, `[80, 201]`."""
    edges = _hertz(np.linspace(0.0, _mel(HEARING_RATE / 2), _BANDS + 2))
    bins = np.linspace(0.0, HEARING_RATE / 2, _WINDOW // 2 + 1)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    area: npt.NDArray[np.float64] = triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return area


_BREAK_HERTZ, _BREAK_MEL, _LOG_STEP = 1000.0, 15.0, np.log(6.4) / 27.0


def _mel(hertz: float) -> float:
    """Linear below 1 kHz, logarithmic above."""
    if hertz < _BREAK_HERTZ:
        return hertz * _BREAK_MEL / _BREAK_HERTZ
    return float(_BREAK_MEL + np.log(hertz / _BREAK_HERTZ) / _LOG_STEP)


def _hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    high = _BREAK_HERTZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _BREAK_HERTZ / _BREAK_MEL, high)
