"""A checkpoint made of checkpoints: a weighted mean of transformers, beside one's second expert.

Runs that began with the same weights lie in one valley, and a mean of theirs is better than each
(Wortsman and others, "Model soups", 2022). The second expert, which reads onsets, learns by itself
and is taken whole from one of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import torch

from model.nn.core_config import CoreConfig
from model.nn.core_network import WEIGHTS, CoreNetwork, load_core, save_core

__all__ = ["OF_THE_FIRST_ALONE", "RECIPE", "join", "part_of"]

RECIPE: Final = "recipe.json"
EXPERT: Final = "onsets."
OF_THE_FIRST_ALONE: Final = ("note", "by_hand", "dev")
"""What was said of the first part is not so of what is made of it."""


def part_of(text: str) -> tuple[float, Path]:
    """`WEIGHT:FOLDER` as weight and folder; ValueError for anything else."""
    weight, colon, folder = text.partition(":")
    try:
        if colon and folder and float(weight) > 0:
            return float(weight), Path(folder)
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no WEIGHT:FOLDER with a weight above 0, as in 0.5:out/first")


def join(
    parts: Sequence[tuple[float, Path]],
    out: Path,
    onsets: Path | None = None,
    experts: Mapping[str, Any] | None = None,
    half: bool = False,
) -> CoreConfig:
    """Write weights, `config.json`, and the first part's recipe, without what was noted of it, with
    what was joined.

    Args:
        parts: checkpoints with their weights, which are divided by their sum.
        out: where to.
        onsets: whose second expert is taken; the first part's by default.
        experts: `yield_weight` and `onsets_weight` of the configuration, where they change.
        half: store float16.

    Returns:
        The configuration written.

    Raises:
        FileNotFoundError: a part is no checkpoint.
        ValueError: parts of different networks, or none.
    """
    if not parts:
        raise ValueError("there is nothing to join: name at least one part")
    first = load_core(parts[0][1])
    total = sum(weight for weight, _ in parts)
    mean = {name: torch.zeros_like(value, dtype=torch.float64)
            for name, value in first.state_dict().items()}  # fmt: skip
    for weight, folder in parts:
        network = _alike(first, folder)
        for name, value in network.state_dict().items():
            mean[name] += value.double() * (weight / total)
    listening = onsets or parts[0][1]
    for name, value in _expert(first, listening).items():
        mean[name] = value.double()
    config = replace(first.config, **dict(experts or {}))
    made = CoreNetwork(config).to(torch.float16 if half else torch.float32)
    made.load_state_dict(mean)
    save_core(made, out)
    known = _recipe(parts[0][1])
    recipe = {name: known[name] for name in known if name not in OF_THE_FIRST_ALONE} | {
        "stored": "float16" if half else "float32",
        "joined": {
            "parts": [{"weight": weight / total, **_about(folder)} for weight, folder in parts],
            "onsets": _about(listening),
        },
    }
    (out / RECIPE).write_text(json.dumps(recipe, indent=1) + "\n", "utf-8")
    return config


def _alike(first: CoreNetwork, folder: Path) -> CoreNetwork:
    """The network of a folder; what the experts weigh is no part of its shape."""
    network = load_core(folder)
    config, wanted = network.config, first.config
    weighed = replace(config, yield_weight=wanted.yield_weight, onsets_weight=wanted.onsets_weight)
    if weighed != wanted:
        raise ValueError(f"{folder} holds another network than the first part")
    return network


def _expert(first: CoreNetwork, folder: Path) -> dict[str, torch.Tensor]:
    """The second expert of a folder's network, which may read other streams beside it."""
    states = (network.state_dict() for network in (load_core(folder), first))
    found, wanted = (
        {name: value for name, value in state.items() if name.startswith(EXPERT)}
        for state in states
    )
    if {n: v.shape for n, v in found.items()} != {n: v.shape for n, v in wanted.items()}:
        raise ValueError(f"{folder} holds another second expert than the first part")
    return found


def _recipe(folder: Path) -> dict[str, Any]:
    path = folder / RECIPE
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return found


def _about(folder: Path) -> dict[str, Any]:
    """Which checkpoint that is, and of which run."""
    recipe = _recipe(folder)
    names = ("seed", "steps_done", "begun_with", "data", "commit")
    known: dict[str, Any] = {name: recipe[name] for name in names if name in recipe}
    return {"sha256": sha256((folder / WEIGHTS).read_bytes()).hexdigest(), **known}
