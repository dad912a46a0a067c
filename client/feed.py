"""What came, for whoever iterates over it: bounded, and the newest is kept."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

__all__ = ["Feed"]

Item = TypeVar("Item")


class Feed(Generic[Item]):
    """One listener's queue; an async iterator that ends with the conversation.

    Args:
        limit: items that are kept.
        waited: holds this feed while somebody waits for it: whoever fills it may hold it weakly,
            and asyncio holds a waiting task no better.

    Attributes:
        dropped: items that were thrown away because they were not taken in time, oldest first.
    """

    def __init__(self, limit: int, waited: set[Feed[Item]] | None = None) -> None:
        self.dropped = 0
        self._limit = limit
        self._waited: set[Feed[Item]] = set() if waited is None else waited
        self._items: deque[Item] = deque()
        self._wake = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None

    def put(self, item: Item) -> None:
        """Something came."""
        if self._ended:
            return
        if len(self._items) >= self._limit:
            self._items.popleft()
            self.dropped += 1
        self._items.append(item)
        self._wake.set()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes; what waits is still given out, then `error` is raised, if any."""
        if not self._ended:
            self._ended, self._error = True, error
        self._wake.set()

    def __aiter__(self) -> Feed[Item]:
        return self

    async def __anext__(self) -> Item:
        while not self._items:
            if self._ended:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._wake.clear()
            self._waited.add(self)
            try:
                await self._wake.wait()
            finally:
                self._waited.discard(self)
        return self._items.popleft()
