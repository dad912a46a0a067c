"""Core's network: one causal transformer over all streams, one token per micro-turn.

By steps: fixed rows and a mask, state in and out, cost that does not grow with the session. The
ring has one slot more than the window, so a step overwrites nothing that the state before it
sees: a micro-turn that failed can be taken again from the state before. Whole: the same over a
sequence, for training.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from model.nn.core_config import CoreConfig
from model.nn.core_inputs import CoreInputs, CoreOutputs
from model.nn.core_layers import CoreLayer, rotations
from model.nn.core_onsets import HEARD, HOPS, OnsetsReader, padded
from model.nn.core_streams import Fusion
from model.nn.dmel import BANDS

__all__ = ["WEIGHTS", "CoreNetwork", "CoreState", "load_core", "save_core"]

FLOORS: Final = 5
YIELD: Final = 3
PERSON_STATES: Final = 6
PROJECTIONS: Final = (2, 4)
WEIGHTS: Final = "core.safetensors"
CONFIG: Final = "config.json"


@dataclass(frozen=True, slots=True)
class CoreState:
    """What the network remembers of its rows.

    Attributes:
        keys: ring of each layer, turned, float32 `[layers, rows, heads, window + 1, head_width]`.
            Shared by a state and the next one, which writes a slot the former does not see.
        values: like keys.
        heard: ring of the person's bins, uint8 `[rows, HEARD + 1, 2, 80]`, shared likewise.
        lengths: micro-turns each row has read, int64 `[rows]`.
    """

    keys: Tensor
    values: Tensor
    heard: Tensor
    lengths: Tensor

    def reset(self, row: int) -> None:
        """Make the row a new one, in place; not even a NaN is left."""
        self.keys[:, row] = 0
        self.values[:, row] = 0
        self.heard[row] = 0
        self.lengths[row] = 0


class CoreNetwork(nn.Module):
    """The network. Weights are shared by all callers; a state has one owner."""

    rotations: Tensor

    def __init__(self, config: CoreConfig) -> None:
        super().__init__()
        self.config = config
        self.fusion = Fusion(config)
        self.token_norm = nn.RMSNorm(config.width, eps=1e-5)
        self.layers = nn.ModuleList(CoreLayer(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.width, eps=1e-5)
        count = FLOORS + PERSON_STATES + PROJECTIONS[0] * PROJECTIONS[1]
        self.heads = nn.Linear(config.width, count)
        self.onsets = OnsetsReader(config) if "person_bands" in config.streams else None
        self.register_buffer("rotations", rotations(config), persistent=False)
        self._start()

    def new_state(self, rows: int) -> CoreState:
        """The state of rows that have read nothing."""
        config = self.config
        shape = (config.layers, rows, config.heads, config.window + 1, config.head_width)
        like = self.heads.weight
        return CoreState(
            keys=like.new_zeros(shape),
            values=like.new_zeros(shape),
            heard=like.new_zeros((rows, HEARD + 1, HOPS, BANDS), dtype=torch.uint8),
            lengths=like.new_zeros(rows, dtype=torch.int64),
        )

    def forward(
        self, inputs: CoreInputs, keys: Tensor, values: Tensor, heard: Tensor, lengths: Tensor,
        active: Tensor,
    ) -> tuple[CoreOutputs, Tensor]:  # fmt: skip
        """`step` on bare tensors, which can be exported and captured; writes the rings."""
        capacity = keys.shape[3]
        rows = torch.arange(lengths.shape[0], device=lengths.device)
        slot = lengths % capacity
        rotation = self.rotations[lengths % self.config.period]
        age = (slot.unsqueeze(1) - torch.arange(capacity, device=slot.device)) % capacity
        seen = (age < self.config.window) & (age <= lengths.unsqueeze(1))
        advance = active[:, None, None]
        second = _heard(heard, inputs.person_dmel, lengths, active)
        x = self.token_norm(self.fusion(inputs))
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, CoreLayer)
            queries, key, value = layer.project(x, rotation)
            for ring, new in ((keys[number], key), (values[number], value)):
                ring[rows, :, slot] = torch.where(advance, new, ring[rows, :, slot])
            x = layer.step(x, keys[number], values[number], queries, seen)
        return self._with_onsets(self.read(x), second), lengths + active

    def step(
        self, inputs: CoreInputs, state: CoreState, active: Tensor
    ) -> tuple[CoreOutputs, CoreState]:
        """Read one micro-turn of every active row.

        Args:
            inputs: `[rows, …]`; rows that are not active may hold anything of the right type.
            state: stays valid until the next step after this one; see `CoreState`.
            active: bool `[rows]`; outputs of other rows mean nothing.

        Returns:
            logits `[rows, …]`; the next state.
        """
        rings = (state.keys, state.values, state.heard)
        outputs, lengths = self(inputs, *rings, state.lengths, active)
        return outputs, CoreState(*rings, lengths)

    def whole(self, inputs: CoreInputs, dropped: float = 0.0) -> CoreOutputs:
        """Sequences that begin with their first micro-turn, `[batch, T, …]` to `[batch, T, …]`."""
        outputs = self.read(self.hidden(inputs, dropped))
        return self._with_onsets(outputs, padded(inputs.person_dmel))

    def hidden(self, inputs: CoreInputs, dropped: float = 0.0) -> Tensor:
        """What `whole` reads its outputs from `[batch, T, width]`.

        Positions repeat after `config.period`, so T may be anything that fits into memory.
        `dropped` is the share of tokens' and layers' features left out at random, for training.
        """
        x = nn.functional.dropout(self.token_norm(self.fusion(inputs)), dropped)
        at = torch.arange(x.shape[1], device=x.device)
        distance = at.unsqueeze(1) - at
        seen = (distance >= 0) & (distance < self.config.window)
        rotation = self.rotations[at % self.config.period]
        for layer in self.layers:
            assert isinstance(layer, CoreLayer)
            x = layer.whole(x, rotation, seen, dropped)
        return x

    def read(self, x: Tensor) -> CoreOutputs:
        """The transformer's own outputs from its last layer's `[…, width]`."""
        logits = self.heads(self.norm(x))
        floor, person, projection = logits.split(
            (FLOORS, PERSON_STATES, PROJECTIONS[0] * PROJECTIONS[1]), -1
        )
        return CoreOutputs(floor, person, projection.unflatten(-1, PROJECTIONS))

    def _with_onsets(self, outputs: CoreOutputs, heard: Tensor) -> CoreOutputs:
        """The same with what the bands say of a yield, for as many micro-turns: the log-odds of a
        yield against all else are the weighted sum of both experts' (`CoreConfig`)."""
        if self.onsets is None:
            return outputs
        floor = outputs.floor
        odds = self.onsets(heard).view(*floor.shape[:-1], 1)
        added = self.config.onsets_weight * odds
        if self.config.yield_weight != 1.0:
            rest = torch.cat((floor[..., :YIELD], floor[..., YIELD + 1 :]), -1)
            own = floor[..., YIELD : YIELD + 1] - rest.logsumexp(-1, keepdim=True)
            added = added + (self.config.yield_weight - 1.0) * own
        added = nn.functional.pad(added, (YIELD, FLOORS - 1 - YIELD))
        return outputs._replace(floor=floor + added)

    def _start(self) -> None:
        """Initial weights; layers begin near the identity."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            if name.startswith("layers.") and name.endswith((".attended", ".out")):
                assert isinstance(module, nn.Linear)
                deep = (2 * self.config.layers) ** -0.5
                nn.init.normal_(module.weight, std=deep * module.in_features**-0.5)
        nn.init.normal_(self.heads.weight, std=0.02)
        if self.onsets is not None:
            # What has not learnt yet says nothing.
            nn.init.zeros_(self.onsets.told.weight)


def _heard(ring: Tensor, bins: Tensor, lengths: Tensor, active: Tensor) -> Tensor:
    """Write the bins of active rows `[rows, 2, 80]`; the last second of all `[rows, hops, 80]`."""
    capacity = ring.shape[1]
    rows = torch.arange(lengths.shape[0], device=lengths.device)
    slot = lengths % capacity
    ring[rows, slot] = torch.where(active[:, None, None], bins, ring[rows, slot])
    at = lengths.unsqueeze(1) - torch.arange(HEARD - 1, -1, -1, device=lengths.device)
    found = ring[rows.unsqueeze(1), at % capacity]
    return torch.where((at < 0)[:, :, None, None], 0, found).flatten(1, 2)


def save_core(network: CoreNetwork, folder: Path) -> None:
    """Write `core.safetensors` and `config.json`; an existing checkpoint is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    passing = folder / f"{WEIGHTS}.part"
    save_file(tensors, passing)
    network.config.write(folder / CONFIG)
    passing.replace(folder / WEIGHTS)


def load_core(folder: Path, device: str | torch.device = "cpu") -> CoreNetwork:
    """The network of a checkpoint, for inference.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: it is of another format, or weights are missing, unknown or of other shapes.
    """
    for name in (WEIGHTS, CONFIG):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing: run `counterpoint train core`")
    network = CoreNetwork(CoreConfig.from_file(folder / CONFIG))
    try:
        network.load_state_dict(load_file(folder / WEIGHTS), strict=True)
    except RuntimeError as error:
        raise ValueError(f"{folder / WEIGHTS} does not fit its {CONFIG}: {error}") from error
    return network.to(device).requires_grad_(False).eval()
