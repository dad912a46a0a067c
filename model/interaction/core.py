"""Core: the always-on part that decides what to do with the floor, one step per micro-turn.

The network sees only its streams; what it is sure enough of to act is its operating point, which
is part of the checkpoint. There is no other logic here. State goes in and comes out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import torch

from model.interaction import streams
from model.interaction.overdue import needed
from model.interaction.weighing import weighed
from model.messages import FloorDecision, PersonDoing
from model.nn.core_config import CoreConfig
from model.nn.core_graph import CoreStep, best_step
from model.nn.core_inputs import CoreInputs
from model.nn.core_network import CoreNetwork, CoreState, load_core
from model.nn.sound import Sound, SoundState
from model.timebase import HEARING_RATE, SPEAKING_RATE

__all__ = [
    "Core",
    "CoreMemory",
    "Judgement",
    "OperatingPoint",
    "decide",
    "known_nothing",
    "sound_columns",
    "tensors",
]

Numbers = npt.NDArray[Any]
OPERATING_POINT: Final = "operating_point.json"
LATER_KEYS: Final = {"draft", "hesitating", "overdue"}
"""Keys that a checkpoint may lack."""

EAGER_ODDS: Final = 4.0
TAKEN_FROM_SOUND: Final = ("person_dmel", "person_prosody", "own_dmel", "own_prosody")
DECISIONS: Final[tuple[FloorDecision, ...]] = ("listen", "take", "hold", "yield", "backchannel")
DOINGS: Final[tuple[PersonDoing, ...]] = (
    "speaking",
    "pausing",
    "finished",
    "acknowledging",
    "elsewhere",
    "silent",
)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Probabilities from which Core acts, chosen on dev."""

    take: float = 0.5
    yielding: float = 0.5
    backchannel: float = 0.5
    draft: float = 0.3
    """From here on the end is near enough for a draft; a draft is dropped below half of it."""
    hesitating: float = 1.0
    """From here on, short of `yielding`, the voice stands still for a moment (`breath.py`); 1 for
    never."""
    overdue: float = 0.3
    """Instead of `take` once the person has been silent for long (`overdue.py`): waiting costs
    more the longer it lasts. On dev 1 instead of 4 of 68 turns that stayed open for 2.5 s were
    never answered; so was one more of 108 sounds that asked for nothing, and no pause up to 1.5 s.
    """

    def __post_init__(self) -> None:
        """Raise ValueError for what is no probability."""
        for field in fields(self):
            if not 0.0 < getattr(self, field.name) <= 1.0:
                raise ValueError(f"{field.name} must be in (0, 1]")

    @classmethod
    def from_file(cls, path: Path) -> OperatingPoint:
        """Read it; raises ValueError that names unknown or missing keys."""
        found = json.loads(path.read_text(encoding="utf-8"))
        names = {field.name for field in fields(cls)}
        if wrong := sorted((found.keys() - names) | (names - found.keys() - LATER_KEYS)):
            raise ValueError(f"{path} has unknown or missing keys {wrong}")
        return cls(**found)

    def with_eagerness(self, eagerness: float) -> OperatingPoint:
        """The point for a person who wants quicker (1) or more patient (0) answers; 0.5 is as it
        is, and the ends are four times the odds apart from it."""
        if eagerness == 0.5:
            return self
        by = EAGER_ODDS ** (1.0 - 2.0 * min(max(eagerness, 0.0), 1.0))
        return replace(self, take=_times(self.take, by), overdue=_times(self.overdue, by))

    def take_after(self, silence_seconds: float) -> float:
        """The probability from which the floor is taken after so much silence of the person."""
        return needed(self.take, self.overdue, silence_seconds)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def _times(chance: float, by: float) -> float:
    """The chance with so many times the odds."""
    odds = by * chance / max(1.0 - chance, 1e-6)
    return odds / (1.0 + odds)


@dataclass(frozen=True, slots=True)
class CoreMemory:
    """All that Core remembers of its rows."""

    person: SoundState
    own: SoundState
    network: CoreState

    @torch.inference_mode()
    def reset(self, row: int) -> None:
        """Make the row a new one, in place."""
        for part in (self.person, self.own, self.network):
            part.reset(row)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Core's probabilities of one micro-turn, float32 numpy.

    Attributes:
        floor: `[rows, 5]` in the order of `streams.FLOORS`.
        person: `[rows, 6]` in the order of `streams.PERSON_STATES`.
        projection: voice of the person and ours in the windows ahead `[rows, 2, 4]`.
    """

    floor: npt.NDArray[np.float32]
    person: npt.NDArray[np.float32]
    projection: npt.NDArray[np.float32]


class Core:
    """The network with its front ends, for a fixed number of rows.

    Args:
        network: on its device.
        rows: how many streams one step serves.
        point: when to act; see `decide`.
    """

    def __init__(
        self, network: CoreNetwork, rows: int, point: OperatingPoint | None = None
    ) -> None:
        if network.config.streams_version != streams.STREAMS_VERSION:
            raise ValueError(
                f"this checkpoint reads streams of version {network.config.streams_version}, "
                f"we make version {streams.STREAMS_VERSION}: train Core again"
            )
        self.network = network
        self.rows = rows
        self.point = point or OperatingPoint()
        self._device = network.heads.weight.device
        self._person = Sound(HEARING_RATE).to(self._device)
        self._own = Sound(SPEAKING_RATE).to(self._device)
        self._step: CoreStep | None = None

    @classmethod
    def load(cls, folder: Path, rows: int, device: str | torch.device = "cpu") -> Core:
        """Core of a checkpoint; raises as `load_core`, and if its operating point is missing."""
        point = OperatingPoint.from_file(folder / OPERATING_POINT)
        return cls(load_core(folder, device), rows, point)

    @property
    def config(self) -> CoreConfig:
        """The network's sizes."""
        return self.network.config

    @torch.inference_mode()
    def new_memory(self) -> CoreMemory:
        """The memory of rows that have heard nothing; on CUDA the step is captured with it."""
        memory = CoreMemory(
            self._person.new_state(self.rows),
            self._own.new_state(self.rows),
            self.network.new_state(self.rows),
        )
        example = tensors(streams.nothing(streams.INPUTS, self.rows), self._device)
        self._step = best_step(self.network, memory.network, example)
        return memory

    @torch.inference_mode()
    def step(
        self,
        audio: npt.NDArray[np.float32],
        own: npt.NDArray[np.float32],
        known: Mapping[str, Numbers],
        memory: CoreMemory,
        active: npt.NDArray[np.bool_],
    ) -> tuple[Judgement, CoreMemory]:
        """One micro-turn of all active rows.

        Args:
            audio: the person's, float32 `[rows, 1600]` at 16 kHz.
            own: what we sent in this micro-turn, float32 `[rows, 2400]` at 24 kHz.
            known: the other columns of `streams.INPUTS`, `[rows, …]`; see `known_nothing`.
            memory: of before; it stays valid until the next step is taken from the new one.
            active: rows to advance; judgements of others mean nothing.
        """
        if self._step is None:
            raise ValueError("a step needs the memory that new_memory() of this Core made")
        mask = torch.from_numpy(active).to(self._device)
        heard = self._person.step(torch.from_numpy(audio).to(self._device), memory.person, mask)
        sent = self._own.step(torch.from_numpy(own).to(self._device), memory.own, mask)
        inputs = _with_sound(tensors(known, self._device), heard[:2], sent[:2])
        outputs, after = self._step(inputs, memory.network, mask)
        judged = Judgement(
            outputs.floor.softmax(-1).float().cpu().numpy(),
            outputs.person.softmax(-1).float().cpu().numpy(),
            outputs.projection.sigmoid().float().cpu().numpy(),
        )
        return judged, CoreMemory(heard[2], sent[2], after)


def decide(
    judged: Judgement,
    row: int,
    point: OperatingPoint,
    speaking: bool,
    silence_seconds: float = 0.0,
) -> tuple[FloorDecision, float, PersonDoing, float]:
    """The decision for a row with its probability, and the person's likeliest state with its own.

    Args:
        judged: of this micro-turn.
        row: the row.
        point: when to act.
        speaking: our voice is being sent: only then is there something to yield, else to take.
        silence_seconds: how long ago the person's voice was.
    """
    floor = weighed(judged.floor[row], judged.person[row], speaking)
    chances = dict(zip(DECISIONS, map(float, floor), strict=True))
    state = int(judged.person[row].argmax())
    doing = DOINGS[state], float(judged.person[row, state])
    acts: tuple[tuple[FloorDecision, float], ...] = (
        (("yield", point.yielding),)
        if speaking
        else (
            ("take", point.take_after(silence_seconds)),
            ("backchannel", point.backchannel),
        )
    )
    for action, threshold in acts:
        if chances[action] >= threshold:
            return action, chances[action], *doing
    rest: Literal["hold", "listen"] = "hold" if speaking else "listen"
    return rest, 1.0 - max(chances[action] for action, _ in acts), *doing


def known_nothing(rows: int) -> streams.Arrays:
    """The columns a caller of `Core.step` fills, of rows in which nothing is known."""
    columns = {
        name: column for name, column in streams.INPUTS.items() if name not in TAKEN_FROM_SOUND
    }
    arrays = streams.nothing(columns, rows)
    arrays["k"][:] = 0
    return arrays


def sound_columns(
    person: npt.NDArray[np.float32], own: npt.NDArray[np.float32]
) -> dict[str, Numbers]:
    """The four columns of sound of a whole conversation, for training and replay.

    Args:
        person: float32 `[samples]` at 16 kHz.
        own: float32 `[samples]` at 24 kHz, of the same duration.
    """
    with torch.inference_mode():
        heard = Sound(HEARING_RATE).whole(torch.from_numpy(person))
        sent = Sound(SPEAKING_RATE).whole(torch.from_numpy(own))
    made = [column.numpy() for column in (*heard, *sent)]
    return dict(zip(TAKEN_FROM_SOUND, made, strict=True))


def tensors(
    arrays: Mapping[str, Numbers], device: torch.device | str = "cpu", lead: tuple[int, ...] = ()
) -> CoreInputs:
    """Columns as the network takes them; columns of sound that are missing are empty tensors.

    Args:
        arrays: columns `[n, …]`, or `[*lead, …]` already.
        device: where they are to be.
        lead: leading dimensions to give them instead of `[n]`.
    """
    made = {}
    for name in CoreInputs._fields:
        array = arrays.get(name, np.zeros(0, np.uint8))
        # torch cannot divide uint32.
        array = array.astype(np.int64) if array.dtype == np.uint32 else array
        tensor = torch.from_numpy(array)
        made[name] = (tensor.reshape(*lead, *tensor.shape[1:]) if lead else tensor).to(device)
    return CoreInputs(**made)


def _with_sound(
    inputs: CoreInputs,
    heard: tuple[torch.Tensor, torch.Tensor],
    sent: tuple[torch.Tensor, torch.Tensor],
) -> CoreInputs:
    return inputs._replace(
        person_dmel=heard[0], person_prosody=heard[1], own_dmel=sent[0], own_prosody=sent[1]
    )
