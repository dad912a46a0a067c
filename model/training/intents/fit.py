"""The probe itself: multinomial logistic regression on standardised states."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from torch import Tensor

from model.interaction.intent import INTENTS, Intents
from model.training.intents.sentences import Sentence

__all__ = ["fitted", "judged", "saved", "wanted"]

STEPS: Final = 120
LEAST_SPREAD: Final = 1e-3


def wanted(sentences: Sequence[Sentence]) -> Tensor:
    """Places in `INTENTS`, `[sentences]`."""
    return torch.tensor([INTENTS.index(one.intent) for one in sentences])


def fitted(states: Tensor, places: Tensor, layers: Sequence[int], decay: float) -> Intents:
    """The probe with the least loss: cross entropy, and `decay` times the squares of its weights.

    Args:
        states: `[sentences, width]`.
        places: in `INTENTS`, `[sentences]`.
        layers: of which the states are.
        decay: above 0.
    """
    middle, spread = states.mean(0), states.std(0).clamp(min=LEAST_SPREAD)
    x = (states - middle) / spread
    weight = torch.zeros(len(INTENTS), states.shape[1], requires_grad=True)
    bias = torch.zeros(len(INTENTS), requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(x @ weight.T + bias, places)
        loss = loss + decay * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return Intents(layers, middle, spread, weight.detach(), bias.detach())


def judged(probe: Intents, states: Tensor) -> Tensor:
    """How likely each intent is: `[sentences, intents]`."""
    return torch.stack([probe.shares(one) for one in states])


def saved(probe: Intents, path: Path, notes: Mapping[str, str]) -> None:
    """Write the file that `Intents.load` reads; `notes` say how it was made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(probe.tensors(), path, {"layers": json.dumps(probe.layers), **notes})
