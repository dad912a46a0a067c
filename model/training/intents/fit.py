"""The probe itself: logistic regression on standardised states, multinomial for what is intended,
and of watches whether the words to be said are the person's own."""

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

__all__ = ["fitted", "judged", "owned", "saved", "wanted"]

STEPS: Final = 120
LEAST_SPREAD: Final = 1e-3


def wanted(sentences: Sequence[Sentence]) -> Tensor:
    """Places in `INTENTS`, `[sentences]`."""
    return torch.tensor([INTENTS.index(one.intent) for one in sentences])


def owned(sentences: Sequence[Sentence]) -> Tensor:
    """One where the person's own words are to be said, nought where ours are, and -1 where there is
    nothing to be said later: `[sentences]`."""
    watches = [one.intent.what == "watch" for one in sentences]
    return torch.tensor(
        [float(s.own) if w else -1.0 for s, w in zip(sentences, watches, strict=True)]
    )


def fitted(
    states: Tensor, places: Tensor, owns: Tensor, layers: Sequence[int], decay: float
) -> Intents:
    """The probe with the least loss: cross entropies, and `decay` times the squares of its weights.

    Args:
        states: `[sentences, width]`.
        places: in `INTENTS`, `[sentences]`.
        owns: whose words are to be said, as `owned` gives it, `[sentences]`.
        layers: of which the states are.
        decay: above 0.
    """
    middle, spread = states.mean(0), states.std(0).clamp(min=LEAST_SPREAD)
    x = (states - middle) / spread
    weight = torch.zeros(len(INTENTS) + 1, states.shape[1], requires_grad=True)
    bias = torch.zeros(len(INTENTS) + 1, requires_grad=True)
    said = owns >= 0
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        outputs = x @ weight.T + bias
        loss = torch.nn.functional.cross_entropy(outputs[:, :-1], places)
        own = torch.nn.functional.binary_cross_entropy_with_logits
        loss = loss + own(outputs[said, -1], owns[said])
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
