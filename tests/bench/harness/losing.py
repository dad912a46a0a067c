"""Packet loss on the client's side of a call: the bench's network has none of its own."""

from __future__ import annotations

import random
from typing import Any

__all__ = ["losing"]


def losing(ice: Any, share: float, seed: int) -> None:
    """Lose that share of the packets an aiortc ICE transport sends and receives.

    Wraps two private methods, pinned by tests/bench/visual/test_clips.py.
    """
    dice = random.Random(seed)
    send, receive = ice._send, ice._recv

    async def sent(data: bytes) -> None:
        if dice.random() >= share:
            await send(data)

    async def received() -> bytes:
        while True:
            data: bytes = await receive()
            if dice.random() >= share:
                return data

    ice._send, ice._recv = sent, received
