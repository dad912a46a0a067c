"""A progress bar on stderr: bytes over total; plain lines where nobody looks at a terminal."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

__all__ = ["Progress", "folder_bytes", "megabytes"]

BAR_WIDTH: Final = 24
LINE_EVERY_SECONDS: Final = 5.0
LOOK_EVERY_SECONDS: Final = 0.2


def megabytes(size: float) -> str:
    """A size for people: "491 MB"."""
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder, as far as they can be seen while others write there."""
    total = 0
    # os.walk passes over a folder that is gone by the time it is entered; Path.rglob raises there.
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_size
            except OSError:  # removed since it was listed
                continue
    return total


class Progress:
    """One bar over all bytes of a fetch."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        """Args: total: bytes to come; stream: where to draw, stderr when None."""
        self._total = max(total, 1)
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._done = 0
        self._label = ""
        self._drawn_at = 0.0
        self._drawn = ""

    def label(self, text: str) -> None:
        """Say what is going on."""
        self._label = text
        self._draw(self._done, force=True)

    def advance(self, size: int) -> None:
        """Count `size` bytes as done."""
        self._done = min(self._done + size, self._total)
        self._draw(self._done, force=False)

    @contextmanager
    def watching(self, folder: Path, size: int) -> Iterator[None]:
        """Show the growth of `folder` while the body runs, then count `size` bytes as done."""
        before = folder_bytes(folder)
        over = threading.Event()

        def look() -> None:
            while not over.wait(LOOK_EVERY_SECONDS):
                grown = folder_bytes(folder) - before
                self._draw(self._done + max(0, min(grown, size)), force=False)

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
        self.advance(size)

    def close(self) -> None:
        """End the line of the bar."""
        if self._terminal and self._drawn_at:
            self._stream.write("\n")
            self._stream.flush()

    def _draw(self, done: int, *, force: bool) -> None:
        now = time.monotonic()
        pause = LOOK_EVERY_SECONDS if self._terminal else LINE_EVERY_SECONDS
        if not force and done < self._total and now - self._drawn_at < pause:
            return
        share = done / self._total
        text = f"{share:4.0%}  {megabytes(done)} of {megabytes(self._total)}  {self._label}"
        if text == self._drawn:
            return
        self._drawn, self._drawn_at = text, now
        if self._terminal:
            bar = "#" * round(share * BAR_WIDTH)
            self._stream.write(f"\r\x1b[K[{bar:<{BAR_WIDTH}}] {text}")
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()
