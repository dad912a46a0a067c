"""The data channel: text events both ways, with bounds, and callbacks that cannot do harm."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Literal

__all__ = ["MAX_BUFFERED_BYTES", "MAX_TEXT_BYTES", "EventChannel", "Refusal"]

logger = logging.getLogger(__name__)

MAX_TEXT_BYTES: Final = 128 * 1024
"""Longer messages are refused unread; a dialect may allow less."""

MAX_BUFFERED_BYTES: Final = 1024 * 1024
"""Newest loses: while so much waits to be sent, further messages are thrown away and counted."""

Refusal = Literal["binary", "too_large"]


class EventChannel:
    """The data channel the client made, from before it is open until after it is closed.

    Exceptions of callbacks are logged and go no further: in aiortc they would unwind the loop
    that receives everything and so end the call. Event loop only.

    Attributes:
        dropped: messages that were not sent.
        last_message_at: the loop's time at which the last message came; 0 before.
        on_closed: called when the channel is closed.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self.last_message_at = 0.0
        self.on_closed: Callable[[], None] = lambda: None
        self._channel: Any = None
        self._early: deque[str] = deque()
        self._early_bytes = 0
        self._on_text: Callable[[str], None] | None = None
        self._on_refused: Callable[[Refusal], None] | None = None
        self._unread: deque[str] = deque(maxlen=64)
        self._has_refused = False

    @property
    def is_open(self) -> bool:
        """Whether messages can pass now."""
        return self._channel is not None and self._channel.readyState == "open"

    @property
    def buffered_bytes(self) -> int:
        """What waits to be sent."""
        waiting = self._channel.bufferedAmount if self._channel is not None else 0
        return self._early_bytes + int(waiting)

    def send(self, text: str) -> bool:
        """Queue one message; before the channel is open it waits for that.

        Returns False when it is closed; and, which counts, when over 1 MiB waits already.
        """
        length = len(text.encode())
        if self._channel is not None and self._channel.readyState != "open":
            return False  # They hung up: what comes behind that was for nobody.
        if self.buffered_bytes + length > MAX_BUFFERED_BYTES:
            self.dropped += 1
            return False
        if self._channel is None:
            self._early.append(text)
            self._early_bytes += length
        else:
            self._channel.send(text)
        return True

    def on_text(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with every text message of at most 128 KiB.

        Messages that came before it was set (at most 64) are given to it at once.
        """
        self._on_text = callback
        while self._unread:
            self._guarded(callback, self._unread.popleft())

    def on_refused(self, callback: Callable[[Refusal], None]) -> None:
        """Call `callback` when a message is thrown away unread."""
        self._on_refused = callback

    # ---- the Peer's side

    def attach(self, channel: Any) -> None:
        """Use this `RTCDataChannel`."""
        self._channel = channel
        channel.on("message", self._on_message)
        channel.on("close", self._on_close)
        while self._early and channel.readyState == "open":
            channel.send(self._early.popleft())
        self._early_bytes = 0

    def refuse(self, channel: Any) -> None:
        """Close another `RTCDataChannel`, and log the first."""
        if not self._has_refused:
            logger.info("a data channel was not served: %.40r", channel.label)
        self._has_refused = True
        channel.close()

    def _on_close(self) -> None:
        self.on_closed()

    def _on_message(self, message: str | bytes) -> None:
        self.last_message_at = asyncio.get_running_loop().time()
        refusal: Refusal | None = None
        if isinstance(message, bytes):
            refusal = "binary"
        # Characters first: encoding a 10 MB message to measure it would be work for its sender.
        elif len(message) > MAX_TEXT_BYTES or len(message.encode()) > MAX_TEXT_BYTES:
            refusal = "too_large"
        if refusal is not None:
            if self._on_refused is not None:
                self._guarded(self._on_refused, refusal)
        elif self._on_text is not None:
            self._guarded(self._on_text, str(message))
        else:
            self._unread.append(str(message))

    def _guarded(self, callback: Callable[[Any], None], argument: str) -> None:
        try:
            callback(argument)
        except Exception:
            logger.exception("a data channel callback failed")
