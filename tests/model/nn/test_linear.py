"""int8 matrices: exact sums on any processor, rows that never feel each other."""

from __future__ import annotations

import pytest
import torch

from model.nn.linear import Float, Int8, quantize_rows
from model.nn.whole import LEVELS, WholeProduct, quickest


def made(outputs: int, inputs: int, bias: bool = False) -> tuple[Int8, torch.Tensor]:
    torch.manual_seed(0)
    weight = torch.randn(outputs, inputs)
    whole, scale = quantize_rows(weight)
    offsets = torch.randn(outputs) if bias else None
    matrix = Int8(whole.to(torch.int8), scale.squeeze(1), offsets)
    return matrix, weight


@pytest.mark.parametrize("bias", [False, True])
def test_int8_is_near_the_matrix_it_stands_for(bias: bool) -> None:
    matrix, weight = made(320, 256, bias)
    x = torch.randn(2, 5, 256)
    wanted = Float(weight, matrix.bias)(x)
    assert (matrix(x) - wanted).abs().max() < 0.02 * wanted.abs().max()


def test_packing_changes_no_bit() -> None:
    plain, _ = made(320, 256, bias=True)
    packed, _ = made(320, 256, bias=True)
    packed.pack()
    x = torch.randn(9, 256) * torch.logspace(-6, 6, 9).unsqueeze(1)
    x[3] = 0
    assert torch.equal(plain(x), packed(x))
    assert packed.bias is not None and torch.equal(packed(x)[3], packed.bias)


@pytest.mark.parametrize("pack", [False, True])
def test_a_row_is_bitwise_the_same_in_any_batch(pack: bool) -> None:
    matrix, _ = made(1152, 896)
    if pack:
        matrix.pack()
    x = torch.randn(64, 896)
    together = matrix(x)
    for size in range(1, 9):
        for start in (0, 5, 64 - size):
            rows = slice(start, start + size)
            assert torch.equal(matrix(x[rows]), together[rows])
    x[1:] = torch.inf
    assert torch.equal(matrix(x[:8])[0], together[0])


@pytest.mark.parametrize("kernel", sorted({"fbgemm", "plain", quickest()}))
def test_every_kernel_gives_the_exact_sums(kernel: str) -> None:
    dice = torch.Generator().manual_seed(4)
    weight = torch.randint(-127, 128, (96, 1152), dtype=torch.int8, generator=dice)
    rows = torch.randint(-127, 128, (20, 1152), generator=dice).float()
    rows[0], rows[1], weight[0] = LEVELS, -LEVELS, 127  # the largest sums there can be
    wanted = rows.double() @ weight.double().t()
    for many in (False, True):
        product = WholeProduct(weight, many, kernel)
        assert torch.equal(product(rows).double(), wanted.float().double())
        assert torch.equal(product(rows[2:5]).double(), wanted[2:5])


def test_this_processor_has_a_quick_kernel() -> None:
    assert quickest() != "plain"


def test_fine_rows_are_read_to_fifteen_bits() -> None:
    generator = torch.Generator().manual_seed(3)
    weight = torch.randint(-127, 128, (32, 576), dtype=torch.int8, generator=generator)
    scale = torch.rand(32, generator=generator) * 0.01
    rows = torch.randn(5, 576, generator=generator)
    rows[:, 7] = 200.0
    exact = rows @ (weight.float() * scale[:, None]).t()
    plain, fine = Int8(weight, scale), Int8(weight, scale, fine=True)
    far, near = ((one(rows) - exact).abs().max() for one in (plain, fine))
    assert near < far / 100
    alone = torch.cat([fine(row[None]) for row in rows])
    assert torch.equal(fine(rows), alone)
    fine.pack()
    assert torch.equal(fine(rows), alone)
