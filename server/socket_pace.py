"""How much may come over a WebSocket, told before any of it is parsed. Pure.

Recordings are sent faster than they were spoken, three minutes of them in one message. What parsing
a long text costs is the values in it, more than its length: sound is one.
"""

from __future__ import annotations

from typing import Final, Literal

__all__ = ["MAX_PLAIN_CHARACTERS", "SoundPace", "is_laden"]

MAX_PLAIN_CHARACTERS: Final = 128 * 1024
"""A longer message may carry sound and hardly anything else."""

SOUND_AT_ONCE: Final = 32 * 1024 * 1024
SOUND_A_SECOND: Final = 2 * 1024 * 1024
"""Characters of messages with sound: thirty times what is spoken takes (PCM at 24 kHz)."""

_EACH: Final = 1_024
"""What a message costs beside its characters."""

_MOST_VALUES: Final = 256


def is_laden(text: str) -> bool:
    """Whether a message is long, and of more than one long text."""
    if len(text) <= MAX_PLAIN_CHARACTERS:
        return False
    # None of these is in base64, and every value stands behind one of them.
    return sum(map(text.count, ",:[{")) > _MOST_VALUES


class SoundPace:
    """Counts the messages that carry a client's sound."""

    def __init__(self) -> None:
        self._left = float(SOUND_AT_ONCE)
        self._at = float("-inf")
        self._told = float("-inf")

    def count(self, characters: int, now: float) -> Literal["pass", "tell", "drop"]:
        """What becomes of a message that came at `now`; that some are dropped is told once a
        second."""
        if self._at < now:
            gained = SOUND_A_SECOND * min(now - self._at, 1e6)
            self._left = min(self._left + gained, SOUND_AT_ONCE)
            self._at = now
        if self._left >= characters + _EACH:
            self._left -= characters + _EACH
            return "pass"
        if now - self._told < 1.0:
            return "drop"
        self._told = now
        return "tell"
