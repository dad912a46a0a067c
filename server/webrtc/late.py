"""What comes after the offer: further candidates, and another offer of the same connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiortc import RTCIceCandidate, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from server.errors import BadOffer
from server.webrtc.offer import MAX_CANDIDATES, check_candidate, check_offer, credentials

__all__ = ["MAX_REMEMBERED", "Candidate", "add_candidates", "answer_again"]

MAX_REMEMBERED: Final = 2 * MAX_CANDIDATES
"""Candidates of one connection, those of its offer included; further ones are dropped."""

_MAX_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate as it came; its media section by `mid`, or by `line` if there is none."""

    text: Any
    mid: Any = None
    line: Any = None


async def add_candidates(pc: RTCPeerConnection, candidates: Sequence[Candidate]) -> None:
    """Take further candidates; raises BadOffer, and then takes none of them."""
    if len(candidates) > _MAX_AT_ONCE:
        raise BadOffer(f"at most {_MAX_AT_ONCE} candidates at once")
    checked = [_checked(pc, one) for one in candidates]
    room = MAX_REMEMBERED - str(pc.remoteDescription.sdp).count("a=candidate:")
    for one in [one for one in checked if one is not None][: max(0, room)]:
        try:
            await pc.addIceCandidate(one)
        except (ValueError, AssertionError) as error:
            raise BadOffer(f"a candidate cannot be used: {error!r}") from error


def _checked(pc: RTCPeerConnection, candidate: Candidate) -> RTCIceCandidate | None:
    value = check_candidate(candidate.text)
    mids = [one.mid for one in pc.getTransceivers()]
    mids += [pc.sctp.mid] if pc.sctp is not None else []
    mid, line = candidate.mid, candidate.line
    known = mid in mids if mid is not None else type(line) is int and 0 <= line < len(mids)
    if not known:
        raise BadOffer("a candidate must name a media section of the offer")
    parsed = candidate_from_sdp(value) if value is not None else None
    if parsed is None or parsed.component != 1:  # what is beside RTP comes over the same path
        return None
    parsed.sdpMid = mid
    parsed.sdpMLineIndex = line if mid is None else None
    return parsed


async def answer_again(
    pc: RTCPeerConnection, offer_sdp: object, prepare: Callable[[], None]
) -> str:
    """Answer another offer of a connection that goes on; the answer's SDP.

    Args:
        pc: the connection.
        offer_sdp: as it came.
        prepare: called between the offer and the answer.

    Raises:
        BadOffer: it belongs to another connection (or restarts ICE), or cannot be used.
    """
    offer = check_offer(offer_sdp)
    if credentials(offer) != credentials(pc.remoteDescription.sdp):
        raise BadOffer("ICE cannot be restarted here: make a new connection instead")
    try:
        await pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        prepare()
        await pc.setLocalDescription(await pc.createAnswer())
    except Exception as error:
        # aiortc has no error of its own for a description it cannot use.
        raise BadOffer(f"the offer cannot be used: {error!r}") from error
    return str(pc.localDescription.sdp)
