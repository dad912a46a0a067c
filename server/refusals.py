"""Refused requests as JSON, in the form that each family of addresses has."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from server.errors import BadRequest, Busy, CounterpointError
from server.waiting import Standing

__all__ = ["error_body", "refusal"]

_OPENAI: Final = "/v1/"
_PIPECAT: Final = "/pipecat/"
_TYPES: Final = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
# Codes that SDKs and their users test, where the public protocol has one for it.
_CODES: Final = {
    "unauthorized": "invalid_api_key",
    "rate_limited": "rate_limit_exceeded",
    "session_limit": "session_limit_exceeded",
}


def refusal(path: str, error: CounterpointError) -> web.Response:
    """The answer to a request on `path` that was refused."""
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after_seconds)))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = error_body(path, error.code, str(error), error.status)
    if isinstance(error, BadRequest) and path.startswith(_OPENAI):
        body["error"]["param"] = error.param or None
        body["error"]["code"] = error.word or error.code
    if isinstance(error, Busy) and error.standing is not None:
        body["error"]["queue"] = _queue(error.standing)
    return web.json_response(body, status=error.status, headers=headers)


def _queue(standing: Standing) -> dict[str, Any]:
    wait = standing.wait_seconds
    wait_ms = None if wait is None else round(wait * 1000)
    return {"ticket": standing.ticket, "place": standing.place, "wait_ms": wait_ms}


def error_body(path: str, code: str, message: str, status: int) -> dict[str, Any]:
    """The error as an object."""
    if path.startswith(_PIPECAT):  # whose clients show what stands in `detail`
        return {"detail": message, "error": {"code": code, "message": message}}
    if not path.startswith(_OPENAI):
        return {"error": {"code": code, "message": message}}
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    code = _CODES.get(code, code)
    return {"error": {"type": kind, "code": code, "message": message, "param": None}}
