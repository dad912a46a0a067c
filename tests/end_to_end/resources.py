"""What a running server takes: memory, and micro-turns that came too late."""

from __future__ import annotations

import asyncio

from tests.end_to_end.served import Served

__all__ = ["growth", "resident", "ticks_and_missed"]


def resident(served: Served) -> dict[str, int]:
    """Bytes of memory of both processes."""
    return {
        "server_bytes": served.process.memory_info().rss,
        "engine_bytes": served.engines()[0].memory_info().rss,
    }


def growth(before: dict[str, int], after: dict[str, int]) -> dict[str, float]:
    """By which share of itself each grew."""
    return {name: after[name] / before[name] - 1.0 for name in before}


async def ticks_and_missed(served: Served) -> tuple[float, float]:
    """Micro-turns of the engine so far, and those of them that were missed."""
    await asyncio.sleep(1.5)  # The engine tells how it keeps up once a second.
    ticks = await asyncio.to_thread(served.metric, "engine_ticks")
    return ticks, await asyncio.to_thread(served.metric, "engine_missed")
