"""One engine process and the two threads that keep its pipe from ever blocking the event loop.

The *keeper* starts the process, reads what it says and notices its death (the pipe ends at once
when the process is gone). The *writer* sends. Both spend their lives waiting in system calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import queue
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final

from model.messages import EngineReady, FromEngine, Shutdown, ToEngine
from server.errors import EngineLost, EngineTooSlow
from server.priority import goes_first, put_behind

__all__ = ["EngineEntry", "EngineProcess"]

log = logging.getLogger(__name__)

EngineEntry = Callable[[Connection, dict[str, Any]], None]
"""What runs in the process; importable by name, for the process is spawned."""

# Towards the engine: two micro-turns of 64 streams and what opens and closes them. Beyond it the
# engine has stopped reading and `send` raises.
_OUTBOX: Final = 512
# From the engine: batches the loop has not taken yet. Beyond it the keeper waits, then the engine.
_INBOX_BATCHES: Final = 64
_BATCH: Final = 128
_STOP_SECONDS: Final = 3.0
_LINGER_SECONDS: Final = 1.0


class EngineProcess:
    """Starts at once; `settled` is done when the engine is ready or gone.

    Args:
        entry: what runs in the process.
        settings: fields of `model.config.EngineConfig`.
        on_message: called on the event loop with every message after EngineReady.
    """

    def __init__(
        self,
        entry: EngineEntry,
        settings: dict[str, Any],
        on_message: Callable[[FromEngine], None],
    ) -> None:
        self.ready: EngineReady | None = None
        self.settled = asyncio.Event()
        self.gone = asyncio.Event()
        self.on_message = on_message
        self._entry = entry
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._outbox: queue.Queue[ToEngine | None] = queue.Queue(_OUTBOX)
        self._undelivered = threading.BoundedSemaphore(_INBOX_BATCHES)
        self._process: BaseProcess | None = None
        self._keeper = threading.Thread(target=self._keep, name="engine-keeper", daemon=True)
        self._keeper.start()

    @property
    def pid(self) -> int | None:
        """The process's number, once it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def outbox_messages(self) -> int:
        """How many messages wait to be written."""
        return self._outbox.qsize()

    def send(self, message: ToEngine) -> None:
        """Send without waiting; raises EngineLost if it is gone, EngineTooSlow if it is stuck."""
        if self.gone.is_set():
            raise EngineLost("The engine is gone; it is being restarted.")
        try:
            self._outbox.put_nowait(message)
        except queue.Full:
            raise EngineTooSlow("The engine does not read its messages.") from None

    def kill(self) -> None:
        """End the process at once; `gone` follows."""
        if self._process is not None:
            self._process.kill()

    async def stop(self) -> None:
        """Ask it to end, and end it if it does not."""
        with contextlib.suppress(EngineLost, EngineTooSlow):
            self.send(Shutdown())
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self.gone.wait()
        except TimeoutError:
            self.kill()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await self.gone.wait()

    # ---- keeper and writer threads -----------------------------------------------------------

    def _keep(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(
            target=self._entry, args=(theirs, self._settings), name="engine", daemon=True
        )
        try:
            with ours:
                process.start()
                # While we hold the other end open, its death would not end the pipe.
                theirs.close()
                self._process = process
                writer = threading.Thread(
                    target=self._write, args=(ours,), name="engine-writer", daemon=True
                )
                writer.start()
                self._read(ours)
                self._outbox_end()
                process.join(_LINGER_SECONDS)
                process.kill()  # a process that closed its pipe is of no use to anybody
                process.join()
                writer.join()
        except Exception:
            log.exception("the engine process could not be kept")
        finally:
            log.info("engine process %s ended with %s", process.pid, process.exitcode)
            self._on_loop(self._lost)

    def _outbox_end(self) -> None:
        while True:
            try:
                self._outbox.put_nowait(None)
                return
            except queue.Full:
                with contextlib.suppress(queue.Empty):
                    self._outbox.get_nowait()

    def _read(self, pipe: Connection) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                batch = [pipe.recv()]
                while len(batch) < _BATCH and pipe.poll():
                    batch.append(pipe.recv())
                self._undelivered.acquire()
                if not self._on_loop(self._deliver, batch):
                    return

    def _write(self, pipe: Connection) -> None:
        with contextlib.suppress(OSError):
            while (message := self._outbox.get()) is not None:
                pipe.send(message)

    def _on_loop(self, call: Callable[..., None], *arguments: Any) -> bool:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # the loop is closed: the server is ending
            return False
        return True

    # ---- event loop --------------------------------------------------------------------------

    def _deliver(self, batch: list[FromEngine]) -> None:
        self._undelivered.release()
        for message in batch:
            if isinstance(message, EngineReady):
                # Not before: loading is long work, and no part of a tick.
                if goes_first() and self.pid is not None:
                    put_behind(self.pid)
                self.ready = message
                self.settled.set()
            else:
                self.on_message(message)

    def _lost(self) -> None:
        self.gone.set()
        self.settled.set()
