"""Where sessions begin and end: who may come in, who goes on with which conversation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model.messages import StreamSettings
from server.admission import Admission
from server.engine_client import EngineStatus
from server.engine_journal import forget_sound
from server.errors import ShuttingDown
from server.offers import Offer
from server.port import Port
from server.registry import Entry, Registry
from server.services import Services
from server.session import Session
from server.settings import Settings
from server.visitor import SEEING, Visitor
from server.webrtc.ice import IceSettings
from server.webrtc.peer import Peer

__all__ = ["Reception", "Welcome"]

log = logging.getLogger(__name__)

# What is left of SIGTERM's ten seconds once running sessions were given their time.
_CLOSE_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the answer to an offer says."""

    answer_sdp: str
    session: str
    token: str


class Reception:
    """Turns offers into sessions and keeps the registry true. One event loop."""

    def __init__(self, services: Services, ice: IceSettings) -> None:
        self.services = services
        self.registry = Registry(services.settings.resume_seconds)
        self.shutting_down = False
        self._ice = ice
        self._admission: Admission | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._knocks = _admission(services.settings, 1)

    @property
    def ice(self) -> IceSettings:
        """Where we can be reached."""
        return self._ice

    @property
    def status(self) -> EngineStatus | str:
        """ready, loading, restarting, failed or shutting_down."""
        return "shutting_down" if self.shutting_down else self.services.engine.status

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Sessions that go on."""
        return tuple(entry.session for entry in self.registry if entry.session is not None)

    @property
    def places(self) -> tuple[int, int]:
        """Places taken and places there are."""
        admission = self._admission
        return (admission.taken, admission.sessions) if admission is not None else (0, 0)

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        now = asyncio.get_running_loop().time()
        return self._admission.waiting.length(now) if self._admission is not None else 0

    def knock(self, address: str) -> None:
        """Count an offer before it is read; raises ShuttingDown or Busy."""
        if self.shutting_down:
            raise ShuttingDown("The server is about to end; try again in a moment.")
        self._knocks.knock(address, asyncio.get_running_loop().time())

    async def welcome(self, offer: Offer, visitor: Visitor) -> Welcome:
        """Begin a session; raises Busy, NotReady, BadOffer and their like, and leaves nothing."""
        loop = asyncio.get_running_loop()
        if self._admission is not None:
            self._admission.waiting.show(offer.ticket, loop.time())
        admission = self._places(self.services.engine.ready.rows)
        entry = self.registry.resume(offer.resume, loop.time()) if offer.resume else None
        # Who resumes a session that still goes on takes over its place.
        takes_over = entry is not None and entry.session is not None
        place = ExitStack() if takes_over else _enter(admission, visitor, offer.ticket)
        with place:
            sees, labels = visitor.label in SEEING, frozenset({visitor.label})
            way = visitor.direction
            peer = await Peer.answer(offer.sdp, self._ice, labels=labels, sees=sees, direction=way)
            try:
                while entry is not None and entry.session is not None:
                    entry.session.end("replaced", 0.0)
                    await entry.session.released.wait()
                if self.shutting_down:
                    raise ShuttingDown("The server is about to end; try again in a moment.")
                if entry is not None:
                    # Meanwhile it may have been deleted; then a new conversation begins.
                    entry = self.registry.resume(entry.token, loop.time())
                if takes_over:
                    place.enter_context(_enter(admission, visitor, in_turn=False))
                visitor.gate.spend(visitor.holder, entry.id if entry is not None else "")
            except BaseException:
                await peer.close()
                raise
            # From here to the end nothing waits, so nobody else can have begun in the same entry.
            entry = entry or self.registry.create(loop.time())
            port = visitor.port(peer)
            self._begin(entry, port, offer.settings, visitor, place.pop_all())
        return Welcome(peer.answer_sdp, entry.id, entry.token)

    def join(self, make: Callable[[], Port], settings: StreamSettings, visitor: Visitor) -> Entry:
        """Begin a session over a port that is there at once; raises as `welcome` does."""
        if self.shutting_down:
            raise ShuttingDown("The server is about to end; try again in a moment.")
        with _enter(self._places(self.services.engine.ready.rows), visitor) as place:
            visitor.gate.spend(visitor.holder)
            entry = self.registry.create(asyncio.get_running_loop().time())
            self._begin(entry, make(), settings, visitor, place.pop_all())
        return entry

    def open(self, session: str, token: str) -> Entry:
        """The conversation; raises NotFound or Forbidden."""
        return self.registry.open(session, token, asyncio.get_running_loop().time())

    async def delete(self, entry: Entry) -> None:
        """End the session and forget its record."""
        self.registry.forget(entry)
        if entry.session is not None:
            entry.session.end("deleted")
            await entry.session.released.wait()
        if self.services.logs is not None:
            self.services.logs.delete(entry.id)
        if folder := self.services.settings.engine.get("journal"):
            forget_sound(Path(str(folder)), entry.id)

    async def close(self) -> None:
        """Let nobody in, tell everybody, and end what goes on after `drain_seconds`."""
        self.shutting_down = True
        drain_seconds = self.services.settings.drain_seconds
        for session in self.sessions:
            session.end("shutdown", drain_seconds)
        if self._running:
            await asyncio.wait(self._running, timeout=drain_seconds + _CLOSE_SECONDS)
        for task in tuple(self._running):
            task.cancel()
        await asyncio.sleep(0)

    def _places(self, rows: int) -> Admission:
        if self._admission is None:
            self._admission = _admission(self.services.settings, rows)
        return self._admission

    def _begin(
        self,
        entry: Entry,
        port: Port,
        settings: StreamSettings,
        visitor: Visitor,
        place: ExitStack,
    ) -> None:
        def on_released() -> None:
            place.close()
            self.registry.park(entry, asyncio.get_running_loop().time())

        for turn in visitor.history:
            entry.conversation.append(turn)
        entry.holder = visitor.holder.holder
        metrics = self.services.metrics
        metrics.sessions_started += 1
        metrics.sessions_resumed += entry.expires is not None
        session = Session(entry, port, visitor.dialect(), settings, self.services, on_released)
        entry.session = session
        task = asyncio.create_task(self._run(session), name=f"session {entry.id}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, session: Session) -> None:
        log.info("session %s began", session.id)
        reason = await session.run()
        self.services.metrics.sessions_ended[reason] += 1
        log.info("session %s ended: %s", session.id, reason)


def _enter(
    admission: Admission, visitor: Visitor, ticket: str | None = None, *, in_turn: bool = True
) -> ExitStack:
    """Take a place; closing what is returned gives it back."""
    now = asyncio.get_running_loop().time
    with ExitStack() as stack:
        place = admission.enter(visitor.address, now(), ticket, in_turn=in_turn)
        stack.callback(lambda: admission.leave(place, now()))
        visitor.gate.begin(visitor.holder)
        stack.callback(visitor.gate.end, visitor.holder)
        return stack.pop_all()


def _admission(settings: Settings, rows: int) -> Admission:
    sessions = min(settings.max_sessions or rows, rows)
    return Admission(sessions, settings.max_sessions_per_address, settings.offers_per_window)
