"""Waiting for what must come, instead of guessing how long a busy machine takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["until"]


async def until(done: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for it; an assertion fails when it does not come in time."""
    end = asyncio.get_running_loop().time() + seconds
    while not done():
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.02)
