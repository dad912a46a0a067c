"""What Ears' encoder will say of the moment just heard, foretold from all that is known by then.

Live the encoder's states of a moment come two micro-turns and more after it, and only the sound
itself is there at once. Whether "okay" or "wait" begins is heard in that sound by who knows what
speech is made of, and an hour of conversation holds some hundred such beginnings: far too few to
learn it from. Every spoken moment has a state of the encoder, though, so Core learns to foretell
them, in training only: a distillation of Ears (Hinton et al. 2015, arXiv:1503.02531).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from model.interaction import streams
from model.training.augment import STATE_SPREAD
from model.training.dataset import Crop

__all__ = ["Ahead", "EarsAhead", "ahead", "stacked"]


class Ahead(NamedTuple):
    """The encoder's newest pool about every micro-turn.

    Attributes:
        states: in standard deviations of a feature `[…, T, 288]`.
        known: where there is one, bool `[…, T]`.
    """

    states: Tensor
    known: Tensor


class EarsAhead(nn.Module):
    """A linear reading of Core's last layer, thrown away after training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.read = nn.Sequential(
            nn.RMSNorm(width, eps=1e-5), nn.Linear(width, streams.ENCODER_WIDTH)
        )

    def forward(self, hidden: Tensor, wanted: Ahead) -> Tensor:
        """Mean error where a state is known, in standard deviations of a feature; else 0.

        Squared below one and linear above: a few features of an encoder are far from all others.
        """
        told = self.read(hidden).float()
        error = fn.smooth_l1_loss(told, wanted.states, reduction="none").mean(-1)
        known = wanted.known.float()
        return (error * known).sum() / known.sum().clamp(min=1.0)


def ahead(crop: Crop) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.bool_]]:
    """States `[T, 288]` and where they are known `[T]`, of a crop that is not augmented yet.

    A state that is `age` micro-turns old when it enters is about the moment so long before.
    """
    length = len(crop.refresh)
    states = np.zeros((length, streams.ENCODER_WIDTH), np.float16)
    known = np.zeros(length, bool)
    fresh = np.flatnonzero((crop.refresh >= 0) & (np.diff(crop.refresh, prepend=-1) != 0))
    about = fresh - crop.inputs["encoder_age"][fresh]
    inside = about >= 0
    newest = crop.states[crop.refresh[fresh[inside]], 0]
    states[about[inside]] = newest / np.float16(STATE_SPREAD)
    # An empty pool is digital zero: nothing was there to be heard.
    known[about[inside]] = newest.any(-1)
    return states, known


def stacked(found: list[tuple[npt.NDArray[np.float16], npt.NDArray[np.bool_]]],
            device: torch.device) -> Ahead:  # fmt: skip
    """Those of a batch `[batch, T, …]`."""
    states, known = (np.stack(part) for part in zip(*found, strict=True))
    return Ahead(torch.from_numpy(states).to(device).float(), torch.from_numpy(known).to(device))
