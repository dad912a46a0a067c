"""What begins over our voice, told apart by the person's bands alone before Core learns anything.

An "okay" and an interruption begin some hundred times in an hour of conversation: a step of
Core's training meets nine of them. Core's reader of bands learns from those alone first, hundreds
in a step, and begins with what it then hears.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from model.interaction import streams
from model.nn.core_bands import HEARD, BandsReader
from model.training.dataset import Corpus, Whole

__all__ = ["Onsets", "found", "taught"]

AHEAD: Final = 11
"""Micro-turns of an event, its first included; by then words tell what it is."""

ACKNOWLEDGED: Final = 4
"""Micro-turns in which an overlap must turn out to be an acknowledgement of the person's."""

BATCH: Final = 128
RATE: Final = 1e-3
DECAY: Final = 0.05
DROPPED: Final = 0.15
LOUDER: Final = 1.0
"""Standard deviation of the level, in bins, of a whole event; and of its tilt over the bands."""

WARPED: Final = 2
"""Bands by which an event is moved up or down at most."""

ACKNOWLEDGING: Final = streams.PERSON_STATES.index("acknowledging")
OURS: Final = tuple(streams.FLOORS.index(name) for name in ("hold", "yield"))


class Onsets(NamedTuple):
    """Events.

    Attributes:
        bins: from `HEARD - 1` micro-turns before each, uint8 `[n, 2 · (HEARD - 1 + AHEAD), 80]`.
        wanted: whether it is an interruption, float32 `[n]`.
        counted: micro-turns that are of the event, bool `[n, AHEAD]`.
    """

    bins: Tensor
    wanted: Tensor
    counted: Tensor


def found(corpus: Corpus) -> Onsets:
    """All interruptions and acknowledgements over our voice.

    Raises:
        ValueError: there are none of either.
    """
    events = [one for whole in corpus.conversations() for one in _of(whole)]
    if len({wanted for _, wanted, _ in events}) < 2:
        raise ValueError("no interruption, or no acknowledgement over our voice, to learn from: "
                         "render more, or train with onsets 0")  # fmt: skip
    bins, wanted, counted = zip(*events, strict=True)
    return Onsets(
        torch.from_numpy(np.stack(bins)),
        torch.tensor(wanted, dtype=torch.float32),
        torch.from_numpy(np.stack(counted)),
    )


def _of(whole: Whole) -> list[tuple[npt.NDArray[np.uint8], bool, npt.NDArray[np.bool_]]]:
    labels, made = whole.labels, []
    kind, age = labels["event"], labels["event_age"]
    silence = np.zeros((HEARD - 1, *whole.inputs["person_dmel"].shape[1:]), np.uint8)
    after = np.zeros((AHEAD, *silence.shape[1:]), np.uint8)
    bins = np.concatenate([silence, whole.inputs["person_dmel"], after])
    over_us = np.isin(kind, (streams.INTERRUPTION, streams.OVERLAP)) & (age == 0)
    for at in np.flatnonzero(over_us & np.isin(labels["floor"], OURS)):
        wanted = kind[at] == streams.INTERRUPTION
        soon = labels["person"][at : at + ACKNOWLEDGED]
        if not wanted and ACKNOWLEDGING not in soon:
            continue
        ages = np.full(AHEAD, -1)
        ages[: len(kind) - at] = np.where(kind == kind[at], age, -1)[at : at + AHEAD]
        sound = bins[at : at + HEARD - 1 + AHEAD].reshape(-1, streams.DMEL_BANDS)
        made.append((sound, bool(wanted), ages == np.arange(AHEAD)))
    return made


def taught(reader: BandsReader, onsets: Onsets, seed: int, steps: int) -> float:
    """Teach the reader in place, all but its last matrix; returns the loss of the last tenth.

    What is drawn follows from the seed alone.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        told = nn.Linear(reader.out.in_features, 1)
        told.to(reader.out.weight.device)
        learning = [*reader.near.parameters(), *reader.far.parameters(),
                    *reader.second.parameters(), *told.parameters()]  # fmt: skip
        optimiser = torch.optim.AdamW(learning, RATE, weight_decay=DECAY)
        losses = []
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = RATE * (1 - step / steps)
            heard, wanted, counted = _batch(onsets, generator, told.weight.device)
            logits = told(reader.features(heard, DROPPED)).squeeze(-1)
            error = fn.binary_cross_entropy_with_logits(
                logits, wanted.unsqueeze(1).expand_as(logits), reduction="none"
            )
            loss = (error * counted).sum() / counted.sum().clamp(min=1)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(loss.detach())
    return float(torch.stack(losses[-max(steps // 10, 1) :]).mean())


def _batch(
    onsets: Onsets, generator: torch.Generator, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    chosen = torch.randint(0, len(onsets.wanted), (BATCH,), generator=generator)
    bands = torch.linspace(-1, 1, streams.DMEL_BANDS)
    level, tilt = torch.randn(2, BATCH, 1, 1, generator=generator) * LOUDER
    moved = int(torch.randint(-WARPED, WARPED + 1, (1,), generator=generator))
    heard = onsets.bins[chosen].float() + level + tilt * bands
    return (heard.roll(moved, -1).to(device), onsets.wanted[chosen].to(device),
            onsets.counted[chosen].to(device))  # fmt: skip
