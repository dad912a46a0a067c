"""Pictures to vectors: patches go where they belong, rows do not mix, steps are the whole."""

from __future__ import annotations

import torch

from model.nn.core_streams import PICTURE_WIDTH
from model.nn.patches import HEIGHT, PATCH, TOKENS, WIDTH, PictureEmbedding


def made() -> PictureEmbedding:
    torch.manual_seed(4)
    return PictureEmbedding(PICTURE_WIDTH).eval().requires_grad_(False)


def pictures(*shape: int) -> torch.Tensor:
    chance = torch.Generator().manual_seed(7)
    return torch.randint(0, 256, (*shape, 3, HEIGHT, WIDTH), generator=chance, dtype=torch.uint8)


def test_a_patch_changes_its_own_token_only() -> None:
    net, one = made(), pictures(1)
    other = one.clone()
    other[..., 2 * PATCH : 3 * PATCH, 5 * PATCH : 6 * PATCH] = 0
    apart = (net.tokens(one) != net.tokens(other)).any(-1)[0]
    assert apart.nonzero().flatten().tolist() == [2 * (WIDTH // PATCH) + 5]
    assert net.tokens(one).shape == (1, TOKENS, 64)


def test_steps_are_the_whole_and_rows_do_not_mix() -> None:
    net, sequence = made(), pictures(2, 3)
    whole = net(sequence)
    assert whole.shape == (2, 3, PICTURE_WIDTH)
    for step in range(3):
        torch.testing.assert_close(net(sequence[:, step]), whole[:, step], rtol=1e-4, atol=1e-4)
    neighbour = sequence[:, 0].clone()
    neighbour[1] = 0
    assert torch.equal(net(sequence[:, 0])[0], net(neighbour)[0])


def test_it_exports_and_learns() -> None:
    net, one = made(), pictures(2)
    exported = torch.export.export(net, (one,))
    torch.testing.assert_close(exported.module()(one), net(one))
    learning = PictureEmbedding()
    learning(one).square().sum().backward()
    assert all(weight.grad is not None for weight in learning.parameters())
