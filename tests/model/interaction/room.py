"""A conversation with a camera: eyes see what they are told, Language writes what it is told."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from model.engine.pieces import finished
from model.interaction.intent import INTENTS, Intent, Intents
from model.interaction.looked import Looked, Network, Thing
from model.interaction.parts import Pieces
from model.interaction.reading import Line
from model.interaction.requesting import Requests
from model.interaction.seeing import SightParts
from model.messages import Seen, StreamSettings
from model.sight import Picture
from tests.model.interaction.rehearsal import SILENCE, Rehearsal
from tests.model.interaction.scripted_parts import Scribe, scripted_model

__all__ = ["BOX", "CUP", "Clerk", "Room", "Shown", "room"]

BOX = (0.1, 0.1, 0.3, 0.3)
CUP = Thing("cup", 0.8, BOX)


@dataclass
class Shown:
    """Eyes that see what they are told is there; they fail while `broken`."""

    things: tuple[Thing, ...] = ()
    looks: list[tuple[Network, ...]] = field(default_factory=list)
    broken: bool = False

    def look(
        self, picture: Picture, networks: Sequence[Network], around: Any = None
    ) -> Generator[None, None, Looked]:
        yield None
        if self.broken:
            raise RuntimeError("broken on purpose")
        self.looks.append(tuple(networks))
        return Looked(picture.source, picture.at_samples / 16_000, tuple(networks), self.things)


class Sign:
    """Reads the same line off everything."""

    def read(self, pixels: Any) -> Generator[None, None, tuple[Line, ...]]:
        yield None
        return (Line("No entry", 0.97, BOX),)


class Clerk(Scribe):
    """Writes `writes` about every request, as far as it may."""

    def choose(
        self,
        row: int,
        fits: Callable[[int], bool],
        always: Sequence[int] = (),
        behind: Sequence[int] = (),
        ahead: Sequence[float] = (),
    ) -> Pieces[int]:
        yield None
        self.held_[row] += behind
        done = self.text(row).rpartition(" ->")[2]
        wish = self.writes[len(done) : len(done) + 1]
        fit = (
            bool(wish) and self.writes.startswith(done) and (fits(ord(wish)) or ord(wish) in always)
        )
        found = ord(wish) if fit else always[0]
        self.held_[row].append(found)
        return found


@dataclass
class Room:
    """A conversation with a camera, five pictures a second, all different."""

    rehearsal: Rehearsal
    scribe: Scribe
    eyes: Any
    source: Literal["camera", "screen"] = "camera"
    pixels: npt.NDArray[np.uint8] | None = None
    shows: bool = True

    def wait(self, micro_turns: int, block: Any = SILENCE, texts: tuple[str, ...] = ()) -> None:
        """Let time pass; without `pixels` every picture is another shade."""
        for _ in range(micro_turns):
            k = self.rehearsal.k
            shade = np.full((24, 32, 3), (k * 40) % 255, np.uint8)
            pixels = shade if self.pixels is None else self.pixels
            pictures = (
                (Picture(self.source, k * 1600, pixels),) if k % 2 == 0 and self.shows else ()
            )
            self.rehearsal.step(block, texts, pictures=pictures)
            texts = ()

    def ask(self, text: str, writes: str) -> None:
        """Type a request; Language will write this about it."""
        self.scribe.writes = writes
        self.wait(60, texts=(text,))

    @property
    def said(self) -> str:
        return self.rehearsal.said_text()

    def seen(self) -> list[tuple[str, str]]:
        return [(one.what, one.label) for one in self.rehearsal.told(Seen)]


def room(
    words: str = "Hello there.",
    source: Literal["camera", "screen"] = "camera",
    eyes: Any = None,
    intents: Mapping[str, Intent] | None = None,
    settings: StreamSettings | None = None,
    **replies: str,
) -> Room:
    """A conversation of row 0 in which the person always says these words aloud; with `intents` a
    probe knows them by a piece of what is said, and takes all else for what is to be answered."""
    scribe = Clerk(rows=4, replies=replies)
    model = scripted_model(scribe, words)
    requests = Requests(scribe, 2)
    finished(requests.prepare())
    eyes = eyes or Shown()
    reader: Any = Sign()
    scribe.thinks = {words: _state(one) for words, one in (intents or {}).items()}
    probe = None if intents is None else _probe()
    sight = SightParts(eyes, reader, (requests, Requests(scribe, 3, requests)), probe)
    model.parts = replace(model.parts, sight=sight, memories=model.parts.memories[:2])
    model.rows = 2
    return Room(Rehearsal.begin(model, settings), scribe, eyes, source)


def _state(intent: Intent) -> torch.Tensor:
    state = torch.zeros(len(INTENTS) + 1)
    state[INTENTS.index(replace(intent, own=False))] = 9.0
    state[-1] = 9.0 if intent.own else -9.0
    return state


def _probe() -> Intents:
    """Reads states as `_state` makes them; one that says nothing is of what is to be answered."""
    size = len(INTENTS) + 1
    bias = torch.zeros(size)
    bias[0] = 5.0
    return Intents((0,), torch.zeros(size), torch.ones(size), torch.eye(size), bias)
