"""Whom a test bed's server side asks for, also of hosts that are not there: all the wire carries.

    with TestBed() as bed, addressed(bed) as asked:
        ...                                          # a server starts, somebody talks to it
    assert asked == {bed.client_address}

The only way out of the server's side is the wire, whose far end answers for one address. Whoever
else is asked for shows as an ARP request, a name to be looked up as one for the name server.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Iterator
from typing import Final

from tests.network.testbed import TestBed

__all__ = ["addressed", "destination"]

_EVERY_PROTOCOL: Final = 3
_IPV4, _ARP, _IPV6 = b"\x08\x00", b"\x08\x06", b"\x86\xdd"
_PATIENCE_SECONDS: Final = 0.1


def destination(frame: bytes) -> str:
    """The address that an Ethernet frame is meant for; empty for what stays on the wire (link-local
    and multicast: every kernel's own announcements)."""
    match frame[12:14]:
        case kind if kind == _IPV4:
            found = ipaddress.ip_address(frame[30:34])
        case kind if kind == _ARP:
            found = ipaddress.ip_address(frame[38:42])
        case kind if kind == _IPV6:
            found = ipaddress.ip_address(frame[38:54])
        case _:
            return ""
    return "" if found.is_multicast or found.is_link_local else str(found)


@contextlib.contextmanager
def addressed(bed: TestBed) -> Iterator[set[str]]:
    """The addresses that the server's side sent something to, complete when the block ends."""
    asked: set[str] = set()
    over = threading.Event()
    with bed.in_client():
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERY_PROTOCOL))
    wire.bind(("wire", 0))
    wire.settimeout(_PATIENCE_SECONDS)

    def listen() -> None:
        while True:
            try:
                frame, where = wire.recvfrom(64)
            except TimeoutError:
                if over.is_set():
                    return
                continue
            if where[2] != socket.PACKET_OUTGOING:
                asked.add(destination(frame))

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    try:
        yield asked
    finally:
        over.set()
        listening.join(10)
        wire.close()
        asked.discard("")
