"""The line to one client: what the Session says in the client's dialect, and what comes back."""

from __future__ import annotations

from collections.abc import Callable

from server.course import SessionClock
from server.port import Channel
from server.session_events import ClientEvent, Dialect, Problem, SessionEvent
from server.session_log import SessionLog
from server.webrtc.channel import Refusal

__all__ = ["Line"]


class Line:
    """Translates both ways and logs what was sent.

    Args:
        dialect: how the client is spoken to.
        channel: where text goes and comes from.
        clock: the Session's.
        log: what is kept of it.
    """

    def __init__(
        self, dialect: Dialect, channel: Channel, clock: SessionClock, log: SessionLog
    ) -> None:
        self.log = log
        self._dialect = dialect
        self._channel = channel
        self._clock = clock

    def tell(self, event: SessionEvent) -> None:
        """Tell the client of an event."""
        self.send(self._dialect.encode(event, self._clock.now()))

    def send(self, messages: tuple[str, ...]) -> None:
        """Send messages that are in the client's dialect already."""
        for text in messages:
            self._channel.send(text)
            self.log.event(text)

    def listen(self, act: Callable[[ClientEvent | Problem | None], None]) -> None:
        """Give `act` what the client asks for, from now on and what waits."""

        def on_text(text: str) -> None:
            act(self._dialect.decode(text, self._clock.loop.time()))

        def on_refused(why: Refusal) -> None:
            act(self._dialect.refuse(why, self._clock.loop.time()))

        self._channel.on_text(on_text)
        self._channel.on_refused(on_refused)
