"""What a client may send as its offer, checked field by field. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from model.orders import StreamSettings
from server.errors import BadOffer, Unauthorized
from server.stream_settings import read_settings

__all__ = ["Offer", "fixed", "read_offer"]

_MAX_TOKEN: Final = 256


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer whose form is right; whether the SDP can be answered is for the Peer to say.

    `ticket` is that of the line before a full server: "" to be given one, None not to wait.
    """

    sdp: str
    resume: str | None
    settings: StreamSettings
    ticket: str | None = None


def read_offer(body: Any) -> Offer:
    """Read `{"sdp", "type": "offer", "resume"?, "settings"?, "wait"?}`; raises BadOffer."""
    if not isinstance(body, Mapping):
        raise BadOffer("The body must be a JSON object with `sdp` and `type`.")
    if body.get("type") != "offer":
        raise BadOffer('`type` must be "offer".')
    sdp = body.get("sdp")
    if not isinstance(sdp, str):
        raise BadOffer("`sdp` must be the text of an offer.")
    resume = body.get("resume")
    if resume is not None and not (isinstance(resume, str) and len(resume) <= _MAX_TOKEN):
        raise BadOffer("`resume` must be the `resume_token` of an earlier answer.")
    wait = body.get("wait", False)
    if not isinstance(wait, bool) and not (isinstance(wait, str) and len(wait) <= _MAX_TOKEN):
        raise BadOffer("`wait` must be true, or the `ticket` you were given.")
    ticket = wait if isinstance(wait, str) else "" if wait else None
    return Offer(sdp, resume or None, read_settings(body.get("settings", {})), ticket)


def fixed(body: Any, session: Mapping[str, Any]) -> Any:
    """The body with what a secret fixes of its settings; raises Unauthorized.

    Args:
        body: as it came.
        session: what the secret was made for; empty for anything.
    """
    if not session or not isinstance(body, Mapping):
        return body
    if session.get("type") != "counterpoint":
        raise Unauthorized("This secret was made for another protocol.")
    settings = body.get("settings", {})
    if not isinstance(settings, Mapping):
        return body
    return {**body, "settings": {**settings, **session.get("settings", {})}}
