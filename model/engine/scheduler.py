"""Which streams are due. Pure: no clock, no I/O, no torch."""

from __future__ import annotations

from collections.abc import Iterator

from model.engine.stream import Stream

__all__ = ["NoRow", "Scheduler"]


class NoRow(RuntimeError):
    """All rows are taken, or the stream is open already."""


class Scheduler:
    """Gives rows to streams and says which have an input waiting. At most `rows` streams."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._streams: dict[int, Stream] = {}

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._streams.values())

    def get(self, number: int) -> Stream | None:
        """The open stream of that number."""
        return self._streams.get(number)

    def open(self, number: int, k: int) -> Stream:
        """Give the lowest free row to a new stream; raises NoRow."""
        if number in self._streams:
            raise NoRow(f"stream {number} is open already")
        free = set(range(self.rows)) - {stream.row for stream in self}
        if not free:
            raise NoRow(f"all {self.rows} rows are taken")
        self._streams[number] = Stream(number, min(free), k)
        return self._streams[number]

    def close(self, number: int) -> Stream | None:
        """Free a stream's row."""
        return self._streams.pop(number, None)

    def due(self) -> list[Stream]:
        """Streams with an input waiting, by row; each is stepped once in a tick."""
        return sorted((s for s in self if s.inbox), key=lambda stream: stream.row)
