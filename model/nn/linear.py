"""Matrix times vector, in floating point and in int8 with one activation scale per row.

int8 on the CPU, chosen by measurement (0.5B shapes, one thread of an AVX512-VNNI machine, whole
model; milliseconds for a batch of 1 / 4 / 32 rows): oneDNN with prepacked weights 41 / 38 / 107;
`_int_mm` 46 / 76 / 156 (it packs the weights in every call); `_weight_int8pack_mm` bf16 66 / 86 /
567, fp32 408 / 1669 / 14436; bf16 110 / 116 / 246; int4 in groups of 32 28 / 48 / 390, which wins
for a single row only. All of them gave every row the same bits whatever rows were beside it.
On a processor without VNNI it is another kernel: see `whole`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.nn.whole import LEVELS, WholeProduct

__all__ = ["Float", "Int8", "Rows", "quantize_rows"]

_SMALLEST = 1e-8
_REST_LEVELS = 2 * LEVELS
"""What rounding leaves lies in [-1/2, 1/2]."""


def quantize_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers in [-127, 127], still float, and the scale of each row `[…, 1]`."""
    scale = x.abs().amax(-1, keepdim=True).clamp(min=_SMALLEST) / LEVELS
    return torch.round(x / scale), scale


class Float(nn.Module):
    """A plain matrix `[out, in]` in whatever floating dtype it is given."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """`[…, in]` to `[…, out]`."""
        return nn.functional.linear(x, self.weight, self.bias)


class Int8(nn.Module):
    """A matrix of int8 `[out, in]` with a float32 scale per output row.

    Activations are quantised row by row, so a row's result never depends on its neighbours, and
    the sums are exact integers, so it does not depend on the kernel either.

    Args:
        weight: int8 `[out, in]`.
        scale: float32 `[out]`.
        bias: float32 `[out]`.
        fine: what rounding leaves of a row is multiplied too, in the same product: 15 bits instead
            of 8, for inputs in which single values are hundreds of times the others.
    """

    weight: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(
        self, weight: Tensor, scale: Tensor, bias: Tensor | None = None, fine: bool = False
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)
        self.fine = fine
        self._packed: WholeProduct | None = None

    def pack(self) -> None:
        """Trade the plain weights for the order of the quickest exact kernel of this processor.

        Packed weights cannot be exported, moved or saved.
        """
        if self._packed is None:
            self._packed = WholeProduct(self.weight)
            if self._packed.kernel != "plain":
                self.weight = self.weight.new_empty(0)

    def forward(self, x: Tensor) -> Tensor:
        """Float32 `[…, in]` to `[…, out]`."""
        rows = x.reshape(-1, x.shape[-1])
        whole, row_scale = quantize_rows(rows)
        if self.fine:
            rest = torch.round((rows / row_scale - whole) * _REST_LEVELS)
            sums, left = self._product(torch.cat([whole, rest])).chunk(2)
            sums = sums + left / _REST_LEVELS
        else:
            sums = self._product(whole)
        y = sums * self.scale * row_scale
        if self.bias is not None:
            y = y + self.bias
        return y.view(*x.shape[:-1], -1)

    def _product(self, whole: Tensor) -> Tensor:
        if self._packed is None:
            return torch._int_mm(whole.to(torch.int8), self.weight.t()).float()
        return self._packed(whole)


class Rows(nn.Module):
    """An embedding: rows of a matrix by id, int8 with scales or plain floats."""

    weight: Tensor
    scale: Tensor | None

    def __init__(self, weight: Tensor, scale: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids `[…]` to vectors `[…, hidden]`."""
        rows = self.weight[ids]
        return rows if self.scale is None else rows.float() * self.scale[ids].unsqueeze(-1)
