"""What came into a picture, apart from all that was there before, on even grey.

A small network that sees nothing in a room full of things sees the one that came in, if it is shown
that one alone (docs/eyes.md). What came in is where the picture differs from the background.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from model.interaction.stillness import Background

__all__ = ["alone"]

APART: Final = 24.0
"""By which a pixel of any colour differs from the background; a camera's noise is a few."""

SPECK: Final = 5
"""Pixels: what is smaller, and the edges of what moved by one or two, is no change."""

MARGIN: Final = 4
"""Pixels around what changed that are shown with it."""

MOST_SHARE: Final = 0.6
"""Of the picture; where more changed, the camera moved or the light did."""

LEAST_SHARE: Final = 0.002
GREY: Final = 128.0


def alone(pixels: Tensor, behind: Background | None) -> Tensor | None:
    """What changed, on even grey: a picture `[3, height, width]` of 0 to 255, and the background.

    Returns:
        The picture with all else made grey; None where nothing changed, or nearly everything.
    """
    if behind is None or behind.shape[:2] != pixels.shape[1:]:
        return None
    still = torch.from_numpy(behind).to(pixels.device).permute(2, 0, 1)
    still = still * _gain(pixels, still)
    apart = ((pixels - still).abs().amax(0) > APART).float()[None, None]
    solid = (functional.avg_pool2d(apart, SPECK, 1, SPECK // 2) > 0.4).float()
    wide = functional.max_pool2d(solid, 2 * MARGIN + 1, 1, MARGIN)[0, 0]
    share = float(wide.mean())
    if not LEAST_SHARE <= share <= MOST_SHARE:
        return None
    return torch.where(wide > 0, pixels, GREY)


def _gain(pixels: Tensor, still: Tensor) -> Tensor:
    """How much lighter a picture is than the background, where most of it is the same."""
    now, before = (functional.avg_pool2d(one[None], 16, 16).flatten() for one in (pixels, still))
    return ((now + 1.0) / (before + 1.0)).median().clamp(0.5, 2.0)
