"""HTTP with the server: the offer, the record; refusals as errors that say what to do."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from client.errors import Refused, Unreachable

__all__ = ["Answer", "Key", "Signalling"]

Key = str | Callable[[], str | Awaitable[str]]
"""An API key or a secret, or a function that gets one for each connection."""

REQUEST_SECONDS: Final = 20.0
MAX_RECORD_BYTES: Final = 64 * 1024 * 1024
_MAX_ANSWER_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """The server's answer to an offer; `token` opens the record and goes on with it later."""

    sdp: str
    session: str
    token: str


class Signalling:
    """One server.

    Args:
        url: its address, `http://localhost:8080`; what it has behind its path is left.
        key: what opens it; "" where it is open.
        wait: whether to stand in line when all places are taken.

    Raises:
        ValueError: the address is none.
    """

    def __init__(self, url: str, key: Key = "", wait: bool = False) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address of a server; it is like http://localhost:8080")
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._key = key
        self._wait: bool | str = wait  # or the ticket that keeps our place in the line

    async def offer(self, sdp: str, settings: Mapping[str, Any], resume: str = "") -> Answer:
        """Ask for a conversation.

        Raises:
            Unreachable: nobody answers there, or the function that gives the key failed.
            Refused: the server said no; with a `place` the next offer keeps it.
        """
        body: dict[str, Any] = {"sdp": sdp, "type": "offer", "settings": dict(settings)}
        if resume:
            body["resume"] = resume
        if self._wait:
            body["wait"] = self._wait
        key = await self._secret()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        text = await self._ask("POST", "/api/offer", headers, _MAX_ANSWER_BYTES, body)
        try:
            answer = json.loads(text)
            return Answer(answer["sdp"], answer["session"], answer["resume_token"])
        except (ValueError, TypeError, KeyError):
            raise Unreachable(f"{self.url} answers, but not as a Counterpoint server.") from None

    async def record(self, session: str, token: str) -> dict[str, Any]:
        """The record of a conversation, as `server/record.py` describes; raises as `offer`."""
        path, headers = f"/api/sessions/{session}/record.json", _bearer(token)
        found: dict[str, Any] = json.loads(await self._ask("GET", path, headers, MAX_RECORD_BYTES))
        return found

    async def forget(self, session: str, token: str) -> None:
        """Have the conversation ended and its record forgotten; raises as `offer`."""
        await self._ask("DELETE", f"/api/sessions/{session}", _bearer(token), _MAX_ANSWER_BYTES)

    async def _secret(self) -> str:
        if isinstance(self._key, str):
            return self._key
        try:
            given = self._key()
            return await given if inspect.isawaitable(given) else given
        except Exception as error:
            why = f"The function given as `key` failed: {type(error).__name__}: {error}"
            raise Unreachable(why) from error

    async def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        most_bytes: int,
        body: Mapping[str, Any] | None = None,
    ) -> str:
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.request(method, self.url + path, json=body, headers=headers) as response,
            ):
                content = await response.content.read(most_bytes + 1)
                while not response.content.at_eof() and len(content) <= most_bytes:
                    content += await response.content.read(most_bytes + 1 - len(content))
                text = content.decode(errors="replace")
                if response.status >= 400:
                    raise self._refusal(response.status, response.headers, text)
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
            reason = str(error) or f"no answer within {REQUEST_SECONDS:g} s"
            raise Unreachable(f"{self.url} cannot be reached ({reason}). Does it run?") from error
        if len(content) > most_bytes:
            raise Unreachable(f"{self.url} answers with more than {most_bytes} bytes.")
        return text

    def _refusal(self, status: int, headers: Mapping[str, str], text: str) -> Refused:
        code, message, place = "", f"The server answered with status {status}.", None
        try:
            told = json.loads(text)["error"]
            code, message = str(told["code"]), str(told["message"])
            if self._wait and (queue := told.get("queue")):
                self._wait, place = str(queue["ticket"]), int(queue["place"])
        except (ValueError, TypeError, KeyError):
            pass
        if code == "unauthorized":
            message += " Give `key` (`--key`): an API key (cpk_…) or a secret (ek_…)."
        after = headers.get("Retry-After", "")
        refused = Refused(message, status, code, float(after) if after.isdecimal() else None)
        refused.place = place
        return refused


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
