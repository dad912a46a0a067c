"""Whether what the person begins over our voice is an interruption, by the last second of bands.

The embeddings of dMel give every bin of a band a vector of its own, in which a bin and the next
louder one have nothing in common. Three convolutions over the same bins as numbers tell an "okay"
from an interruption a tenth of a second sooner than the transformer does. As one more stream of it
they changed nothing: it knows the few thousand such beginnings of its training by heart from all
that came before them, and so never needs to listen. Hence two experts whose odds are multiplied
(Hinton 2002, "Training products of experts"); figures in `model/training/TRAINING.md`.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from model.nn.core_config import CoreConfig
from model.nn.dmel import BANDS, BINS

__all__ = ["HEARD", "HOPS", "OnsetsReader", "padded"]

HEARD: Final = 10
"""Micro-turns that are read, the newest included."""

HOPS: Final = 2
KERNEL: Final = 3

CENTRE: Final = 5.0
SPREAD: Final = (BINS - 1 - CENTRE) / 2.5
"""About the mean and deviation of a bin where somebody speaks."""


class OnsetsReader(nn.Module):
    """Bins as numbers through two convolutions along time, then all of the second at once."""

    def __init__(self, config: CoreConfig) -> None:
        super().__init__()
        width = config.sound_width
        self.near = nn.Conv1d(BANDS, width, KERNEL)
        self.far = nn.Conv1d(width, width, KERNEL)
        self.second = nn.Conv1d(width, width, HOPS * HEARD - 2 * (KERNEL - 1), stride=HOPS)
        self.told = nn.Linear(width, 1)

    def forward(self, heard: Tensor, dropped: float = 0.0) -> Tensor:
        """Log-odds of an interruption `[batch, T]`; where we are silent they mean nothing.

        Args:
            heard: bins `[batch, 2 · (HEARD - 1 + T), 80]`.
            dropped: share of the bins left out at random, for training; of the features twice that.
        """
        x = nn.functional.dropout((heard.float() - CENTRE) / SPREAD, dropped).mT
        for convolution in (self.near, self.far, self.second):
            x = nn.functional.dropout(nn.functional.relu(convolution(x)), 2 * dropped)
        return self.told(x.mT).squeeze(-1)


def padded(bins: Tensor) -> Tensor:
    """A sequence's bins `[batch, T, 2, 80]` with silence before it, as `OnsetsReader` reads."""
    before = bins.new_zeros(bins.shape[0], HOPS * (HEARD - 1), BANDS)
    return torch.cat([before, bins.flatten(1, 2)], 1)
