"""Is somebody speaking? Silero's voice activity model in plain torch, for a batch of streams.

The model looks at 512 new samples (32 ms) at a time; a micro-turn brings 1600. What is left over
waits in the state, so a micro-turn completes three frames, and every eighth time four.

Step it on a thread whose torch uses one thread (`torch.set_num_threads(1)` holds for the calling
thread): it takes 1 ms then, but up to 100 ms where two threads wait for each other on busy cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from model.interaction.onnx_tensors import read_tensors
from model.timebase import HEARING_BLOCK_SAMPLES

__all__ = ["FRAMES", "FRAME_SAMPLES", "VoiceActivity", "VoiceActivityState"]

FRAME_SAMPLES: Final = 512
"""Samples at 16 kHz behind each probability."""

FRAMES: Final = 4
"""Probabilities given for each micro-turn."""

_CONTEXT_SAMPLES = 64
_REST_SAMPLES = FRAMES * FRAME_SAMPLES - HEARING_BLOCK_SAMPLES
_WIDTH = 128
_STRIDES = (1, 2, 2, 1)
_SHAPES = {
    "stft.forward_basis_buffer": (258, 1, 256),
    "encoder.0.reparam_conv.weight": (128, 129, 3),
    "encoder.0.reparam_conv.bias": (128,),
    "encoder.1.reparam_conv.weight": (64, 128, 3),
    "encoder.1.reparam_conv.bias": (64,),
    "encoder.2.reparam_conv.weight": (64, 64, 3),
    "encoder.2.reparam_conv.bias": (64,),
    "encoder.3.reparam_conv.weight": (128, 64, 3),
    "encoder.3.reparam_conv.bias": (128,),
    "decoder.rnn.weight_ih": (512, 128),
    "decoder.rnn.weight_hh": (512, 128),
    "decoder.rnn.bias_ih": (512,),
    "decoder.rnn.bias_hh": (512,),
    "decoder.decoder.2.weight": (1, 128, 1),
    "decoder.decoder.2.bias": (1,),
}


@dataclass(frozen=True, slots=True)
class VoiceActivityState:
    """Where the model stands in each row.

    Attributes:
        waiting: float32 `[rows, 64 + 448]`: the last samples, those of the frame before included,
            at the right end.
        waiting_samples: int64 `[rows]`: how many of them wait for their frame, 0 to 448.
        hidden: float32 `[2, rows, 128]`: the recurrent layer.
        last: float32 `[rows]`: the last probability.
    """

    waiting: Tensor
    waiting_samples: Tensor
    hidden: Tensor
    last: Tensor


class VoiceActivity:
    """The weights; the state goes in and comes out."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        self._weights = weights

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> VoiceActivity:
        """Read the 16 kHz half of `silero_vad.onnx` in `folder`.

        The safetensors file that ships beside it holds an older training run.

        Raises:
            RuntimeError: the file is missing or holds something else.
        """
        path = folder / "silero_vad.onnx"
        if not path.is_file():
            raise RuntimeError(f"No voice activity model at {path}: fetch it with `make setup`.")
        found = read_tensors(path)
        # The file holds an 8 kHz model too, under the same names behind another branch.
        spectrum = "stft.forward_basis_buffer"
        branches = [
            name.removesuffix(spectrum)
            for name, tensor in found.items()
            if name.endswith(spectrum) and tensor.shape == _SHAPES[spectrum]
        ]
        weights: dict[str, Tensor] = {}
        for name, shape in _SHAPES.items():
            tensor = found.get((branches or [""])[0] + name)
            if tensor is None or tensor.shape != shape:
                raise RuntimeError(f"{path} is not the voice activity model known here: {name}.")
            weights[name] = torch.from_numpy(tensor).to(device)
        return cls(weights)

    def new_state(self, rows: int) -> VoiceActivityState:
        """The state of `rows` new streams."""
        new = self._weights["decoder.decoder.2.bias"].new_zeros
        return VoiceActivityState(
            waiting=new(rows, _CONTEXT_SAMPLES + _REST_SAMPLES),
            waiting_samples=new(rows, dtype=torch.int64),
            hidden=new(2, rows, _WIDTH),
            last=new(rows),
        )

    def reset(self, state: VoiceActivityState, row: int) -> VoiceActivityState:
        """The same state with one row as new."""
        keep = torch.ones_like(state.last, dtype=torch.bool)
        keep[row] = False
        return _chosen(keep, state, self.new_state(state.last.shape[0]))

    @torch.inference_mode()
    def step(
        self, audio: Tensor, state: VoiceActivityState, mask: Tensor
    ) -> tuple[Tensor, VoiceActivityState]:
        """Advance the rows of `mask` by one micro-turn.

        Args:
            audio: float32 `[rows, 1600]` at 16 kHz.
            state: of the same rows; it is not changed.
            mask: bool `[rows]`; the other rows keep their state, bit by bit.

        Returns:
            Probabilities of speech `[rows, 4]`, oldest first, and the new state. Where only three
            frames were completed, the first one repeats the last of the micro-turn before; rows
            outside the mask give 0.
        """
        _check(audio, state, mask)
        audio = _playable(audio)
        frames, complete = _cut(audio, state)
        features = self._features(frames.flatten(0, 1)).view(*frames.shape[:2], _WIDTH)
        hidden, last = state.hidden, state.last
        probabilities = []
        for index in range(FRAMES):
            # The frames stand at the right end: a row with three of them skips the first.
            real = index >= FRAMES - complete
            stepped, probability = self._recur(features[:, index], hidden)
            hidden = torch.where(real[None, :, None], stepped, hidden)
            last = torch.where(real, probability, last)
            probabilities.append(last)
        rest = state.waiting_samples + HEARING_BLOCK_SAMPLES - complete * FRAME_SAMPLES
        joined = torch.cat([state.waiting, audio], dim=1)
        advanced = VoiceActivityState(
            joined[:, -state.waiting.shape[1] :].clone(), rest, hidden, last
        )
        given = torch.where(mask[:, None], torch.stack(probabilities, dim=1), 0.0)
        return given, _chosen(mask, advanced, state)

    @torch.inference_mode()
    def whole(self, audio: Tensor) -> Tensor:
        """The probabilities of every complete frame of `[samples]`: `[samples // 512]`."""
        count = audio.shape[0] // FRAME_SAMPLES
        padded = functional.pad(_playable(audio), (_CONTEXT_SAMPLES, 0))
        frames = padded.unfold(0, _CONTEXT_SAMPLES + FRAME_SAMPLES, FRAME_SAMPLES)[:count]
        features = self._features(frames)
        hidden = audio.new_zeros(2, 1, _WIDTH)
        probabilities = []
        for index in range(count):
            hidden, probability = self._recur(features[index : index + 1], hidden)
            probabilities.append(probability)
        return torch.cat(probabilities) if probabilities else audio.new_zeros(0)

    def _features(self, frames: Tensor) -> Tensor:
        """`[n, 64 + 512]` samples to `[n, 128]`: a spectrum and four convolutions."""
        w = self._weights
        padded = functional.pad(frames, (0, 64), mode="reflect")
        spectrum = functional.conv1d(padded[:, None], w["stft.forward_basis_buffer"], stride=128)
        real, imaginary = spectrum.chunk(2, dim=1)
        x = torch.sqrt(real.square() + imaginary.square())
        for layer, stride in enumerate(_STRIDES):
            weight = w[f"encoder.{layer}.reparam_conv.weight"]
            bias = w[f"encoder.{layer}.reparam_conv.bias"]
            x = functional.relu(functional.conv1d(x, weight, bias, stride=stride, padding=1))
        return x.squeeze(-1)

    def _recur(self, features: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """One step of the recurrent layer `[2, n, 128]` and the probability `[n]`."""
        w = self._weights
        heard = functional.linear(features, w["decoder.rnn.weight_ih"], w["decoder.rnn.bias_ih"])
        kept = functional.linear(hidden[0], w["decoder.rnn.weight_hh"], w["decoder.rnn.bias_hh"])
        into, forget, cell, out = (heard + kept).chunk(4, dim=1)
        memory = torch.sigmoid(forget) * hidden[1] + torch.sigmoid(into) * torch.tanh(cell)
        output = torch.sigmoid(out) * torch.tanh(memory)
        logit = functional.relu(output) @ w["decoder.decoder.2.weight"].reshape(_WIDTH)
        return torch.stack([output, memory]), torch.sigmoid(logit + w["decoder.decoder.2.bias"])


def _playable(audio: Tensor) -> Tensor:
    """Samples in [-1, 1]: one that is not would spoil its row's recurrent state for good."""
    return torch.nan_to_num(audio).clamp(-1.0, 1.0)


def _cut(audio: Tensor, state: VoiceActivityState) -> tuple[Tensor, Tensor]:
    """Frames with their context `[rows, 4, 64 + 512]`, and how many are complete `[rows]`.

    The complete ones are the last; what a row with only three has before them is not used.
    """
    joined = torch.cat([state.waiting, audio], dim=1)
    have = state.waiting_samples + HEARING_BLOCK_SAMPLES
    complete = torch.div(have, FRAME_SAMPLES, rounding_mode="floor")
    length = _CONTEXT_SAMPLES + FRAME_SAMPLES
    ends = joined.shape[1] - (have - complete * FRAME_SAMPLES)
    offsets = torch.arange(1 - FRAMES, 1, device=audio.device) * FRAME_SAMPLES - length
    starts = (ends[:, None] + offsets[None]).clamp(min=0)
    index = starts[:, :, None] + torch.arange(length, device=audio.device)
    return joined.gather(1, index.flatten(1)).view(-1, FRAMES, length), complete


def _of(state: VoiceActivityState) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return state.waiting, state.waiting_samples, state.hidden, state.last


def _chosen(mask: Tensor, new: VoiceActivityState, old: VoiceActivityState) -> VoiceActivityState:
    """The rows of `mask` from `new`, the others from `old`."""
    return VoiceActivityState(
        waiting=torch.where(mask[:, None], new.waiting, old.waiting),
        waiting_samples=torch.where(mask, new.waiting_samples, old.waiting_samples),
        hidden=torch.where(mask[None, :, None], new.hidden, old.hidden),
        last=torch.where(mask, new.last, old.last),
    )


def _check(audio: Tensor, state: VoiceActivityState, mask: Tensor) -> None:
    rows = state.last.shape[0]
    if audio.shape != (rows, HEARING_BLOCK_SAMPLES) or mask.shape != (rows,):
        raise ValueError(
            f"Expected audio [{rows}, {HEARING_BLOCK_SAMPLES}] and a mask [{rows}], got "
            f"{list(audio.shape)} and {list(mask.shape)}."
        )
