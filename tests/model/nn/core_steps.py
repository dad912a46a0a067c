"""Core's network and its front end as streaming modules, and inputs for them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from model.interaction import streams
from model.nn.core_config import STREAMS, CoreConfig
from model.nn.core_inputs import CoreInputs, CoreOutputs
from model.nn.core_network import CoreNetwork, CoreState
from model.nn.sound import Sound

__all__ = ["TINY", "CoreSteps", "SoundSteps", "made_up", "of_arrays", "told"]

TINY = CoreConfig(
    width=32,
    inner=48,
    layers=2,
    heads=2,
    window=8,
    sound_width=16,
    word_width=16,
    word_rows=64,
    streams=STREAMS,
    period=64,
)
"""All streams; the window is shorter than the tests' sequences, so it slides."""


def told(network: CoreNetwork) -> CoreNetwork:
    """The network with something to say of onsets, in place: a new one says nothing of them."""
    if network.onsets is not None:
        torch.nn.init.normal_(network.onsets.told.weight)
    return network


def of_arrays(arrays: streams.Arrays) -> CoreInputs:
    """The tensors of input columns."""
    wide = {"word_hash": np.int64}
    return CoreInputs(
        **{
            name: torch.from_numpy(array.astype(wide.get(name, array.dtype)))
            for name, array in arrays.items()
        }
    )


def made_up(seed: int, micro_turns: int) -> streams.Arrays:
    """Input columns of noise within their ranges, as `streams.check` wants them."""
    random = np.random.default_rng(seed)
    arrays: streams.Arrays = {}
    for name, column in streams.INPUTS.items():
        shape = (micro_turns, *column.shape)
        if column.dtype == "float16":
            high = min(column.most, 3.0)
            arrays[name] = random.uniform(max(column.least, -3.0), high, shape).astype("float16")
        elif name == "word_hash":
            arrays[name] = random.integers(0, 2**32, shape, dtype=np.uint32)
            arrays[name] *= random.random(shape) < 0.3
        else:
            high = min(int(column.most), 60)
            arrays[name] = random.integers(int(column.least), high + 1, shape, column.dtype)
    arrays["k"] = np.arange(micro_turns, dtype=np.int64)
    streams.check(arrays, streams.INPUTS)
    return arrays


def flat(outputs: CoreOutputs) -> Tensor:
    """All logits side by side `[…, 19]`."""
    return torch.cat([outputs.floor, outputs.person, outputs.projection.flatten(-2)], -1)


class CoreSteps:
    """The network; an input is the number of a made-up micro-turn."""

    def __init__(self, rows: int, steps: int, config: CoreConfig = TINY) -> None:
        torch.manual_seed(5)
        self.network = told(CoreNetwork(config)).requires_grad_(False)
        self.state: CoreState = self.network.new_state(rows)
        self.numbers = torch.arange(rows * steps).view(rows, steps)
        self.inputs = of_arrays(made_up(6, rows * steps))

    def sequences(self) -> Tensor:
        return self.numbers

    def _take(self, numbers: Tensor) -> CoreInputs:
        return CoreInputs(*(column[numbers] for column in self.inputs))

    def step(self, inputs: Tensor, active: Tensor) -> Tensor:
        outputs, self.state = self.network.step(self._take(inputs), self.state, active)
        return flat(outputs)

    def whole(self, sequence: Tensor) -> Tensor:
        return flat(self.network.whole(self._take(sequence.unsqueeze(0))))[0]

    def row(self, row: int) -> list[Tensor]:
        state = self.state
        parts = (state.keys[:, row], state.values[:, row], state.lengths[row])
        return [part.clone() for part in parts]

    def poison(self, row: int) -> None:
        self.state.keys[:, row] = torch.nan
        self.state.values[:, row] = torch.nan

    def reset(self, row: int) -> None:
        self.state.reset(row)


class SoundSteps:
    """The front end; outputs are bins and prosody side by side."""

    def __init__(self, rows: int, steps: int, rate: int) -> None:
        self.sound = Sound(rate)
        self.state = self.sound.new_state(rows)
        time = torch.arange(steps * rate // 10) / rate
        voices = torch.stack([(time * 2 * torch.pi * (90 + 40 * row)).sin() for row in range(rows)])
        noise = torch.randn(voices.shape, generator=torch.Generator().manual_seed(7))
        self.audio = (0.2 * voices.sign() + 0.02 * noise).view(rows, steps, -1)

    def sequences(self) -> Tensor:
        return self.audio

    def step(self, inputs: Tensor, active: Tensor) -> Tensor:
        dmel, prosody, self.state = self.sound.step(inputs, self.state, active)
        return torch.cat([dmel.flatten(1).float(), prosody.flatten(1).float()], 1)

    def whole(self, sequence: Tensor) -> Tensor:
        dmel, prosody = self.sound.whole(sequence.flatten())
        return torch.cat([dmel.flatten(1).float(), prosody.flatten(1).float()], 1)

    def row(self, row: int) -> list[Tensor]:
        return [self.state.history[row].clone()]

    def poison(self, row: int) -> None:
        self.state.history[row] = torch.nan

    def reset(self, row: int) -> None:
        self.state.reset(row)
