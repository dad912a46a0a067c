"""Conversations of pipecat's clients: those about to begin, and connections by their `pc_id`. Pure.

A client shows its key or secret again with everything it sends; only who began it goes on with it.
Times are the event loop's, given by the caller.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from model.orders import StreamSettings
from server.dialects.kept import Kept
from server.errors import BadOffer, Busy, NotFound
from server.offers import fixed
from server.registry import Entry
from server.stream_settings import read_settings
from server.visitor import Visitor
from server.webrtc.late import Candidate
from server.webrtc.peer import Peer

__all__ = [
    "Connection",
    "Connections",
    "PipecatOffer",
    "Start",
    "read_candidates",
    "read_offer",
    "read_wishes",
    "settings_again",
    "settings_of",
]

MAX_STARTS: Final = 1_024
START_SECONDS: Final = 60.0
MAX_CONNECTIONS: Final = 4_096

_MAX_ID: Final = 64
_WISHES: Final = ("settings", "events")


@dataclass(frozen=True, slots=True)
class PipecatOffer:
    """An offer whose form is right.

    Attributes:
        sdp: whether it can be answered is for the Peer to say.
        pc_id: the connection it goes on with, or "".
        restart: whether the connection is made anew.
        wishes: what the application sends along (`requestData`).
    """

    sdp: str
    pc_id: str
    restart: bool
    wishes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Start:
    """A session that was asked for and has had no offer yet."""

    guest: Visitor
    shown: bytes
    wishes: Mapping[str, Any]
    expires: float


@dataclass(slots=True, eq=False)
class Connection:
    """One conversation and the Peer it goes over now.

    Attributes:
        entry: the conversation.
        peer: the connection.
        guest: who began it.
        shown: digest of what they showed.
        wishes: what the application sent along last.
        kept: what holds for the client since.
    """

    entry: Entry
    peer: Peer
    guest: Visitor
    shown: bytes
    wishes: Mapping[str, Any]
    kept: Kept

    def renew(self, made: Connection) -> None:
        """The conversation goes over another Peer."""
        self.entry, self.peer, self.guest = made.entry, made.peer, made.guest
        self.wishes, self.kept = made.wishes, made.kept


class Connections:
    """Finds what was begun."""

    def __init__(self) -> None:
        self._starts: dict[str, Start] = {}
        self._connections: dict[str, Connection] = {}

    def announce(self, guest: Visitor, shown: bytes, wishes: Mapping[str, Any], now: float) -> str:
        """Somebody will send an offer within a minute; returns the session's id.

        Raises Busy when too many are awaited, BadOffer when the wishes cannot be met.
        """
        settings_of(wishes, guest)
        self._starts = {id: one for id, one in self._starts.items() if one.expires > now}
        if len(self._starts) >= MAX_STARTS:
            raise Busy("Too many sessions are about to begin; try again in a moment.", 5.0)
        id = secrets.token_hex(16)
        self._starts[id] = Start(guest, shown, wishes, now + START_SECONDS)
        return id

    @contextmanager
    def taken(self, id: str, shown: bytes, now: float) -> Iterator[Start]:
        """What was announced under that id, while its session is begun.

        Nobody else finds it meanwhile, nor afterwards, unless the session could not be begun.
        Raises NotFound.
        """
        start = self._starts.get(id)
        if start is None or start.expires <= now or not hmac.compare_digest(start.shown, shown):
            raise NotFound("There is no such session, or its minute is over: ask /start again.")
        del self._starts[id]
        try:
            yield start
        except BaseException:
            self._starts[id] = start
            raise

    def add(self, connection: Connection, now: float) -> str:
        """Keep a connection; returns its `pc_id`."""
        kept = self._connections.items()
        self._connections = {id: one for id, one in kept if not _forgotten(one.entry, now)}
        if len(self._connections) >= MAX_CONNECTIONS:
            del self._connections[next(iter(self._connections))]
        id = secrets.token_hex(16)
        self._connections[id] = connection
        return id

    def find(self, pc_id: str, shown: bytes) -> Connection | None:
        """The connection, for who began it."""
        one = self._connections.get(pc_id)
        return one if one is not None and hmac.compare_digest(one.shown, shown) else None

    def forget(self, pc_id: str) -> None:
        """Its conversation is gone."""
        self._connections.pop(pc_id, None)

    def forget_all(self, entry: Entry) -> None:
        """What was said in it is remembered no more."""
        kept = self._connections.items()
        self._connections = {id: one for id, one in kept if one.entry is not entry}


def _forgotten(entry: Entry, now: float) -> bool:
    return entry.session is None and entry.expires is not None and entry.expires <= now


def settings_again(
    wishes: Mapping[str, Any], guest: Visitor, known: Connection | None
) -> StreamSettings:
    """The settings of a connection; raises BadOffer.

    Clients send their first wishes along whenever they connect anew: what was changed since stays,
    unless these are others.
    """
    settings = settings_of(wishes, guest)
    if known is not None and wishes.get("settings") == known.wishes.get("settings"):
        return known.kept.settings
    return settings


def settings_of(wishes: Mapping[str, Any], guest: Visitor) -> StreamSettings:
    """The settings among an application's wishes, with what a secret fixes; raises BadOffer."""
    body = fixed({"settings": wishes.get("settings") or {}}, guest.holder.session)
    return read_settings(body["settings"])


def read_offer(body: Any) -> PipecatOffer:
    """Read `{sdp, type, pc_id?, restart_pc?, requestData?}`; raises BadOffer."""
    if not isinstance(body, Mapping) or body.get("type") != "offer":
        raise BadOffer('The body must be a JSON object with `sdp` and `type` "offer".')
    sdp = body.get("sdp")
    if not isinstance(sdp, str):
        raise BadOffer("`sdp` must be the text of an offer.")
    restart = body.get("restart_pc") or False
    if not isinstance(restart, bool):
        raise BadOffer("`restart_pc` must be true or false.")
    wishes = body.get("requestData", body.get("request_data"))
    return PipecatOffer(sdp, _pc_id(body), restart, read_wishes(wishes, "requestData"))


def read_wishes(value: Any, name: str) -> Mapping[str, Any]:
    """What an application sends along; of it `settings` and `events` are ours."""
    value = value if value is not None else {}
    if not isinstance(value, Mapping):
        raise BadOffer(f"`{name}` must be an object.")
    if not isinstance(value.get("events", False), bool):
        raise BadOffer(f"`{name}.events` must be true or false.")
    return {name: value[name] for name in _WISHES if name in value}


def _pc_id(body: Mapping[str, Any]) -> str:
    """The connection's name, "" for none; raises BadOffer."""
    pc_id = body.get("pc_id")
    if pc_id is not None and not (isinstance(pc_id, str) and len(pc_id) <= _MAX_ID):
        raise BadOffer("`pc_id` must be that of an earlier answer.")
    return pc_id or ""


def read_candidates(body: Any) -> tuple[str, list[Candidate]]:
    """Read `{pc_id, candidates: [{candidate, sdp_mid, sdp_mline_index}]}`; raises BadOffer."""
    if not isinstance(body, Mapping) or not isinstance(body.get("candidates"), list):
        raise BadOffer("The body must be a JSON object with `pc_id` and a list `candidates`.")
    candidates = []
    for one in body["candidates"]:
        if not isinstance(one, Mapping):
            raise BadOffer("Every candidate must be an object.")
        place = (one.get("sdp_mid"), one.get("sdp_mline_index"))
        candidates.append(Candidate(one.get("candidate"), *place))
    return _pc_id(body), candidates
