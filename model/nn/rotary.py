"""Rotary positions, by halves as in the `transformers` library."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["inverse_frequencies", "rotate", "turns"]


def inverse_frequencies(head_dim: int, theta: float, factors: Tensor | None = None) -> Tensor:
    """Angle per position of each pair, float64 `[head_dim / 2]`; `factors` divide it."""
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim
    frequencies = theta**-exponents
    return frequencies if factors is None else frequencies / factors.double()


def turns(positions: Tensor, frequencies: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine `[batch, T, 1, head_dim]`, float32, of positions `[batch, T]`.

    The angles are float64: positions count from the start of a conversation and only differences
    matter, which float32 would blur after some ten thousand tokens.
    """
    angles = positions.unsqueeze(-1).double() * frequencies
    angles = torch.cat([angles, angles], -1).unsqueeze(2)
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn `[batch, T, heads, head_dim]` to its positions; computed in float32."""
    first, second = x.float().chunk(2, -1)
    turned = torch.cat([-second, first], -1)
    return (x.float() * cosine + turned * sine).to(x.dtype)
