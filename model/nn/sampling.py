"""Choosing the next token on the device, without waiting for it, the same way every time.

Noise is a hash of (seed, position, token), so a row draws the same whatever rows run beside it,
and a forked or re-read row draws what the first one drew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

__all__ = ["RECENT_TOKENS", "Sampling", "gumbel", "penalize", "sample"]

RECENT_TOKENS: Final = 64
"""Tokens that a penalty for repetition looks back at."""

_BITS = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen.

    Attributes:
        temperature: 0 takes the likeliest token.
        top_p: the likeliest tokens whose probabilities reach this sum are candidates.
        min_p: candidates are at least this share as likely as the likeliest.
        candidates: at most this many tokens are ever candidates.
        repetition_penalty: divides the logit of a token among the last 64 that were sampled
            without a break (multiplies it when negative); 1 leaves it.
    """

    temperature: float = 0.0
    top_p: float = 0.95
    min_p: float = 0.05
    candidates: int = 40
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        """Refuse settings that would choose from nothing."""
        if self.temperature < 0 or not 0 < self.top_p <= 1 or not 0 <= self.min_p <= 1:
            raise ValueError("temperature must be >= 0, top_p in (0, 1], min_p in [0, 1]")
        if self.candidates < 1 or self.repetition_penalty < 1:
            raise ValueError("candidates and repetition_penalty must be at least 1")


def _mix(x: Tensor) -> Tensor:
    """Scatter the low 32 bits of int64 numbers (the finaliser of MurmurHash3)."""
    x = x & _BITS
    x = ((x ^ (x >> 16)) * 0x85EBCA6B) & _BITS
    x = ((x ^ (x >> 13)) * 0xC2B2AE35) & _BITS
    return x ^ (x >> 16)


def gumbel(seeds: Tensor, positions: Tensor, tokens: Tensor) -> Tensor:
    """Gumbel noise float32 `[batch, n]` for tokens `[batch, n]`, seeds and positions `[batch]`."""
    row = _mix(_mix(seeds) + positions * 0x9E3779B1).unsqueeze(1)
    uniform = (_mix(row + _mix(tokens + 1)).float() + 0.5) / float(1 << 32)
    return -torch.log(-torch.log(uniform.clamp(1e-9, 1 - 1e-7)))


def penalize(logits: Tensor, recent: Tensor, counts: Tensor, penalty: float) -> Tensor:
    """Make tokens less likely that were just sampled.

    Args:
        logits: `[batch, vocab]`.
        recent: the latest tokens, newest first, `[batch, n]`.
        counts: how many of them count, `[batch]`.
        penalty: see `Sampling`.
    """
    old = logits.gather(1, recent)
    new = torch.where(old > 0, old / penalty, old * penalty)
    index = torch.arange(recent.shape[1], device=recent.device).unsqueeze(0)
    delta = torch.where(index < counts.unsqueeze(1), new - old, 0.0)
    # The lowest of a repeated token's deltas, not their sum: it was penalised once.
    deltas = torch.zeros_like(logits).scatter_reduce(1, recent, delta, "amin")
    return logits + deltas


def sample(logits: Tensor, seeds: Tensor, positions: Tensor, how: Sampling) -> Tensor:
    """One token `[batch]` from float32 logits `[batch, vocab]`."""
    if how.temperature == 0:
        return logits.argmax(-1)
    best, tokens = logits.topk(min(how.candidates, logits.shape[1]), -1)
    shares = (best / how.temperature).softmax(-1)
    before = shares.cumsum(-1) - shares
    kept = (before < how.top_p) & (shares >= how.min_p * shares[:, :1])
    noisy = best / how.temperature + gumbel(seeds, positions, tokens)
    choice = noisy.masked_fill(~kept, -torch.inf).argmax(-1, keepdim=True)
    return tokens.gather(1, choice).squeeze(1)
