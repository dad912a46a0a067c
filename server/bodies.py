"""The bodies of requests, bounded in size and in time."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from aiohttp import web

from server.errors import BadOffer, TooLarge

__all__ = ["BODY_SECONDS", "LATE", "MAX_BODY_BYTES", "read_body", "read_json"]

MAX_BODY_BYTES: Final = 64 * 1024
BODY_SECONDS: Final = 10.0
LATE: Final = "The body did not come; send it at once."


async def read_body(request: web.Request) -> bytes:
    """All of it.

    Raises:
        TooLarge: it is, or says that it is, over 64 KiB.
        BadOffer: it did not come within 10 s.
    """
    if request.content_length is not None and request.content_length > MAX_BODY_BYTES:
        raise TooLarge(f"The body may have {MAX_BODY_BYTES} bytes; send less.")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise BadOffer(LATE) from None


async def read_json(request: web.Request) -> Any:
    """The JSON in it, an empty object where there is nothing; raises as `read_body`, and BadOffer
    where it is none."""
    body = await read_body(request)
    try:
        return json.loads(body) if body else {}
    except (ValueError, RecursionError):
        raise BadOffer("The body is not JSON.") from None
