"""Which conversations there are: those that go on and those that can still be resumed. Pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from server.conversation import Conversation
from server.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from server.session import Session

__all__ = ["Entry", "Registry"]

MAX_PARKED: Final = 256
"""Conversations kept without a session; beyond it the one that ended first is forgotten."""


@dataclass(slots=True, eq=False)
class Entry:
    """One conversation.

    Attributes:
        id: its public name, part of addresses.
        token: the secret that resumes, reads and deletes it.
        began: the time at which its clock was 0.
        conversation: the record.
        holder: name of the key it was begun with, "" for none.
        session: the session that goes on, if one does.
        expires: when it is forgotten, once no session goes on.
    """

    id: str
    token: str = field(repr=False)
    began: float
    conversation: Conversation = field(default_factory=Conversation, repr=False)
    holder: str = ""
    session: Session | None = None
    expires: float | None = None


class Registry:
    """Finds conversations by id or token. Times are given by the caller.

    Attributes:
        on_forget: told of each that is remembered no more, for what is kept of it elsewhere.
    """

    def __init__(self, resume_seconds: float) -> None:
        self._resume_seconds = resume_seconds
        self._entries: dict[str, Entry] = {}
        self._by_token: dict[bytes, Entry] = {}
        self.on_forget: list[Callable[[Entry], None]] = []

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def parked(self) -> int:
        """Conversations that no session goes on with."""
        return sum(entry.session is None for entry in self._entries.values())

    def create(self, now: float) -> Entry:
        """A new conversation; it is parked until a session is put into it."""
        entry = Entry(secrets.token_hex(8), secrets.token_urlsafe(24), now)
        self._entries[entry.id] = entry
        self._by_token[_digest(entry.token)] = entry
        return entry

    def resume(self, token: str, now: float) -> Entry | None:
        """The conversation that the token opens, if it is still remembered."""
        self.sweep(now)
        return self._by_token.get(_digest(token))

    def open(self, id: str, token: str, now: float) -> Entry:
        """The conversation of that id; raises NotFound or, if the token is wrong, Forbidden."""
        self.sweep(now)
        entry = self._entries.get(id)
        if entry is None:
            raise NotFound("There is no such session, or its record is no longer kept.")
        if not hmac.compare_digest(_digest(entry.token), _digest(token)):
            raise Forbidden("Send the session's resume_token as `Authorization: Bearer …`.")
        return entry

    def find(self, id: str) -> Entry | None:
        """The conversation of that id, for whoever checks by other means who asks."""
        return self._entries.get(id)

    def park(self, entry: Entry, now: float) -> None:
        """The entry's session ended; the conversation can be resumed for a while."""
        entry.session = None
        entry.expires = now + self._resume_seconds
        self.sweep(now)

    def forget(self, entry: Entry) -> None:
        """Remove it, record and all."""
        self._entries.pop(entry.id, None)
        self._by_token.pop(_digest(entry.token), None)
        for forget in self.on_forget:
            forget(entry)

    def sweep(self, now: float) -> None:
        """Forget what has expired, and the oldest of too many."""
        parked = [one for one in self._entries.values() if one.expires is not None]
        parked = [one for one in parked if one.session is None]
        parked.sort(key=lambda one: one.expires or 0.0)
        for at, entry in enumerate(parked):
            if (entry.expires or 0.0) <= now or len(parked) - at > MAX_PARKED:
                self.forget(entry)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
