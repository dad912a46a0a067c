"""Core in the live model with its mind made up: heads that say what a test wants, nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from model.engine.engine import RowInput, RowOutput
from model.interaction import streams
from model.interaction.core import Core, CoreMemory, Judgement, OperatingPoint
from model.interaction.core_floor import CoreFloor
from model.interaction.counterpoint import CounterpointModel, Rows
from model.messages import Heard, MicroTurnInput, OpenStream
from model.nn.core_network import CoreNetwork
from tests.model.nn.core_steps import TINY

__all__ = ["Decided", "Inputs", "Listening", "Live", "untrained"]

SURE = 12.0


@dataclass
class Inputs:
    """What Core was given in one micro-turn."""

    audio: Any
    own: Any
    known: streams.Arrays


class Listening(Core):
    """Remembers what it was given."""

    given: list[Inputs]

    def step(
        self, audio: Any, own: Any, known: Any, memory: CoreMemory, active: Any
    ) -> tuple[Judgement, CoreMemory]:
        copied = {name: array.copy() for name, array in known.items()}
        self.given.append(Inputs(audio.copy(), own.copy(), copied))
        return super().step(audio, own, known, memory, active)


def untrained(rows: int, seed: int = 3) -> Listening:
    """A small network as it is before training."""
    torch.manual_seed(seed)
    used = Listening(CoreNetwork(TINY).requires_grad_(False), rows)
    used.given = []
    return used


class Decided:
    """Makes Core say what it is told to say, from the next micro-turn on."""

    def __init__(self, used: Core) -> None:
        self._heads = used.network.heads
        self._heads.weight.zero_()
        used.point = OperatingPoint(draft=0.4)
        self("listen", "silent")

    def __call__(self, floor: str, person: str, ahead: float = -SURE) -> None:
        bias = torch.zeros_like(self._heads.bias)
        bias[streams.FLOORS.index(floor)] = SURE
        bias[5 + streams.PERSON_STATES.index(person)] = SURE
        bias[11:] = ahead
        self._heads.bias.copy_(bias)


@dataclass
class Live:
    """Micro-turns of a model without an engine: jobs are not run, their results are given."""

    model: CounterpointModel
    state: Rows = field(init=False)
    k: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = self.model.new_state()
        self.k = [0] * self.model.rows

    @classmethod
    def begin(cls, model: CounterpointModel) -> Live:
        """All rows open, with nothing to say."""
        live = cls(model)
        for row in range(model.rows):
            live.state, _ = model.open(live.state, row, OpenStream(row + 1))
        return live

    def given(self, row: int, audio: Any, *results: object, **more: Any) -> RowInput:
        turn = MicroTurnInput(row + 1, self.k[row], np.asarray(audio, np.float32), **more)
        return RowInput(turn, tuple((0, "", result) for result in results))

    def step(self, inputs: dict[int, RowInput]) -> tuple[RowOutput | None, ...]:
        listed = [inputs.get(row) for row in range(self.model.rows)]
        self.state, outputs = self.model.step(self.state, listed)
        for row in inputs:
            self.k[row] += 1
        return outputs


def with_core(model: CounterpointModel, used: Core) -> CounterpointModel:
    """The same parts, with Core on the floor."""
    from model.interaction.backchannels import rendered

    floor = CoreFloor(used, model.parts.ears)  # type: ignore[arg-type]
    parts = replace(model.parts, floor=floor, backchannels=rendered(model.parts.voice))
    return CounterpointModel(model._language, parts)


def heard(utterance: int, samples: int, cut: bool = False) -> tuple[Heard, ...]:
    """Playout's report."""
    return (Heard(utterance, samples, cut),)
