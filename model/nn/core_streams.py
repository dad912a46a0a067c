"""Core's readers: each turns one stream into a vector of the network's width.

A stream that is absent (age -1, nothing recognised) has a vector of its own, which is learnt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor, nn

from model.nn.core_config import STREAMS, CoreConfig
from model.nn.core_inputs import CoreInputs
from model.nn.dmel import BANDS, BINS

__all__ = ["Fusion"]

HOPS: Final = 2
PROSODY: Final = 10 * 3
POOLS: Final = 4
ENCODER_WIDTH: Final = 288
PICTURE_WIDTH: Final = 64
WORD_SLOTS: Final = 4
FLAGS: Final = 6
OLDEST: Final = 31
"""Ages beyond are alike."""

PERIODS: Final = (2, 10, 100, 600)
"""Micro-turns after which each hand of the clock is where it was."""


class DMelReader(nn.Module):
    """Bins to a vector: one embedding per (band, bin), summed over the bands, then normalised."""

    offsets: Tensor

    def __init__(self, config: CoreConfig) -> None:
        super().__init__()
        self.bins = nn.EmbeddingBag(BANDS * BINS, config.sound_width, mode="sum")
        nn.init.normal_(self.bins.weight, std=BANDS**-0.5)
        self.norm = nn.RMSNorm(config.sound_width, eps=1e-5)
        self.out = nn.Linear(HOPS * config.sound_width, config.width, bias=False)
        self.register_buffer("offsets", torch.arange(BANDS) * BINS, persistent=False)

    def forward(self, bins: Tensor) -> Tensor:
        """Integers in [0, 15] `[…, 2, 80]` to `[…, width]`."""
        ids = (bins.long() + self.offsets).flatten(0, -2)
        frames = self.norm(self.bins(ids))
        return self.out(frames.view(*bins.shape[:-2], -1))


class ProsodyReader(nn.Module):
    """Ten frames of prosody to a vector."""

    def __init__(self, config: CoreConfig) -> None:
        super().__init__()
        self.inner = nn.Linear(PROSODY, config.sound_width)
        self.out = nn.Linear(config.sound_width, config.width, bias=False)

    def forward(self, prosody: Tensor) -> Tensor:
        """`[…, 10, 3]` to `[…, width]`."""
        return self.out(nn.functional.silu(self.inner(prosody.float().flatten(-2))))


class EncoderReader(nn.Module):
    """Pooled encoder states with their age."""

    def __init__(self, config: CoreConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(ENCODER_WIDTH, elementwise_affine=False)
        self.out = nn.Linear(POOLS * ENCODER_WIDTH, config.width, bias=False)
        self.age = _ages(config.width)

    def forward(self, pools: Tensor, age: Tensor) -> Tensor:
        """`[…, 4, 288]` and ages `[…]` to `[…, width]`."""
        # A pool without a frame is zero, and stays so.
        read = self.out(self.norm(pools.float()).flatten(-2))
        return torch.where((age < 0).unsqueeze(-1), 0.0, read) + self.age(_age_id(age))


class WordsReader(nn.Module):
    """Up to four words that became known, by hash: two rows of one table for every word."""

    powers: Tensor

    def __init__(self, config: CoreConfig) -> None:
        super().__init__()
        self.rows = config.word_rows
        self.words = nn.Embedding(config.word_rows, config.word_width)
        nn.init.normal_(self.words.weight, std=0.5)
        self.age = _ages(config.word_width)
        self.flags = nn.Linear(FLAGS, config.word_width, bias=False)
        self.out = nn.Linear(WORD_SLOTS * config.word_width, config.width, bias=False)
        self.register_buffer("powers", 2 ** torch.arange(FLAGS), persistent=False)

    def forward(self, hashes: Tensor, age: Tensor, flags: Tensor) -> Tensor:
        """Three times `[…, 4]` to `[…, width]`; without a word zero."""
        first, second = hashes % self.rows, (hashes // self.rows) % self.rows
        bits = ((flags.long().unsqueeze(-1) // self.powers) % 2).float()
        words = self.words(first) + self.words(second) + self.age(_age_id(age)) + self.flags(bits)
        words = torch.where((hashes == 0).unsqueeze(-1), 0.0, words)
        return self.out(words.flatten(-2))


class NumbersReader(nn.Module):
    """A few numbers to a vector."""

    def __init__(self, count: int, config: CoreConfig) -> None:
        super().__init__()
        self.inner = nn.Linear(count, config.word_width)
        self.out = nn.Linear(config.word_width, config.width, bias=False)

    def forward(self, numbers: Tensor) -> Tensor:
        """`[…, count]` to `[…, width]`."""
        return self.out(nn.functional.silu(self.inner(numbers)))


class AgedReader(nn.Module):
    """A vector or number of a certain age, or none."""

    def __init__(self, count: int, config: CoreConfig) -> None:
        super().__init__()
        self.inner = NumbersReader(count, config)
        self.age = _ages(config.width)

    def forward(self, values: Tensor, age: Tensor) -> Tensor:
        """`[…, count]` and ages `[…]` to `[…, width]`."""
        read = self.inner(values.float())
        return torch.where((age < 0).unsqueeze(-1), 0.0, read) + self.age(_age_id(age))


class Clock(nn.Module):
    """The hands of the clock, never the time since the stream began."""

    periods: Tensor

    def __init__(self, config: CoreConfig) -> None:
        super().__init__()
        self.out = nn.Linear(2 * len(PERIODS), config.width, bias=False)
        self.register_buffer("periods", torch.tensor(PERIODS), persistent=False)

    def forward(self, k: Tensor) -> Tensor:
        """Micro-turn numbers `[…]` to `[…, width]`."""
        # The remainder is taken in whole numbers: a float would blur after some hours.
        share = (k.long().unsqueeze(-1) % self.periods) / self.periods
        angles = 2 * torch.pi * share
        return self.out(torch.cat([angles.cos(), angles.sin()], -1))


class Fusion(nn.Module):
    """All the streams of a micro-turn to one token: the sum of what its readers make of them."""

    def __init__(self, config: CoreConfig) -> None:
        super().__init__()
        make: dict[str, Callable[[], nn.Module]] = {
            "person_dmel": lambda: DMelReader(config),
            "person_prosody": lambda: ProsodyReader(config),
            "own_dmel": lambda: DMelReader(config),
            "own_prosody": lambda: ProsodyReader(config),
            "encoder": lambda: EncoderReader(config),
            "words": lambda: WordsReader(config),
            "queued": lambda: NumbersReader(2, config),
            "belief": lambda: AgedReader(1, config),
            "message": lambda: AgedReader(1, config),
            "picture": lambda: AgedReader(PICTURE_WIDTH, config),
            "clock": lambda: Clock(config),
        }
        chosen = [name for name in STREAMS if name in config.streams and name in make]
        self.readers = nn.ModuleDict({name: make[name]() for name in chosen})

    @torch.no_grad()
    def silence(self, names: Sequence[str]) -> None:
        """Let these readers add nothing until they are trained: all that they add passes through
        their last matrix and, where a stream has an age, the vectors of its ages."""
        for name in set(names) & set(self.readers):
            for part, tensor in self.readers[name].named_parameters():
                if part.endswith(("out.weight", "age.weight")):
                    tensor.zero_()

    def forward(self, inputs: CoreInputs) -> Tensor:
        """Streams `[…, …]` to tokens `[…, width]`."""
        streams: dict[str, tuple[Tensor, ...]] = {
            "person_dmel": (inputs.person_dmel,),
            "person_prosody": (inputs.person_prosody,),
            "own_dmel": (inputs.own_dmel,),
            "own_prosody": (inputs.own_prosody,),
            "encoder": (inputs.encoder, inputs.encoder_age),
            "words": (inputs.word_hash, inputs.word_age, inputs.word_flags),
            "queued": (inputs.queued.float().log1p(),),
            "belief": (inputs.belief.unsqueeze(-1), inputs.belief_age),
            "message": (inputs.message.unsqueeze(-1), inputs.belief_age),
            "picture": (inputs.picture, inputs.picture_age),
            "clock": (inputs.k,),
        }
        read = [reader(*streams[name]) for name, reader in self.readers.items()]
        return torch.stack(read).sum(0)


def _ages(width: int) -> nn.Embedding:
    """Vectors of no age and of the ages 0 to OLDEST."""
    ages = nn.Embedding(OLDEST + 2, width)
    nn.init.normal_(ages.weight, std=0.1)
    return ages


def _age_id(age: Tensor) -> Tensor:
    return age.long().clamp(-1, OLDEST) + 1
