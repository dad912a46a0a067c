"""How Core's second expert learns what begins over our voice: by the person's bands alone.

An interruption or an "okay" begins some hundred times in an hour of conversation: a step of
Core's training meets nine of them. Here a step draws a hundred, at another level, tilt and place
in the bands each time, and nothing that came more than a second before is there to be remembered.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as fn

from model.interaction import streams
from model.nn.core_onsets import HEARD, HOPS, OnsetsReader
from model.training.dataset import Corpus, Whole
from model.training.otherwise import otherwise

__all__ = ["KINDS", "Onsets", "found", "taught"]

BEGINS: Final = HOPS * (HEARD - 1)
"""The hop in which an event begins."""

AHEAD: Final = 14
"""Micro-turns of an event, its first included; by then words tell what it is."""

ACKNOWLEDGED: Final = 4
"""Micro-turns in which an overlap must turn out to be an acknowledgement of the person's."""

QUIET: Final = 6
"""Places of a conversation in which we speak and nobody else does, at most."""

SHARES: Final = (0.4, 0.25, 0.08, 0.05, 0.22)
"""Of each of `KINDS` in a step. What is said to somebody else sounds like an interruption and was a
twentieth of a step, counted among coughs: an odds of one to eight before anything is heard."""

KINDS: Final = ("interruption", "acknowledgement", "other sound", "nothing", "elsewhere")
"""The last is speech that is not meant for us; an other sound holds no word."""

READ: Final = 40
"""Micro-turns from the beginning of speech within which Ears tells some of it."""

DOUBT: Final = 1
"""First micro-turns of an interruption in which it is taught to be none: in the first tenth of a
second nobody can know. It was two, and four (TRAINING.md): meant for a threshold that would stop at
once; with one for standing still (`breath.py`) what is known early is worth saying. The shipped
expert was taught with two."""

BATCH: Final = 128
RATE: Final = 1e-3
DECAY: Final = 0.05
DROPPED: Final = 0.15
SPEAKING: Final = streams.PERSON_STATES.index("speaking")
ACKNOWLEDGING: Final = streams.PERSON_STATES.index("acknowledging")
ELSEWHERE: Final = streams.PERSON_STATES.index("elsewhere")
OURS: Final = tuple(streams.FLOORS.index(name) for name in ("hold", "yield"))
OVER_US: Final = (streams.INTERRUPTION, streams.OVERLAP)

Found = tuple[npt.NDArray[np.uint8], int, npt.NDArray[np.bool_]]


class Onsets(NamedTuple):
    """Events.

    Attributes:
        bins: from `HEARD - 1` micro-turns before each, uint8 `[n, 2 · (HEARD - 1 + AHEAD), 80]`.
        kind: index in `KINDS`, int64 `[n]`.
        counted: micro-turns that are of the event, bool `[n, AHEAD]`.
    """

    bins: Tensor
    kind: Tensor
    counted: Tensor


def found(corpus: Corpus) -> Onsets:
    """All that begins over our voice, and some places where nothing does.

    Raises:
        ValueError: there are no interruptions, or no acknowledgements.
    """
    events = [one for number, whole in enumerate(corpus.each())
              for one in _of(whole, np.random.default_rng(number))]  # fmt: skip
    if not {0, 1} <= {kind for _, kind, _ in events}:
        raise ValueError("no interruption, or no acknowledgement over our voice, to learn from: "
                         "render more, or train with onsets 0")  # fmt: skip
    bins, kinds, counted = zip(*events, strict=True)
    return Onsets(
        torch.from_numpy(np.stack(bins)),
        torch.tensor(kinds),
        torch.from_numpy(np.stack(counted)),
    )


def _of(whole: Whole, generator: np.random.Generator) -> list[Found]:
    event, age = whole.labels["event"], whole.labels["event_age"]
    ours = np.isin(whole.labels["floor"], OURS)
    bins = np.pad(whole.inputs["person_dmel"], ((HEARD - 1, AHEAD), (0, 0), (0, 0)))
    made = []

    def add(at: int, kind: int, same: npt.NDArray[np.bool_]) -> None:
        counted = np.zeros(AHEAD, bool)
        counted[: len(event) - at] = same[at : at + AHEAD]
        # A copy: a view would keep all of the conversation.
        sound = bins[at : at + HEARD - 1 + AHEAD].reshape(-1, streams.DMEL_BANDS).copy()
        made.append((sound, kind, counted))

    begun = np.arange(len(event)) - age
    for at in map(int, np.flatnonzero(np.isin(event, OVER_US) & (age == 0) & ours)):
        soon = whole.labels["person"][at : at + ACKNOWLEDGED]
        overlap = "acknowledgement" if ACKNOWLEDGING in soon else _heard_as(whole, at)
        if event[at] == streams.INTERRUPTION:
            add(at, KINDS.index("interruption"), _spoken(whole.labels["person"], at) & ours)
        else:
            add(at, KINDS.index(overlap), (event == streams.OVERLAP) & (begun == at))
    quiet = ours & (event == streams.NO_EVENT)
    places = np.flatnonzero(quiet)
    for at in map(int, generator.choice(places, min(QUIET, len(places)), replace=False)):
        add(at, KINDS.index("nothing"), quiet)
    return made


def _spoken(person: npt.NDArray[np.uint8], at: int) -> npt.NDArray[np.bool_]:
    """The micro-turns in which the person speaks on from `at` on. Those behind our stop are not to
    be counted: our echo ends there, and the canceller lets go of the person, which would tell an
    interruption by what only follows from it. `overlap` stops late, so that much is left."""
    same = np.zeros(len(person), bool)
    same[at:] = np.cumprod((person[at:] == SPEAKING) | (np.arange(len(person) - at) == 0))
    return same


def _heard_as(whole: Whole, at: int) -> str:
    """Speech has words, which Ears tells a little later."""
    elsewhere = whole.labels["person"][at:] == ELSEWHERE
    last = at + int(np.cumprod(elsewhere | (np.arange(len(elsewhere)) == 0)).sum()) - 1
    hashes, ages = (whole.inputs[name][at : at + READ] for name in ("word_hash", "word_age"))
    ended = np.arange(at, at + len(ages))[:, None] - ages
    told = (hashes != 0) & (ended >= at) & (ended <= last)
    return "elsewhere" if told.any() else "other sound"


def taught(reader: OnsetsReader, onsets: Onsets, seed: int, steps: int) -> float:
    """Teach the reader in place; returns the mean loss of the last tenth of the steps, in nats.

    What is drawn follows from the seed alone.
    """
    device = reader.told.weight.device
    generator = torch.Generator().manual_seed(seed)
    counts = torch.bincount(onsets.kind, minlength=len(KINDS)).clamp(min=1)
    chance = (torch.tensor(SHARES) / counts)[onsets.kind]
    optimiser = torch.optim.AdamW(reader.parameters(), RATE, weight_decay=DECAY)
    losses = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = RATE * (1 - step / steps)
            chosen = torch.multinomial(chance, BATCH, replacement=True, generator=generator)
            heard = otherwise(onsets.bins[chosen], BEGINS, generator)
            odds = reader(heard.to(device), DROPPED)
            wanted = (onsets.kind[chosen] == 0).float().to(device).unsqueeze(1).repeat(1, AHEAD)
            wanted[:, :DOUBT] = 0.0
            counted = onsets.counted[chosen].to(device)
            error = fn.binary_cross_entropy_with_logits(odds, wanted, reduction="none")
            loss = (error * counted).sum() / counted.sum().clamp(min=1)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(loss.detach())
    return float(torch.stack(losses[-max(steps // 10, 1) :]).mean())
