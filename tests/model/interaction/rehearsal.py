"""A conversation without a server: blocks in, words and samples out; Playout to the sample.

A fixed number of job pieces runs between two micro-turns, each as long as the others: a rehearsal
is deterministic and does not depend on how busy the machine is. How fast the jobs are is measured
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np

from model.engine.engine import Engine, InteractionModel
from model.messages import (
    AgentWord,
    Audio,
    Command,
    Event,
    Floor,
    Heard,
    MicroTurnInput,
    MicroTurnOutput,
    OpenStream,
    PersonWords,
    Said,
    StreamOpened,
    StreamSettings,
    Turn,
    UtteranceDone,
)
from model.orders import Cancel, Hold, Order, Resume, Say, ToolAnswer
from model.sight import Picture, SightSource
from model.timebase import HEARING_BLOCK_SAMPLES, SPEAKING_BLOCK_SAMPLES

PIECES_A_MICRO_TURN = 16
PAUSE_SECONDS = 0.006

SILENCE = np.zeros(HEARING_BLOCK_SAMPLES, np.float32)


class EvenClock:
    """In the place of `time`: what lies between two pauses of a pass lasts `PAUSE_SECONDS`."""

    def __init__(self) -> None:
        self._now = 0.0

    def perf_counter(self) -> float:
        """The next look."""
        self._now += PAUSE_SECONDS
        return self._now


@dataclass
class Rehearsal:
    """One stream of an engine, with a Playout that plays exactly one block in a micro-turn."""

    engine: Engine
    stream: int = 1
    k: int = 0
    events: list[tuple[int, Event]] = field(default_factory=list)
    sent: dict[int, list[Audio]] = field(default_factory=dict)
    heard: dict[int, int] = field(default_factory=dict)
    cut: set[int] = field(default_factory=set)
    held: bool = False

    @classmethod
    def begin(
        cls,
        model: InteractionModel,
        settings: StreamSettings | None = None,
        turns: tuple[Turn, ...] = (),
    ) -> Rehearsal:
        """A stream just opened, its row primed."""
        rehearsal = cls(Engine(model))
        opening = OpenStream(1, settings or StreamSettings(), turns)
        assert rehearsal.engine.open(opening) == StreamOpened(1)
        while rehearsal.engine.jobs.run_piece():
            pass
        return rehearsal

    def hear(self, audio: Audio) -> None:
        """Let the person say this (cut into blocks; the last one filled with silence)."""
        for start in range(0, len(audio), HEARING_BLOCK_SAMPLES):
            block = audio[start : start + HEARING_BLOCK_SAMPLES]
            self.step(np.pad(block, (0, HEARING_BLOCK_SAMPLES - len(block))))

    def wait(self, micro_turns: int) -> None:
        """Let time pass in silence."""
        for _ in range(micro_turns):
            self.step(SILENCE)

    def wait_until_said(self, limit: int = 600) -> None:
        """Let time pass until something was said and all of it was heard."""
        for _ in range(limit):
            self.step(SILENCE)
            if self.sent and all(self._all_heard(number) for number in self.sent):
                return
        raise AssertionError(f"nothing was said to its end in {limit} micro-turns")

    def order(self, *orders: Order, block: Audio = SILENCE) -> MicroTurnOutput:
        """One micro-turn with orders; like the server, Playout obeys them at once."""
        for order in orders:
            self.held = self.held or isinstance(order, Hold)
            self.held = self.held and not isinstance(order, Resume)
        stops = any(
            isinstance(one, Cancel) or (isinstance(one, Say) and one.policy == "now")
            for one in orders
        )
        return self.step(block, orders=orders, cut_all=stops and not self.held)

    def step(
        self,
        block: Audio,
        texts: tuple[str, ...] = (),
        commands: tuple[Command, ...] = (),
        orders: tuple[Order, ...] = (),
        answers: tuple[ToolAnswer, ...] = (),
        cut_all: bool = False,
        pictures: tuple[Picture, ...] = (),
        unseen: tuple[SightSource, ...] = (),
    ) -> MicroTurnOutput:
        """One micro-turn."""
        heard = self._play(cut_all or bool(commands))
        turn = MicroTurnInput(
            self.stream, self.k, block, texts, heard, commands, answers, pictures, orders, unseen
        )
        self.engine.push(turn, now=self.k * 0.1)
        messages = self.engine.tick()
        assert len(messages) == 1
        output = messages[0]
        assert isinstance(output, MicroTurnOutput), output
        self._take(output)
        self._work()
        self.k += 1
        return output

    def said(self, utterance: int) -> tuple[AgentWord, ...]:
        """The words announced for an utterance."""
        return tuple(
            word
            for _, event in self.events
            if isinstance(event, Said) and event.utterance == utterance
            for word in event.words
        )

    def said_text(self) -> str:
        """All that was announced, in order."""
        return " ".join("".join(w.text for w in self.said(n)).strip() for n in sorted(self.sent))

    def person_text(self) -> list[str]:
        """The person's finished segments."""
        return [
            " ".join(word.text for word in event.words)
            for _, event in self.events
            if isinstance(event, PersonWords) and event.final
        ]

    def decisions(self) -> list[tuple[int, str]]:
        """Decisions of the floor with their micro-turns."""
        return [(k, event.decision) for k, event in self.events if isinstance(event, Floor)]

    def told(self, *kinds: type) -> list[Any]:
        """Events of these kinds, in order."""
        return [event for _, event in self.events if isinstance(event, kinds)]

    def _play(self, cut_all: bool) -> tuple[Heard, ...]:
        reports = []
        for number, parts in self.sent.items():
            if number in self.cut:
                continue
            length = sum(map(len, parts))
            before = self.heard.get(number, 0)
            played = 0 if self.held else SPEAKING_BLOCK_SAMPLES
            self.heard[number] = min(before + played, length)
            yielded = any(d == "yield" for k, d in self.decisions() if k == self.k - 1)
            if (cut_all or yielded) and not self._all_heard(number):
                self.cut.add(number)
                reports.append(Heard(number, self.heard[number], cut=True))
            elif self.heard[number] > before:
                reports.append(Heard(number, self.heard[number]))
        return tuple(reports)

    def _take(self, output: MicroTurnOutput) -> None:
        self.events += [(output.k, event) for event in output.events]
        for speech in output.speech:
            parts = self.sent.setdefault(speech.utterance, [])
            assert speech.start_samples == sum(map(len, parts)), "speech has a gap"
            parts.append(speech.audio)

    def _all_heard(self, number: int) -> bool:
        done = [e for _, e in self.events if isinstance(e, UtteranceDone) and e.utterance == number]
        return bool(done) and self.heard.get(number, 0) >= done[0].samples

    def _work(self) -> None:
        with patch("model.engine.jobs.time", EvenClock()):
            for _ in range(PIECES_A_MICRO_TURN):
                self.engine.jobs.run_piece()
