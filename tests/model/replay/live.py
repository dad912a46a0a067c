"""Streams of an engine in this process, its jobs in a thread beside the ticks, with a Playout."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import numpy as np

from model.engine.engine import Engine, InteractionModel
from model.engine.journal import Journal, JournalRoom
from model.engine.worker import start_jobs
from model.messages import (
    Audio,
    CloseStream,
    Floor,
    Heard,
    MicroTurnInput,
    MicroTurnOutput,
    OpenStream,
    Picture,
    StreamOpened,
    StreamSettings,
)
from model.timebase import HEARING_BLOCK_SAMPLES, MICRO_TURN_SECONDS, SPEAKING_BLOCK_SAMPLES

__all__ = ["Live", "Talker", "live"]

JOBS_SECONDS = 120.0
PATIENCE_SECONDS = 20 * MICRO_TURN_SECONDS
"""A machine that is busy with other things answers too, only later."""


@dataclass
class Talker:
    """One stream: what is said and shown in it, and what has been played of the answers."""

    stream: int
    blocks: list[Audio]
    k: int = 0
    sent: dict[int, int] = field(default_factory=dict)
    played: dict[int, int] = field(default_factory=dict)
    cut: bool = False
    outputs: list[MicroTurnOutput] = field(default_factory=list)
    pictures: dict[int, Picture] = field(default_factory=dict)

    @classmethod
    def saying(cls, stream: int, audio: Audio) -> Talker:
        """Says this, in whole blocks, the last one filled with silence."""
        whole = np.pad(audio, (0, -len(audio) % HEARING_BLOCK_SAMPLES)).astype(np.float32)
        return cls(stream, list(whole.reshape(-1, HEARING_BLOCK_SAMPLES)))

    @property
    def over(self) -> bool:
        """Everything was said."""
        return self.k >= len(self.blocks)

    def turn(self) -> MicroTurnInput:
        """The next micro-turn."""
        heard = []
        for utterance, length in self.sent.items():
            before = self.played.get(utterance, 0)
            self.played[utterance] = min(before + SPEAKING_BLOCK_SAMPLES, length)
            if self.played[utterance] > before:
                heard.append(Heard(utterance, self.played[utterance], cut=self.cut))
        if self.cut:
            self.sent.clear()
        shown = (self.pictures[self.k],) if self.k in self.pictures else ()
        block = self.blocks[self.k]
        turn = MicroTurnInput(self.stream, self.k, block, heard=tuple(heard), pictures=shown)
        self.k += 1
        return turn

    def take(self, output: MicroTurnOutput) -> None:
        """Queue what is to be played."""
        self.outputs.append(output)
        for speech in output.speech:
            self.sent[speech.utterance] = speech.start_samples + len(speech.audio)
        self.cut = any(isinstance(e, Floor) and e.decision == "yield" for e in output.events)


class Live:
    """An engine at work."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def open(self, stream: int, settings: StreamSettings | None = None) -> None:
        """Open a stream."""
        opening = OpenStream(stream, settings or StreamSettings())
        assert self.engine.open(opening) == StreamOpened(stream)

    def close(self, stream: int) -> None:
        """Close it."""
        self.engine.close(CloseStream(stream))

    def tick(self, *talkers: Talker) -> None:
        """One micro-turn of each of them, in one tick."""
        for talker in talkers:
            self.engine.push(talker.turn(), now=0.0)
        by_number = {talker.stream: talker for talker in talkers}
        for message in self.engine.tick():
            assert isinstance(message, MicroTurnOutput), message
            by_number[message.stream].take(message)

    def pause(self) -> None:
        """Until the next micro-turn: a little, or longer while jobs wait."""
        until = time.monotonic() + PATIENCE_SECONDS
        time.sleep(0.01)
        while self.engine.jobs.waiting() and time.monotonic() < until:
            time.sleep(0.005)

    def settle(self) -> None:
        """Wait until no job waits."""
        until = time.monotonic() + JOBS_SECONDS
        while self.engine.jobs.waiting():
            assert time.monotonic() < until
            time.sleep(0.005)


@contextlib.contextmanager
def live(model: InteractionModel, folder: Path, **head: object) -> Iterator[Live]:
    """The model at work, journalled into `folder`."""
    journal = Journal(JournalRoom(folder, 10**9), lambda: head, pictures=True)
    engine = Engine(model, journal)
    threads = start_jobs(engine)
    try:
        yield Live(engine)
    finally:
        engine.jobs.end()
        for thread in threads:
            thread.join(JOBS_SECONDS)
        with patch("model.engine.journal.CLOSE_SECONDS", JOBS_SECONDS):
            journal.close()
