"""Shards of made-up conversations whose labels show in their prosody, and a tiny network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from model.interaction import streams
from model.nn.core_config import CoreConfig
from model.training import shards
from model.training.augment import NOTHING
from model.training.core_loss import LossWeights
from model.training.train_config import Training
from tests.model.nn.core_steps import made_up

__all__ = ["TINY", "write_shard"]

TINY = Training(
    network=CoreConfig(width=32, inner=48, layers=2, heads=2, window=16, sound_width=16,
                       word_width=16, word_rows=64, period=256),
    augmentation=replace(NOTHING, clock=True, late_words=2, unknown_word=0.1, no_belief=0.3),
    onsets=3, batch=2, length=40, settle=4, rate=1e-2, warm_up=5, rescan=4,
    precision="float32", loss=LossWeights(ears=0.1),
)  # fmt: skip

LISTEN, TAKE, HOLD, YIELD, BACKCHANNEL = range(5)
SPEAKING, PAUSING, FINISHED, ACKNOWLEDGING, ELSEWHERE, SILENT = range(6)

SCRIPT = (
    # micro-turns, floor, person, event
    (5, LISTEN, SILENT, streams.NO_EVENT),
    (8, LISTEN, SPEAKING, streams.NO_EVENT),
    (6, LISTEN, PAUSING, streams.PAUSE),
    (6, LISTEN, SPEAKING, streams.NO_EVENT),
    (7, BACKCHANNEL, PAUSING, streams.BACKCHANNEL_PLACE),
    (6, LISTEN, SPEAKING, streams.NO_EVENT),
    (6, TAKE, FINISHED, streams.TURN_END),
    (6, HOLD, SILENT, streams.NO_EVENT),
    (8, HOLD, ACKNOWLEDGING, streams.OVERLAP),
    (5, HOLD, SILENT, streams.NO_EVENT),
    (5, YIELD, SPEAKING, streams.INTERRUPTION),
    (6, LISTEN, SPEAKING, streams.NO_EVENT),
    (8, TAKE, FINISHED, streams.TURN_END),
    (7, LISTEN, ELSEWHERE, streams.OTHER_SOUND),
)


def labels() -> streams.Arrays:
    """Labels of one conversation, all kinds of event in it."""
    made = streams.nothing(streams.LABELS, sum(length for length, *_ in SCRIPT))
    at = 0
    for length, floor, person, event in SCRIPT:
        span = slice(at, at + length)
        made["floor"][span], made["person"][span] = floor, person
        made["event"][span] = event
        made["event_age"][span] = np.arange(length) if event else 0
        at += length
    for name in ("floor_weight", "person_weight"):
        made[name][:] = 1.0
    made["live"][:] = True
    streams.check(made, streams.LABELS)
    return made


def write_shard(folder: Path, index: int, conversations: int = 2) -> None:
    """All parts of a shard, as the renderer and the passes write them."""
    columns = labels()
    size = len(columns["live"])
    total = size * conversations
    rows = {name: np.concatenate([column] * conversations) for name, column in columns.items()}
    teacher = rows.pop("teacher_end")
    teacher[rows["person"] == FINISHED] = 0.9
    inputs = made_up(index, total)
    for name in ("word_hash", "word_age", "word_flags", "queued"):
        rows[name] = inputs[name]
    rows["k"] = np.tile(np.arange(size), conversations)
    rows["starts"] = np.arange(conversations + 1, dtype=np.int64) * size
    facts = {"conversations": [{"number": number} for number in range(conversations)]}
    for who, label in (("own", "floor"), ("person", "person")):
        prosody = inputs[f"{who}_prosody"]
        prosody[:] = 0.0
        prosody[np.arange(total), rows[label]] = 1.0
    sound = {name: inputs[name] for name in
             ("person_dmel", "person_prosody", "own_dmel", "own_prosody")}  # fmt: skip
    refresh = np.arange(total, dtype=np.int32) // 2 - 1
    encoder = {
        "states": inputs["encoder"][: total // 2],
        "index": np.where(rows["k"] < 2, -1, refresh).astype(np.int32),
        "age": np.where(rows["k"] < 2, -1, 1 + rows["k"] % 2).astype(np.int16),
    }
    shards.write_part(folder, index, "sound", sound)
    shards.write_part(folder, index, "encoder", encoder)
    belief = {name: inputs[name] for name in ("belief", "belief_age")}
    shards.write_part(folder, index, "belief", belief)
    shards.write_part(folder, index, "rows", rows, facts)
    shards.write_part(folder, index, "teach", {"teacher_end": teacher})
