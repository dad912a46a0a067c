"""What the addresses of OpenAI's APIs have in common: keys, bodies, numbers."""

from __future__ import annotations

import time
from typing import Any, Final

from aiohttp import web

from server import bodies
from server.auth import Pass
from server.auth_http import DOOR, credential
from server.errors import BadOffer, BadRequest, TooLarge
from server.socket_port import MAX_MESSAGE_BYTES

__all__ = ["key_holder", "read_json", "web_socket", "whole_number"]

_HEARTBEAT_SECONDS: Final = 20.0


def web_socket(protocols: tuple[str, ...]) -> web.WebSocketResponse:
    """A WebSocket that is pinged every 20 s."""
    return web.WebSocketResponse(
        protocols=protocols,
        heartbeat=_HEARTBEAT_SECONDS,
        max_msg_size=MAX_MESSAGE_BYTES,
        compress=False,  # A few bytes that unpack to many would come past every limit.
    )


def key_holder(request: web.Request) -> Pass:
    """Who shows a key; raises Unauthorized."""
    return request.app[DOOR].gate.show_key(credential(request), time.time())


def whole_number(value: Any, name: str, least: int, most: int) -> int:
    """A whole number of a request's; raises BadRequest."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadRequest(f"Must be a whole number from {least} to {most}.", name)
    return value


async def read_json(request: web.Request) -> Any:
    """The body; raises BadRequest."""
    try:
        return await bodies.read_json(request)
    except (TooLarge, BadOffer) as error:
        raise BadRequest(str(error)) from None
