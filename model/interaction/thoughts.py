"""What some layers of a decoder made of the last tokens of each row, for whoever reads it."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["Thoughts"]

KEPT_TOKENS: Final = 128


class Thoughts:
    """Outputs of layers by row and place, the last `KEPT_TOKENS` of each row.

    Attributes:
        layers: which are kept, from 0; none unless somebody sets them.
    """

    def __init__(self) -> None:
        self.layers: tuple[int, ...] = ()
        # Not tensors: some are made while no gradients are kept, and may not be changed elsewhere.
        self._kept: dict[int, npt.NDArray[np.float32]] = {}

    def take(self, row: int, layer: int, position: int, x: Tensor) -> None:
        """Keep what a layer made of tokens that stand from `position` on, `[tokens, hidden]`."""
        if layer not in self.layers:
            return
        shape = (KEPT_TOKENS, len(self.layers), x.shape[1])
        kept = self._kept.setdefault(row, np.zeros(shape, np.float32))
        at = np.arange(position, position + len(x)) % KEPT_TOKENS
        kept[at, self.layers.index(layer)] = x.detach().float().cpu().numpy()

    def mean(self, row: int, start: int, end: int) -> Tensor:
        """Means over the tokens at these places, layer by layer: `[layers * hidden]`, on the CPU.

        Raises:
            ValueError: no place, or more than are kept.
            KeyError: nothing was read into the row.
        """
        if not 0 < end - start <= KEPT_TOKENS:
            raise ValueError(f"1 to {KEPT_TOKENS} tokens are kept, not {end - start}")
        mean = self._kept[row][np.arange(start, end) % KEPT_TOKENS].mean(0)
        return torch.from_numpy(mean.flatten())
