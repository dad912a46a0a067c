"""What was begun by WHIP and WHEP and goes on: found by its address and what was shown then."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from server.audience import MAX_LISTENERS, Audience, Listener
from server.errors import Busy
from server.session import Session
from server.webrtc.peer import Peer

__all__ = ["MAX_LISTENERS_IN_ALL", "Resource", "Resources"]

MAX_LISTENERS_IN_ALL: Final = 64
_RETRY_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 2.0
# Of those that are over, so many can still be deleted by a client that closed first: names and
# digests. What was said in them is kept, and forgotten, by the registry alone.
_REMEMBERED: Final = 64


def _etag() -> str:
    return f'"{secrets.token_hex(8)}"'


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One connection.

    Attributes:
        path: its address.
        offer_sdp: what it was begun with.
        peer: the other end.
        shown: digest of the credential that was shown.
        hang_up: called when its client deletes it while it goes on.
        etag: names its state of ICE, which never changes.
    """

    path: str
    offer_sdp: str
    peer: Peer
    shown: bytes
    hang_up: Callable[[], None] = lambda: None
    etag: str = field(default_factory=_etag)


class Resources:
    """All of them, and the audiences that there are. One event loop."""

    def __init__(self) -> None:
        self._resources: dict[str, Resource] = {}
        # What was shown for those that are over, oldest first.
        self._over: dict[str, bytes] = {}
        self._watches: set[asyncio.Task[None]] = set()
        self._audiences: dict[str, Audience] = {}
        self._places: Counter[str] = Counter()
        self._seats: set[asyncio.Task[None]] = set()

    @property
    def listeners(self) -> int:
        """How many listen in, at all sessions."""
        return self._places.total()

    def add(self, resource: Resource) -> None:
        """Keep one that began, as long as it goes on."""
        self._resources[resource.path] = resource
        watch = asyncio.create_task(self._watch(resource), name="whip resource")
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)

    def find(self, path: str, shown: bytes) -> Resource | None:
        """The one at that address, if it goes on, for who began it."""
        one = self._resources.get(path)
        if one is None or one.peer.gone.is_set() or not hmac.compare_digest(one.shown, shown):
            return None
        return one

    async def end(self, path: str, shown: bytes) -> bool:
        """End the same; whether there was one, also when its client hung up just before."""
        one = self._resources.get(path)
        kept = one.shown if one is not None else self._over.get(path)
        if kept is None or not hmac.compare_digest(kept, shown):
            return False
        self._resources.pop(path, None)
        self._over.pop(path, None)
        if one is not None:
            one.hang_up()
            await one.peer.close()
        return True

    def place(self, session: str) -> ExitStack:
        """A place to listen at; closing it gives it back. Raises Busy when all are taken."""
        if self._places[session] >= MAX_LISTENERS:
            raise Busy(f"{MAX_LISTENERS} listen to this session already.", _RETRY_SECONDS)
        if self.listeners >= MAX_LISTENERS_IN_ALL:
            raise Busy("Too many listen already; try again in a moment.", _RETRY_SECONDS)
        self._places[session] += 1
        with ExitStack() as place:
            place.callback(self._leave, session)
            return place.pop_all()

    def seat(self, session: Session, listener: Listener, peer: Peer, place: ExitStack) -> None:
        """Let one listen until they or the session are gone; the place is given back then."""
        task = asyncio.create_task(self._sit(session, listener, peer, place), name="listener")
        self._seats.add(task)
        task.add_done_callback(self._seats.discard)

    async def close(self) -> None:
        """Everybody is gone or about to be: wait for the last of them."""
        tasks = self._seats | self._watches
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_SECONDS)

    async def _watch(self, resource: Resource) -> None:
        await resource.peer.gone.wait()
        if self._resources.pop(resource.path, None) is None:
            return
        self._over[resource.path] = resource.shown
        if len(self._over) > _REMEMBERED:
            del self._over[next(iter(self._over))]

    async def _sit(
        self, session: Session, listener: Listener, peer: Peer, place: ExitStack
    ) -> None:
        waits = [asyncio.create_task(one.wait()) for one in (peer.gone, session.released)]
        with place:
            try:
                # Only who is there is counted, and told of: an offer alone is nobody yet.
                if await peer.connected() and not session.released.is_set():
                    self._audience(session).join(listener)
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
                if (audience := self._audiences.get(session.id)) is not None:
                    audience.leave(listener)
                await peer.close()

    def _audience(self, session: Session) -> Audience:
        found = self._audiences.get(session.id)
        if found is None or found.session is not session:
            found = Audience(session, lambda: self._forget(session.id))
            self._audiences[session.id] = found
        return found

    def _forget(self, session: str) -> None:
        self._audiences.pop(session, None)

    def _leave(self, session: str) -> None:
        self._places[session] -= 1
        if self._places[session] <= 0:
            del self._places[session]
