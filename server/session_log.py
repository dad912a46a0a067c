"""The text log of a Session, one JSON object a line; kept only where `recordings` names a folder.

A line is what the client was told (`"type": …`, as `docs/dialect.md` has it) or what the engine was
given beside audio (`"type": "micro_turn"`, with `k`, `texts`, `heard`, `commands`). No secret is
written. Files are readable by their owner only. What an engine keeps of a stream, sound and all, to
replay it, is another thing: its journal, `model.engine.journal`.
"""

from __future__ import annotations

import json
import logging
import queue
import shutil
import threading
from pathlib import Path
from typing import IO, Final

from model.messages import MicroTurnInput

__all__ = ["LogWriter", "SessionLog"]

log = logging.getLogger(__name__)

_MAX_BYTES: Final = 64 * 1024 * 1024
# When the disk cannot keep up the newest lines are dropped and counted: the call matters more.
_QUEUE_LINES: Final = 8_192
_OPEN_FILES: Final = 64
_SPARE_BYTES: Final = 1024 * 1024 * 1024
"""So much of the disk is left to others: a file ends at its bound, but there is always another."""

_LINES_BETWEEN: Final = 64
"""Lines between two looks at what is left; together they are less than a thousandth of it."""

# In the place of a line; being in the queue, it comes after all that was written before.
_DELETE: Final = "delete"


class LogWriter:
    """The one thread that writes; no disk can then hold up anybody's voice.

    Args:
        folder: where the files go; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.dropped_lines = 0
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lines: queue.Queue[tuple[str, str | None] | None] = queue.Queue(_QUEUE_LINES)
        self._files: dict[str, IO[str]] = {}
        # To be deleted, but the queue was full: nothing that is in it is written any more.
        self._forgotten: set[str] = set()
        self._until_look, self._full = 0, False
        self._thread = threading.Thread(target=self._run, name="session-log", daemon=True)
        self._thread.start()

    @property
    def waiting_lines(self) -> int:
        """How many lines wait to be written."""
        return self._lines.qsize()

    def put(self, session: str, line: str | None) -> None:
        """Queue a line; None closes the session's file."""
        try:
            self._lines.put_nowait((session, line))
        except queue.Full:
            self.dropped_lines += 1

    def delete(self, session: str) -> None:
        """Remove a session's file, with what was written of it."""
        try:
            self._lines.put_nowait((session, _DELETE))
        except queue.Full:
            self._forgotten.add(session)

    def close(self) -> None:
        """Write what waits and end the thread."""
        self._lines.put(None)
        self._thread.join(timeout=2.0)

    def _path(self, session: str) -> Path:
        return self._folder / f"{session}.jsonl"

    def _run(self) -> None:
        while (entry := self._lines.get()) is not None:
            session, line = entry
            self._try(session, _DELETE if session in self._forgotten else line)
            if self._forgotten and self._lines.empty():
                for session in tuple(self._forgotten):
                    self._try(session, _DELETE)
                    self._forgotten.discard(session)
        for file in self._files.values():
            file.close()

    def _try(self, session: str, line: str | None) -> None:
        try:
            self._write(session, line)
        except OSError as error:
            self.dropped_lines += 1
            log.error("a session's log could not be written: %s", error.strerror)

    def _write(self, session: str, line: str | None) -> None:
        file = self._files.get(session)
        if line is None or line is _DELETE:
            if file is not None:
                self._files.pop(session).close()
            if line is _DELETE:
                self._path(session).unlink(missing_ok=True)
            return
        if file is None:
            while len(self._files) >= _OPEN_FILES:
                self._files.pop(next(iter(self._files))).close()
            path = self._path(session)
            path.touch(mode=0o600)
            file = self._files[session] = path.open("a", encoding="utf-8")
        if file.tell() > _MAX_BYTES or not self._has_room():
            self.dropped_lines += 1
            return
        file.write(line + "\n")
        file.flush()

    def _has_room(self) -> bool:
        """Whether enough of the disk is left; said aloud when it no longer is."""
        if self._until_look > 0:
            self._until_look -= 1
            return True
        free = shutil.disk_usage(self._folder).free
        if free < _SPARE_BYTES:
            if not self._full:
                log.error("no more sessions are logged: %d MB of the disk are left", free >> 20)
            self._full = True
            return False
        self._full, self._until_look = False, _LINES_BETWEEN
        return True


class SessionLog:
    """One session's log; without a writer it keeps nothing."""

    def __init__(self, writer: LogWriter | None, session: str) -> None:
        self._writer = writer
        self._session = session

    def event(self, text: str) -> None:
        """Log a message that the client was sent."""
        if self._writer is not None:
            self._writer.put(self._session, text)

    def micro_turn(self, turn: MicroTurnInput) -> None:
        """Log what the engine was given, unless it was audio alone."""
        if self._writer is None or not (turn.texts or turn.heard or turn.commands):
            return
        line = {
            "type": "micro_turn",
            "k": turn.k,
            "texts": turn.texts,
            "heard": [[one.utterance, one.samples, one.cut] for one in turn.heard],
            "commands": turn.commands,
        }
        self._writer.put(self._session, json.dumps(line, ensure_ascii=False))

    def close(self) -> None:
        """Nothing more comes."""
        if self._writer is not None:
            self._writer.put(self._session, None)
