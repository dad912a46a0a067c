"""What the wrapper relies on inside aiortc and aioice, checked when the server starts."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["IncompatibleAiortc", "check_aiortc", "replace_part"]

# Attributes of live objects that are read, called or replaced, by the object that has them.
_PINS: Final = {
    "transceiver": (
        "_RTCRtpTransceiver__receiver",
        "_RTCRtpTransceiver__sender",
        "_codecs",
        "_offerDirection",
    ),
    "sender": ("_ssrc", "_rtx_ssrc", "_stream_id", "_track_id", "_enabled"),
    "receiver": ("_enabled", "_track", "_set_rtcp_ssrc", "_handle_disconnect"),
    "transport": (
        "_register_rtp_receiver",
        "_unregister_rtp_receiver",
        "_register_rtp_sender",
        "_unregister_rtp_sender",
        "_send_rtp",
    ),
    "connection": (
        "gather_candidates",
        "_local_candidates",
        "_local_candidates_start",
        "_local_candidates_end",
        "_protocols",
    ),
    "sctp": ("_receive_chunk", "_advertised_rwnd", "_inbound_streams", "_sack_misordered"),
    "stream": ("reassembly",),
}

# Methods that aiortc must call on our stand-ins, with these parameters.
_CALLED: Final = {
    "_handle_rtp_packet": ["self", "packet", "arrival_time_ms"],
    "_handle_rtcp_packet": ["self", "packet"],
    "receive": ["self", "parameters"],
}
_CALLED_BY_SCTP: Final = {"_receive_chunk": ["self", "chunk"]}


class IncompatibleAiortc(RuntimeError):
    """aiortc changed inside; the wrapper must be looked at before it is upgraded."""

    def __init__(self, owner: object, name: str) -> None:
        super().__init__(
            f"{type(owner).__name__} has no {name} as server/webrtc needs it: install the versions "
            "of aiortc and aioice that pyproject.toml names"
        )


def replace_part(owner: object, name: str, part: object) -> None:
    """Put `part` in place of a private attribute that must exist.

    Raises:
        IncompatibleAiortc: it does not.
    """
    if not hasattr(owner, name):
        raise IncompatibleAiortc(owner, name)
    setattr(owner, name, part)


async def check_aiortc() -> None:
    """Look at a connection of the installed aiortc; takes a few milliseconds.

    Raises:
        IncompatibleAiortc: something the wrapper needs is not there; says what.
    """
    from aiortc import RTCConfiguration, RTCPeerConnection

    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        transceiver: Any = pc.addTransceiver("audio", "sendrecv")
        pc.createDataChannel("")
        sctp: Any = pc.sctp
        transport = transceiver.receiver.transport
        owners = {
            "transceiver": transceiver,
            "sender": transceiver.sender,
            "receiver": transceiver.receiver,
            "transport": transport,
            "connection": transport.transport.iceGatherer._connection,
            "sctp": sctp,
            "stream": sctp._get_inbound_stream(0),
        }
        for owner, names in _PINS.items():
            for name in names:
                if not hasattr(owners[owner], name):
                    raise IncompatibleAiortc(owners[owner], name)
        _check_methods(transceiver.receiver, _CALLED)
        _check_methods(sctp, _CALLED_BY_SCTP)
    finally:
        await pc.close()


def _check_methods(owner: object, called: Mapping[str, Sequence[str]]) -> None:
    for name, parameters in called.items():
        method = getattr(type(owner), name, None)
        if method is None or list(inspect.signature(method).parameters) != parameters:
            raise IncompatibleAiortc(owner, name)
