"""How our end of a connection is found: interfaces, ports, NAT, STUN and TURN."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["IceServer", "IceSettings", "turn_credentials"]


@dataclass(frozen=True, slots=True)
class IceServer:
    """One STUN or TURN server: `stun:host:port`, `turn:host:port?transport=udp`."""

    url: str
    username: str = ""
    credential: str = ""


@dataclass(frozen=True, slots=True)
class IceSettings:
    """Where the server may be reached over UDP.

    Attributes:
        interfaces: names or addresses of the network interfaces to use; empty means all.
        ports: first and last UDP port; (0, 0) lets the system choose.
        public_address: the address that a 1:1 NAT gives this machine; it replaces the private
            one in our candidates.
        ipv6: whether IPv6 addresses are used.
        loopback: whether 127.0.0.1 is used too (tests on one machine).
        servers: STUN and TURN servers for *our* side; none is the usual and fastest case.
        gather_seconds: the answer waits no longer than this for those servers.
    """

    interfaces: tuple[str, ...] = ()
    ports: tuple[int, int] = (0, 0)
    public_address: str = ""
    ipv6: bool = True
    loopback: bool = False
    servers: tuple[IceServer, ...] = ()
    gather_seconds: float = 0.5


def turn_credentials(secret: str, user: str, ttl_seconds: int, now: float) -> tuple[str, str]:
    """Username and credential of TURN's REST scheme (coturn `use-auth-secret`)."""
    raise NotImplementedError
