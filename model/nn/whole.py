"""Products of whole numbers: int8 weights times int8 rows, exact, by the quickest kernel there is.

Which one that is depends on the processor (one thread, 896 x 4864 weights, milliseconds for a batch
of 1 / 4 / 32 rows):

                                    AVX512 with VNNI       AVX2 only
    oneDNN, u8 x s8                 quickest               inexact: pairs saturate in 16 bits
    FBGEMM, rows in two halves      not needed             .19 / .36 / 3.4
    oneDNN, rows in two halves      not needed             1.4 / 1.9 / 6.5
    `_int_mm`                       3 times oneDNN's       3.0 / 11.9 / 97: a plain loop
    float32                         –                      .67 / 2.8 / 6.4

Without VNNI a sum of two products must fit 16 bits, so one factor has to have 7 bits: a row v in
[-127, 127] is read as 2h + l with h in [-64, 63] and l in {0, 1}, both rows of one product. Small
matrices that read many rows at once (a recogniser's encoder: 22 ms for 2 s instead of 35) are
quicker as float32, exact as long as no sum reaches 2**24. The sums are the same whole numbers in
every way. Of AVX512's instructions AMX is left out: see `model.instructions`.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

__all__ = ["LEVELS", "WholeProduct", "quickest"]

LEVELS: Final = 127.0
"""Whole numbers lie in [-127, 127]."""

_EXACT: Final = 2.0**24
"""Whole numbers below are floats of 32 bits, in whatever order they are summed."""

_MANY: Final = 16
_ZERO_POINT: Final = 128
_HALF_ZERO_POINT: Final = 64

Product = Callable[[Tensor], Tensor]


class WholeProduct:
    """`whole @ weight.T` for int8 weights `[out, in]`, prepacked; the CPU's only.

    Calls are safe from any thread. Rows of a batch never feel each other.

    Args:
        weight: int8.
        many: often of many rows at once; where that is quicker, float32 weights are kept besides.
        kernel: "onednn", "fbgemm" or "plain"; None for the quickest exact one.
    """

    def __init__(self, weight: Tensor, many: bool = False, kernel: str | None = None) -> None:
        self.kernel = kernel or quickest()
        self._product = _MAKERS[self.kernel](weight)
        self._floats: Tensor | None = None
        if many and self.kernel != "onednn":
            floats = weight.float()
            if float(floats.abs().sum(1).max()) * LEVELS < _EXACT:
                self._floats = floats

    def __call__(self, whole: Tensor) -> Tensor:
        """Float32 whole numbers in [-127, 127] `[n, in]` to their float32 sums `[n, out]`."""
        if self._floats is not None and whole.shape[0] >= _MANY:
            return whole @ self._floats.t()
        return self._product(whole)


def _plain(weight: Tensor) -> Product:
    turned = weight.t()
    return lambda whole: torch._int_mm(whole.to(torch.int8), turned).float()


def _onednn(weight: Tensor) -> Product:
    packed = torch.ops.onednn.qlinear_prepack(weight, None)
    ones = torch.ones(weight.shape[0])
    zeros = torch.zeros(weight.shape[0], dtype=torch.int64)

    def product(whole: Tensor) -> Tensor:
        shifted = (whole + _ZERO_POINT).to(torch.uint8)
        return torch.ops.onednn.qlinear_pointwise(
            shifted, 1.0, _ZERO_POINT, packed, ones, zeros, None, 1.0, 0, torch.float32,
            "none", [], "",
        )  # fmt: skip

    return product


def _fbgemm(weight: Tensor) -> Product:
    packed = _fbgemm_packed(weight)
    halves = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32

    def product(whole: Tensor) -> Tensor:
        high = torch.floor(whole * 0.5)
        both = torch.cat([high, whole - 2 * high])
        upper, lower = halves(both, 1.0, _HALF_ZERO_POINT, packed).chunk(2)
        return torch.add(lower, upper, alpha=2)

    return product


def _fbgemm_packed(weight: Tensor) -> Any:
    rows = weight.shape[0]
    with warnings.catch_warnings():
        # Quantised tensors are to leave torch one day; torch is pinned, and `quickest` tries it.
        warnings.simplefilter("ignore", UserWarning)
        made = torch._make_per_channel_quantized_tensor(
            weight.contiguous(),
            torch.ones(rows, dtype=torch.float64),
            torch.zeros(rows, dtype=torch.int64),
            0,
        )
        return torch.ops.quantized.linear_prepack(made, None)


_MAKERS: Final[dict[str, Callable[[Tensor], Product]]] = {
    "onednn": _onednn,
    "fbgemm": _fbgemm,
    "plain": _plain,
}


@functools.cache
def quickest() -> str:
    """The quickest kernel that gives the exact sums of the largest numbers, tried here."""
    signs = torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(16)
    whole = torch.stack([signs * LEVELS, -signs * LEVELS, signs.abs() * LEVELS, signs * 2 - 1])
    weight = torch.stack([signs * LEVELS, signs.abs() * -LEVELS]).to(torch.int8).repeat(32, 1)
    wanted = whole.double() @ weight.double().t()
    for name in ("onednn", "fbgemm"):
        try:
            got = _MAKERS[name](weight)(whole)
        except (AttributeError, RuntimeError):  # this build of torch has not got it
            continue
        if torch.equal(got.double(), wanted):
            return name
    return "plain"
