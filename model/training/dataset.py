"""Crops of rendered conversations for training, drawn by seed and step.

A folder of shards may grow while it is trained on. What a step sees depends on its number, the
seed and a listing of shards with their parts; a listing is drawn up once and kept, so a run that
was killed draws the same crops again, whatever has been rendered meanwhile.

Shards are held as they are stored: a state of the encoder once, not in every micro-turn that
repeats it. An hour is about 60 MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.interaction import streams
from model.training import shards

__all__ = ["Corpus", "Crop", "Listed", "Shard", "Whole", "check", "listing", "read_shard"]

NEEDED: Final = ("rows", "sound", "encoder", "belief")
"""A shard without all of these is still being made, unless a network does not read the last."""

OWN: Final = ("rows", "audio", "sound", "encoder")
"""Parts that every listed shard is read with, and audio, which training never reads."""

SPEAKING: Final = streams.PERSON_STATES.index("speaking")

Listed = tuple[int, tuple[str, ...]]
"""A shard's number and its parts beyond rows, sound and encoder."""

Columns = dict[str, npt.NDArray[Any]]


def listing(folder: Path, most_bytes: int, needed: Sequence[str] = NEEDED) -> tuple[Listed, ...]:
    """The shards that can be read now, oldest first, with all their parts.

    Args:
        folder: holds the shards; those that are still being made are left out.
        most_bytes: of the files; later shards are left out.
        needed: parts without which a shard is still being made.
    """
    found: list[Listed] = []
    total = 0
    for index in shards.shard_indices(folder):
        prefix = f"shard-{index:05d}."
        paths = folder.glob(f"{prefix}*.safetensors")
        sizes = {
            path.name.removeprefix(prefix).removesuffix(".safetensors"): path.stat().st_size
            for path in paths
        }
        if any(part not in sizes for part in needed):
            continue
        total += sum(size for part, size in sizes.items() if part != "audio")
        if total > most_bytes:
            break
        others = sorted(part for part in sizes if part not in OWN)
        found.append((index, tuple(others)))
    return tuple(found)


def check(folder: Path, listed: Sequence[Listed]) -> None:
    """Raise ValueError, with what to do, where a folder has no shard that can be read."""
    if not listed:
        raise ValueError(
            f"{folder} holds no shard that has been through all passes: "
            f"run `python -m model.training.encode {folder}`, or wait for it"
        )


@dataclass(frozen=True, slots=True)
class Shard:
    """Conversations one after another.

    Attributes:
        columns: of `streams.INPUTS` and `streams.LABELS`, those that somebody made.
        states: of the encoder, float16 `[refreshes, 4, 288]`.
        refresh: for each micro-turn the state it holds, or -1.
        starts: where conversations begin, and where the last one ends.
        facts: what the renderer knows of each conversation.
    """

    columns: Columns
    states: npt.NDArray[np.float16]
    refresh: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    facts: tuple[dict[str, Any], ...]

    def crop(self, conversation: int, first: int, length: int) -> Crop:
        """`length` micro-turns of a conversation, from its `first` on, copied.

        What lies beyond its end is filled with nothing, and not live.
        """
        begin, end = (int(at) for at in self.starts[conversation : conversation + 2])
        source = slice(begin + first, min(begin + first + length, end))
        count = source.stop - source.start
        inputs = streams.nothing(_INPUTS, length)
        labels = streams.nothing(streams.LABELS, length)
        for made in (inputs, labels):
            for name in made.keys() & self.columns.keys():
                made[name][:count] = self.columns[name][source]
        refresh = np.full(length, -1, np.int32)
        used, numbers = np.unique(self.refresh[source], return_inverse=True)
        known = used >= 0
        refresh[:count] = np.where(known, np.cumsum(known) - 1, -1)[numbers]
        inputs["k"] = np.arange(first, first + length, dtype=np.int64)
        return Crop(inputs, labels, refresh, self.states[used[known]])


@dataclass(frozen=True, slots=True)
class Crop:
    """Part of a conversation; its encoder states are folded until it is `unfolded`."""

    inputs: Columns
    labels: streams.Arrays
    refresh: npt.NDArray[np.int32]
    states: npt.NDArray[np.float16]

    def unfolded(self) -> streams.Arrays:
        """All columns of `streams.INPUTS`."""
        held = np.flatnonzero(self.refresh >= 0)
        encoder = np.zeros((len(self.refresh), *self.states.shape[1:]), np.float16)
        encoder[held] = self.states[self.refresh[held]]
        return {**self.inputs, "encoder": encoder}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole conversation, for evaluation."""

    inputs: streams.Arrays
    labels: streams.Arrays
    facts: dict[str, Any]


def _begun(crop: Crop) -> Crop:
    """The crop without what was told before its first micro-turn, in place: as if the call began
    there. What the encoder heard later has heard two seconds of it all the same."""
    inputs = crop.inputs
    since = np.arange(len(inputs["k"]))
    old = inputs["word_age"] > since[:, None]
    for name in ("word_hash", "word_age", "word_flags"):
        inputs[name][old] = 0
    heard = inputs["encoder_age"] > since
    crop.refresh[heard], inputs["encoder_age"][heard] = -1, -1
    believed = inputs["belief_age"] > since
    inputs["belief"][believed], inputs["message"][believed] = 0.0, 0.0
    inputs["belief_age"][believed] = -1
    return crop


_INPUTS: Final = {name: kind for name, kind in streams.INPUTS.items() if name != "encoder"}


def read_shard(folder: Path, listed: Listed) -> Shard:
    """One shard with the parts it is listed with, no others."""
    index, others = listed
    rows, facts = shards.read_part(folder, index, "rows")
    starts = rows.pop("starts")
    columns: Columns = dict(rows)
    for part in ("sound", *others):
        columns.update(shards.read_part(folder, index, part)[0])
    encoder, _ = shards.read_part(folder, index, "encoder")
    columns["encoder_age"] = encoder["age"]
    known = {**_INPUTS, **streams.LABELS}
    for name in [name for name in columns if name not in known or name == "k"]:
        del columns[name]
    for name, column in columns.items():
        if len(column) != starts[-1] or column.dtype != known[name].dtype:
            raise ValueError(
                f"{name} of shard {index} in {folder} does not fit its rows: make the part again"
            )
    return Shard(columns, encoder["states"], encoder["index"], starts,
                 tuple(facts["conversations"]))  # fmt: skip


class Corpus:
    """The shards of a listing, in memory.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[Listed, Shard] = {}
        self._conversations: list[tuple[Shard, int]] = []
        self._shares = np.zeros(0)

    @property
    def micro_turns(self) -> int:
        """How much is held."""
        return sum(int(shard.starts[-1]) for shard in self._held.values())

    def hold(self, listed: Sequence[Listed]) -> None:
        """Read what is listed and not held yet, and let go of what is not listed.

        Raises:
            ValueError: nothing is listed.
        """
        check(self.folder, listed)
        held = self._held
        self._held = {one: held.get(one) or read_shard(self.folder, one) for one in listed}
        self._conversations = [
            (shard, number)
            for shard in self._held.values()
            for number in range(len(shard.starts) - 1)
        ]
        lengths = np.concatenate([np.diff(shard.starts) for shard in self._held.values()])
        self._shares = np.cumsum(lengths / lengths.sum())

    def draw(
        self,
        generator: np.random.Generator,
        length: int,
        from_start: float,
        settle: int,
        amid: float = 0.0,
    ) -> Crop:
        """A crop of any conversation, longer ones more often.

        Args:
            generator: draws; a fixed number of times.
            length: micro-turns.
            from_start: share of crops that begin with their conversation.
            settle: micro-turns that are not taught in crops that begin later.
            amid: share of crops that begin while the person speaks, as a call may; all is taught.
        """
        which, where, whether = generator.random(3)
        at = min(int(np.searchsorted(self._shares, which, "right")), len(self._shares) - 1)
        shard, number = self._conversations[at]
        size = int(shard.starts[number + 1] - shard.starts[number])
        if from_start <= whether < from_start + amid:
            spoken = np.flatnonzero(
                shard.columns["person"][shard.starts[number] :][:size] == SPEAKING
            )
            if len(spoken):
                return _begun(shard.crop(number, int(spoken[int(where * len(spoken))]), length))
        first = 0 if whether < from_start else int(where * (max(size - length, 0) + 1))
        crop = shard.crop(number, first, length)
        if first:
            crop.labels["live"][:settle] = False
        return crop

    def conversations(self, most: int | None = None) -> list[Whole]:
        """Whole conversations, the first `most` of them."""
        return list(islice(self.each(), most))

    def each(self) -> Iterator[Whole]:
        """Every whole conversation, unfolded when it is asked for: all at once are much more than
        what is held."""
        for shard, number in self._conversations:
            crop = shard.crop(number, 0, int(np.diff(shard.starts)[number]))
            yield Whole(crop.unfolded(), crop.labels, shard.facts[number])
