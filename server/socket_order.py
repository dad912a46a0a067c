"""Messages about sound that was sent and is not heard yet wait until it is. Pure.

Sound that is sent faster than it was spoken is heard at its own speed; a message that ends a turn
must not end it before its words were heard, and what the client sent after it stays behind it.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Collection
from typing import Final

from server.socket_sound import SocketMicrophone

__all__ = ["MAX_WAITING_CHARACTERS", "MAX_WAITING_MESSAGES", "BehindSound"]

MAX_WAITING_MESSAGES: Final = 64
MAX_WAITING_CHARACTERS: Final = 1_000_000
"""Beyond either nothing waits any longer: all are delivered at once, in their order."""


class BehindSound:
    """What waits, in order.

    Args:
        microphone: where the sound waits.
        deliver: given each message when its sound was heard.
        kinds: types of the messages that wait for sound.
        passing: types of those that overtake.
    """

    def __init__(
        self,
        microphone: SocketMicrophone,
        deliver: Callable[[str], None],
        kinds: Collection[str],
        passing: Collection[str],
    ) -> None:
        self._microphone = microphone
        self._deliver = deliver
        self._kinds = frozenset(kinds)
        self._passing = frozenset(passing)
        self._waiting: deque[tuple[int, str]] = deque()
        self._characters = 0

    @property
    def awaited_samples(self) -> int:
        """How much of the sound that waits is waited for."""
        last = self._waiting[-1][0] if self._waiting else 0
        return max(0, last - self._microphone.passed_samples)

    def take(self, text: str) -> bool:
        """Keep a message back if it has to wait; whether it was kept."""
        if not self._waiting and not any(kind in text for kind in self._kinds):
            return False
        kind = _kind(text)
        if kind in self._passing or (not self._waiting and kind not in self._kinds):
            return False
        ends = kind in self._kinds
        at = self._microphone.appended_samples if ends else self._waiting[-1][0]
        self._waiting.append((at, text))
        self._characters += len(text)
        too_many = len(self._waiting) > MAX_WAITING_MESSAGES
        if too_many or self._characters > MAX_WAITING_CHARACTERS:
            self._release(everything=True)
        return True

    def passed(self) -> None:
        """Deliver what has waited long enough."""
        self._release()

    def _release(self, everything: bool = False) -> None:
        passed = self._microphone.passed_samples
        while self._waiting and (everything or self._waiting[0][0] <= passed):
            _, text = self._waiting.popleft()
            self._characters -= len(text)
            self._deliver(text)


def _kind(text: str) -> str:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    kind = message.get("type") if isinstance(message, dict) else ""
    return kind if isinstance(kind, str) else ""
