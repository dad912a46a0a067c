"""HTTP addresses of OpenAI's Realtime API. Thin; decisions are made elsewhere."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from aiohttp import web
from aiohttp.web_request import FileField

from server.auth import DEFAULT_SECRET_SECONDS, DEFAULT_USES, Grant
from server.auth_http import DOOR, credential, is_origin, normal_origin, visitor
from server.bodies import BODY_SECONDS, LATE
from server.dialects.openai_realtime import RealtimeDialect
from server.dialects.openai_settings import FieldError, RealtimeSettings
from server.errors import BadOffer, BadRequest, Unauthorized
from server.offers import Offer
from server.openai_calls import Call, CallPort, Calls
from server.openai_http import key_holder, read_json, web_socket, whole_number
from server.packed import PackedJson
from server.port import Port
from server.routes import RECEPTION
from server.socket_port import SocketPort
from server.stream_settings import read_settings
from server.visitor import Visitor
from server.webrtc.peer import Peer

__all__ = ["CALLS", "add_openai_routes"]

CALLS: Final = web.AppKey("calls", Calls)

_SECRET_SECONDS: Final = (10, 7_200)
_SECRET_USES: Final = (1, 100)
_SECRET_FIELDS: Final = {"expires_after", "session", "origin", "uses"}
_OUR_FIELDS: Final = ("type", "settings")
_MAX_FIXED: Final = 16_384
"""Characters; thousands of secrets are kept for hours."""


def add_openai_routes(app: web.Application) -> None:
    """Give the application these addresses."""
    app[CALLS] = Calls()
    app[RECEPTION].registry.on_forget.append(app[CALLS].forget)
    app.router.add_post("/v1/realtime/client_secrets", _client_secrets)
    app.router.add_post("/v1/realtime/calls", _calls)
    app.router.add_post("/v1/realtime/calls/{call}/hangup", _hangup)
    app.router.add_get("/v1/realtime", _socket)


# ---- secrets -----------------------------------------------------------------------------------


async def _client_secrets(request: web.Request) -> web.Response:
    request.app[RECEPTION].knock(request.remote or "")
    now, gate = time.time(), request.app[DOOR].gate
    holder = gate.show_key(credential(request), now)
    grant, told = _grant(await read_json(request))
    secret, expires = gate.mint(holder, grant, now)
    body = {"value": secret, "expires_at": int(expires), "session": told}
    return web.json_response(body, headers={"Cache-Control": "no-store"})


def _grant(body: Any) -> tuple[Grant, dict[str, Any]]:
    """What the secret is for, and the session as it is told back."""
    if not isinstance(body, Mapping):
        raise BadRequest("The body must be a JSON object.")
    if unknown := sorted(set(body) - _SECRET_FIELDS):
        raise BadRequest(f"There is no field {unknown[0]!r}.", unknown[0])
    after = body.get("expires_after") or {}
    if not isinstance(after, Mapping) or after.get("anchor", "created_at") != "created_at":
        raise BadRequest("Must be {anchor: created_at, seconds}.", "expires_after")
    asked = after.get("seconds", DEFAULT_SECRET_SECONDS)
    seconds = whole_number(asked, "expires_after.seconds", *_SECRET_SECONDS)
    uses = whole_number(body.get("uses", DEFAULT_USES), "uses", *_SECRET_USES)
    origin = body.get("origin") or ""
    if not isinstance(origin, str) or len(origin) > 256 or (origin and not is_origin(origin)):
        raise BadRequest("Must be an origin like https://shop.example.", "origin")
    origin = normal_origin(origin) if origin else ""
    session = body.get("session") or {}
    if isinstance(session, Mapping) and session.get("type") == "counterpoint":
        read_settings(session.get("settings", {}))
        session = {name: session[name] for name in _OUR_FIELDS if name in session}
        told = session
    else:
        told = _settings({}, session).told("")
    if len(json.dumps(session, ensure_ascii=False, separators=(",", ":"))) > _MAX_FIXED:
        raise BadRequest(
            f"What a secret fixes may have {_MAX_FIXED:,} characters of JSON; fix less.", "session"
        )
    return Grant(seconds, uses, origin, PackedJson(session)), told


# ---- calls -------------------------------------------------------------------------------------


async def _calls(request: web.Request) -> web.Response:
    reception = request.app[RECEPTION]
    reception.knock(request.remote or "")
    sdp, session = await _offered(request)
    guest = visitor(request)
    settings = _settings(guest.holder.session, session)
    dialect = RealtimeDialect(settings, limits=_limits(guest))
    made: list[CallPort] = []

    def port(peer: Peer) -> Port:
        made.append(CallPort(peer, dialect))
        return made[0]

    guest = replace(guest, dialect=lambda: dialect, label="oai-events", port=port)
    offer = Offer(sdp, None, read_settings(settings.values()))
    welcome = await reception.welcome(offer, guest)
    entry = reception.open(welcome.session, welcome.token)
    call_id = f"rtc_{entry.id}"
    request.app[CALLS].add(call_id, Call(entry, made[0], dialect.greeting, guest.holder))
    return web.Response(
        status=201,
        text=welcome.answer_sdp,
        content_type="application/sdp",
        headers={"Location": f"/v1/realtime/calls/{call_id}", "Cache-Control": "no-store"},
    )


async def _hangup(request: web.Request) -> web.Response:
    holder = key_holder(request)
    request.app[CALLS].find(request.match_info["call"], holder).hang_up()
    return web.Response(status=200)


async def _offered(request: web.Request) -> tuple[str, Any]:
    """The SDP and the session that came with it."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            if request.content_type == "application/sdp":
                return await request.text(), {}
            if request.content_type != "multipart/form-data":
                raise BadOffer("Send application/sdp, or multipart/form-data with sdp and session.")
            form = await request.post()
    except TimeoutError:
        raise BadOffer(LATE) from None
    except (ValueError, LookupError) as error:
        raise BadOffer("The body cannot be read.") from error
    sdp, session = _part(form.get("sdp")), _part(form.get("session"))
    if not sdp:
        raise BadOffer("There is no part `sdp`.")
    try:
        return sdp, json.loads(session) if session else {}
    except (ValueError, RecursionError):
        raise BadRequest("The part `session` is not JSON.", "session") from None


def _part(part: str | bytes | bytearray | FileField | None) -> str:
    if isinstance(part, FileField):
        part = part.file.read()
    if isinstance(part, bytes | bytearray):
        return bytes(part).decode(errors="replace")
    return part or ""


# ---- sockets -----------------------------------------------------------------------------------


async def _socket(request: web.Request) -> web.StreamResponse:
    request.app[RECEPTION].knock(request.remote or "")
    socket = web_socket(("realtime",))
    if "call_id" in request.query:
        call = request.app[CALLS].find(request.query["call_id"], key_holder(request))
        await request.app[CALLS].listen_in(call, socket, request)
        return socket
    guest = visitor(request)
    settings = _settings(guest.holder.session, {})
    dialect = RealtimeDialect(settings, in_messages=True, limits=_limits(guest))
    guest = replace(guest, dialect=lambda: dialect)
    ports: list[SocketPort] = []

    def make() -> Port:
        ports.append(SocketPort(socket, dialect))
        return ports[0]

    request.app[RECEPTION].join(make, read_settings(settings.values()), guest)
    try:
        await socket.prepare(request)
        await ports[0].run()
    finally:
        await ports[0].close()
    return socket


# ---- pieces ------------------------------------------------------------------------------------


def _settings(fixed: Mapping[str, Any], session: Any) -> RealtimeSettings:
    if fixed.get("type", "realtime") != "realtime":
        raise Unauthorized("This secret was made for another protocol.")
    try:
        settings = RealtimeSettings(fixed)
        settings.update(session)
    except FieldError as error:
        raise BadRequest(str(error), error.param, error.code) from error
    return settings


def _limits(guest: Visitor) -> Callable[[], tuple[int, int, float]] | None:
    if guest.gate.open:
        return None
    return lambda: guest.gate.left(guest.holder, time.time())
