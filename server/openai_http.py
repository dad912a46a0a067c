"""What the addresses of OpenAI's APIs have in common: keys, bodies, numbers."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Final

from aiohttp import web

from server.auth import Pass
from server.auth_http import DOOR, credential
from server.errors import BadRequest
from server.routes import MAX_BODY_BYTES

__all__ = ["HEARTBEAT_SECONDS", "key_holder", "read_json", "whole_number"]

HEARTBEAT_SECONDS: Final = 20.0
"""Between pings of a WebSocket."""

_BODY_SECONDS: Final = 10.0


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
    if request.content_length is not None and request.content_length > MAX_BODY_BYTES:
        raise BadRequest(f"The body may have {MAX_BODY_BYTES} bytes; send less.")
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            text = await request.read()
        return json.loads(text) if text else {}
    except TimeoutError:
        raise BadRequest("The body did not come; send it at once.") from None
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON.") from None
