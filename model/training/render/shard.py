"""Shard `index` of a seed: conversations rendered and written; a pure function of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from model.interaction.streams import STREAMS_VERSION
from model.training import shards
from model.training.render.cast import Split
from model.training.render.conversation import Rendered, render

__all__ = ["RECIPE", "recipe", "render_shard"]

RECIPE: Final = 19
"""Goes up with every change of what the renderer makes: a folder holds shards of one recipe."""


def recipe(seed: int, split: Split) -> dict[str, Any]:
    """How a folder's shards are made, for `shards.check_recipe`."""
    return {
        "recipe": RECIPE,
        "seed": seed,
        "split": split,
        "conversations": shards.CONVERSATIONS,
        "streams": STREAMS_VERSION,
    }


def render_shard(
    folder: Path, seed: int, index: int, split: Split, count: int = shards.CONVERSATIONS
) -> float:
    """Render a shard unless it is there; returns the seconds of conversation it holds.

    Args:
        folder: where to.
        seed: of the whole set.
        index: the shard's number: conversations `index * count` and on.
        split: whose voices, noises, rooms and wording.
        count: conversations.
    """
    if shards.has_part(folder, index, "rows"):
        rows, _ = shards.read_part(folder, index, "rows")
        return float(rows["starts"][-1]) / 10
    made = [render(seed, index * count + number, split) for number in range(count)]
    lengths = [0, *(one.script.micro_turns for one in made)]
    rows = {"starts": np.cumsum(lengths).astype(np.int64)}
    for group in ("inputs", "labels"):
        for name in getattr(made[0], group):
            rows[name] = np.concatenate([getattr(one, group)[name] for one in made])
    audio = {
        "heard": _pcm(np.concatenate([one.heard for one in made])),
        "sent": _pcm(np.concatenate([one.sent for one in made])),
    }
    shards.write_part(folder, index, "audio", audio)
    # The rows come last: a shard that has them is whole.
    shards.write_part(folder, index, "rows", rows, {"conversations": [_facts(one) for one in made]})
    return sum(one.seconds for one in made)


def _pcm(audio: np.ndarray) -> np.ndarray:
    return np.asarray(np.round(np.clip(audio, -1, 1) * 32767), np.int16)


def _facts(one: Rendered) -> dict[str, Any]:
    """What a person, or a pass over texts, wants to know of a conversation."""
    person = [
        {
            "kind": part.kind,
            "first": part.first / 16000,
            "last": part.last / 16000,
            "text": " ".join(word.text for word in part.words),
            "complete": part.complete,
        }
        for part in one.script.person
    ]
    own = [
        {
            "kind": part.kind,
            "first": part.start_seconds,
            "last": part.end_seconds,
            "text": " ".join(word.text for word in part.words),
            "cut": part.faded,
        }
        for part in one.script.own
    ]
    told = [
        {"k": one_told.k, "segment": one_told.segment, "final": one_told.final,
         "text": " ".join(word.text for word in one_told.words)}
        for one_told in one.told
    ]  # fmt: skip
    return {"meta": one.meta, "person": person, "own": own, "told": told,
            "delay_seconds": one.script.delay_seconds}  # fmt: skip
