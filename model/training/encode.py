"""`python -m model.training.encode DIR`: what needs networks, computed once for rendered shards.

Adds to every shard the parts that it lacks: `sound` (dMel and prosody of both sides), `encoder`
(pooled states of Ears' encoder over the last 2 s), `belief` (Language's opinion of the words so
far), and with `--only teach` what a pretrained end-of-turn model thinks of every silence. Can be
stopped and started again at any time: what is there is kept.

The encoder is nine tenths of the work. `--refresh 4` asks it half as often as live, `--no-encoder`
writes that it said nothing: Core has to do without it now and then anyway.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.engine.pieces import finished
from model.interaction import streams
from model.messages import Audio
from model.timebase import HEARING_BLOCK_SAMPLES, HEARING_RATE, SPEAKING_RATE
from model.training import shards

__all__ = ["PASSES", "Passes", "encode_states", "finished", "main", "sound_columns"]

PASSES: Final = ("sound", "encoder", "belief")
"""What training reads."""

TEACH: Final = "teach"
"""Only when it is asked for: on synthesised voices the teacher is hardly better than chance."""

ENCODED_SAMPLES: Final = 2 * HEARING_RATE
REFRESH_MICRO_TURNS: Final = 2
LATE_SHARE: Final = 0.15
"""How often a refresh enters one micro-turn later than it could: the worker was busy."""

WINDOWS_TOGETHER: Final = 8
BELIEFS_TOGETHER: Final = 40

Windows = npt.NDArray[np.float32]


def main(arguments: Sequence[str] | None = None) -> int:
    """Encode all shards of a folder; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m model.training.encode", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--only", choices=(*PASSES, TEACH), help="one of the parts")
    parser.add_argument("--share", default="0/1", help="n/m: every m-th shard, from the n-th on")
    parser.add_argument(
        "--refresh",
        type=int,
        default=REFRESH_MICRO_TURNS,
        choices=range(1, 11),
        metavar="N",
        help="micro-turns from one asking of the encoder to the next",
    )
    parser.add_argument("--no-encoder", action="store_true", help="its states are absent")
    chosen = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(chosen.threads)
    number, of = (int(part) for part in chosen.share.split("/"))
    passes = Passes(chosen.device, 0 if chosen.no_encoder else chosen.refresh)
    until = time.monotonic() + chosen.seconds
    for index in shards.shard_indices(chosen.folder)[number::of]:
        for part in PASSES if chosen.only is None else (chosen.only,):
            if shards.has_part(chosen.folder, index, part):
                continue
            if time.monotonic() > until:
                sys.stdout.write("time is up; start again to go on\n")
                return 0
            try:
                pace = passes.run(chosen.folder, index, part)
            except (ValueError, FileNotFoundError) as error:
                sys.stderr.write(f"{error}\n")
                return 2
            sys.stdout.write(f"shard {index} {part}: {pace:.1f} x real time\n")
            sys.stdout.flush()
    return 0


class Passes:
    """The passes over one shard each, with the networks they need; those are loaded when used.

    Args:
        device: where the networks are.
        refresh: micro-turns from one asking of the encoder to the next; 0 never asks it.
    """

    def __init__(self, device: str = "cpu", refresh: int = REFRESH_MICRO_TURNS) -> None:
        self._device = device
        self._refresh = refresh

    def run(self, folder: Path, index: int, part: str) -> float:
        """Make one part of a rendered shard; returns how much faster than real time.

        Raises:
            FileNotFoundError: the shard has no audio (any more), or was not rendered.
            ValueError: there is no such part; the encoder was asked at another pace for the
                folder's other shards.
        """
        began = time.monotonic()
        makers: dict[str, Callable[[Path, int], streams.Arrays]] = {
            "sound": self._sound,
            "encoder": self._encoder,
            "belief": self._belief,
            TEACH: self._teach,
        }
        if part not in makers:
            raise ValueError(f"there is no pass {part!r}: it is one of {', '.join(makers)}")
        shards.write_part(folder, index, part, makers[part](folder, index))
        rows, _ = shards.read_part(folder, index, "rows")
        length = float(rows["starts"][-1]) * HEARING_BLOCK_SAMPLES / HEARING_RATE
        return length / (time.monotonic() - began)

    def _sound(self, folder: Path, index: int) -> streams.Arrays:
        made = [sound_columns(heard, sent) for heard, sent in shards.read_audio(folder, index)]
        return {name: np.concatenate([one[name] for one in made]) for name in made[0]}

    def _encoder(self, folder: Path, index: int) -> streams.Arrays:
        shards.check_recipe(folder, {"refresh": self._refresh})
        if not self._refresh:
            rows, _ = shards.read_part(folder, index, "rows")
            return _absent_states(int(rows["starts"][-1]))
        heard = [heard for heard, _ in shards.read_audio(folder, index)]
        ears, together = self._ears
        return _joined_states(index, heard, ears, together, self._refresh)

    def _belief(self, folder: Path, index: int) -> streams.Arrays:
        from model.training import belief

        return belief.joined_columns(folder, index, self._language)

    def _teach(self, folder: Path, index: int) -> streams.Arrays:
        from model.training import teach

        return teach.joined_columns(folder, index, self._teacher)

    @cached_property
    def _ears(self) -> tuple[Any, Callable[[Windows], Windows]]:
        from model.interaction.ears import MoonshineEars
        from model.training.windows import WindowEncoder
        from model.weights.store import folder as weights

        ears = MoonshineEars.load(weights("ears"), self._device)
        return ears, WindowEncoder(ears._network)

    @cached_property
    def _language(self) -> Any:
        from model.interaction.belief import Belief
        from model.weights.store import folder as weights

        return Belief.load(weights("language-135m"), BELIEFS_TOGETHER, self._device)

    @cached_property
    def _teacher(self) -> Any:
        from model.interaction.end_of_turn import EndOfTurnModel
        from model.weights.store import folder as weights

        return EndOfTurnModel.load(weights("end-of-turn"))


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


def _absent_states(micro_turns: int) -> streams.Arrays:
    pools = (1, streams.ENCODER_POOLS, streams.ENCODER_WIDTH)
    return {
        "states": np.zeros(pools, np.float16),
        "index": np.full(micro_turns, -1, np.int32),
        "age": np.full(micro_turns, -1, np.int16),
    }


def _joined_states(
    index: int,
    heard: list[Audio],
    ears: Any,
    together: Callable[[Windows], Windows],
    refresh: int,
) -> streams.Arrays:
    made = [
        encode_states(audio, ears, np.random.default_rng([index, number]), together, refresh)
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


def encode_states(
    heard: Audio,
    ears: Any,
    generator: np.random.Generator,
    together: Callable[[Windows], Windows] | None = None,
    refresh: int = REFRESH_MICRO_TURNS,
) -> streams.Arrays:
    """Pooled encoder states of one conversation, each from the micro-turn on in which it is known.

    Args:
        heard: the microphone at 16 kHz, whole micro-turns.
        ears: has `encode` and `hop_seconds`, as `MoonshineEars`.
        generator: draws which refreshes come late and whether even or odd micro-turns ask.
        together: states `[windows, frames, 288]` of whole windows `[windows, samples]`, as
            `WindowEncoder`; without it `ears` reads them one by one.
        refresh: micro-turns from one asking to the next.

    Returns:
        states float16 `[refreshes, 4, 288]`; index and age int `[micro-turns]`, -1 for none yet.
    """
    micro_turns = len(heard) // HEARING_BLOCK_SAMPLES
    index = np.full(micro_turns, -1, np.int32)
    read = np.full(micro_turns, -1, np.int64)
    first = int(generator.integers(0, refresh))
    asked = range(first, micro_turns, refresh)
    for number, k in enumerate(asked):
        known = k + 1 + int(generator.random() < LATE_SHARE)
        index[known:] = number
        read[known:] = k
    ends = [(k + 1) * HEARING_BLOCK_SAMPLES for k in asked]
    encoded = _read_windows(heard, ends, ears, together)
    states = np.stack([streams.pooled(one, ears.hop_seconds) for one in encoded])
    age = np.where(index < 0, -1, np.arange(micro_turns) - read).astype(np.int16)
    return {"states": states, "index": index, "age": age}


def _read_windows(
    heard: Audio, ends: Sequence[int], ears: Any, together: Callable[[Windows], Windows] | None
) -> list[Windows]:
    """What the encoder makes of the 2 s before each of `ends`; of less near the beginning."""
    whole = [end for end in ends if end >= ENCODED_SAMPLES] if together is not None else []
    alone = ends[: len(ends) - len(whole)]
    found: list[Windows] = [
        undifferentiated(ears.encode(heard[max(end - ENCODED_SAMPLES, 0) : end]))
        .float()
        .cpu()
        .numpy()
        for end in alone
    ]
    for at in range(0, len(whole), WINDOWS_TOGETHER):
        some = [heard[end - ENCODED_SAMPLES : end] for end in whole[at : at + WINDOWS_TOGETHER]]
        assert together is not None
        found += list(together(np.stack(some)))
    return found


def undifferentiated(pieces: Any) -> Any:
    """What a part's pieces give, without a graph for gradients."""
    import torch

    with torch.inference_mode():
        return finished(pieces)


if __name__ == "__main__":
    sys.exit(main())
