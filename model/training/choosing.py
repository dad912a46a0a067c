"""Where a checkpoint acts, by dev or by hand, and what is written about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from model.interaction.core import OPERATING_POINT, OperatingPoint
from model.nn.core_network import WEIGHTS, load_core
from model.training import evaluate
from model.training.card import card
from model.training.dataset import NEEDED, Corpus, listing
from model.training.events import Judged
from model.training.joining import RECIPE
from model.training.shards import recipe_of

__all__ = ["MEMORY_BYTES", "choose", "describe", "judged", "rounded"]

MEMORY_BYTES: Final = 4_000_000_000
CARD: Final = "MODEL_CARD.md"
DEV: Final = "dev.json"


def judged(
    folder: Path,
    dev: Path,
    memory_bytes: int = MEMORY_BYTES,
    overdue: float = OperatingPoint().overdue,
) -> list[Judged]:
    """What a checkpoint thinks in all conversations of a folder of shards.

    Raises:
        FileNotFoundError: there is no checkpoint.
    """
    network = load_core(folder)
    needed = tuple(p for p in NEEDED if p != "belief" or p in network.config.streams)
    corpus = Corpus(dev)
    corpus.hold(listing(dev, memory_bytes, needed))
    return evaluate.judge(network, corpus.conversations(), overdue)


def rounded(point: OperatingPoint) -> OperatingPoint:
    """Four places are what conversations can tell."""
    return OperatingPoint(**{one.name: round(getattr(point, one.name), 4) for one in fields(point)})


def choose(
    folder: Path,
    devs: Sequence[Path],
    by_hand: Mapping[str, float] | None = None,
    most_wrong: float = evaluate.MOST_WRONG,
    note: str = "",
) -> dict[str, evaluate.Report]:
    """Set where the checkpoint in `folder` acts, in place, and describe it anew.

    Args:
        folder: a checkpoint with its `recipe.json`.
        devs: folders of dev shards; thresholds are chosen on all of them together.
        by_hand: thresholds that are given instead, by name.
        most_wrong: share of the pauses that may be taken.
        note: what else is to be known, for recipe and card; empty keeps what is there.

    Returns:
        A report for every folder by its name, and of all under an empty one.

    Raises:
        FileNotFoundError: there is no checkpoint or no recipe.
        ValueError: dev lacks events; a threshold is none; two folders are named alike.
    """
    by_hand = dict(by_hand or {})
    overdue = by_hand.get("overdue", OperatingPoint().overdue)
    talks = {dev.name: judged(folder, dev, overdue=overdue) for dev in devs}
    if len(talks) < len(devs) or not devs:
        raise ValueError("choosing needs folders of dev shards, each of another name")
    every = [talk for some in talks.values() for talk in some]
    chosen = evaluate.choose(every, most_wrong, by_hand.get("take"), by_hand.get("yielding"))
    point = rounded(replace(chosen, **by_hand))
    recipe = json.loads((folder / RECIPE).read_text("utf-8")) | {
        "most_wrong": most_wrong, "by_hand": sorted(by_hand),
        "dev": {dev.name: recipe_of(dev) for dev in devs},
    }  # fmt: skip
    recipe["note"] = note or recipe.get("note", "")
    found = {name: evaluate.report(some, point) for name, some in talks.items()}
    return found | {"": describe(folder, every, point, recipe)}


def describe(
    folder: Path, talks: Sequence[Judged], point: OperatingPoint, recipe: Mapping[str, Any]
) -> evaluate.Report:
    """Write operating point, recipe, report on dev and card beside the weights."""
    point.write(folder / OPERATING_POINT)
    found = evaluate.report(talks, point)
    for name, what in ((RECIPE, recipe), (DEV, found)):
        (folder / name).write_text(json.dumps(what, indent=1) + "\n", "utf-8")
    weights = sum(one.numel() for one in load_core(folder).parameters())
    size = (folder / WEIGHTS).stat().st_size
    (folder / CARD).write_text(card(recipe, found, weights, size), "utf-8")
    return found
