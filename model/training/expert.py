"""The second expert of a checkpoint taught anew, on the events of several folders of shards.

It learns by itself (`onsets.py`) and needs nothing but the sound: more renders of what is done over
us are worth more to it than anything else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from model.nn.core_network import load_core, save_core
from model.nn.core_onsets import OnsetsReader
from model.training import shards
from model.training.choosing import MEMORY_BYTES
from model.training.dataset import Corpus, check, listing
from model.training.joining import OF_THE_FIRST_ALONE, RECIPE
from model.training.onsets import KINDS, Onsets, found, taught

__all__ = ["apart", "teach_expert"]

PARTS: Final = ("rows", "sound", "encoder")
"""What `dataset.read_shard` reads; the encoder's states are not listened to."""


def teach_expert(
    core: Path, folders: Sequence[Path], dev: Path | None, out: Path, steps: int, seed: int
) -> dict[str, Any]:
    """Write the checkpoint in `core` with its second expert taught on, to `out`.

    Returns:
        What is written into its recipe of it: steps, seed, events of each kind, the loss at the
        end, and how well it tells events of dev apart (`apart`).

    Raises:
        FileNotFoundError: `core` is no checkpoint.
        ValueError: it has no second expert; a folder has no shards, or none that hold both kinds.
    """
    network = load_core(core)
    reader = network.onsets
    if reader is None:
        raise ValueError(f"{core} reads no bands and has no second expert")
    events = _joined([_events(folder) for folder in folders])
    unheard = None if dev is None else _events(dev)  # Before hours are spent that it would lose.
    reader.requires_grad_(True)
    loss = taught(reader, events, seed, steps)
    reader.requires_grad_(False)
    about = {
        "steps": steps, "seed": seed, "loss": round(loss, 4),
        "events": {kind: int((events.kind == number).sum()) for number, kind in enumerate(KINDS)},
        "data": [shards.recipe_of(folder) for folder in folders],
        "dev": None if unheard is None else apart(reader, unheard),
    }  # fmt: skip
    save_core(network, out)
    path = core / RECIPE
    known = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    recipe = {name: known[name] for name in known if name not in OF_THE_FIRST_ALONE}
    (out / RECIPE).write_text(json.dumps(recipe | {"expert": about}, indent=1) + "\n", "utf-8")
    return about


def apart(reader: OnsetsReader, events: Onsets) -> dict[str, list[float]]:
    """Area under the curve of interruptions against each other kind, by the highest odds up to each
    micro-turn of the event."""
    with torch.no_grad():
        odds = torch.cat([reader(part) for part in torch.split(events.bins, 256)])
    highest = torch.where(events.counted, odds, odds.min()).cummax(1).values
    wanted = highest[events.kind == 0]
    return {
        name: [round(_area(wanted[:, k], highest[events.kind == kind][:, k]), 3)
               for k in range(highest.shape[1])]
        for kind, name in enumerate(KINDS) if kind and bool((events.kind == kind).any())
    }  # fmt: skip


def _area(above: Tensor, below: Tensor) -> float:
    higher, same = above[:, None] > below, above[:, None] == below
    return float(higher.float().mean() + 0.5 * same.float().mean())


def _events(folder: Path) -> Onsets:
    listed = listing(folder, MEMORY_BYTES, PARTS)
    check(folder, listed)
    corpus = Corpus(folder)
    corpus.hold(listed)
    return found(corpus)


def _joined(parts: Sequence[Onsets]) -> Onsets:
    return Onsets(*(torch.cat(columns) for columns in zip(*parts, strict=True)))
