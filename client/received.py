"""What came from the server, given to whoever listens; bounded."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Final, Generic, TypeVar

import numpy as np

from client.attribution import Attribution
from client.errors import ConversationError
from client.feed import Feed
from client.sound import RATE, Audio
from client.values import Event

__all__ = ["Block", "InLine", "Lost", "Received"]

Item = TypeVar("Item")

MAX_EVENTS: Final = 10_000
"""Kept for who asks later, and for each listener that is slow; then the oldest is dropped."""

MAX_BLOCKS: Final = 3_000
"""A minute of sound for each listener that is slow; then the oldest is dropped."""

MAX_LISTENERS: Final = 64


@dataclass(frozen=True, slots=True)
class Block:
    """Some of what is heard.

    Attributes:
        audio: float32 in [-1, 1], mono at `rate`; 20 ms, but for filled holes.
        utterance: whose sound it is, within a few frames; None in silence.
        at_samples: samples that came before it since the conversation began.
    """

    rate: ClassVar[int] = RATE
    audio: Audio
    utterance: int | None
    at_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost(Event):
    """The connection was lost and is being made again: told by this client, not by the server."""

    type: ClassVar[str] = ""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InLine(Event):
    """The server is full and we wait: our place, 1 is next. Told by this client."""

    type: ClassVar[str] = ""
    place: int


class Listeners(Generic[Item]):
    """Feeds of one kind; one that nobody holds any more, and nobody waits for, is gone.

    Args:
        limit: items that each of them keeps.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ended = False
        # Oldest first; whoever iterates holds their own.
        self._feeds: list[weakref.ref[Feed[Item]]] = []
        self._waited: set[Feed[Item]] = set()

    def add(self) -> Feed[Item]:
        """One more, for what comes from now on; of more than 64 that are held the oldest ends."""
        feed = Feed[Item](self._limit, self._waited)
        feeds = self._held()
        if self._ended:
            feed.end()
        elif len(feeds) >= MAX_LISTENERS:
            feeds.pop(0).end()
        self._feeds = [weakref.ref(one) for one in (*feeds, feed)]
        return feed

    def put(self, item: Item) -> None:
        """Something came."""
        for feed in self._held():
            feed.put(item)

    def end(self, error: ConversationError | None) -> None:
        """Nothing more comes."""
        self._ended = True
        for feed in self._held():
            feed.end(error)

    def _held(self) -> list[Feed[Item]]:
        return [feed for one in self._feeds if (feed := one()) is not None]


class Received:
    """Events and sound, as they come.

    Attributes:
        count: events so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._kept: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._events: Listeners[Event] = Listeners(MAX_EVENTS)
        self._blocks: Listeners[Block] = Listeners(MAX_BLOCKS)
        self._attribution = Attribution()
        self._samples = 0
        self._wake = asyncio.Event()

    def listen_to_events(self) -> Feed[Event]:
        """Events from now on."""
        return self._events.add()

    def listen_to_audio(self) -> Feed[Block]:
        """Sound from now on."""
        return self._blocks.add()

    def since(self, at: int) -> Iterator[Event]:
        """The events from number `at` on that are kept."""
        return islice(self._kept, max(0, at - (self.count - len(self._kept))), None)

    async def more(self) -> None:
        """Wait until something more came, or it ended."""
        await self._wake.wait()

    def event(self, event: Event) -> None:
        """An event came."""
        self.count += 1
        self._kept.append(event)
        self._attribution.hear(event)
        self._events.put(event)
        self._awake()

    def lost(self, why: str) -> None:
        """The connection was lost."""
        self._attribution.reset()
        self.event(Lost(seq=-1, at_ms=self._kept[-1].at_ms if self._kept else 0, why=why))

    def sound(self, audio: Audio) -> None:
        """Sound came."""
        peak = float(np.abs(audio).max(initial=0.0))
        block = Block(audio, self._attribution.frame(peak, len(audio)), self._samples)
        self._samples += len(audio)
        self._blocks.put(block)

    def end(self, error: ConversationError | None) -> None:
        """Nothing more comes."""
        self._events.end(error)
        self._blocks.end(error)
        self._awake()

    def _awake(self) -> None:
        self._wake.set()
        self._wake = asyncio.Event()
