"""HTTP addresses of WHIP (RFC 9725), by which a voice comes in, and WHEP, by which others listen.

Whatever was begun here is reached again with the credential that was shown then. Thin; decisions
are made elsewhere.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from aiohttp import web

from server.audience import Listener, can_hear_person
from server.auth import digest
from server.auth_http import DOOR, credential, visitor
from server.bodies import read_body
from server.dialects.counterpoint import CounterpointDialect
from server.errors import BadOffer, BadRequest, NotFound
from server.ingest_port import IngestPort
from server.offers import Offer, fixed
from server.page_ice import ice_servers, link_headers
from server.port import Port
from server.routes import RECEPTION
from server.session import Session
from server.stream_settings import read_settings
from server.webrtc.fragment import read_fragment
from server.webrtc.peer import Peer
from server.whip_resources import Resource, Resources

__all__ = ["RESOURCES", "add_whip_routes"]

RESOURCES: Final = web.AppKey("whip_resources", Resources)

_SDP: Final = "application/sdp"
_FRAGMENT: Final = "application/trickle-ice-sdpfrag"
_NO_SESSION: Final = "There is no such session, or it is over."


def add_whip_routes(app: web.Application) -> None:
    """Give the application these addresses."""
    resources = app[RESOURCES] = Resources()

    async def close(app: web.Application) -> None:
        await resources.close()

    app.on_cleanup.append(close)
    app.router.add_post("/whip", _publish)
    app.router.add_post("/whep/{session}", _listen)
    for path in ("/whip", "/whip/{session}", "/whep/{session}", "/whep/{session}/{listener}"):
        app.router.add_options(path, _options)
    for path in ("/whip/{session}", "/whep/{session}/{listener}"):
        app.router.add_patch(path, _trickle)
        app.router.add_delete(path, _end)


async def _publish(request: web.Request) -> web.Response:
    reception = request.app[RECEPTION]
    reception.knock(request.remote or "")
    sdp = await _text(request, _SDP)
    guest = visitor(request)
    settings = read_settings(fixed({"settings": {}}, guest.holder.session)["settings"])
    ports: list[IngestPort] = []

    def port(peer: Peer) -> Port:
        ports.append(IngestPort(peer))
        return ports[0]

    guest = replace(guest, dialect=CounterpointDialect, label="", port=port, direction="recvonly")
    welcome = await reception.welcome(Offer(sdp, None, settings), guest)
    entry = reception.open(welcome.session, welcome.token)
    path = f"/whip/{welcome.session}"
    assert entry.session is not None, "nothing waited since it began"
    # Of this session alone: the conversation may go on in another, which the client resumes.
    hang_up = partial(entry.session.end, "hung_up")
    resource = Resource(path, sdp, ports[0].peer, _shown(request), hang_up)
    request.app[RESOURCES].add(resource)
    more = {"Counterpoint-Session": welcome.session, "Counterpoint-Resume-Token": welcome.token}
    return _created(request, resource, more)


async def _listen(request: web.Request) -> web.Response:
    reception, resources = request.app[RECEPTION], request.app[RESOURCES]
    reception.knock(request.remote or "")
    request.app[DOOR].origin(request)
    session = _listened(request)
    hears_person = _hears_person(request, session)
    sdp, listener = await _text(request, _SDP), Listener(hears_person)
    with resources.place(session.id) as place:
        peer = await Peer.answer(
            sdp, reception.ice, source=listener, labels=frozenset(), direction="sendonly"
        )
        # From here to the end nothing waits.
        path = f"/whep/{session.id}/{secrets.token_hex(8)}"
        resource = Resource(path, sdp, peer, _shown(request))
        resources.add(resource)
        resources.seat(session, listener, peer, place.pop_all())
    return _created(request, resource, {})


async def _trickle(request: web.Request) -> web.Response:
    request.app[DOOR].origin(request)
    resource = request.app[RESOURCES].find(request.path, _shown(request))
    if resource is None:
        raise NotFound(_NO_SESSION)
    text = await _text(request, _FRAGMENT)
    match = request.headers.get("If-Match")
    if match not in (resource.etag, "*", None):
        return _problem(412, "stale_etag", "This is another state of the session than ours.")
    if match is None and request.path.startswith("/whip/"):
        return _problem(428, "no_etag", "Send the ETag of the answer as If-Match.")
    candidates = None if match == "*" else read_fragment(text, resource.offer_sdp)
    if candidates is None:
        return _problem(501, "no_restart", "ICE is not restarted here: make a new session.")
    await resource.peer.add_candidates(candidates)
    return web.Response(status=204, headers={"ETag": resource.etag})


async def _end(request: web.Request) -> web.Response:
    request.app[DOOR].origin(request)
    if not await request.app[RESOURCES].end(request.path, _shown(request)):
        raise NotFound(_NO_SESSION)
    return web.Response(status=200)


async def _options(request: web.Request) -> web.Response:
    return web.Response(status=204, headers={"Accept-Post": _SDP, "Accept-Patch": _FRAGMENT})


# ---- pieces ------------------------------------------------------------------------------------


def _created(request: web.Request, resource: Resource, more: Mapping[str, str]) -> web.Response:
    response = web.Response(
        status=201,
        text=resource.peer.answer_sdp,
        content_type=_SDP,
        headers={
            "Location": resource.path,
            "ETag": resource.etag,
            "Accept-Patch": _FRAGMENT,
            "Cache-Control": "no-store",
            **more,
        },
    )
    settings = request.app[RECEPTION].services.settings
    for link in link_headers(ice_servers(settings, time.time())):
        response.headers.add("Link", link)
    return response


def _listened(request: web.Request) -> Session:
    """The session that may be listened to; raises NotFound, whoever is wrong, or Unauthorized."""
    token, shown = credential(request), _shown(request)
    entry = request.app[RECEPTION].registry.find(request.match_info["session"])
    gate = request.app[DOOR].gate
    begun = request.app[RESOURCES].find(f"/whip/{request.match_info['session']}", shown)
    owner = entry is not None and hmac.compare_digest(digest(entry.token), shown)
    if not owner and begun is None:
        holder = gate.show_key(token, time.time()).holder
        if gate.open or entry is None or holder != entry.holder:
            raise NotFound("There is no such session, or it is not yours to listen to.")
    if entry is None or entry.session is None or entry.session.released.is_set():
        raise NotFound(_NO_SESSION)
    return entry.session


def _hears_person(request: web.Request, session: Session) -> bool:
    wish = request.query.get("person", "false")
    if wish not in ("true", "false"):
        raise BadRequest("Must be true or false.", "person")
    if wish == "true" and not can_hear_person(session):
        raise BadRequest("The person of this session cannot be listened to.", "person")
    return wish == "true"


def _shown(request: web.Request) -> bytes:
    return digest(credential(request))


def _problem(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)


async def _text(request: web.Request, kind: str) -> str:
    if request.content_type != kind:
        raise BadOffer(f"Send the body as {kind}.")
    await read_body(request)
    try:
        return await request.text()
    except (UnicodeDecodeError, LookupError):
        raise BadOffer("The body cannot be read.") from None
