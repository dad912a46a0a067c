"""Ask one STUN or TURN server, as a session would, and say what it gave."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import aioice.stun
import aioice.turn
from aiortc.rtcconfiguration import RTCIceServer
from aiortc.rtcicetransport import connection_kwargs

from server.webrtc.ice import IceServer

__all__ = ["probe"]

ANSWER_SECONDS: Final = 3.0
RETRY_SECONDS: Final = 0.5


class _Receiver(asyncio.DatagramProtocol):
    """Keeps the first datagram and learns when its transport is closed."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.first: asyncio.Future[bytes] = loop.create_future()
        self.closed = asyncio.Event()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self.first.done():
            self.first.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.first.done():
            self.first.set_exception(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


async def probe(server: IceServer) -> str:
    """The address that the server gives us, "host:port": of a relay for TURN, our own for STUN.

    Raises:
        OSError: no answer in time, or a refusal such as a wrong password.
        ValueError: the server's address cannot be read, or is of a kind that is not supported.
    """
    asked = RTCIceServer(server.url, server.username or None, server.credential or None)
    options = connection_kwargs([asked])
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            if "turn_server" in options:
                return await _relay(options)
            if "stun_server" in options:
                return await _mirror(options["stun_server"])
    except TimeoutError:
        raise TimeoutError(f"no answer within {ANSWER_SECONDS:.0f} s") from None
    except aioice.stun.TransactionError as error:
        raise ConnectionRefusedError(f"it refused: {error}") from error
    raise ValueError("this transport is not supported")


async def _relay(options: dict[str, Any]) -> str:
    transport, receiver = await aioice.turn.create_turn_endpoint(
        _Receiver,
        server_addr=options["turn_server"],
        username=options["turn_username"],
        password=options["turn_password"],
        ssl=options["turn_ssl"],
        transport=options["turn_transport"],
    )
    host, port = transport.get_extra_info("sockname")[:2]
    transport.close()
    await receiver.closed.wait()
    return f"the relay {host}:{port}"


async def _mirror(address: tuple[str, int]) -> str:
    loop = asyncio.get_running_loop()
    transport, receiver = await loop.create_datagram_endpoint(_Receiver, remote_addr=address)
    request = aioice.stun.Message(
        message_method=aioice.stun.Method.BINDING, message_class=aioice.stun.Class.REQUEST
    )
    try:
        while True:
            transport.sendto(bytes(request))
            try:
                async with asyncio.timeout(RETRY_SECONDS):
                    answer = await asyncio.shield(receiver.first)
            except TimeoutError:
                continue  # lost on the way; the caller's time-out ends this
            host, port = aioice.stun.parse_message(answer).attributes["XOR-MAPPED-ADDRESS"]
            return f"our address as seen from there, {host}:{port}"
    finally:
        transport.close()
