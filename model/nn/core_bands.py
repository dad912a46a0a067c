"""The person's last second of bands, read as numbers.

The embeddings of dMel give every bin of a band a vector of its own, in which a bin and the next
louder one have nothing in common: what is alike in sounds of different levels, and how bands move
together, has to be learnt for every level anew. Two convolutions on the same bins tell an "okay"
over our voice from an interruption much earlier (`model/training/TRAINING.md`, the fifth
training). They stand beside the embeddings.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from model.nn.core_config import CoreConfig
from model.nn.dmel import BANDS, BINS

__all__ = ["HEARD", "HOPS", "BandsReader", "padded"]

HEARD: Final = 10
"""Micro-turns that are read, the newest included."""

HOPS: Final = 2
KERNEL: Final = 3

CENTRE: Final = 5.0
SPREAD: Final = (BINS - 1 - CENTRE) / 2.5
"""About the mean and deviation of a bin where somebody speaks."""

DROPPED: Final = 2.0
"""Of its features so many times what is left out elsewhere: few events are told apart by them."""


class BandsReader(nn.Module):
    """Bins as numbers through two convolutions along time, then all of the second at once."""

    def __init__(self, config: CoreConfig) -> None:
        super().__init__()
        width = config.sound_width
        self.near = nn.Conv1d(BANDS, width, KERNEL)
        self.far = nn.Conv1d(width, width, KERNEL)
        self.second = nn.Conv1d(width, width, HOPS * HEARD - 2 * (KERNEL - 1), stride=HOPS)
        self.out = nn.Linear(width, config.width, bias=False)

    def forward(self, heard: Tensor, dropped: float = 0.0) -> Tensor:
        """Bins `[batch, 2 · (HEARD - 1 + T), 80]` to vectors `[batch, T, width]`.

        `dropped` is as in `CoreNetwork.hidden`.
        """
        return self.out(self.features(heard, dropped))

    def features(self, heard: Tensor, dropped: float = 0.0) -> Tensor:
        """What `forward` makes its vectors of `[batch, T, sound_width]`."""
        x = nn.functional.dropout((heard.float() - CENTRE) / SPREAD, dropped).mT
        for convolution in (self.near, self.far, self.second):
            x = nn.functional.dropout(nn.functional.relu(convolution(x)), DROPPED * dropped)
        return x.mT


def padded(bins: Tensor) -> Tensor:
    """A sequence's bins `[batch, T, 2, 80]` with the silence before it, as `BandsReader` reads."""
    before = bins.new_zeros(bins.shape[0], HOPS * (HEARD - 1), BANDS)
    return torch.cat([before, bins.flatten(1, 2)], 1)
