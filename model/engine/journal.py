"""The journal of an engine: all that enters the model, written down beside the tick.

Off unless the operator asked for it: it holds what people said, as sound. The tick and the jobs
only put references into a bounded queue; a thread of its own takes digests, compresses and writes.
When the queue is full the journals under way end, with a mark, and the conversation goes on.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from model.engine.journal_digest import digest
from model.engine.journal_entries import (
    Closed,
    Entry,
    Opened,
    Ran,
    Sampled,
    Stepped,
    Stopped,
    Submitted,
    Withheld,
)
from model.engine.journal_file import SUFFIX, JournalWriter
from model.engine.pieces import Job, Piece
from model.messages import MicroTurnInput, MicroTurnOutput, OpenStream

__all__ = ["Journal", "JournalRoom"]

log = logging.getLogger(__name__)

QUEUE_ENTRIES: Final = 8_192
"""Some ten seconds of four streams; then the disk or the processor cannot keep up."""

CHUNK_BYTES: Final = 1 << 20
FLUSH_SECONDS: Final = 1.0
"""A chunk is written when it holds so much, or is so old: a kill costs no more."""

CLOSE_SECONDS: Final = 5.0

FORGOTTEN: Final = ".deleted"
"""Behind the name of a session: the mark by which the server has its journals deleted, those too
that do not exist yet because the queue holds all of them."""

FORGOTTEN_SECONDS: Final = 3600.0
"""How long a mark is kept; nothing waits in a queue for so long."""

Late = Callable[[], Entry]
"""Makes an entry in the journal's own thread."""


class JournalRoom:
    """The folder of journals, kept under a size: the oldest that is closed is deleted first.

    Args:
        folder: made when missing, readable by its owner only.
        most_bytes: of all journals in it together.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self._most_bytes = most_bytes
        self._taken_bytes = 0

    def look(self) -> None:
        """Count what is there; other engines may write into the same folder."""
        self._taken_bytes = sum(size for _, size, _ in self._found())
        old = time.time() - FORGOTTEN_SECONDS
        for when, _, path in self._found(FORGOTTEN):
            if when < old:
                path.unlink(missing_ok=True)

    def is_forgotten(self, session: str) -> bool:
        """Whether nothing of this session is to be kept."""
        return bool(session) and (self.folder / f"{session}{FORGOTTEN}").exists()

    def take(self, size: int, keep: set[Path]) -> bool:
        """Make room for `size` more bytes; False when all that is left is to be kept."""
        self._taken_bytes += size
        for _, held, path in self._found() if self._taken_bytes > self._most_bytes else ():
            if self._taken_bytes <= self._most_bytes:
                break
            if path not in keep:
                path.unlink(missing_ok=True)
                self._taken_bytes -= held
                log.info("the journal %s made room for a new one", path.name)
        return self._taken_bytes <= self._most_bytes

    def give_back(self, size: int) -> None:
        """Compressed it was so much less."""
        self._taken_bytes -= size

    def _found(self, suffix: str = SUFFIX) -> list[tuple[float, int, Path]]:
        """When last written, size and path of every journal, or mark, oldest first."""
        found = []
        for path in self.folder.glob(f"*{suffix}"):
            try:
                state = path.stat()
            except FileNotFoundError:
                continue  # Deleted by somebody else meanwhile.
            found.append((state.st_mtime, state.st_size, path))
        return sorted(found)


class Journal:
    """Writes one file for each stream. A `Watch` of the jobs.

    Args:
        room: where.
        describe: what the engine is, as JSON; called once, in the journal's thread, at its start.
        most_entries: bound of the queue.
        pictures: whether what was seen is kept.
    """

    def __init__(
        self,
        room: JournalRoom,
        describe: Callable[[], Mapping[str, Any]],
        most_entries: int = QUEUE_ENTRIES,
        *,
        pictures: bool = False,
    ) -> None:
        self._room = room
        self._describe = describe
        self._pictures = pictures
        self._head: Mapping[str, Any] = {}
        self._queue: queue.Queue[tuple[int, Late] | None] = queue.Queue(most_entries)
        self._going: set[int] = set()
        self._cut: set[int] = set()
        self._files: dict[int, JournalWriter] = {}
        self._flushed = 0.0
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Entries that wait to be written."""
        return self._queue.qsize()

    # ---- called by the tick and by the jobs: never waits -----------------------------------------

    def opened(self, opening: OpenStream, row: int) -> None:
        """A stream was given a row."""
        self._going.add(opening.stream)
        self._put(opening.stream, lambda: Opened(opening, row))

    def stepped(
        self,
        turn: MicroTurnInput,
        results: Sequence[tuple[int, str, Any]],
        output: MicroTurnOutput | None,
        senses: Mapping[str, float],
        together: int,
    ) -> None:
        """A micro-turn was committed; without an output it failed."""
        withheld: tuple[Withheld, ...] = ()
        if turn.pictures and not self._pictures:
            # Here, not in the thread: what waits in the queue holds no picture either.
            withheld = tuple(
                Withheld(one.source, one.at_samples, one.width, one.height) for one in turn.pictures
            )
            turn = replace(turn, pictures=())
        late = partial(_stepped, turn, results, output, senses, together)
        self._put(turn.stream, lambda: replace(late(), withheld=withheld))

    def submitted(self, job: Job) -> None:
        """A job was queued."""
        number, lane = job.number, job.lane
        self._put(job.stream, lambda: Submitted(number, lane))

    def sampled(self, jobs: Sequence[Job], rows: Sequence[int], tokens: Sequence[int]) -> None:
        """Tokens were sampled, for jobs of one stream or of several."""
        pairs = [(job.stream, job.number, int(t)) for job, t in zip(jobs, tokens, strict=True)]
        for stream in dict.fromkeys(job.stream for job in jobs):
            numbers = tuple(number for one, number, _ in pairs if one == stream)
            own = tuple(token for one, _, token in pairs if one == stream)
            self._put(stream, partial(Sampled, numbers, own, tuple(rows)))

    def ran(self, piece: Piece) -> None:
        """A piece was run."""
        self._put(piece.job.stream, lambda: _ran(piece))

    def closed(self, stream: int, reason: str) -> None:
        """A stream is over."""
        self._put(stream, lambda: Closed(reason))
        self._going.discard(stream)

    def _put(self, stream: int, late: Late) -> None:
        if stream not in self._going:
            return
        try:
            self._queue.put_nowait((stream, late))
        except queue.Full:
            # A journal with a hole could not be replayed: all that are under way end here.
            self._cut |= self._going
            self._going.clear()

    def close(self) -> None:
        """Write what waits, mark what is still open, and end the thread."""
        try:
            self._queue.put(None, timeout=CLOSE_SECONDS)
        except queue.Full:
            return
        self._thread.join(timeout=CLOSE_SECONDS)

    # ---- the journal's own thread ----------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._head = dict(self._describe())
        except Exception as error:
            log.exception("the journal cannot say what the engine is")
            self._head = {"fault": repr(error)}
        going_on = True
        while going_on:
            try:
                item = self._queue.get(timeout=FLUSH_SECONDS)
                going_on = item is not None
                if item is not None:
                    stream, late = item
                    self._guarded(stream, partial(self._write, late=late))
            except queue.Empty:
                pass
            if self._cut and self._queue.empty():
                cut, self._cut = self._cut, set()
                log.error("the journal cannot keep up: those of %d streams end here", len(cut))
                self._stop_all("overflow", cut)
            now = time.monotonic()
            if now - self._flushed >= FLUSH_SECONDS:
                self._flushed = now
                for stream in tuple(self._files):
                    self._guarded(stream, self._flush)
        self._stop_all("ended", tuple(self._files))

    def _write(self, stream: int, late: Late) -> None:
        entry = late()
        if isinstance(entry, Opened):
            self._begin(stream, entry.opening.session)
        if (file := self._files.get(stream)) is None:
            return
        file.add(entry)
        if isinstance(entry, Closed):
            self._end(stream)
        elif file.waiting_bytes >= CHUNK_BYTES:
            self._flush(stream)

    def _guarded(self, stream: int, step: Callable[[int], None]) -> None:
        """What goes wrong here ends the journal of this stream, nothing else."""
        try:
            step(stream)
        except Exception:
            log.exception("the journal of stream %d ends here", stream)
            self._files.pop(stream, None)

    def _begin(self, stream: int, session: str) -> None:
        self._room.look()
        began = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        # The session stands first: with it the server finds what to delete.
        name = f"{session or 'stream'}-{began}-{os.getpid()}-{stream}{SUFFIX}"
        path = self._room.folder / name
        file = JournalWriter(path, {**self._head, "began": time.time()})
        # Looked for now, and not before: the server marks a session, then deletes what is there.
        if self._room.is_forgotten(session):
            file.close()
            path.unlink(missing_ok=True)
            return
        self._files[stream] = file

    def _flush(self, stream: int) -> None:
        file = self._files[stream]
        before, waiting = file.written_bytes, file.waiting_bytes
        if not self._room.take(waiting, {one.path for one in self._files.values()}):
            log.error("the room of the journals is full: that of stream %d ends here", stream)
            self._stop(stream, "full")
            return
        file.flush()
        self._room.give_back(waiting - (file.written_bytes - before))

    def _end(self, stream: int) -> None:
        self._files.pop(stream).close()

    def _stop(self, stream: int, why: str) -> None:
        self._going.discard(stream)
        self._files[stream].add(Stopped(why))
        self._end(stream)

    def _stop_all(self, why: str, streams: Collection[int]) -> None:
        for stream in self._files.keys() & streams:
            self._guarded(stream, lambda number: self._stop(number, why))


def _stepped(
    turn: MicroTurnInput,
    results: Sequence[tuple[int, str, Any]],
    output: MicroTurnOutput | None,
    senses: Mapping[str, float],
    together: int,
) -> Stepped:
    entered = tuple(number for number, _, _ in results)
    if output is None:
        return Stepped(turn, entered, together=together, failed=True)
    return Stepped(
        turn,
        entered,
        digest(output.speech),
        digest(output.events),
        digest(senses) if senses else "",
        together,
    )


def _ran(piece: Piece) -> Ran:
    value = digest(piece.value) if piece.posted else ""
    return Ran(piece.job.number, piece.ended, piece.pauses, piece.posted, value)
