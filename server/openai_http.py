"""What the addresses of OpenAI's APIs have in common: keys, bodies, numbers."""

from __future__ import annotations

import time
from typing import Any, Final

from aiohttp import web

from server import bodies
from server.auth import Pass
from server.auth_http import DOOR, credential
from server.errors import BadOffer, BadRequest, TooLarge

__all__ = ["HEARTBEAT_SECONDS", "key_holder", "read_json", "whole_number"]

HEARTBEAT_SECONDS: Final = 20.0
"""Between pings of a WebSocket."""


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
