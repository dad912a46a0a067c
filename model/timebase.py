"""The clock of a conversation: sample rates, the micro-turn, and conversions between them.

Durations are float seconds, lengths are int samples.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "FRAME_SECONDS",
    "HEARING_RATE",
    "HEARING_BLOCK_SAMPLES",
    "HEARING_FRAME_SAMPLES",
    "MICRO_TURN_SECONDS",
    "SPEAKING_RATE",
    "SPEAKING_BLOCK_SAMPLES",
    "SPEAKING_FRAME_SAMPLES",
    "micro_turn_at",
    "samples",
    "seconds",
]

MICRO_TURN_SECONDS: Final = 0.1
"""Length of one micro-turn: a fixed slice of what came in and what goes out, numbered from 0."""

FRAME_SECONDS: Final = 0.02
"""Length of one audio frame on the wire."""

HEARING_RATE: Final = 16_000
"""Sample rate in Hz of everything the model hears (mono float32 in [-1, 1])."""

SPEAKING_RATE: Final = 24_000
"""Sample rate in Hz of everything the model says (mono float32 in [-1, 1])."""

HEARING_BLOCK_SAMPLES: Final = 1_600
"""Samples the model hears in one micro-turn."""

SPEAKING_BLOCK_SAMPLES: Final = 2_400
"""Samples the model says in one micro-turn."""

HEARING_FRAME_SAMPLES: Final = 320
"""Samples heard in one 20 ms frame."""

SPEAKING_FRAME_SAMPLES: Final = 480
"""Samples spoken in one 20 ms frame."""


def samples(duration_seconds: float, rate: int) -> int:
    """The nearest whole number of samples in `duration_seconds` at `rate` Hz."""
    return round(duration_seconds * rate)


def seconds(length_samples: int, rate: int) -> float:
    """The duration in seconds of `length_samples` at `rate` Hz."""
    return length_samples / rate


def micro_turn_at(time_seconds: float) -> int:
    """The number of the micro-turn that contains `time_seconds` of the stream's clock."""
    return int(time_seconds / MICRO_TURN_SECONDS + 1e-9)
