"""A picture to one vector: patches of 40 by 40 pixels, each folded to a token, pooled.

The front end of a published interaction model, in small: no convolution, no attention between
patches; each patch is folded in two linear steps, the tokens are weighed against one another and
summed. Nothing is kept from one picture to the next, so a step is the whole sequence, cut.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

__all__ = ["HEIGHT", "PATCH", "TOKENS", "WIDTH", "PictureEmbedding"]

PATCH: Final = 40
CELL: Final = 8
"""A patch is folded in cells of 8 by 8 first."""

HEIGHT: Final = 240
WIDTH: Final = 320
"""Of the pictures: 6 by 8 patches."""

TOKENS: Final = (HEIGHT // PATCH) * (WIDTH // PATCH)


class PictureEmbedding(nn.Module):
    """Pictures to vectors.

    Args:
        width: of the vector; Core's picture stream takes 64.
        inner: of a cell's and a token's vector.
    """

    def __init__(self, width: int = 64, inner: int = 64) -> None:
        super().__init__()
        cells = (PATCH // CELL) ** 2
        self.cell = nn.Linear(3 * CELL * CELL, inner)
        self.fold = nn.Linear(cells * inner, inner, bias=False)
        self.norm = nn.RMSNorm(inner, eps=1e-5)
        self.place = nn.Parameter(torch.randn(TOKENS, inner) * 0.1)
        self.weigh = nn.Linear(inner, 1)
        self.out = nn.Linear(inner, width)

    def forward(self, pictures: Tensor) -> Tensor:
        """RGB from 0 to 255 `[…, 3, 240, 320]` to `[…, width]`; pictures do not mix."""
        tokens = self.tokens(pictures)
        shares = self.weigh(tokens).softmax(-2)
        return self.out((shares * tokens).sum(-2))

    def tokens(self, pictures: Tensor) -> Tensor:
        """One token a patch, row by row: `[…, TOKENS, inner]`."""
        per = PATCH // CELL
        x = pictures.float() / 127.5 - 1.0
        before = x.shape[:-3]
        x = x.reshape(*before, 3, HEIGHT // PATCH, per, CELL, WIDTH // PATCH, per, CELL)
        # Colour, patch down, cell down, pixel down, patch across, cell across, pixel across.
        order = (-6, -3, -5, -2, -7, -4, -1)
        x = x.permute(*range(x.ndim - 7), *(x.ndim + axis for axis in order))
        cells = nn.functional.silu(self.cell(x.flatten(-3)))
        folded = self.fold(cells.flatten(-3))
        return self.norm(folded).flatten(-3, -2) + self.place
