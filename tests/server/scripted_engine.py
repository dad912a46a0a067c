"""An engine that does what typed text tells it, to test everything around an engine.

"say N": an utterance of N words of half a second, a block a micro-turn. "burst N": the same, all at
once. "yield": gives the floor up and goes on sending speech, as an engine in full flow would.
"call NAME ARGUMENTS": asks for a tool; what it answers, and what is ordered to be said, is said.
"goodbye" (as a command): says one word. "recall": reports the turns it was opened with. "sleep S",
"hang", "die": what they say. "look N": asks for N pictures a second. Of every picture it says the
mean colour. Every Heard with `cut` is reported as words "cut UTTERANCE SAMPLES".
A stream with the instructions `REFUSED` is not opened.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from model.messages import (
    AgentWord,
    CloseStream,
    EngineReady,
    EngineVitals,
    Event,
    Floor,
    MicroTurnInput,
    MicroTurnOutput,
    OpenStream,
    PersonWords,
    Picture,
    PicturesWanted,
    Said,
    Saying,
    Seen,
    Shutdown,
    Speech,
    StreamClosed,
    StreamOpened,
    ToolCall,
    Turn,
    UtteranceDone,
    Word,
)
from model.orders import Say

__all__ = ["enter", "enter_broken", "enter_slowly"]

REFUSED = "more than anybody can read"
BLOCK = 2_400
WORD = 12_000


@dataclass
class Script:
    """One stream."""

    turns: tuple[Turn, ...]
    utterance: int = -1
    samples: int = 0
    length: int = 0
    segment: int = -1
    events: list[Event] = field(default_factory=list)
    speech: list[Speech] = field(default_factory=list)

    def report(self, text: str, at: float, typed: bool = False) -> None:
        self.segment += 1
        words = tuple(Word(word, at, at) for word in text.split())
        self.events.append(PersonWords(self.segment, words, True, typed))

    def begin(self, words: int, listening: bool = False) -> None:
        self.tell(" ".join(f"w{n}" for n in range(words)), listening)

    def tell(self, text: str, listening: bool = False) -> None:
        self.utterance += 1
        words = text.split()
        self.samples, self.length = 0, len(words) * WORD
        said = (AgentWord(f" {word}", n * WORD, (n + 1) * WORD) for n, word in enumerate(words))
        self.events.append(Said(self.utterance, tuple(said), listening))

    def speak(self, samples: int) -> None:
        if self.samples >= self.length:
            return
        samples = min(samples, self.length - self.samples)
        at = (self.samples + np.arange(samples)) / 24_000
        tone = (0.3 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)
        self.speech.append(Speech(self.utterance, self.samples, tone))
        self.samples += samples
        if self.samples == self.length:
            self.events.append(UtteranceDone(self.utterance, self.length))

    def step(self, turn: MicroTurnInput) -> MicroTurnOutput:
        self.events, self.speech = [], []
        now = turn.k * 0.1
        for heard in turn.heard:
            if heard.cut:
                self.report(f"cut {heard.utterance} {heard.samples}", now)
        for command in turn.commands:
            self.length = self.samples
            if command == "goodbye":
                self.begin(1)
        for order in turn.orders:
            if isinstance(order, Say):
                self.tell(order.text)
                self.events.append(Saying(order.say, "began", self.utterance))
        for answer in turn.answers:
            self.tell(answer.text)
        for text in turn.texts:
            self.report(text, now, typed=True)
            self.obey(text, now)
        self.events += (colour(picture) for picture in turn.pictures)
        self.speak(BLOCK)
        return MicroTurnOutput(turn.stream, turn.k, tuple(self.speech), tuple(self.events))

    def obey(self, text: str, now: float) -> None:
        match text.split():
            case ["say", words]:
                self.begin(int(words))
            case ["burst", words]:
                self.begin(int(words))
                self.speak(self.length)
            case ["look", rate]:
                self.events.append(PicturesWanted("camera", float(rate)))
            case ["call", name, *rest]:
                call = f"call-{self.segment}"
                self.events.append(ToolCall(call, name, " ".join(rest) or "{}"))
            case ["yield"]:
                self.events.append(Floor("yield", 0.9))
            case ["listen"]:
                self.events.append(Floor("backchannel", 0.9))
                self.begin(1, listening=True)
            case ["nod"]:
                self.events.append(Floor("backchannel", 0.9))  # It never sounds.
            case ["recall"]:
                said = (
                    f"{turn.who}:{turn.text}{'/cut' if turn.cut else ''}" for turn in self.turns
                )
                self.report(" | ".join(said), now)
            case ["sleep", seconds]:
                time.sleep(float(seconds))
            case ["hang"]:
                time.sleep(3600)
            case ["die"]:
                os._exit(9)
            case ["fail"]:
                raise ValueError(text)


def colour(picture: Picture) -> Seen:
    """ "320x240 200 30 30": size and mean colour, in the middle."""
    red, green, blue = (round(float(one)) for one in picture.pixels.mean(axis=(0, 1)))
    label = f"{picture.width}x{picture.height} {red} {green} {blue}"
    at_seconds = picture.at_samples / 16_000
    return Seen(picture.source, "colour", label, 1.0, at_seconds, (0.25, 0.25, 0.5, 0.5))


def enter(connection: Connection, settings: dict[str, Any]) -> None:
    """The engine process."""
    rows = int(settings.get("rows", 4))
    scripts: dict[int, Script] = {}
    connection.send(EngineReady(rows, "cpu", {"engine": "scripted"}))
    while True:
        if not connection.poll(0.5):
            connection.send(EngineVitals(0, 0, 0.0, 0.0, 0))
            continue
        try:
            message = connection.recv()
        except EOFError:
            return
        match message:
            case OpenStream() if len(scripts) >= rows:
                connection.send(StreamClosed(message.stream, "all rows are taken"))
            case OpenStream() if message.settings.instructions == REFUSED:
                connection.send(StreamClosed(message.stream, "the instructions are too long"))
            case OpenStream():
                scripts[message.stream] = Script(message.turns)
                connection.send(StreamOpened(message.stream))
            case MicroTurnInput():
                _step(connection, scripts, message)
            case CloseStream():
                scripts.pop(message.stream, None)
                connection.send(StreamClosed(message.stream))
            case Shutdown():
                return


def _step(connection: Connection, scripts: dict[int, Script], turn: MicroTurnInput) -> None:
    script = scripts.get(turn.stream)
    if script is None:
        return
    try:
        connection.send(script.step(turn))
    except ValueError:
        del scripts[turn.stream]
        connection.send(StreamClosed(turn.stream, "the script failed"))


def enter_slowly(connection: Connection, settings: dict[str, Any]) -> None:
    """Takes eight seconds to load: long enough to be asked meanwhile, on any machine."""
    time.sleep(8.0)
    enter(connection, settings)


def enter_broken(connection: Connection, settings: dict[str, Any]) -> None:
    """Never loads."""
    os._exit(3)
