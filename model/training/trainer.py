"""Core's training, step by step, resumable to the bit.

What a step does follows from the weights before it, its number, the seed and the listing of
shards in force; nothing else is random. Listings are written down before they are used, so that a
run that was killed and goes on from an earlier checkpoint uses the same ones.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from model.interaction import streams
from model.interaction.core import tensors
from model.nn.core_inputs import CoreInputs, CoreOutputs
from model.nn.core_network import CoreNetwork
from model.training.augment import augment
from model.training.core_loss import CoreLabels, CoreLosses, core_loss
from model.training.dataset import Corpus, Listed, check, listing
from model.training.ears_ahead import Ahead, EarsAhead, ahead, stacked
from model.training.onsets import found, taught
from model.training.train_config import Training

__all__ = ["STATE", "Listings", "Trainer", "learning_rate", "make_batch", "read_listings"]

MOST_STEPS: Final = 10_000_000
STATE: Final = "state.pt"
LISTINGS: Final = "listings.jsonl"


class Listings:
    """The shards in force from which step on, kept in a file beside the checkpoint.

    Args:
        out: the run's folder.
        folder: of the shards.
        training: what is needed, and how much of it is held.
        wait: is asked how long to wait, in seconds, before a listing is used that has not been
            used before; it is drawn up anew then. 0 ends the waiting.
    """

    def __init__(
        self,
        out: Path,
        folder: Path,
        training: Training,
        wait: Callable[[int, Sequence[Listed]], float] = lambda step, listed: 0.0,
    ) -> None:
        self._path = out / LISTINGS
        self._folder = folder
        self._training = training
        self._wait = wait
        self._known = read_listings(out)

    def at(self, step: int) -> tuple[Listed, ...]:
        """The listing that begins at `step`; drawn up now if it never was.

        Raises:
            ValueError: no shard can be read; nothing is written down then.
        """
        if step not in self._known:
            listed = self._now()
            while (pause := self._wait(step, listed)) > 0:
                time.sleep(pause)
                listed = self._now()
            check(self._folder, listed)
            self._known[step] = listed
            line = json.dumps({"step": step, "shards": self._known[step]})
            with self._path.open("a", encoding="utf-8") as file:
                # The newline before ends half a line that a killed run may have left.
                file.write("\n" + line + "\n")
                file.flush()
                os.fsync(file.fileno())
        return self._known[step]

    def _now(self) -> tuple[Listed, ...]:
        return listing(self._folder, self._training.memory_bytes, self._training.needed)


def read_listings(out: Path) -> dict[int, tuple[Listed, ...]]:
    """The listings of a run's folder, in the order in which they were drawn up, by step."""
    path = out / LISTINGS
    known: dict[int, tuple[Listed, ...]] = {}
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        try:
            found = json.loads(line)
        except json.JSONDecodeError:
            continue  # Half a line: it was not used yet.
        if found["shards"]:  # Nothing can have been learnt from none.
            step = int(found["step"])
            known[step] = tuple((one, tuple(parts)) for one, parts in found["shards"])
    return known


def learning_rate(step: int, steps: int, training: Training) -> float:
    """Of step `step` of `steps`: up in a line, level, down along half a cosine."""
    rise = min((step + 1) / max(training.warm_up, 1), 1.0)
    cooling = max(round(steps * training.cooling), 1)
    share = min(max(step - (steps - cooling), 0) / cooling, 1.0)
    fall = (1 + math.cos(math.pi * share)) / 2
    return training.rate * rise * (training.least_rate + (1 - training.least_rate) * fall)


def make_batch(
    corpus: Corpus, training: Training, seed: int, step: int, device: torch.device
) -> tuple[CoreInputs, CoreLabels, Ahead]:
    """The crops of a step `[batch, length, …]`: a pure function of its arguments."""
    rows: list[streams.Arrays] = []
    labels: list[streams.Arrays] = []
    heard = []
    for number in range(training.batch):
        generator = np.random.default_rng([seed, step, number])
        crop = corpus.draw(
            generator, training.length, training.from_start, training.settle, training.amid
        )
        heard.append(ahead(crop))
        augment(crop, training.augmentation, generator)
        rows.append(crop.unfolded())
        labels.append(crop.labels)
    lead = (training.batch, training.length)
    inputs = tensors(_stacked(rows), device, lead)
    known = CoreLabels(
        **{
            name: torch.from_numpy(column).reshape(*lead, *column.shape[1:]).to(device)
            for name, column in _stacked(labels).items()
        }
    )
    return inputs, known, stacked(heard, device)


def _stacked(rows: list[streams.Arrays]) -> streams.Arrays:
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


class Trainer:
    """Weights, their average and the optimiser at a step.

    Args:
        training: what is trained how.
        seed: of the first weights and of all draws.
        device: where.
    """

    def __init__(self, training: Training, seed: int, device: str = "cpu") -> None:
        self.training = training
        self.seed = seed
        self.device = torch.device(device)
        self.step = 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = CoreNetwork(training.network)
            ears = EarsAhead(training.network.width) if training.loss.ears else None
        self.network = network.to(self.device)
        self.ears = None if ears is None else ears.to(self.device)
        self.average = CoreNetwork(training.network).to(self.device).requires_grad_(False)
        self.average.load_state_dict(self.network.state_dict())
        self.optimiser = _optimiser(self._parts(), training)

    def begin_with(self, weights: CoreNetwork) -> None:
        """Start from the weights of an earlier run instead of drawn ones. Streams that it did not
        read say nothing at first.

        Raises:
            ValueError: they are of another network.
        """
        # What the two experts of a yield weigh is no shape.
        weighs = weights.config.yield_weight, weights.config.onsets_weight
        wanted = replace(self.training.network, yield_weight=weighs[0], onsets_weight=weighs[1])
        fresh = [name for name in wanted.streams if name not in weights.config.streams]
        if weights.config != wanted.without(*fresh):
            raise ValueError("the weights to begin with are of another network than is trained")
        for network in (self.network, self.average):
            network.load_state_dict(weights.state_dict(), strict=False)
            network.fusion.silence(fresh)

    def listen(self, corpus: Corpus) -> float:
        """Teach the network's reader of onsets; returns its loss at the end.

        Raises:
            ValueError: the network has none, or nothing in the corpus begins over our voice.
        """
        reader = self.network.onsets
        if reader is None:
            raise ValueError("a network without person_bands has no onsets to learn: onsets is 0")
        loss = taught(reader, found(corpus), self.seed, self.training.onsets)
        self.average.load_state_dict(self.network.state_dict())
        return loss

    def advance(self, corpus: Corpus, steps: int) -> tuple[CoreLosses, float]:
        """One step of `steps`; returns its losses and the gradient's norm before clipping."""
        training = self.training
        made = make_batch(corpus, training, self.seed, self.step, self.device)
        inputs, labels, heard = made
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, steps, training)
        low = training.precision == "bfloat16"
        with (
            torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []),
            torch.autocast(self.device.type, torch.bfloat16, enabled=low),
        ):
            torch.manual_seed(self.seed * MOST_STEPS + self.step)
            hidden = self.network.hidden(inputs, training.dropout)
            outputs = self.network.read(hidden)
        outputs = CoreOutputs(*(part.float() for part in outputs))
        losses = core_loss(outputs, labels, training.loss)
        if self.ears is not None:
            told = self.ears(hidden.float(), heard)
            losses = losses._replace(total=losses.total + training.loss.ears * told, ears=told)
        self.optimiser.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self._parts().parameters(), training.clip)
        self.optimiser.step()
        self.step += 1
        self._average()
        return CoreLosses(*(part.detach() for part in losses)), float(norm)

    def _parts(self) -> nn.ModuleList:
        """All that is trained: the network, and what only training needs."""
        return nn.ModuleList([self.network] if self.ears is None else [self.network, self.ears])

    @torch.no_grad()
    def _average(self) -> None:
        # Young averages forget faster, or the first weights would stay in them for long.
        kept = min(self.training.averaging, (1 + self.step) / (10 + self.step))
        pairs = zip(self.average.parameters(), self.network.parameters(), strict=True)
        for mean, now in pairs:
            mean.lerp_(now, 1 - kept)

    def save(self, out: Path) -> None:
        """Write the checkpoint in one go."""
        passing = out / f"{STATE}.part"
        with passing.open("wb") as file:
            torch.save(self._state(), file)
            file.flush()
            os.fsync(file.fileno())
        passing.replace(out / STATE)

    def load(self, out: Path) -> bool:
        """Go on from the folder's checkpoint; False where there is none.

        Raises:
            ValueError: it is of another network.
        """
        path = out / STATE
        if not path.is_file():
            return False
        found: Mapping[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        try:
            self.network.load_state_dict(found["network"])
            self.average.load_state_dict(found["average"])
            if self.ears is not None:
                self.ears.load_state_dict(found["ears"])
        except (RuntimeError, KeyError) as error:
            raise ValueError(f"{path} is of another network: choose another folder") from error
        self.optimiser.load_state_dict(found["optimiser"])
        self.step = int(found["step"])
        return True

    def _state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            **({} if self.ears is None else {"ears": self.ears.state_dict()}),
        }


def _optimiser(network: nn.Module, training: Training) -> torch.optim.AdamW:
    matrices = {id(module.weight) for module in network.modules() if isinstance(module, nn.Linear)}
    decayed = [one for one in network.parameters() if id(one) in matrices]
    free = [one for one in network.parameters() if id(one) not in matrices]
    groups = [
        {"params": decayed, "weight_decay": training.decay},
        {"params": free, "weight_decay": 0.0},
    ]
    first, second = training.betas
    return torch.optim.AdamW(groups, lr=training.rate, betas=(first, second), fused=True)
