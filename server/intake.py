"""What came in, as consecutive micro-turns for the engine: never more than two in flight. Pure.

When the engine is late, blocks wait, at most `WAITING_BLOCKS`. One more than that and the waiting
ones are thrown away and only the newest is kept: the person's newest words win, and what the engine
hears is never further behind than 0.6 s. Only audio is thrown away: typed text, commands, orders
and what was heard of us travel with the next micro-turn that is sent. The engine's numbers stay
consecutive, so its clock loses the thrown-away time; `session_seconds` puts it back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from model.messages import Audio, Command, Heard, MicroTurnInput, Picture, ToolAnswer
from model.orders import MAX_ORDERS, Cancel, Clear, Order
from model.sight import SightSource
from model.timebase import HEARING_BLOCK_SAMPLES, MICRO_TURN_SECONDS

__all__ = ["IN_FLIGHT", "WAITING_BLOCKS", "Intake"]

IN_FLIGHT: Final = 2
"""Micro-turns of a stream that may be with the engine unanswered."""

WAITING_BLOCKS: Final = 4
"""Blocks that may wait here beyond that."""

_PENDING_TEXTS: Final = 32
_PENDING_ORDERS: Final = 8 * MAX_ORDERS
_BATCHES: Final = 32
_PENDING_ANSWERS: Final = 32
_SHIFTS: Final = 256


@dataclass(slots=True)
class _Pending:
    """What travels with the next micro-turn whatever its audio."""

    texts: list[str] = field(default_factory=list)
    heard: dict[int, Heard] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    answers: list[ToolAnswer] = field(default_factory=list)


class Intake:
    """Cuts one session's input into micro-turns `k` = 0, 1, … of its stream."""

    def __init__(self, stream: int) -> None:
        self.stream = stream
        self.next_k = 0
        self.dropped_blocks = 0
        self._waiting: deque[tuple[int, Audio]] = deque()
        self._in_flight: deque[MicroTurnInput] = deque()
        # One batch a micro-turn, the next first. The engine reads texts before it obeys orders, so
        # what comes behind a cancellation, which must not touch it, is in the batch after.
        self._batches: deque[_Pending] = deque([_Pending()])
        # The newest wins: a picture that could not travel yet is replaced.
        self._pictures: dict[SightSource, Picture] = {}
        self._unseen: set[SightSource] = set()
        self._suspects: tuple[str, ...] = ()
        # (first k of the stream, blocks the microphone was ahead by), oldest first.
        self._shifts: deque[tuple[int, int]] = deque([(0, 0)], maxlen=_SHIFTS)

    @property
    def behind_seconds(self) -> float:
        """How much of what came in the engine has not answered yet."""
        return (len(self._waiting) + len(self._in_flight)) * MICRO_TURN_SECONDS

    def add(self, microphone_k: int, block: Audio) -> int:
        """Queue a block of the microphone; returns how many waiting ones it pushed out."""
        dropped = 0
        if len(self._waiting) >= WAITING_BLOCKS:
            dropped = len(self._waiting)
            self._waiting.clear()
            self.dropped_blocks += dropped
        self._waiting.append((microphone_k, block))
        return dropped

    def type(self, text: str) -> bool:
        """Queue typed text; False when too much waits already."""
        if sum(len(batch.texts) for batch in self._batches) >= _PENDING_TEXTS:
            return False
        self._last.texts.append(text)
        return True

    def order(self, order: Order) -> bool:
        """Queue an order; False when too many wait already.

        What one micro-turn cannot carry goes with the next: a history comes as one order a turn.
        """
        waiting = sum(len(batch.orders) for batch in self._batches)
        full = len(self._batches) >= _BATCHES and _takes_no_more(self._batches[-1])
        if full or waiting >= _PENDING_ORDERS:
            return False
        self._last.orders.append(order)
        return True

    def answer(self, answer: ToolAnswer) -> bool:
        """Queue a tool's answer; False when too many wait already."""
        if len(self._pending.answers) >= _PENDING_ANSWERS:
            return False
        self._pending.answers.append(answer)
        return True

    def show(self, picture: Picture) -> None:
        """Queue a picture in place of one of its source that waits."""
        self._pictures[picture.source] = picture

    def unseen(self, source: SightSource) -> None:
        """Forget a picture that waits, and let the engine forget what it holds of that source: it
        may not be looked at any more."""
        self._pictures.pop(source, None)
        self._unseen.add(source)

    @property
    def carrying_k(self) -> int:
        """The micro-turn that will carry what was queued last."""
        return self.next_k + len(self._batches) - 1

    @property
    def _pending(self) -> _Pending:
        return self._batches[0]

    @property
    def _last(self) -> _Pending:
        """Where texts and orders go."""
        if _takes_no_more(self._batches[-1]):
            self._batches.append(_Pending())
        return self._batches[-1]

    def command(self, command: Command) -> int:
        """Queue a command; returns the number of the micro-turn that will carry it."""
        if command in self._pending.commands:
            self._pending.commands.remove(command)  # The last one said is the one that stands.
        self._pending.commands.append(command)
        return self.next_k

    def heard(self, news: Heard) -> None:
        """Queue what Playout reports, in the engine's numbers; a cut is never overwritten."""
        before = self._pending.heard.get(news.utterance)
        if before is None or not before.cut:
            self._pending.heard[news.utterance] = news

    def take(self) -> MicroTurnInput | None:
        """The next micro-turn to send, or None when nothing waits or two are in flight."""
        if not self._waiting or len(self._in_flight) >= IN_FLIGHT:
            return None
        microphone_k, block = self._waiting.popleft()
        shift = microphone_k - self.next_k
        if shift != self._shifts[-1][1]:
            self._shifts.append((self.next_k, shift))
        micro_turn = MicroTurnInput(
            stream=self.stream,
            k=self.next_k,
            audio=block,
            texts=tuple(self._pending.texts),
            heard=tuple(self._pending.heard.values()),
            commands=tuple(self._pending.commands),
            answers=tuple(self._pending.answers),
            pictures=tuple(self._take_pictures(shift)),
            unseen=tuple(sorted(self._unseen)),
            orders=tuple(self._pending.orders),
        )
        self._unseen.clear()
        self._batches.popleft()
        if not self._batches:
            self._batches.append(_Pending())
        self._in_flight.append(micro_turn)
        self.next_k += 1
        return micro_turn

    def _take_pictures(self, shift: int) -> Iterator[Picture]:
        """Those that wait, on the stream's clock: audio that was thrown away is not on it."""
        while self._pictures:
            _, picture = self._pictures.popitem()
            at = max(0, picture.at_samples - shift * HEARING_BLOCK_SAMPLES)
            yield replace(picture, at_samples=at)

    def answered(self, k: int) -> None:
        """The engine answered micro-turn k, and with it all before."""
        while self._in_flight and self._in_flight[0].k <= k:
            self._in_flight.popleft()

    def lost(self) -> list[ToolAnswer]:
        """The engine is gone: typed text it may not have read is sent again to the next one.

        Once: text that was with two engines when they died may be what they died of. Told of one
        loss twice is the same as once: what was with no engine cannot have harmed it. Orders are
        forgotten: whoever gave them knows which still matter. Returns the tools' answers that it
        may not have read.
        """
        answers = [answer for one in self._in_flight for answer in one.answers]
        answers += [answer for batch in self._batches for answer in batch.answers]
        texts = [text for one in self._in_flight for text in one.texts]
        texts = [text for text in texts if text not in self._suspects]
        if self._in_flight:
            self._suspects = tuple(texts)
        goodbye = any("goodbye" in one.commands for one in self._in_flight)
        goodbye = goodbye or "goodbye" in self._pending.commands
        texts += [text for batch in self._batches for text in batch.texts]
        fresh = _Pending(texts=texts, commands=["goodbye"] if goodbye else [])
        self._batches = deque([fresh])
        self._pictures.clear()
        self._unseen.clear()
        self._in_flight.clear()
        return answers

    def session_seconds(self, stream_seconds: float) -> float:
        """A time on the stream's clock as a time on the microphone's."""
        k = stream_seconds / MICRO_TURN_SECONDS
        shift = self._shifts[0][1]
        for first, ahead in self._shifts:
            if k < first:
                break
            shift = ahead
        return stream_seconds + shift * MICRO_TURN_SECONDS


def _takes_no_more(batch: _Pending) -> bool:
    """Whether what comes next belongs into the batch after."""
    orders = batch.orders
    return len(orders) >= MAX_ORDERS or (bool(orders) and isinstance(orders[-1], Cancel | Clear))
