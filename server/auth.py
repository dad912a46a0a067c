"""Who may come in: API keys kept as hashes, short-lived secrets for browsers, their limits. Pure.

A key belongs to a server and is shown once, when it is made; what is kept is its SHA-256, which is
enough because a key is 256 random bits. An `ek_` secret is made with a key for one browser: it
ends soon, starts few sessions, from one origin only if it names one, with what it fixes of the
session fixed. Secrets live in memory; a restart ends them. Times are seconds since 1970.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from server.errors import ForbiddenOrigin, RateLimited, SessionLimit, Unauthorized
from server.packed import PackedJson

__all__ = [
    "DEFAULT_SECRET_SECONDS",
    "DEFAULT_USES",
    "KEY_PREFIX",
    "MAX_PAGE_SECRETS",
    "MAX_SECRETS",
    "MAX_SECRET_BYTES",
    "PAGE_SECRET_SECONDS",
    "ApiKey",
    "Gate",
    "Grant",
    "Pass",
    "digest",
    "new_key",
]

KEY_PREFIX: Final = "cpk_"
SECRET_PREFIX: Final = "ek_"
DEFAULT_SECRET_SECONDS: Final = 600
DEFAULT_USES: Final = 10
MAX_SECRETS: Final = 10_000
"""Of all keys together; beyond it nothing more is made until some have ended."""

MAX_SECRET_BYTES: Final = 64 * 1024 * 1024
"""What all of them together fix of their sessions: each may fix 16,384 characters."""

PAGE_SECRET_SECONDS: Final = 120
"""Our own page asks for one whenever it connects."""

MAX_PAGE_SECRETS: Final = 2_000
"""Of our own page. Whoever can load it gets one, so they take no room from the keys'."""

_REMEMBERED_HOLDERS: Final = 10_000
# One answer for all three: who guesses learns nothing.
_NO_SECRET: Final = "This secret is unknown, has expired or is used up; get another."


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One server's key: its name, its hash and its limits (0: no limit of its own)."""

    name: str
    digest: bytes = field(repr=False)
    sessions: int = 0
    per_minute: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """What a secret is made for.

    Attributes:
        seconds: how long it can be used.
        uses: how many sessions it may start.
        origin: the only origin whose pages may use it; empty for any that is allowed.
        session: what it fixes of the session, as the client sent it.
    """

    seconds: int = DEFAULT_SECRET_SECONDS
    uses: int = DEFAULT_USES
    origin: str = ""
    session: PackedJson = field(default_factory=lambda: PackedJson({}))


@dataclass(slots=True, eq=False)
class _Secret:
    holder: ApiKey | None
    grant: Grant
    expires: float
    uses: int


@dataclass(frozen=True, slots=True)
class Pass:
    """Who came in.

    Attributes:
        holder: the key's name; "" when nobody needs one.
        key: whether the key itself was shown, or nobody needs one; False for a secret.
        sessions: how many sessions the holder may have at a time; 0 for any number.
        session: what the secret fixes of the session.
        secret: the secret that was shown, of which each session that begins takes a use.
        paid: the conversation that took its use already, "" for none.
    """

    holder: str = ""
    key: bool = True
    sessions: int = 0
    session: Mapping[str, Any] = field(default_factory=dict)
    secret: _Secret | None = field(default=None, repr=False, compare=False)
    paid: str = ""


@dataclass(slots=True)
class _Bucket:
    """Requests left of a minute's worth, and when that was counted."""

    left: float
    at: float


class _Secrets:
    """Secrets that can be used: at most so many, that fix at most so much."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.bytes = 0
        self._most = most
        self._most_bytes = most_bytes
        self._kept: dict[bytes, _Secret] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, token: str) -> _Secret | None:
        """The secret, however old or used up."""
        return self._kept.get(digest(token))

    def add(self, secret: _Secret, now: float) -> str:
        """Keep one; returns what is to be shown for it. Raises RateLimited for too many."""
        size = secret.grant.session.packed_bytes
        if len(self._kept) >= self._most or self.bytes + size > self._most_bytes:
            self._sweep(now)
        if len(self._kept) >= self._most:
            raise RateLimited("Too many secrets are in use; let some expire.", 60.0)
        if self.bytes + size > self._most_bytes:
            why = "Secrets in use fix too much of their sessions; let some expire, or fix less."
            raise RateLimited(why, 60.0)
        token = SECRET_PREFIX + secrets.token_urlsafe(32)
        self._kept[digest(token)] = secret
        self.bytes += size
        return token

    def _sweep(self, now: float) -> None:
        kept = self._kept.items()
        self._kept = {at: one for at, one in kept if one.expires > now and one.uses > 0}
        self.bytes = sum(one.grant.session.packed_bytes for one in self._kept.values())


class Gate:
    """Checks what callers show and counts what they do.

    Args:
        keys: who may come in; None lets everybody in.
        per_minute: requests of one holder within a minute, unless the key says otherwise.
    """

    def __init__(self, keys: Iterable[ApiKey] | None, per_minute: int = 120) -> None:
        self.open = keys is None
        self._keys = tuple(keys or ())
        self._per_minute = per_minute
        self._of_keys = _Secrets(MAX_SECRETS, MAX_SECRET_BYTES)
        self._of_pages = _Secrets(MAX_PAGE_SECRETS, MAX_SECRET_BYTES)
        self._buckets: dict[str, _Bucket] = {}
        self._sessions: Counter[str] = Counter()

    @property
    def secrets(self) -> int:
        """How many secrets are kept."""
        return len(self._of_keys) + len(self._of_pages)

    @property
    def secret_bytes(self) -> int:
        """How much room what they fix takes."""
        return self._of_keys.bytes + self._of_pages.bytes

    def show_key(self, token: str, now: float) -> Pass:
        """Somebody asks for what only a key's holder may do; raises Unauthorized, RateLimited."""
        key = self._key(token)
        if key is None and not self.open:
            raise Unauthorized("Send an API key as `Authorization: Bearer …`.")
        self._count(key, now)
        return _pass(key)

    def enter(self, token: str, origin: str, now: float) -> Pass:
        """Somebody asks for a session with a key or a secret.

        A use of the secret is taken by `spend`, when the session begins: an offer that is refused,
        or that asks for its place in the line again, costs none.

        Args:
            token: what was shown; anything, and "" for nothing.
            origin: of the page that asks; "" when no page does.
            now: seconds since 1970.

        Raises:
            Unauthorized: it is missing, unknown, tampered with, expired or used up.
            ForbiddenOrigin: the secret is bound to another origin.
            RateLimited: too many requests of its holder.
        """
        if not token.startswith(SECRET_PREFIX):
            return self.show_key(token, now)
        secret = self._of_keys.find(token) or self._of_pages.find(token)
        if secret is None or secret.uses <= 0:
            raise Unauthorized(_NO_SECRET)
        _check(secret, origin, now)
        self._count(secret.holder, now)
        base = _pass(secret.holder)
        return Pass(base.holder, False, base.sessions, secret.grant.session, secret)

    def again(self, holder: Pass, origin: str, now: float) -> None:
        """Who came in before goes on; raises Unauthorized or ForbiddenOrigin as `enter` does."""
        if holder.secret is not None:
            _check(holder.secret, origin, now)

    def spend(self, holder: Pass, conversation: str = "") -> None:
        """A session begins: take a use of its secret.

        Args:
            holder: who asked for it.
            conversation: the one it goes on with, which may have been paid for; "" for a new one.

        Raises:
            Unauthorized: others took the last use since the holder came in.
        """
        secret = holder.secret
        if secret is None or (conversation and conversation == holder.paid):
            return
        if secret.uses <= 0:
            raise Unauthorized(_NO_SECRET)
        secret.uses -= 1

    def forgive(self, holder: Pass) -> None:
        """The holder's last request does not count among those of this minute."""
        bucket = self._buckets.get(holder.holder)
        if bucket is not None:
            bucket.left += 1.0

    def mint(self, holder: Pass, grant: Grant, now: float) -> tuple[str, float]:
        """Make a secret; returns it and when it ends. Raises RateLimited for too many."""
        key = next((one for one in self._keys if one.name == holder.holder), None)
        secret = _Secret(key, grant, now + grant.seconds, grant.uses)
        return self._of_keys.add(secret, now), secret.expires

    def mint_for_page(self, origin: str, now: float) -> str:
        """Make a secret for our own page, whose origin that is; raises RateLimited."""
        grant = Grant(seconds=PAGE_SECRET_SECONDS, origin=origin)
        return self._of_pages.add(_Secret(None, grant, now + grant.seconds, grant.uses), now)

    def begin(self, holder: Pass) -> None:
        """A session of the holder begins; raises SessionLimit when they have too many."""
        if holder.sessions and self._sessions[holder.holder] >= holder.sessions:
            raise SessionLimit(
                f"This key already holds {holder.sessions} sessions; end one first.", 5.0
            )
        self._sessions[holder.holder] += 1

    def end(self, holder: Pass) -> None:
        """A session of the holder that began is over."""
        self._sessions[holder.holder] -= 1
        if self._sessions[holder.holder] <= 0:
            del self._sessions[holder.holder]

    def left(self, holder: Pass, now: float) -> tuple[int, int, float]:
        """Requests a minute that the holder may make, those left, seconds until all are."""
        key = next((one for one in self._keys if one.name == holder.holder), None)
        limit = (key.per_minute if key is not None else 0) or self._per_minute
        bucket = self._buckets.get(holder.holder)
        if bucket is None:
            return limit, limit, 0.0
        left = min(limit, bucket.left + (now - bucket.at) * limit / 60.0)
        return limit, int(left), round((limit - left) * 60.0 / limit, 3)

    def _key(self, token: str) -> ApiKey | None:
        """The key; the time it takes does not tell which, nor how near a guess was."""
        shown = digest(token)
        found: ApiKey | None = None
        for key in self._keys:
            if hmac.compare_digest(key.digest, shown):
                found = key
        return found

    def _count(self, key: ApiKey | None, now: float) -> None:
        if key is None:
            return  # Without keys it is addresses that are counted, at the reception.
        per_minute = key.per_minute or self._per_minute
        if len(self._buckets) >= _REMEMBERED_HOLDERS:
            self._buckets.clear()
        bucket = self._buckets.setdefault(key.name, _Bucket(float(per_minute), now))
        bucket.left = min(per_minute, bucket.left + (now - bucket.at) * per_minute / 60.0)
        bucket.at = now
        if bucket.left < 1.0:
            wait = (1.0 - bucket.left) * 60.0 / per_minute
            raise RateLimited("Too many requests with this key; wait and try again.", wait)
        bucket.left -= 1.0


def digest(token: str) -> bytes:
    """What is kept of a key or a secret."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def new_key(name: str, sessions: int = 0, per_minute: int = 0) -> tuple[str, ApiKey]:
    """A new key, to be shown once, and what is kept of it."""
    token = KEY_PREFIX + secrets.token_urlsafe(32)
    return token, ApiKey(name, digest(token), sessions, per_minute)


def _check(secret: _Secret, origin: str, now: float) -> None:
    """Whether it holds here and now, however often it was used."""
    if secret.expires <= now:
        raise Unauthorized(_NO_SECRET)
    bound = secret.grant.origin
    if bound and not hmac.compare_digest(bound.encode(), origin.encode(errors="replace")):
        raise ForbiddenOrigin("This secret belongs to a page of another origin.")


def _pass(key: ApiKey | None) -> Pass:
    return Pass() if key is None else Pass(key.name, True, key.sessions)
