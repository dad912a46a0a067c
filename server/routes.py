"""HTTP: the page, the offer, the record, health and metrics. Thin; decisions are made elsewhere."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import jinja2
from aiohttp import web
from aiohttp.typedefs import Middleware

from server import record
from server.auth import KEY_PREFIX
from server.auth_http import DOOR, cross_origin, visitor
from server.bodies import MAX_BODY_BYTES, read_body
from server.conversation import Conversation
from server.errors import BadOffer, Busy, CounterpointError, Forbidden, TooLarge, Unauthorized
from server.metrics import render
from server.offers import Offer, fixed, read_offer
from server.page_ice import ice_servers
from server.reception import Reception
from server.refusals import error_body, refusal
from server.registry import Entry
from server.vitals import gauges

__all__ = ["RECEPTION", "add_routes", "middlewares"]

log = logging.getLogger(__name__)

RECEPTION: Final = web.AppKey("reception", Reception)
_RENDERING: Final = web.AppKey("rendering", asyncio.Semaphore)

_ROOT: Final = Path(__file__).resolve().parents[1]
_ACCESS: Final = "/page/access"
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; connect-src 'self'; media-src 'self' blob: mediastream:;"
        " img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    ),
    "Permissions-Policy": "microphone=(self), camera=(self), display-capture=(self)",
    "Referrer-Policy": "no-referrer",
    "Server": "counterpoint",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_routes(app: web.Application) -> None:
    """Give the application its addresses."""
    app[_RENDERING] = asyncio.Semaphore(1)
    app.router.add_post("/api/offer", _offer)
    app.router.add_get("/api/sessions/{session}/record.json", _record_json)
    app.router.add_get("/api/sessions/{session}/record.vtt", _record_vtt)
    app.router.add_delete("/api/sessions/{session}", _delete)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/metrics", _metrics)
    if (_ROOT / "templates" / "index.html").is_file():
        app.router.add_get("/", _Page(_ROOT / "templates").show)
        app.router.add_post(_ACCESS, _access)
    if (_ROOT / "static").is_dir():
        app.router.add_static("/static/", _ROOT / "static")
    if (_ROOT / "examples").is_dir():
        app.router.add_get("/examples/", _examples)
        app.router.add_static("/examples/", _ROOT / "examples")


@web.middleware
async def _errors_as_json(request: web.Request, handler: Answer) -> web.StreamResponse:
    try:
        return await handler(request)
    except CounterpointError as error:
        refused = error
    except web.HTTPRequestEntityTooLarge:
        refused = TooLarge(f"The body may have {MAX_BODY_BYTES} bytes; send less.")
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _refused(request.path, error)
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        refused = CounterpointError("Something failed here; try again.")
    request.app[RECEPTION].services.metrics.requests_refused[refused.code] += 1
    return refusal(request.path, refused)


@web.middleware
async def _security_headers(request: web.Request, handler: Answer) -> web.StreamResponse:
    response = await handler(request)
    response.headers.update(_HEADERS)
    # Code of the page must match the server it talks to: always ask whether it changed.
    response.headers.setdefault("Cache-Control", "no-cache")
    return response


middlewares: Final[tuple[Middleware, ...]] = (_security_headers, cross_origin, _errors_as_json)


def _refused(path: str, error: web.HTTPException) -> web.Response:
    code = "not_found" if error.status == 404 else "bad_request"
    told = error_body(path, code, f"{error.reason}: see the documentation.", error.status)
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return web.json_response(told, status=error.status, headers=headers)


async def _offer(request: web.Request) -> web.Response:
    reception = request.app[RECEPTION]
    address = request.remote or ""
    reception.knock(address)
    # The form of another site's page could come without an Origin, but as plain text only.
    if request.content_type != "application/json":
        raise BadOffer("Send the offer as application/json.")
    guest = visitor(request)
    offer = await _read(request, guest.holder.session)
    try:
        welcome = await reception.welcome(offer, guest)
    except Busy as error:
        if error.standing is not None and error.standing.ticket == offer.ticket:
            # Who waits in line asks every few seconds, as they were told to.
            guest.gate.forgive(guest.holder)
        raise
    answer = {
        "sdp": welcome.answer_sdp,
        "type": "answer",
        "session": welcome.session,
        "resume_token": welcome.token,
        "dialect": 1,
    }
    return web.json_response(answer, status=201, headers={"Cache-Control": "no-store"})


async def _read(request: web.Request, session: Mapping[str, Any]) -> Offer:
    body = await read_body(request)
    try:
        return read_offer(fixed(json.loads(body), session))
    except (ValueError, RecursionError):
        raise BadOffer("The body is not JSON.") from None


async def _record_json(request: web.Request) -> web.Response:
    entry = _entry(request)
    return web.Response(
        text=await _rendered(request, entry, lambda now: record.as_text(now, entry.id)),
        content_type="application/json",
        headers=_download(f"conversation-{entry.id}.json"),
    )


async def _record_vtt(request: web.Request) -> web.Response:
    entry = _entry(request)
    return web.Response(
        text=await _rendered(request, entry, record.as_webvtt),
        content_type="text/vtt",
        charset="utf-8",
        headers=_download(f"conversation-{entry.id}.vtt"),
    )


async def _rendered(
    request: web.Request, entry: Entry, render: Callable[[Conversation], str]
) -> str:
    """The record as text, made beside the loop, which a long one would hold up; one at a time."""
    async with request.app[_RENDERING]:
        return await asyncio.to_thread(render, entry.conversation.copy())


async def _delete(request: web.Request) -> web.Response:
    await request.app[RECEPTION].delete(_entry(request))
    return web.Response(status=204)


def _entry(request: web.Request) -> Entry:
    """The conversation, for who shows its token or the key that it was begun with."""
    reception, session = request.app[RECEPTION], request.match_info["session"]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip() if scheme.lower() == "bearer" else ""
    try:
        return reception.open(session, token)
    except Forbidden:
        entry = reception.registry.find(session)
        if entry is None or not entry.holder or not token.startswith(KEY_PREFIX):
            raise
        try:
            holder = request.app[DOOR].gate.show_key(token, time.time()).holder
        except Unauthorized:
            holder = ""
        if holder != entry.holder:
            raise
        return entry


def _download(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }


async def _healthz(request: web.Request) -> web.Response:
    status = request.app[RECEPTION].status
    body = {"status": "ok" if status == "ready" else status}
    return web.json_response(body, status=200 if status == "ready" else 503)


async def _examples(request: web.Request) -> web.FileResponse:
    return web.FileResponse(_ROOT / "examples" / "index.html")


async def _metrics(request: web.Request) -> web.Response:
    reception = request.app[RECEPTION]
    text = render(reception.services.metrics, gauges(reception, request.app[DOOR].gate))
    return web.Response(text=text, headers={"Content-Type": "text/plain; version=0.0.4"})


def _lends_secrets(request: web.Request) -> bool:
    """Whether our own page is to have secrets."""
    settings = request.app[RECEPTION].services.settings
    return settings.page_secrets and not request.app[DOOR].gate.open


def _page_servers(request: web.Request) -> list[dict[str, str]]:
    """ICE servers for whoever loads the page: the relay's passwords only if they may talk too."""
    passwords = request.app[DOOR].gate.open or _lends_secrets(request)
    settings = request.app[RECEPTION].services.settings
    return ice_servers(settings, time.time(), passwords=passwords)


async def _access(request: web.Request) -> web.Response:
    """What our own page makes its next connection with; both parts end soon.

    By POST, with which browsers send the page's origin: how a proxy passes our name on to us does
    not tell whether the page was loaded over https.
    """
    door = request.app[DOOR]
    request.app[RECEPTION].knock(request.remote or "")
    origin = door.origin(request)
    lends = _lends_secrets(request)
    secret = door.gate.mint_for_page(origin, time.time()) if lends else ""
    body = {"secret": secret, "ice_servers": _page_servers(request)}
    return web.json_response(body, headers={"Cache-Control": "no-store"})


class _Page:
    """The page, with what a browser must know beforehand."""

    def __init__(self, folder: Path) -> None:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder), autoescape=True, auto_reload=False
        )
        self._template = environment.get_template("index.html")

    async def show(self, request: web.Request) -> web.Response:
        """The page."""
        servers = _page_servers(request)
        ends_soon = _lends_secrets(request) or any("credential" in one for one in servers)
        access = _ACCESS if ends_soon else ""
        return web.Response(
            text=self._template.render(ice_servers=servers, access=access),
            content_type="text/html",
            headers={"Cache-Control": "no-store"} if ends_soon else {},
        )
