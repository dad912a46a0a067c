"""Training data on disk: shards of conversations, each made of part files that passes add.

    shard-00012.rows.safetensors       labels, words, queued, k; who said what (by the renderer)
    shard-00012.audio.safetensors      the microphone and our voice, int16 (by the renderer)
    shard-00012.sound.safetensors      dMel and prosody of both (by `model.training.encode`)
    shard-00012.encoder.safetensors    pooled states of Ears' encoder (by `model.training.encode`)
    shard-00012.<other>.safetensors    further columns, such as belief or teacher_end

A file is there whole or not at all; a pass that was killed goes on with what is missing. Columns
nobody made are given as the streams' absent value. No torch here.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from model.interaction import streams

__all__ = [
    "CONVERSATIONS",
    "check_recipe",
    "has_part",
    "part_path",
    "read_audio",
    "read_conversations",
    "read_part",
    "recipe_of",
    "shard_indices",
    "write_part",
]

CONVERSATIONS: Final = 8
"""Conversations in a shard: about 8 minutes, some two minutes of the encoder's work."""

RECIPE: Final = "recipe.json"
_OWN_PARTS: Final = ("rows", "audio", "encoder")
_AUDIO_SCALE: Final = 32767.0


def part_path(folder: Path, index: int, part: str) -> Path:
    """Where a part of shard `index` is or will be."""
    return folder / f"shard-{index:05d}.{part}.safetensors"


def has_part(folder: Path, index: int, part: str) -> bool:
    """Whether the part is there, whole."""
    return part_path(folder, index, part).is_file()


def shard_indices(folder: Path) -> list[int]:
    """The shards that have been rendered, in order."""
    return sorted(int(path.name[6:11]) for path in folder.glob("shard-*.rows.safetensors"))


def write_part(
    folder: Path,
    index: int,
    part: str,
    arrays: Mapping[str, npt.NDArray[Any]],
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write a part in one go: nobody ever sees half of it.

    Args:
        folder: holds the shards.
        index: the shard's number.
        part: the part's name.
        arrays: what is in it.
        facts: kept beside them, as JSON.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # One entry: of several the order in the file is drawn anew each time.
    about = {"facts": facts or {}, "streams": streams.STREAMS_VERSION}
    metadata = {"about": json.dumps(about)}
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
        temporary = Path(file.name)
    try:
        plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        save_file(plain, temporary, metadata)
        temporary.chmod(0o644)
        os.replace(temporary, part_path(folder, index, part))
    finally:
        temporary.unlink(missing_ok=True)


def read_part(folder: Path, index: int, part: str) -> tuple[streams.Arrays, dict[str, Any]]:
    """A part's arrays and facts.

    Raises:
        FileNotFoundError: it has not been made.
        ValueError: it was made for another version of the streams.
    """
    path = part_path(folder, index, part)
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} has not been made in {folder}: run its pass first")
    with safe_open(path, "numpy") as file:
        about = json.loads(file.metadata()["about"])
        if about["streams"] != streams.STREAMS_VERSION:
            raise ValueError(
                f"{path} is of version {about['streams']} of the streams, not "
                f"{streams.STREAMS_VERSION}: render it again into an empty folder"
            )
        arrays = {name: file.get_tensor(name) for name in file.keys()}
    return arrays, about["facts"]


def read_audio(folder: Path, index: int) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """For each conversation the microphone (16 kHz) and our voice (24 kHz), float32."""
    rows, _ = read_part(folder, index, "rows")
    audio, _ = read_part(folder, index, "audio")
    starts = rows["starts"]
    for first, last in zip(starts, starts[1:], strict=False):
        heard = audio["heard"][first * 1600 : last * 1600]
        sent = audio["sent"][first * 2400 : last * 2400]
        yield heard.astype(np.float32) / _AUDIO_SCALE, sent.astype(np.float32) / _AUDIO_SCALE


def read_conversations(
    folder: Path, index: int
) -> Iterator[tuple[streams.Arrays, streams.Arrays, dict[str, Any]]]:
    """For each conversation of a shard: inputs, labels and what is known about it.

    Inputs and labels have all columns of `streams.INPUTS` and `streams.LABELS`.
    """
    rows, facts = read_part(folder, index, "rows")
    starts = rows.pop("starts")
    columns = dict(rows)
    prefix = f"shard-{index:05d}."
    for path in sorted(folder.glob(f"{prefix}*.safetensors")):
        part = path.name[len(prefix) : -len(".safetensors")]
        if part not in _OWN_PARTS:
            columns.update(read_part(folder, index, part)[0])
    states = None
    if has_part(folder, index, "encoder"):
        encoder, _ = read_part(folder, index, "encoder")
        states, refresh = encoder["states"], encoder["index"]
        columns["encoder_age"] = encoder["age"]
    for number, (first, last) in enumerate(zip(starts, starts[1:], strict=False)):
        inputs = streams.nothing(streams.INPUTS, int(last - first))
        labels = streams.nothing(streams.LABELS, int(last - first))
        for made in (inputs, labels):
            made.update({name: columns[name][first:last] for name in made if name in columns})
        if states is not None:
            inputs["encoder"] = streams.unfold_encoder(states, refresh[first:last])
        yield inputs, labels, facts["conversations"][number]


def recipe_of(folder: Path) -> dict[str, Any]:
    """How a folder's shards are made; empty where nobody wrote it down.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}: name one that holds shards")
    path = folder / RECIPE
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return found


def check_recipe(folder: Path, recipe: Mapping[str, Any]) -> None:
    """Write down how a folder's shards are made, or see that they are made alike.

    Args:
        folder: holds the shards.
        recipe: what this pass decides; what others decided stays.

    Raises:
        ValueError: the folder holds shards of another recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = recipe_of(folder)
    if others := {name: before[name] for name in recipe
                  if name in before and before[name] != recipe[name]}:  # fmt: skip
        raise ValueError(
            f"{folder} holds shards of another recipe ({others}); choose another folder"
        )
    if recipe.items() <= before.items():
        return
    _replace(folder / RECIPE, json.dumps({**before, **recipe}, indent=1) + "\n")


def _replace(path: Path, text: str) -> None:
    """Write a file in one go: of two passes that begin at once neither reads half of it."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False) as file:
        file.write(text)
    temporary = Path(file.name)
    temporary.chmod(0o644)
    temporary.replace(path)
