"""What a training run of Core is: every number that its weights depend on, strict, as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from model.nn.core_config import CoreConfig
from model.training.augment import NOTHING, Augmentation
from model.training.core_loss import LossWeights
from model.training.dataset import NEEDED

__all__ = [
    "ABLATIONS",
    "Training",
    "ablated",
    "as_json",
    "changed",
    "recorded",
    "training_from",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Sizes and rates of one run; the number of steps and the seed are the run's own.

    Attributes:
        network: its shape.
        loss: what is minimised.
        augmentation: what is done to crops.
        onsets: steps in which the network's reader of onsets learns, before the first step and
            never again (`onsets.py`); 0 for none.
        batch: crops in a step.
        length: micro-turns in a crop.
        settle: first micro-turns of a crop that begins inside a conversation are not taught: what
            they follow on is not seen.
        from_start: share of the crops that begin where their conversation does.
        amid: share of the crops that begin while the person speaks, and are taught from there on:
            no rendered conversation does, and what sounded from a call's first moment on was taken
            for the room.
        rate: highest learning rate of AdamW.
        warm_up: steps in which the rate rises.
        cooling: share of the steps, the last ones, in which it falls along half a cosine.
        least_rate: share of the highest rate at the end.
        decay: weight decay of matrices; vectors and embeddings have none.
        betas: of AdamW.
        clip: largest norm of a gradient.
        dropout: share of features left out at random in a step.
        averaging: of the averaged weights, which are what is evaluated and exported.
        precision: of the products; weights, sums and losses are always float32. On a CPU that has
            instructions for bfloat16 a step takes little more than half the time, on others longer.
        rescan: steps after which new shards are taken in.
        memory_bytes: of shards held; the later ones of more are left out.
    """

    network: CoreConfig = field(default_factory=CoreConfig)
    loss: LossWeights = field(default_factory=LossWeights)
    augmentation: Augmentation = field(default_factory=Augmentation)
    onsets: int = 0
    batch: int = 8
    length: int = 320
    settle: int = 20
    from_start: float = 0.15
    amid: float = 0.0
    rate: float = 1e-3
    warm_up: int = 200
    cooling: float = 0.3
    least_rate: float = 0.02
    decay: float = 0.1
    betas: tuple[float, ...] = (0.9, 0.98)
    clip: float = 1.0
    dropout: float = 0.1
    averaging: float = 0.998
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    rescan: int = 100
    memory_bytes: int = 4_000_000_000

    @property
    def needed(self) -> tuple[str, ...]:
        """The parts a shard must have: those of the streams that are read."""
        return tuple(p for p in NEEDED if p != "belief" or p in self.network.streams)

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be trained."""
        if min(self.batch, self.length, self.rescan) < 1 or not 0 <= self.settle < self.length:
            raise ValueError("batch, length and rescan must be at least 1, settle less than length")
        if self.length > self.network.period // 2:
            raise ValueError("length must not be more than half the network's period")
        shares = self.cooling, self.from_start, self.amid, self.from_start + self.amid
        if not (all(0 <= one <= 1 for one in shares) and self.rate > 0):
            raise ValueError("cooling, from_start and amid are shares, rate is positive")
        if not 0 <= self.dropout < 1:
            raise ValueError("dropout must be in [0, 1)")
        if not 0 <= self.averaging < 1 or len(self.betas) != 2:
            raise ValueError("averaging must be in [0, 1), betas two numbers")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError("precision must be float32 or bfloat16")


def _without(*streams: str) -> Callable[[Training], Training]:
    def left(training: Training) -> Training:
        # Whoever does not read the bands has no reader of onsets to teach.
        onsets = 0 if "person_bands" in streams else training.onsets
        return replace(training, network=training.network.without(*streams), onsets=onsets)

    return left


def _unprojected(training: Training) -> Training:
    return replace(training, loss=replace(training.loss, projection=0.0))


ABLATIONS: Final[Mapping[str, Callable[[Training], Training]]] = {
    "encoder": _without("encoder"),
    "dmel": _without("person_dmel", "person_bands", "own_dmel"),
    "own": _without("own_dmel", "own_prosody"),
    "words": _without("words"),
    "projection": _unprojected,
    "belief": _without("belief", "message"),
}
"""What can be left out. Without dMel prosody stays; without own audio, the words queued stay."""


def ablated(training: Training, name: str) -> Training:
    """The training with a stream, or the projection's loss, left out."""
    if name not in ABLATIONS:
        raise ValueError(f"there is no {name!r} to leave out; known are {', '.join(ABLATIONS)}")
    return ABLATIONS[name](training)


def training_from(path: Path | None) -> Training:
    """The default training with what the JSON file says otherwise; or, where the file is the
    `recipe.json` of a checkpoint, that of the checkpoint.

    Raises:
        ValueError: unknown keys, or values of another type.
    """
    if path is None:
        return Training()
    try:
        changes = json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    if isinstance(changes, dict) and "training" in changes:
        return recorded(changes["training"], str(path))
    made = changed(Training(), changes, str(path))
    assert isinstance(made, Training)
    return made


def recorded(training: Any, where: str) -> Training:
    """The training that a run or a recipe wrote down, whole: an augmentation that it does not name
    was not there yet."""
    made = changed(replace(Training(), augmentation=NOTHING), training, where)
    assert isinstance(made, Training)
    return made


def changed(default: Any, changes: Any, where: str) -> Any:
    """A dataclass with some fields changed, dataclasses inside it likewise."""
    if not isinstance(changes, dict):
        raise ValueError(f"{where} must be an object, not {changes!r}")
    known = [one.name for one in fields(default)]
    if unknown := sorted(changes.keys() - set(known)):
        raise ValueError(f"{where} has unknown keys {unknown}; known are {known}")
    new: dict[str, Any] = {}
    for name, value in changes.items():
        before = getattr(default, name)
        if is_dataclass(before):
            new[name] = changed(before, value, f"{where}: {name}")
            continue
        value = tuple(value) if isinstance(value, list) else value
        value = float(value) if isinstance(before, float) and type(value) is int else value
        if type(value) is not type(before):
            raise ValueError(f"{where}: {name} must be like {before!r}, not {value!r}")
        new[name] = value
    return replace(default, **new)


def as_json(training: Training) -> dict[str, Any]:
    """What `changed` would make the same training from."""
    made: dict[str, Any] = json.loads(json.dumps(asdict(training)))
    return made
