"""`python -m model.training.encode DIR`: what needs networks, computed once for rendered shards.

Adds two parts to every shard that lacks them: `sound` (dMel and prosody of both sides) and
`encoder` (pooled states of Ears' encoder over the last 2 s). Can be stopped and started again at
any time: what is there is kept. Nothing but the recogniser's and Core's own front end is used.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.interaction import streams
from model.messages import Audio
from model.timebase import HEARING_BLOCK_SAMPLES, HEARING_RATE, SPEAKING_RATE
from model.training import shards

__all__ = ["encode_states", "main", "sound_columns"]

ENCODED_SAMPLES: Final = 2 * HEARING_RATE
REFRESH_MICRO_TURNS: Final = 2
LATE_SHARE: Final = 0.15
"""How often a refresh enters one micro-turn later than it could: the worker was busy."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Encode all shards of a folder; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m model.training.encode", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--only", choices=("sound", "encoder"), help="one of the two parts")
    parser.add_argument("--share", default="0/1", help="n/m: every m-th shard, from the n-th on")
    chosen = parser.parse_args(arguments)
    import torch

    from model.interaction.ears import MoonshineEars
    from model.weights.store import folder as weights

    torch.set_num_threads(chosen.threads)
    number, of = (int(part) for part in chosen.share.split("/"))
    ears = None if chosen.only == "sound" else MoonshineEars.load(weights("ears"), chosen.device)
    until = time.monotonic() + chosen.seconds
    todo = shards.shard_indices(chosen.folder)[number::of]
    for index in todo:
        for part in ("sound", "encoder"):
            if chosen.only in (None, part) and not shards.has_part(chosen.folder, index, part):
                if time.monotonic() > until:
                    sys.stdout.write("time is up; start again to go on\n")
                    return 0
                _encode(chosen.folder, index, part, ears)
    return 0


def _encode(folder: Path, index: int, part: str, ears: Any) -> None:
    began = time.monotonic()
    pairs = list(shards.read_audio(folder, index))
    if part == "sound":
        made = [sound_columns(heard, sent) for heard, sent in pairs]
        arrays = {name: np.concatenate([one[name] for one in made]) for name in made[0]}
    else:
        arrays = _joined_states(index, [heard for heard, _ in pairs], ears)
    shards.write_part(folder, index, part, arrays)
    length = sum(len(heard) for heard, _ in pairs) / HEARING_RATE
    pace = length / (time.monotonic() - began)
    sys.stdout.write(f"shard {index} {part}: {pace:.1f} x real time\n")
    sys.stdout.flush()


def sound_columns(heard: Audio, sent: Audio) -> streams.Arrays:
    """The four sound columns of one conversation."""
    import torch

    from model.nn.sound import Sound

    columns: streams.Arrays = {}
    with torch.inference_mode():
        for who, audio, rate in (("person", heard, HEARING_RATE), ("own", sent, SPEAKING_RATE)):
            bins, prosody = Sound(rate).whole(torch.from_numpy(np.ascontiguousarray(audio)))
            columns[f"{who}_dmel"] = bins.numpy()
            columns[f"{who}_prosody"] = prosody.numpy()
    return columns


def _joined_states(index: int, heard: list[Audio], ears: Any) -> streams.Arrays:
    made = [
        encode_states(audio, ears, np.random.default_rng([index, number]))
        for number, audio in enumerate(heard)
    ]
    firsts = np.cumsum([0, *(len(one["states"]) for one in made)])
    indices = [
        np.where(one["index"] < 0, -1, one["index"] + first)
        for one, first in zip(made, firsts, strict=False)
    ]
    return {
        "states": np.concatenate([one["states"] for one in made]),
        "index": np.concatenate(indices).astype(np.int32),
        "age": np.concatenate([one["age"] for one in made]),
    }


def encode_states(heard: Audio, ears: Any, generator: np.random.Generator) -> streams.Arrays:
    """Pooled encoder states of one conversation, each from the micro-turn on in which it is known.

    Args:
        heard: the microphone at 16 kHz, whole micro-turns.
        ears: has `encode` and `hop_seconds`, as `MoonshineEars`.
        generator: draws which refreshes come late and whether even or odd micro-turns ask.

    Returns:
        states float16 `[refreshes, 4, 288]`; index and age int `[micro-turns]`, -1 for none yet.
    """
    micro_turns = len(heard) // HEARING_BLOCK_SAMPLES
    states: list[np.ndarray] = []
    index = np.full(micro_turns, -1, np.int32)
    read = np.full(micro_turns, -1, np.int64)
    for k in range(int(generator.integers(0, REFRESH_MICRO_TURNS)), micro_turns,
                   REFRESH_MICRO_TURNS):  # fmt: skip
        end = (k + 1) * HEARING_BLOCK_SAMPLES
        window = heard[max(end - ENCODED_SAMPLES, 0) : end]
        encoded = _finished(ears.encode(window))
        states.append(streams.pooled(encoded.float().cpu().numpy(), ears.hop_seconds))
        known = k + 1 + int(generator.random() < LATE_SHARE)
        index[known:] = len(states) - 1
        read[known:] = k
    age = np.where(index < 0, -1, np.arange(micro_turns) - read).astype(np.int16)
    return {"states": np.stack(states), "index": index, "age": age}


def _finished(pieces: Any) -> Any:
    import torch

    with torch.inference_mode():
        while True:
            try:
                next(pieces)
            except StopIteration as done:
                return done.value


if __name__ == "__main__":
    sys.exit(main())
