"""A connection that is made again when it is lost, with the token that goes on where it was."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal, Protocol

from client.ending import STEADY_SECONDS
from client.errors import ConversationError, NotConnected, Refused, Unreachable
from client.line import Line
from client.mouth import Mouth
from client.signalling import Answer, Signalling
from client.sound import Audio

__all__ = ["Connection", "Listener", "State"]

log = logging.getLogger(__name__)

State = Literal["new", "connecting", "live", "reconnecting", "ended"]

ATTEMPTS: Final = 10
"""After a loss; with the waits below about a minute."""

WAITS_SECONDS: Final = (0.0, 1.0, 2.0, 4.0, 8.0)
MAX_WAIT_SECONDS: Final = 30.0

MAX_LINE_SECONDS: Final = 3600.0
"""The longest that we stand in line."""


class Listener(Protocol):
    """Who is told what came. All calls come on the event loop."""

    def on_message(self, text: str) -> None:
        """A message of the server."""

    def on_audio(self, audio: Audio) -> None:
        """Sound of the server, mono at 48 kHz."""

    def on_place(self, place: int) -> None:
        """The server is full; our place in the line, 1 is next."""

    def on_lost(self, why: str) -> None:
        """The connection was lost and is being made again."""

    def on_end(self, error: ConversationError | None) -> None:
        """It is over: hung up, or given up because of an error."""


class Connection:
    """Connects, stays connected, and ends.

    Attributes:
        state: where it is.
        error: what ended it, if an error did.
        answer: the server's to the last offer.

    Args:
        signalling: the server.
        mouth: what is sent.
        settings: called for the settings of each offer.
        listener: who is told.
        ice_servers: STUN and TURN servers.
    """

    def __init__(
        self,
        signalling: Signalling,
        mouth: Mouth,
        settings: Callable[[], Mapping[str, Any]],
        listener: Listener,
        ice_servers: tuple[dict[str, str], ...] = (),
    ) -> None:
        self.state: State = "new"
        self.error: ConversationError | None = None
        self.answer = Answer("", "", "")
        self._signalling = signalling
        self._mouth = mouth
        self._settings = settings
        self._listener = listener
        self._ice_servers = ice_servers
        self._line: Line | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def over_now(self) -> bool:
        """Whether it has ended."""
        return self.state == "ended"

    async def open(self, resume: str = "") -> None:
        """Connect for the first time, and stay connected from then on.

        Raises:
            Unreachable, Refused: there is no connection, and none is tried for.
        """
        if self.state != "new":
            raise NotConnected("A conversation begins once; make another one.")
        self.state = "connecting"
        try:
            await self._stand_in_line(resume)
        except BaseException as error:
            self.over(error if isinstance(error, ConversationError) else None)
            raise
        self._keeping = asyncio.create_task(self._keep(), name="connection")

    def send(self, text: str) -> None:
        """Send a message; raises NotConnected."""
        if self._line is None or self.state != "live":
            raise NotConnected(_NOT_NOW.get(self.state, "There is no connection."))
        self._line.send(text)

    def over(self, error: ConversationError | None = None) -> None:
        """There will be no other connection."""
        if self.state != "ended":
            self.state, self.error = "ended", error
            self._listener.on_end(error)

    async def close(self) -> None:
        """End it; safe to call twice."""
        self.over()
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait({self._keeping})
        await self._leave()

    async def _connect(self, resume: str) -> None:
        listener = self._listener
        line = Line(self._mouth, listener.on_message, listener.on_audio, self._ice_servers)
        try:
            sdp = await line.offer()
            self.answer = await self._signalling.offer(sdp, self._settings(), resume)
            await line.accept(self.answer.sdp)
        except BaseException:
            await line.close()
            raise
        if self.over_now:  # The server's first words may come before we know that it is connected.
            await line.close()
            return
        self._line = line
        self.state = "live"

    async def _stand_in_line(self, resume: str) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + MAX_LINE_SECONDS
        stands = False
        while True:
            wait = WAITS_SECONDS[-1]
            try:
                return await self._connect(resume)
            except Refused as refused:
                # Who stands in line stays there while the engine starts again, or a proxy hiccups.
                again = stands and refused.retry_after_seconds is not None
                if (refused.place is None and not again) or loop.time() > until:
                    raise
                if refused.place is not None:
                    stands = True
                    self._listener.on_place(refused.place)
                wait = refused.retry_after_seconds or wait
            except Unreachable:
                if not stands or loop.time() > until:
                    raise
            await asyncio.sleep(min(wait, MAX_WAIT_SECONDS))

    async def _keep(self) -> None:
        """Stay connected; whatever ends that, who listens is told."""
        try:
            await _foreseen(self._stay())
        except ConversationError as error:
            self.over(error)
        await self._leave()

    async def _stay(self) -> None:
        loop = asyncio.get_running_loop()
        attempt = 0
        while self._line is not None:
            begun = loop.time()
            why = await self._line.lost()
            if self.over_now:
                return
            self.state = "reconnecting"
            log.info("lost the connection: %s", why)
            self._listener.on_lost(why)
            await self._leave()
            attempt = 0 if loop.time() - begun > STEADY_SECONDS else attempt + 1
            await self._again(attempt, why)

    async def _again(self, attempt: int, why: str) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + MAX_LINE_SECONDS
        error: ConversationError = Unreachable(why)
        while attempt < ATTEMPTS:
            await asyncio.sleep(_wait_seconds(attempt, error))
            try:
                return await _foreseen(self._connect(self.answer.token))
            except Refused as refused:
                told_to_wait = refused.retry_after_seconds is not None
                if refused.status < 500 and not told_to_wait:
                    raise
                if refused.place is not None:
                    self._listener.on_place(refused.place)
                error = refused
                # Who is told when to come again has not failed.
                attempt += not told_to_wait or loop.time() > until
            except Unreachable as unreachable:
                error = unreachable
                attempt += 1
        told = f"The connection was lost ({why}) and could not be made again: {error}"
        raise Unreachable(told) from error

    async def _leave(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()


def _wait_seconds(attempt: int, error: ConversationError) -> float:
    """How long to wait before an attempt, after what failed last."""
    wait = WAITS_SECONDS[min(attempt, len(WAITS_SECONDS) - 1)]
    if isinstance(error, Refused) and error.retry_after_seconds is not None:
        wait = max(wait, error.retry_after_seconds or WAITS_SECONDS[-1])
    return min(wait, MAX_WAIT_SECONDS)


async def _foreseen(doing: Awaitable[None]) -> None:
    """Wait for it; what nobody foresaw is Unreachable, so that it is tried again or told."""
    try:
        await doing
    except ConversationError:
        raise
    except Exception as error:
        log.warning("something unforeseen failed", exc_info=error)
        raise Unreachable(f"Something failed here: {type(error).__name__}: {error}") from error


_NOT_NOW: Final[Mapping[State, str]] = {
    "new": "The conversation has not begun; use `async with connect(…)`.",
    "connecting": "The conversation has not begun yet.",
    "reconnecting": "The connection was lost and is being made again; wait until it is there.",
    "ended": "The conversation is over; begin another one.",
}
