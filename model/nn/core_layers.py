"""Core's transformer layers: attention over a window, by steps over a ring or all at once.

Positions are rotary and repeat: the frequencies are whole multiples of one turn per `period`
micro-turns. So keys can be kept turned, angles come from a table, the millionth step is as exact
as the first, and attention, which feels differences only, cannot tell since they are shorter
than half a period.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.nn.core_config import CoreConfig

__all__ = ["CoreLayer", "rotations"]


def rotations(config: CoreConfig) -> Tensor:
    """Cosines and sines of all positions, float32 `[period, 2, head_width]`."""
    pairs = config.head_width // 2
    shares = torch.arange(pairs, dtype=torch.float64) / max(pairs - 1, 1)
    # From one turn in about 2 pi micro-turns to one in twice the window, in whole numbers.
    fastest = config.period / (2 * torch.pi)
    slowest = max(config.period / (2 * config.window), 1.0)
    counts = (fastest * (slowest / fastest) ** shares).round().clamp(min=1)
    positions = torch.arange(config.period, dtype=torch.float64)
    turns = torch.remainder(positions.unsqueeze(1) * counts, config.period) / config.period
    angles = (2 * torch.pi * turns).repeat(1, 2)
    return torch.stack([angles.cos(), angles.sin()], 1).float()


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Turn `[…, heads, head_width]` by `[…, 2, head_width]`."""
    first, second = x.chunk(2, -1)
    cosine, sine = rotation.unsqueeze(-3).unbind(-2)
    return x * cosine + torch.cat([-second, first], -1) * sine


class CoreLayer(nn.Module):
    """One layer: attention and SwiGLU, each behind an RMSNorm."""

    def __init__(self, config: CoreConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.attention_norm = nn.RMSNorm(config.width, eps=1e-5)
        self.queries_keys_values = nn.Linear(config.width, 3 * config.width, bias=False)
        self.query_norm = nn.RMSNorm(config.head_width, eps=1e-5)
        self.key_norm = nn.RMSNorm(config.head_width, eps=1e-5)
        self.attended = nn.Linear(config.width, config.width, bias=False)
        self.inner_norm = nn.RMSNorm(config.width, eps=1e-5)
        self.inner = nn.Linear(config.width, 2 * config.inner, bias=False)
        self.out = nn.Linear(config.inner, config.width, bias=False)

    def project(self, x: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys, turned to their positions, and values, each `[…, heads, width]`."""
        split = self.queries_keys_values(self.attention_norm(x))
        queries, keys, values = split.unflatten(-1, (3 * self.heads, -1)).chunk(3, -2)
        # Products may be in a lower precision while training; norms never are.
        queries, keys = (part.to(self.query_norm.weight.dtype) for part in (queries, keys))
        queries, keys = self.query_norm(queries), self.key_norm(keys)
        return rotate(queries, rotation), rotate(keys, rotation), values

    def finish(self, x: Tensor, attended: Tensor, dropped: float = 0.0) -> Tensor:
        """Add what was attended `[…, heads, width]` to `x` `[…, width]`, and SwiGLU.

        `dropped` is the share of what is added that is left out at random, for training.
        """
        x = x + nn.functional.dropout(self.attended(attended.flatten(-2)), dropped)
        gate, up = self.inner(self.inner_norm(x)).chunk(2, -1)
        return x + nn.functional.dropout(self.out(nn.functional.silu(gate) * up), dropped)

    def whole(self, x: Tensor, rotation: Tensor, seen: Tensor, dropped: float = 0.0) -> Tensor:
        """All micro-turns at once.

        Args:
            x: `[batch, T, width]`.
            rotation: `[T, 2, head_width]`.
            seen: which keys each query sees, bool `[T, T]`.
            dropped: see `finish`.
        """
        queries, keys, values = (part.transpose(1, 2) for part in self.project(x, rotation))
        attended = nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=seen)
        return self.finish(x, attended.transpose(1, 2), dropped)

    def step(
        self, x: Tensor, keys: Tensor, values: Tensor, queries: Tensor, seen: Tensor
    ) -> Tensor:
        """One micro-turn over the ring.

        Args:
            x: `[rows, width]`.
            keys: with the new ones written `[rows, heads, capacity, head_width]`.
            values: likewise.
            queries: `[rows, heads, head_width]`.
            seen: slots in the window, bool `[rows, capacity]`.
        """
        attended = nn.functional.scaled_dot_product_attention(
            queries.unsqueeze(2), keys, values, attn_mask=seen[:, None, None]
        )
        return self.finish(x, attended.squeeze(2))
