"""How our end of a connection is found: interfaces, ports, NAT, STUN and TURN.

aioice offers no say in any of these; `gather_with` replaces how one connection gathers.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import hmac
import ipaddress
import logging
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import aioice.ice
import aioice.stun
import ifaddr
from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aiortc.rtcconfiguration import RTCIceServer
from aiortc.rtcicetransport import connection_kwargs

__all__ = ["IceServer", "IceSettings", "gather_with", "host_addresses", "turn_credentials"]

logger = logging.getLogger(__name__)

_STUN_RETRY_SECONDS: Final = 0.1
_RECEIVE_BUFFER_BYTES: Final = 256 * 1024
_TRIES: Final = 64


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
            IPv4 addresses in our candidates.
        ipv6: whether IPv6 addresses are used.
        loopback: whether 127.0.0.1 is used too (tests on one machine).
        servers: STUN and TURN servers for *our* side; none is the usual and fastest case.
        gather_seconds: the answer waits no longer than this for those servers.

    Raises:
        ValueError: a field is out of range.
    """

    interfaces: tuple[str, ...] = ()
    ports: tuple[int, int] = (0, 0)
    public_address: str = ""
    ipv6: bool = True
    loopback: bool = False
    servers: tuple[IceServer, ...] = ()
    gather_seconds: float = 0.5

    def __post_init__(self) -> None:
        first, last = self.ports
        if not (first == last == 0 or 0 < first <= last <= 65535):
            raise ValueError(f"UDP ports {first}-{last}: use 0-0 or a range within 1-65535")
        if self.public_address and ipaddress.ip_address(self.public_address).version != 4:
            raise ValueError(f"public address {self.public_address}: an IPv4 address is needed")
        for server in self.servers:
            connection_kwargs([RTCIceServer(server.url)])


def turn_credentials(secret: str, user: str, ttl_seconds: int, now: float) -> tuple[str, str]:
    """Username and credential of TURN's REST scheme (coturn `use-auth-secret`).

    `now` is seconds since 1970; the credential is refused after `ttl_seconds`.
    """
    username = f"{int(now) + ttl_seconds}:{user}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()


def host_addresses(settings: IceSettings) -> list[str]:
    """The addresses of this machine that `settings` allow, as they are now."""
    found: list[str] = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if isinstance(ip.ip, str):
                address = ip.ip
            elif settings.ipv6 and ip.ip[2] == 0:  # not link-local
                address = ip.ip[0]
            else:
                continue
            chosen = {adapter.name, adapter.nice_name, address}.intersection(settings.interfaces)
            if settings.interfaces and not chosen:
                continue
            if ipaddress.ip_address(address).is_loopback and not (settings.loopback or chosen):
                continue
            found.append(address)
    return found


def gather_with(connection: aioice.ice.Connection, settings: IceSettings) -> None:
    """Make `connection` gather as `settings` say.

    aioice's half-second STUN timer, which costs that half second whenever the first check is lost
    (through a relay: always), is shortened for the whole process.
    """
    aioice.stun.RETRY_RTO = _STUN_RETRY_SECONDS
    vars(connection)["gather_candidates"] = functools.partial(_gather, connection, settings)


async def _gather(connection: Any, settings: IceSettings) -> None:
    if connection._local_candidates_start:
        return
    connection._local_candidates_start = True
    protocols: list[aioice.ice.StunProtocol] = []
    failed: OSError | None = None
    for address in host_addresses(settings):
        try:
            protocols.append(await _host_protocol(connection, address, settings.ports))
        except OSError as error:
            logger.warning("cannot receive on %s: %s", address, error)
            failed = error
    if failed is not None and not protocols and not settings.servers:
        raise failed  # Without a candidate nobody would ever connect, nor be told why.
    connection._protocols += protocols
    candidates = [_advertised(protocol.local_candidate, settings) for protocol in protocols]
    if settings.servers:
        candidates += await _from_servers(connection, protocols, settings)
    connection._local_candidates += candidates
    connection._local_candidates_end = True


def _bound_socket(address: str, ports: tuple[int, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        for port in _ports(*ports):
            try:
                bound.bind((address, port))
            except OSError:
                continue
            return bound
        raise OSError(f"no free UDP port in {ports[0]}-{ports[1]}; widen the range")
    except BaseException:
        bound.close()
        raise


def _ports(first: int, last: int) -> Iterator[int]:
    """Ports to try: a random start, then onwards, so that a full range is not scanned each time."""
    if first == 0:
        yield 0
        return
    count = last - first + 1
    start = random.randrange(count)
    for step in range(min(count, max(_TRIES, count // 4))):
        yield first + (start + step) % count


async def _host_protocol(
    connection: Any, address: str, ports: tuple[int, int]
) -> aioice.ice.StunProtocol:
    loop = asyncio.get_running_loop()
    bound = _bound_socket(address, ports)
    try:
        _, protocol = await loop.create_datagram_endpoint(
            lambda: aioice.ice.StunProtocol(connection), sock=bound
        )
    except BaseException:
        bound.close()
        raise
    protocol.local_candidate = Candidate(
        foundation=candidate_foundation("host", "udp", address),
        component=1,
        transport="udp",
        priority=candidate_priority(1, "host"),
        host=address,
        port=bound.getsockname()[1],
        type="host",
    )
    return protocol


def _advertised(candidate: Candidate, settings: IceSettings) -> Candidate:
    address = ipaddress.ip_address(candidate.host)
    if not settings.public_address or address.version != 4 or address.is_loopback:
        return candidate
    return Candidate(
        foundation=candidate.foundation,
        component=candidate.component,
        transport=candidate.transport,
        priority=candidate.priority,
        host=settings.public_address,
        port=candidate.port,
        type="host",
    )


async def _from_servers(
    connection: Any, protocols: list[aioice.ice.StunProtocol], settings: IceSettings
) -> list[Candidate]:
    """Candidates that the servers give within `gather_seconds`; a dead one costs no more."""
    asked = [
        RTCIceServer(server.url, server.username or None, server.credential or None)
        for server in settings.servers
    ]
    options = connection_kwargs(asked)
    tasks: list[asyncio.Task[tuple[Candidate, Any]]] = []
    if "stun_server" in options:
        tasks += [
            asyncio.create_task(
                aioice.ice.server_reflexive_candidate(protocol, options["stun_server"])
            )
            for protocol in protocols
            if ":" not in protocol.local_candidate.host
        ]
    if "turn_server" in options:
        relay = {key: value for key, value in options.items() if key.startswith("turn_")}
        tasks.append(
            asyncio.create_task(
                aioice.ice.relayed_candidate(
                    component=1,
                    hide_related_address=False,
                    protocol_factory=lambda: aioice.ice.StunProtocol(connection),
                    **relay,
                )
            )
        )
    if not tasks:  # STUN alone, and no IPv4 address to ask from
        return []
    done, pending = await asyncio.wait(tasks, timeout=settings.gather_seconds)
    for task in pending:
        task.cancel()
    candidates: list[Candidate] = []
    for task in done:
        if (error := task.exception()) is not None:
            logger.warning("a STUN or TURN server failed: %r", error)
            continue
        candidate, protocol = task.result()
        candidates.append(candidate)
        if protocol is not None:
            connection._protocols.append(protocol)
    if pending:
        logger.warning("%d STUN or TURN requests had no answer in time", len(pending))
        await asyncio.wait(pending)
    return candidates
