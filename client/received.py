"""What came from the server, given to whoever listens; bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Final, TypeVar

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


class Received:
    """Events and sound, as they come.

    Attributes:
        count: events so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._kept: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._events: list[Feed[Event]] = []
        self._blocks: list[Feed[Block]] = []
        self._attribution = Attribution()
        self._samples = 0
        self._wake = asyncio.Event()
        self._ended = False

    def listen_to_events(self) -> Feed[Event]:
        """Events from now on."""
        return self._listen(self._events, Feed[Event](MAX_EVENTS))

    def listen_to_audio(self) -> Feed[Block]:
        """Sound from now on."""
        return self._listen(self._blocks, Feed[Block](MAX_BLOCKS))

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
        for feed in self._events:
            feed.put(event)
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
        for feed in self._blocks:
            feed.put(block)

    def end(self, error: ConversationError | None) -> None:
        """Nothing more comes."""
        self._ended = True
        for feed in self._events:
            feed.end(error)
        for heard in self._blocks:
            heard.end(error)
        self._awake()

    def _awake(self) -> None:
        self._wake.set()
        self._wake = asyncio.Event()

    def _listen(self, feeds: list[Feed[Item]], feed: Feed[Item]) -> Feed[Item]:
        if self._ended:
            feed.end()
        elif len(feeds) >= MAX_LISTENERS:
            # Somebody who makes a new one for each look would pile them up: the oldest ends.
            feeds.pop(0).end()
        feeds.append(feed)
        return feed
