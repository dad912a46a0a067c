"""SDP fragments that bring candidates later (RFC 8840, as WHIP and WHEP send them). Pure."""

from __future__ import annotations

from typing import Final

from server.errors import BadOffer
from server.webrtc.late import Candidate
from server.webrtc.offer import credentials

__all__ = ["MAX_FRAGMENT_BYTES", "read_fragment"]

MAX_FRAGMENT_BYTES: Final = 16 * 1024


def read_fragment(text: str, description: str) -> list[Candidate] | None:
    """The candidates in a fragment; None when it would restart ICE.

    Args:
        text: the fragment.
        description: the offer it belongs to.

    Raises:
        BadOffer: it is too long, or a candidate stands under no media section.
    """
    if len(text) > MAX_FRAGMENT_BYTES:
        raise BadOffer(f"a fragment has at most {MAX_FRAGMENT_BYTES} characters")
    named = credentials(text)
    if named and not named <= credentials(description):
        return None
    candidates: list[Candidate] = []
    mid: str | None = None
    for line in text.splitlines():
        if line.startswith("m="):
            mid = None
        elif line.startswith("a=mid:"):
            mid = line[len("a=mid:") :].strip()
        elif line.startswith("a=candidate:"):
            candidates.append(Candidate(line, mid))
    return candidates
