"""Shards: written whole, found again, told apart by recipe, joined from their parts."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
import torch

from model.interaction import streams
from model.training import shards
from model.training.encode import encode_states, sound_columns
from model.training.render.shard import render_shard


class CountingEars:
    """An encoder that says how much it was given; real states are not what is tested here."""

    hop_seconds = 0.024

    def encode(self, audio: np.ndarray) -> Generator[None, None, torch.Tensor]:
        frames = len(audio) // 384
        yield None
        return torch.full((frames, streams.ENCODER_WIDTH), len(audio) / 16_000)


@pytest.mark.timeout(60)
def test_a_shard_is_rendered_once_and_read_back(tmp_path: Path) -> None:
    length = render_shard(tmp_path, 5, 0, "train", count=2)
    written = shards.part_path(tmp_path, 0, "rows").stat().st_mtime_ns
    assert render_shard(tmp_path, 5, 0, "train", count=2) == pytest.approx(length)
    assert shards.part_path(tmp_path, 0, "rows").stat().st_mtime_ns == written
    assert shards.shard_indices(tmp_path) == [0]

    pairs = list(shards.read_audio(tmp_path, 0))
    sound = [sound_columns(heard, sent) for heard, sent in pairs]
    joined = {name: np.concatenate([one[name] for one in sound]) for name in sound[0]}
    shards.write_part(tmp_path, 0, "sound", joined)
    conversations = list(shards.read_conversations(tmp_path, 0))
    assert len(conversations) == 2
    total = 0
    for number, (inputs, labels, facts) in enumerate(conversations):
        streams.check(inputs, streams.INPUTS)
        streams.check(labels, streams.LABELS)
        total += len(inputs["k"])
        assert inputs["k"][0] == 0
        assert (inputs["encoder_age"] == -1).all()
        assert np.array_equal(inputs["person_dmel"], sound[number]["person_dmel"])
        silent = inputs["own_dmel"].max(axis=(1, 2)) == 0
        assert silent.any() and not silent.all()
        assert facts["meta"]["voice"] and facts["person"]
    assert total == pytest.approx(length * 10)


def test_nothing_is_left_of_a_part_that_was_not_finished(tmp_path: Path) -> None:
    class Unwritable:
        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shards.write_part(tmp_path, 3, "rows", {"a": Unwritable()})  # type: ignore[dict-item]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_keeps_to_one_recipe(tmp_path: Path) -> None:
    shards.check_recipe(tmp_path, {"seed": 1})
    shards.check_recipe(tmp_path, {"seed": 1})
    with pytest.raises(ValueError, match="another folder"):
        shards.check_recipe(tmp_path, {"seed": 2})
    # A pass that comes later adds what it decides, and the first goes on.
    shards.check_recipe(tmp_path, {"refresh": 4})
    shards.check_recipe(tmp_path, {"seed": 1})
    assert shards.recipe_of(tmp_path) == {"seed": 1, "refresh": 4}
    with pytest.raises(ValueError, match="'refresh': 4"):
        shards.check_recipe(tmp_path, {"refresh": 2})
    with pytest.raises(FileNotFoundError, match="no folder"):
        shards.recipe_of(tmp_path / "mistyped")


def test_a_missing_part_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run its pass"):
        shards.read_part(tmp_path, 0, "sound")


def test_states_enter_after_they_were_read() -> None:
    heard = np.zeros(16_000 * 6, np.float32)
    made = encode_states(heard, CountingEars(), np.random.default_rng(0))
    known = made["index"] >= 0
    assert known.sum() >= 56 and (made["age"][~known] == -1).all()
    assert set(made["age"][known].tolist()) <= {1, 2, 3, 4}
    assert made["states"].shape[1:] == (streams.ENCODER_POOLS, streams.ENCODER_WIDTH)
    # After two seconds the window is full; before, it is what there was.
    assert float(made["states"][-1, 0, 0]) == 2.0 and float(made["states"][0, 0, 0]) < 0.5
    assert np.all(np.diff(made["index"][known]) >= 0)
