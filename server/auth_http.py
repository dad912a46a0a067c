"""What HTTP has to do with who may come in: credentials, origins, CORS, and where we may be open.

A page's origin counts as our own when it names the host that was asked; others must be listed in
`allowed_origins`. There are no cookies, so CORS never allows credentials.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from server.auth import Gate
from server.auth_keys import load_keys
from server.dialects.counterpoint import CounterpointDialect
from server.dialects.locked import Locked
from server.errors import ForbiddenOrigin, SettingsError
from server.refusals import refusal
from server.settings import Settings
from server.visitor import Visitor

__all__ = [
    "DOOR",
    "Door",
    "check_exposure",
    "credential",
    "cross_origin",
    "is_origin",
    "make_door",
    "normal_origin",
    "visitor",
]

log = logging.getLogger(__name__)

_API: Final = ("/api/", "/v1/", "/pipecat/", "/whip", "/whep/")
_STATIC: Final = "/static/"
_OFFER: Final = "/api/offer"
_METHODS: Final = "GET, POST, PATCH, DELETE"
_REQUEST_HEADER: Final = re.compile(
    r"authorization|content-type|accept|if-match|x-openai-agents-sdk|user-agent"
    r"|openai-[a-z-]{1,40}|x-stainless-[a-z-]{1,40}"
)
_EXPOSED: Final = (
    "Location, Retry-After, ETag, Link, Accept-Patch, Counterpoint-Session,"
    " Counterpoint-Resume-Token"
)
_MAX_AGE_SECONDS: Final = 600
_SUBPROTOCOL: Final = "openai-insecure-api-key."

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Door:
    """The Gate as HTTP sees it, with the origins whose pages may call.

    Args:
        gate: who may come in.
        origins: what is allowed beside our own; `*` for any.
        only_here: whether we are to be reached on this machine alone. Then our own origin has a
            name of this machine: another name that leads here is another site's trick (DNS
            rebinding), or a proxy, whose origin must be listed.
    """

    def __init__(self, gate: Gate, origins: tuple[str, ...], only_here: bool = False) -> None:
        self.gate = gate
        self._any = "*" in origins
        self._origins = frozenset(normal_origin(origin) for origin in origins if origin != "*")
        self._only_here = only_here

    def allows(self, origin: str, host: str) -> bool:
        """Whether pages of `origin` may call us under the name `host`."""
        if self._any or origin.lower() in self._origins:
            return True
        try:
            parts = urlsplit(origin)
            named = parts.hostname or ""
        except ValueError:
            return False
        if self._only_here and not _is_loopback(named):
            return False
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()

    def origin(self, request: web.Request) -> str:
        """The origin of the page that asks, "" for none; raises ForbiddenOrigin."""
        origin = request.headers.get("Origin", "")
        if origin and not self.allows(origin, request.host):
            raise ForbiddenOrigin(
                "Pages of this origin may not call here; list it in allowed_origins."
            )
        return origin


DOOR: Final = web.AppKey("door", Door)


def is_origin(text: str) -> bool:
    """Whether it names a scheme and a host, and nothing behind them but a slash."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc) and not (parts.path.strip("/") or parts.query)


def normal_origin(origin: str) -> str:
    """The origin as browsers write it: in small letters, without the scheme's usual port."""
    parts = urlsplit(origin.lower())
    usual = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.removesuffix(usual)}"


def make_door(settings: Settings) -> Door:
    """The door that the settings describe; raises SettingsError."""
    for origin in settings.allowed_origins:
        if origin != "*" and not is_origin(origin):
            raise SettingsError(
                f"allowed_origins: {origin!r} is no origin like https://shop.example"
            )
    keys = load_keys(Path(settings.api_keys)) if settings.api_keys else None
    only_here = keys is None and _is_here(settings.host) and not settings.open_anyway
    return Door(Gate(keys, settings.requests_per_minute), settings.allowed_origins, only_here)


def check_exposure(settings: Settings) -> None:
    """Refuse to let everybody in where the whole world can knock.

    Raises:
        SettingsError: there are no keys, and the address is public or is every address.
    """
    if settings.api_keys or settings.open_anyway:
        return
    host = settings.host or "an empty host (every address)"
    address = _address(settings.host)
    if _is_here(settings.host):
        return
    private = address is None or address.is_private or address.is_link_local
    if not private or (address is not None and address.is_unspecified):
        raise SettingsError(
            f"{host} lets everybody in whom the network lets through: set api_keys"
            " (`counterpoint key new NAME`), or --open-anyway true if that is what you want"
        )
    log.warning("no API keys are set: whoever can reach %s can talk", host)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """What the system listens on for this host; None for a name."""
    if not host:
        return ipaddress.IPv4Address(0)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))  # it reads "0" and "127.1" too
        except OSError:
            return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_here(host: str) -> bool:
    """Whether what is listened on can be reached from this machine alone."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _is_loopback(host: str) -> bool:
    """Whether a browser that names this host means its own machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def credential(request: web.Request) -> str:
    """The key or secret that was shown, "" for none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    # A browser's WebSocket can send no header; its SDKs put the key among the subprotocols.
    for offered in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
        if offered.strip().startswith(_SUBPROTOCOL):
            return offered.strip()[len(_SUBPROTOCOL) :]
    return ""


@web.middleware
async def cross_origin(request: web.Request, handler: Answer) -> web.StreamResponse:
    """Let allowed pages of other origins call the API, and every page load the SDK."""
    if request.path.startswith(_STATIC):
        response = await handler(request)
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response
    if not request.path.startswith(_API):
        return await handler(request)
    try:
        origin = request.app[DOOR].origin(request)
    except ForbiddenOrigin as error:
        return _turned_away(request, error)
    response = _preflight(request) if _asks_first(request) else await handler(request)
    if origin and not response.prepared:
        _let_read(response, origin)
    return response


def _turned_away(request: web.Request, error: ForbiddenOrigin) -> web.Response:
    """What the page of another origin is told; nothing else is done for it.

    It may read why. An offer's preflight is answered as if it might call, because a browser that is
    refused there tells the page of a network error only; then the offer is refused, in words.
    """
    asks_first = _asks_first(request)
    if asks_first and request.path != _OFFER:
        return refusal(request.path, error)
    response = _preflight(request) if asks_first else refusal(request.path, error)
    _let_read(response, request.headers["Origin"])
    return response


def _asks_first(request: web.Request) -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def _let_read(response: web.StreamResponse, origin: str) -> None:
    """Let pages of that origin read it."""
    if not origin.isascii():  # No browser's, and no header could carry it back.
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    response.headers.add("Vary", "Origin")


def _preflight(request: web.Request) -> web.Response:
    asked = request.headers.get("Access-Control-Request-Headers", "").lower().split(",")
    allowed = [name for one in asked if _REQUEST_HEADER.fullmatch(name := one.strip())]
    headers = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": ", ".join(allowed),
        "Access-Control-Max-Age": str(_MAX_AGE_SECONDS),
        "Vary": "Access-Control-Request-Headers",
    }
    return web.Response(status=204, headers=headers)


def visitor(request: web.Request) -> Visitor:
    """Who asks for a session; raises Unauthorized, ForbiddenOrigin, RateLimited."""
    door = request.app[DOOR]
    holder = door.gate.enter(credential(request), door.origin(request), time.time())
    fixed = holder.session.get("settings", {})
    guest = Visitor(request.remote or "", door.gate, holder)
    if not fixed:
        return guest
    return replace(guest, dialect=lambda: Locked(CounterpointDialect(), frozenset(fixed)))
