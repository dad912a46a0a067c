"""HTTP addresses of pipecat's small WebRTC transport. Thin; decisions are made elsewhere.

They stand under `/pipecat`, because our own dialect has `/api/offer` already; a client is given the
address that it is to call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from server.auth import digest
from server.auth_http import DOOR, credential, visitor
from server.bodies import read_json
from server.dialects.kept import Kept
from server.dialects.locked import Locked
from server.dialects.rtvi import RtviDialect
from server.errors import BadOffer, NotFound
from server.offers import Offer
from server.page_ice import ice_servers
from server.pipecat_calls import (
    Connection,
    Connections,
    PipecatOffer,
    read_candidates,
    read_offer,
    read_wishes,
    settings_again,
)
from server.port import Port
from server.routes import RECEPTION
from server.session_events import Dialect
from server.visitor import PIPECAT_LABEL, Visitor
from server.webrtc.peer import Peer

__all__ = ["CONNECTIONS", "add_pipecat_routes"]

CONNECTIONS: Final = web.AppKey("pipecat_connections", Connections)


def add_pipecat_routes(app: web.Application) -> None:
    """Give the application these addresses."""
    app[CONNECTIONS] = Connections()
    app[RECEPTION].registry.on_forget.append(app[CONNECTIONS].forget_all)
    app.router.add_post("/pipecat/start", _start)
    for path in ("/pipecat/api/offer", "/pipecat/sessions/{session}/api/offer"):
        app.router.add_post(path, _offer)
        app.router.add_patch(path, _trickle)


async def _start(request: web.Request) -> web.Response:
    reception = request.app[RECEPTION]
    reception.knock(request.remote or "")
    body = await _json(request)
    if not isinstance(body, Mapping):
        raise BadOffer("The body must be a JSON object.")
    wishes = read_wishes(body.get("body"), "body")
    guest, now = visitor(request), asyncio.get_running_loop().time()
    id = request.app[CONNECTIONS].announce(guest, _shown(request), wishes, now)
    servers = ice_servers(reception.services.settings, time.time())
    return _answer({"sessionId": id, "iceConfig": {"iceServers": servers}})


async def _offer(request: web.Request) -> web.Response:
    request.app[RECEPTION].knock(request.remote or "")
    offer = read_offer(await _json(request))
    known = _known(request, offer.pc_id)
    if known is not None and not offer.restart and not known.peer.gone.is_set():
        answer = await known.peer.answer_again(offer.sdp)
        return _answer({"sdp": answer, "type": "answer", "pc_id": offer.pc_id})
    with _let_in(request, known) as (guest, wishes):
        made = await _begin(request, offer, known, guest, {**wishes, **offer.wishes})
    if known is not None:
        known.renew(made)
        pc_id = offer.pc_id
    else:
        pc_id = request.app[CONNECTIONS].add(made, asyncio.get_running_loop().time())
    return _answer({"sdp": made.peer.answer_sdp, "type": "answer", "pc_id": pc_id})


async def _trickle(request: web.Request) -> web.Response:
    pc_id, candidates = read_candidates(await _json(request))
    known = request.app[CONNECTIONS].find(pc_id, _shown(request))
    if known is None or known.peer.gone.is_set():
        raise NotFound("There is no such connection, or it is over.")
    await known.peer.add_candidates(candidates)
    return _answer({"status": "success"})


async def _begin(
    request: web.Request,
    offer: PipecatOffer,
    known: Connection | None,
    guest: Visitor,
    wishes: Mapping[str, Any],
) -> Connection:
    reception = request.app[RECEPTION]
    settings = settings_again(wishes, guest, known)
    peers: list[Peer] = []

    def port(peer: Peer) -> Port:
        peers.append(peer)
        return peer

    spoken: Dialect = RtviDialect(every_event=wishes.get("events", False))
    if fixed := guest.holder.session.get("settings", {}):
        spoken = Locked(spoken, frozenset(fixed))
    kept = Kept(spoken, settings, known.kept.looks if known is not None else ())
    visitor = replace(guest, dialect=lambda: kept, label=PIPECAT_LABEL, port=port)
    resume = known.entry.token if known is not None else None
    welcome = await reception.welcome(Offer(offer.sdp, resume, settings), visitor)
    entry = reception.open(welcome.session, welcome.token)
    # However often it is connected anew, a conversation takes one use of a secret.
    guest = replace(guest, holder=replace(guest.holder, paid=entry.id))
    return Connection(entry, peers[0], guest, _shown(request), wishes, kept)


def _known(request: web.Request, pc_id: str) -> Connection | None:
    """The connection of that name, as long as there is its conversation to go on with."""
    connections, now = request.app[CONNECTIONS], asyncio.get_running_loop().time()
    known = connections.find(pc_id, _shown(request))
    if known is None:
        return None
    if request.app[RECEPTION].registry.resume(known.entry.token, now) is not known.entry:
        connections.forget(pc_id)
        return None
    return known


@contextmanager
def _let_in(
    request: web.Request, known: Connection | None
) -> Iterator[tuple[Visitor, Mapping[str, Any]]]:
    """Who asks, and what they asked for before, while their session is begun."""
    door, id = request.app[DOOR], request.match_info.get("session", "")
    if known is not None:
        door.gate.again(known.guest.holder, door.origin(request), time.time())
        yield known.guest, known.wishes
    elif id:
        now = asyncio.get_running_loop().time()
        with request.app[CONNECTIONS].taken(id, _shown(request), now) as start:
            yield start.guest, start.wishes
    else:
        yield visitor(request), {}


def _shown(request: web.Request) -> bytes:
    return digest(credential(request))


async def _json(request: web.Request) -> Any:
    # A body from another site's page would come as plain text: asking for JSON makes the browser
    # ask us first.
    if request.content_type != "application/json":
        raise BadOffer("Send the body as application/json.")
    return await read_json(request)


def _answer(body: Mapping[str, Any]) -> web.Response:
    return web.json_response(body, headers={"Cache-Control": "no-store"})
