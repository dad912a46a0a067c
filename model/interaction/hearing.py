"""What comes in, cut into segments: a person's stretches of speech with the silences in them.

Pure. A segment begins a little before the first voice (the recogniser needs some silence there)
and ends when the floor is taken or the silence has grown long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from model.interaction.ears import Segment
from model.interaction.mind import Hearing, Transcribed
from model.messages import Audio, Word
from model.timebase import MICRO_TURN_SECONDS, micro_turn_at

__all__ = [
    "closed",
    "is_over",
    "last_seconds",
    "recognised",
    "request",
    "settled",
    "take_in",
    "wants_partial",
]

RECENT_BLOCKS: Final = 80
"""Eight seconds: what the end-of-turn model listens to."""

BEFORE_BLOCKS: Final = 4
"""Blocks before and with the first voice that a segment begins with."""

VOICED: Final = 0.5
PARTIAL_MICRO_TURNS: Final = 3
OVER_MICRO_TURNS: Final = 25
"""Silence after which a segment that nobody answered is closed: longer than any pause inside a
turn that the floor waits through."""


def take_in(heard: Hearing, block: Audio, activity: Sequence[float], k: int) -> Hearing:
    """Add one block; begin a segment with the first voice."""
    recent = (*heard.recent[-(RECENT_BLOCKS - 1) :], block)
    heard = replace(heard, recent=recent)
    if max(activity, default=0.0) >= VOICED:
        heard = replace(heard, voiced_k=k)
        if heard.segment is None:
            before = recent[-BEFORE_BLOCKS:]
            first = (k + 1 - len(before)) * MICRO_TURN_SECONDS
            segment = Segment.begin(np.concatenate(before), first)
            return replace(heard, segment=segment, number=heard.number + 1, asked_k=k)
    if heard.segment is not None:
        heard = replace(heard, segment=heard.segment.add(block))
    return heard
