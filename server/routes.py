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
from server.auth import KEY_PREFIX, Grant, Pass
from server.auth_http import DOOR, cross_origin, visitor
from server.errors import BadOffer, CounterpointError, Forbidden, TooLarge, Unauthorized
from server.metrics import render
from server.offers import Offer, fixed, read_offer
from server.page_ice import ice_servers
from server.reception import Reception
from server.refusals import error_body, refusal
from server.registry import Entry
from server.vitals import gauges

__all__ = ["MAX_BODY_BYTES", "RECEPTION", "add_routes", "middlewares"]

log = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 64 * 1024
RECEPTION: Final = web.AppKey("reception", Reception)

_ROOT: Final = Path(__file__).resolve().parents[1]
_BODY_SECONDS: Final = 10.0
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
    app.router.add_post("/api/offer", _offer)
    app.router.add_get("/api/sessions/{session}/record.json", _record_json)
    app.router.add_get("/api/sessions/{session}/record.vtt", _record_vtt)
    app.router.add_delete("/api/sessions/{session}", _delete)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/metrics", _metrics)
    if (_ROOT / "templates" / "index.html").is_file():
        app.router.add_get("/", _Page(_ROOT / "templates"))
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
    # A body from another site's page would come as plain text: asking for JSON makes the browser
    # ask us first, and we never say yes.
    if request.content_type != "application/json":
        raise BadOffer("Send the offer as application/json.")
    guest = visitor(request)
    offer = await _read(request, guest.holder.session)
    welcome = await reception.welcome(offer, guest)
    answer = {
        "sdp": welcome.answer_sdp,
        "type": "answer",
        "session": welcome.session,
        "resume_token": welcome.token,
        "dialect": 1,
    }
    return web.json_response(answer, status=201, headers={"Cache-Control": "no-store"})


async def _read(request: web.Request, session: Mapping[str, Any]) -> Offer:
    if request.content_length is not None and request.content_length > MAX_BODY_BYTES:
        raise TooLarge(f"The body may have {MAX_BODY_BYTES} bytes; send less.")
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            body = await request.read()
        return read_offer(fixed(json.loads(body), session))
    except TimeoutError:
        raise BadOffer("The body did not come; send it at once.") from None
    except (ValueError, RecursionError):
        raise BadOffer("The body is not JSON.") from None


async def _record_json(request: web.Request) -> web.Response:
    entry = _entry(request)
    body = json.dumps(record.as_json(entry.conversation, entry.id), ensure_ascii=False)
    return web.Response(
        text=body,
        content_type="application/json",
        headers=_download(f"conversation-{entry.id}.json"),
    )


async def _record_vtt(request: web.Request) -> web.Response:
    entry = _entry(request)
    return web.Response(
        text=record.as_webvtt(entry.conversation),
        content_type="text/vtt",
        charset="utf-8",
        headers=_download(f"conversation-{entry.id}.vtt"),
    )


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
    text = render(reception.services.metrics, gauges(reception))
    return web.Response(text=text, headers={"Content-Type": "text/plain; version=0.0.4"})


def _secret(request: web.Request) -> str:
    """A secret for our own page, if it is to have one; "" else."""
    reception, gate = request.app[RECEPTION], request.app[DOOR].gate
    if gate.open or not reception.services.settings.page_secrets:
        return ""
    reception.knock(request.remote or "")
    grant = Grant(origin=f"{request.scheme}://{request.host}")
    return gate.mint(Pass(), grant, time.time())[0]


class _Page:
    """The page, with what a browser must know beforehand."""

    def __init__(self, folder: Path) -> None:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder), autoescape=True, auto_reload=False
        )
        self._template = environment.get_template("index.html")

    async def __call__(self, request: web.Request) -> web.Response:
        settings = request.app[RECEPTION].services.settings
        servers = ice_servers(settings, time.time())
        secret = _secret(request)
        return web.Response(
            text=self._template.render(ice_servers=servers, secret=secret),
            content_type="text/html",
            headers={"Cache-Control": "no-store"} if secret else {},
        )
