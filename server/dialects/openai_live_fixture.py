"""A sound that a Live client has played in place of our speech. Pure."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import numpy as np

from model.messages import Audio
from model.timebase import SPEAKING_FRAME_SAMPLES, SPEAKING_RATE, samples
from server.dialects.openai_fields import FieldError

__all__ = ["MAX_FIXTURE_SECONDS", "Fixture"]

MAX_FIXTURE_SECONDS: Final = 30.0


class Fixture:
    """Gives its sound 20 ms at a time.

    Args:
        encoded: mono PCM of 16 bits at 24 kHz, little-endian, as base64; raises FieldError.
        client_event_id: what the client called its message.
    """

    def __init__(self, encoded: Any, client_event_id: str | None) -> None:
        self.client_event_id = client_event_id
        try:
            payload = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise FieldError("audio", "`audio` must be base64.") from None
        if not payload or len(payload) % 2:
            raise FieldError("audio", "PCM of 16 bits has two bytes a sample, and at least one.")
        if len(payload) // 2 > samples(MAX_FIXTURE_SECONDS, SPEAKING_RATE):
            raise FieldError("audio", f"At most {MAX_FIXTURE_SECONDS:.0f} s.")
        self._sound = np.frombuffer(payload, "<i2").astype(np.float32) / 32_768.0
        self._at = 0

    def next_frame(self) -> Audio | None:
        """The next 20 ms, float32 `[480]`; None when it is over."""
        piece = self._sound[self._at : self._at + SPEAKING_FRAME_SAMPLES]
        if not len(piece):
            return None
        self._at += len(piece)
        frame = np.zeros(SPEAKING_FRAME_SAMPLES, np.float32)
        frame[: len(piece)] = piece
        return frame
