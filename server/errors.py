"""Everything that can be refused, as one tree: each error has a code, a status and a remedy."""

from __future__ import annotations

from typing import ClassVar

from server.waiting import Standing

__all__ = [
    "BadOffer",
    "BadRequest",
    "Busy",
    "CounterpointError",
    "EngineLost",
    "EngineTooSlow",
    "Forbidden",
    "ForbiddenOrigin",
    "NoAudio",
    "NoCodec",
    "NotFound",
    "NotReady",
    "RateLimited",
    "SessionLimit",
    "SettingsError",
    "ShuttingDown",
    "TooLarge",
    "Unauthorized",
]


class CounterpointError(Exception):
    """The root. `str(error)` says what happened and what to do, for whoever asked.

    Attributes:
        code: the word a program can test, as `docs/dialect.md` lists them.
        status: the HTTP status that goes with it.
        retry_after_seconds: when to ask again, or None when asking again will not help.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retry_after_seconds: float | None = None


class BadOffer(CounterpointError):
    """The offer cannot be understood or has no way to be answered."""

    code = "bad_offer"
    status = 400


class BadRequest(CounterpointError):
    """A field of the request cannot be taken; `param` is its path, "" for the whole."""

    code = "bad_request"
    status = 400

    def __init__(self, message: str, param: str = "", word: str = "") -> None:
        super().__init__(message)
        self.param = param
        self.word = word


class NoAudio(BadOffer):
    """The offer has no audio m-line that goes both ways."""

    code = "no_audio"


class NoCodec(BadOffer):
    """The offer's audio does not include Opus."""

    code = "no_codec"


class TooLarge(CounterpointError):
    """The body is larger than we read."""

    code = "too_large"
    status = 413


class NotFound(CounterpointError):
    """There is no such thing, or no longer."""

    code = "not_found"
    status = 404


class Forbidden(CounterpointError):
    """The token does not open this."""

    code = "forbidden"
    status = 403


class ForbiddenOrigin(Forbidden):
    """Pages of this origin may not call."""

    code = "forbidden_origin"


class Unauthorized(CounterpointError):
    """Who asks did not show what opens this."""

    code = "unauthorized"
    status = 401


class RateLimited(CounterpointError):
    """Too many requests of one holder."""

    code = "rate_limited"
    status = 429

    def __init__(self, message: str, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class SessionLimit(RateLimited):
    """The holder has as many sessions as they may."""

    code = "session_limit"


class Busy(CounterpointError):
    """All places are taken; `standing` is the asker's in the line, if they wait in it."""

    code = "busy"
    status = 503

    def __init__(
        self, message: str, retry_after_seconds: float, standing: Standing | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.standing = standing


class NotReady(CounterpointError):
    """The engine is loading or restarting."""

    code = "not_ready"
    status = 503
    retry_after_seconds = 2.0


class ShuttingDown(CounterpointError):
    """The server is about to exit."""

    code = "shutting_down"
    status = 503
    retry_after_seconds = 10.0


class SettingsError(CounterpointError):
    """A setting is unknown or out of range."""

    code = "bad_settings"


class EngineTooSlow(CounterpointError):
    """Two micro-turns of the stream are already in flight; a third is not sent."""

    code = "engine_slow"


class EngineLost(CounterpointError):
    """The engine process is gone."""

    code = "engine_lost"
