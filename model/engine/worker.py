"""The engine process: the only loop and the only clock below `model`.

Spawned by the server with one end of a pipe. The main thread ticks; one thread beside it runs
jobs, and one those of the lanes that share nothing with the others. It ends at `Shutdown` or when
the pipe breaks, that is, when the server is gone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from model.config import EngineConfig
from model.engine.engine import Engine, InteractionModel
from model.engine.journal import Journal, JournalRoom
from model.engine.vitals import VitalsWindow
from model.messages import (
    CloseStream,
    EngineReady,
    MicroTurnInput,
    OpenStream,
    Shutdown,
    ToEngine,
)

__all__ = ["run", "start_jobs"]

log = logging.getLogger(__name__)

JOBS_NICENESS = 5
"""Of the thread that answers, below those that tick and listen."""

MESSAGES_A_TURN = 256
"""Messages taken from the pipe before the next tick, so that a flood cannot starve it."""


def run(connection: Connection, config: EngineConfig) -> None:
    """Serve streams until told to stop; the entry point of the engine process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s engine %(message)s")
    # Ctrl-C and a service's stop reach the whole group; it is the server that says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(config.niceness)
    # Threads that spin at a barrier take the core from the tick and the server. Set before torch
    # is imported, which is when its OpenMP reads it.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # The tick must get the interpreter back quickly from a job's Python code.
    sys.setswitchinterval(0.0005)
    model, parts, device = _load(config)
    journal = _journal(config, getattr(model, "threads", 1), device, parts)
    engine = Engine(model, journal)
    threads = start_jobs(engine)
    try:
        connection.send(EngineReady(config.rows, device, parts))
        _serve(connection, engine, threads)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        log.info("the server is gone")
    finally:
        engine.jobs.end()
        for thread in threads:
            thread.join(timeout=1.0)
        if journal is not None:
            journal.close()


def start_jobs(engine: Engine) -> list[threading.Thread]:
    """The threads that run the engine's jobs, until its queue is ended."""

    def work(apart: bool) -> None:
        if not apart and engine.model.apart:
            _give_way()
        engine.model.begin_jobs()
        engine.jobs.run_forever(apart)

    threads = [threading.Thread(target=work, args=(False,), name="jobs", daemon=True)]
    if engine.model.apart:
        threads.append(threading.Thread(target=work, args=(True,), name="jobs apart", daemon=True))
    for thread in threads:
        thread.start()
    return threads


def _give_way() -> None:
    """Of this thread, to those that tick and listen: where cores are few, the words are needed
    before what is made of them. 12 instead of 18 % of 250 recognitions of the listening thread
    took more than a micro-turn (two cores, the bench's client on them)."""
    if sys.platform != "linux":
        return  # Elsewhere a thread has no priority of its own that is set by its number.
    thread = threading.get_native_id()
    with contextlib.suppress(OSError):
        lower = os.getpriority(os.PRIO_PROCESS, thread) + JOBS_NICENESS
        os.setpriority(os.PRIO_PROCESS, thread, lower)


def _load(config: EngineConfig) -> tuple[InteractionModel, dict[str, str], str]:
    if config.model == "echo":
        from model.engine.echo import EchoModel

        return EchoModel(config.rows), {"model": "echo: says back what it hears"}, "cpu"
    from model.interaction.load import load

    return load(config)


def _journal(
    config: EngineConfig, threads: int, device: str, parts: Mapping[str, str]
) -> Journal | None:
    if not config.journal:
        return None

    def describe() -> Mapping[str, Any]:
        from model.build import build

        language = parts.get("language", config.language)
        chosen = replace(config, threads=threads, language=language, device=device)
        return build(chosen, device, parts)

    room = JournalRoom(Path(config.journal), config.journal_megabytes * 1_000_000)
    seen = " and what is seen" if config.journal_pictures else ""
    log.warning("what is said is recorded, with its sound%s, in %s", seen, room.folder)
    return Journal(room, describe, pictures=bool(config.journal_pictures))


def _serve(connection: Connection, engine: Engine, jobs: Sequence[threading.Thread]) -> None:
    vitals = VitalsWindow(time.monotonic())
    while True:
        # A tick steps each stream once: what came with it must not wait for the next message.
        wait = 0.0 if engine.due else max(0.0, vitals.due - time.monotonic())
        if connection.poll(wait) and not _take_messages(connection, engine):
            return
        for message in engine.tick():
            connection.send(message)
        now = time.monotonic()
        for arrived in engine.arrived:
            vitals.add(arrived, now)
        if now >= vitals.due:
            if not all(thread.is_alive() for thread in jobs):
                raise RuntimeError("a thread that runs jobs ended; a new engine is needed")
            journalled = engine.journal.waiting if engine.journal is not None else 0
            report = vitals.report(now, engine.jobs.waiting(), journalled)
            connection.send(replace(report, drafted=engine.drafted, dropped=engine.dropped))


def _take_messages(connection: Connection, engine: Engine) -> bool:
    for _ in range(MESSAGES_A_TURN):
        message: ToEngine = connection.recv()
        match message:
            case MicroTurnInput():
                engine.push(message, time.monotonic())
            case OpenStream():
                connection.send(engine.open(message))
            case CloseStream():
                connection.send(engine.close(message))
            case Shutdown():
                return False
        if not connection.poll(0):
            break
    return True
