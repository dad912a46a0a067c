"""Events over our voice as others would say them into other microphones: bins as numbers, stretched
in time and over the bands, at another level and tilt, above another noise, a few bands missing.

With level, tilt and whole bands alone the second expert knew 780 renders by heart after 1,000 steps
(area under the curve .85 on them a quarter of a second in, .62 on dev's). Pure.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

__all__ = ["otherwise"]

LOUDER: Final = 1.5
"""Standard deviation of the level, in bins, of a whole event; and of its tilt over the bands."""

PACE: Final = 0.15
"""Of the logarithm of how much faster it is said."""

SIZE: Final = 0.06
"""Of the logarithm of how much higher all bands lie, as of a shorter vocal tract."""

PITCH: Final = 1.5
"""Bands by which all lie higher."""

QUIET: Final = (-2.0, 4.0)
"""Bins of the least that is heard."""

MISSING: Final = 16
"""Bands that are left out at most."""


def otherwise(bins: Tensor, begins: int, generator: torch.Generator) -> Tensor:
    """Events `[n, hops, bands]` as float32, each changed in its own way.

    Args:
        bins: uint8 or float.
        begins: the hop in which each event begins, which stays where it is.
        generator: what is drawn follows from it alone.
    """
    count, hops, bands = bins.shape

    def drawn(spread: float) -> Tensor:
        return torch.randn(count, 1, generator=generator) * spread

    when = begins + (torch.arange(hops) - begins) * drawn(PACE).exp()
    heard = _taken(bins.float(), when.clamp(0, hops - 1))
    where = torch.arange(bands) * drawn(SIZE).exp() + drawn(PITCH)
    heard = _taken(heard.mT, where.clamp(0, bands - 1)).mT
    tilt = drawn(LOUDER).unsqueeze(2) * torch.linspace(-1, 1, bands)
    heard = heard + drawn(LOUDER).unsqueeze(2) + tilt
    least, most = QUIET
    floor = least + (most - least) * torch.rand(count, 1, 1, generator=generator)
    heard = torch.maximum(heard, floor + 0.5 * torch.randn(heard.shape, generator=generator))
    first = torch.randint(0, bands, (count, 1, 1), generator=generator)
    length = torch.randint(0, MISSING + 1, (count, 1, 1), generator=generator)
    band = torch.arange(bands)
    missing = (band >= first) & (band < first + length)
    return torch.where(missing, heard.mean((1, 2), keepdim=True), heard)


def _taken(values: Tensor, at: Tensor) -> Tensor:
    """Values `[n, m, …]` at places `[n, k]` between their indices."""
    low = at.floor().long()
    high = (low + 1).clamp(max=values.shape[1] - 1)
    share = (at - low).unsqueeze(2)

    def picked(index: Tensor) -> Tensor:
        return values.gather(1, index.unsqueeze(2).expand(-1, -1, values.shape[2]))

    return picked(low) * (1 - share) + picked(high) * share
