"""A run as a checkpoint that `Core.load` reads, with all that is known of it.

core.safetensors, config.json, operating_point.json   what runs
recipe.json    configuration, seed, steps, data and how it was made, commit
curve.jsonl, curve.svg, dev.json   how it went
MODEL_CARD.md  the same in words
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch

from model.nn.core_network import CoreNetwork, save_core
from model.training import best, evaluate
from model.training.choosing import describe, judged, rounded
from model.training.curve import CURVE, PICTURE
from model.training.shards import recipe_of
from model.training.train import read_run
from model.training.trainer import Trainer, read_listings

__all__ = ["MOST_BYTES", "export"]

MOST_BYTES: Final = 25_000_000


def export(
    run: Path,
    dev: Path,
    out: Path,
    half: bool = False,
    most_wrong: float = evaluate.MOST_WRONG,
    note: str = "",
    last: bool = True,
    others: Sequence[Path] = (),
) -> evaluate.Report:
    """Write the averaged weights of a run, with the operating point that dev gives them.

    Args:
        run: the run's folder.
        dev: folder of dev shards.
        out: where to.
        half: weights as float16; they are read as float32.
        most_wrong: share of dev's pauses that may be taken.
        note: what else is to be known of the run, for recipe and card.
        last: the weights of the last step, not those of the best report on dev.
        others: runs that began with the same weights; the mean of all is written. (Wortsman and
            others, "Model soups", 2022: runs from one beginning lie in one valley.)

    Returns:
        The report on dev, of the weights as written.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint yet.
        ValueError: dev lacks events; the checkpoint is too large to be shipped; the runs are of
            different networks.
    """
    training, _ = read_run(run)
    network, about = _mean(run, others, last)
    _save(network, out, half)
    if (size := (out / "core.safetensors").stat().st_size) > MOST_BYTES:
        raise ValueError(f"the checkpoint has {size} bytes, more than {MOST_BYTES}: export by half")
    talks = judged(out, dev, training.memory_bytes)
    recipe = {**about, "data": {**_data(run), "recipe": about.get("data", {})},
              "most_wrong": most_wrong, "stored": "float16" if half else "float32",
              "dev": {dev.name: recipe_of(dev)}, "note": note}  # fmt: skip
    for name in (CURVE, PICTURE):
        if (run / name).is_file():
            shutil.copyfile(run / name, out / name)
    return describe(out, talks, rounded(evaluate.choose(talks, most_wrong)), recipe)


def _mean(run: Path, others: Sequence[Path], last: bool) -> tuple[CoreNetwork, dict[str, Any]]:
    """The mean of the runs' averaged weights, and what is written about the first, with the rest
    in `mean_with`."""
    first, about = _weights(run, last)
    about["mean_with"] = []
    mean = {name: value.double() for name, value in first.state_dict().items()}
    for folder in others:
        network, known = _weights(folder, last)
        if network.config != first.config:
            raise ValueError(f"{folder} is a run of another network than {run}")
        for name, value in network.state_dict().items():
            mean[name] += value.double()
        about["mean_with"].append(known)
    first.load_state_dict({name: value / (1 + len(others)) for name, value in mean.items()})
    return first, about


def _weights(run: Path, last: bool) -> tuple[CoreNetwork, dict[str, Any]]:
    training, about = read_run(run)
    trainer = Trainer(training, int(about["seed"]))
    if not trainer.load(run):
        raise FileNotFoundError(f"{run} has no checkpoint yet: wait for its first")
    step = trainer.step if last else best.load(run, trainer.average)
    return trainer.average, {**about, "steps_done": step}


def _save(network: CoreNetwork, out: Path, half: bool) -> None:
    if half:
        copy = CoreNetwork(network.config).to(torch.float16)
        copy.load_state_dict(network.state_dict())
        network = copy
    save_core(network, out)


def _data(run: Path) -> dict[str, Any]:
    """The shards that the run used last, as ranges, with their parts."""
    used = list(read_listings(run).values())[-1]
    return {
        "shards": len(used),
        "first": min(index for index, _ in used),
        "last": max(index for index, _ in used),
        "parts": sorted({part for _, parts in used for part in parts}),
    }
