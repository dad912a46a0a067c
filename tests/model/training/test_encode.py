"""The passes over rendered shards: windows read together are what live reads one by one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from model.interaction import streams
from model.interaction.ears import MoonshineEars
from model.training import make, shards
from model.training.encode import PASSES, TEACH, Passes, encode_states
from model.training.render.conversation import render
from model.training.render.shard import render_shard
from model.training.windows import WindowEncoder
from model.weights import store


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("precision", "apart"), [("float32", 1e-4), ("int8", 0.02)])
def test_windows_together_are_windows_one_by_one(precision: str, apart: float) -> None:
    """int8 makes more of the last digit: louder by a millionth, one by one, differs three times as
    much as together does."""
    heard = render(5, 0).heard[: 16_000 * 3]
    ears = MoonshineEars.load(store.folder("ears"), "cpu", precision)
    alone = encode_states(heard, ears, np.random.default_rng(3))
    encoder = WindowEncoder(ears._network)
    together = encode_states(heard, ears, np.random.default_rng(3), encoder)
    assert np.array_equal(alone["index"], together["index"])
    assert np.array_equal(alone["age"], together["age"])
    one, other = alone["states"].astype(np.float32), together["states"].astype(np.float32)
    assert np.abs(one - other).mean() < apart * np.abs(one).mean()
    states = encoder(np.stack([heard[16_000:]] * 3))
    assert np.array_equal(states[0], states[2])


@pytest.mark.timeout(180)
def test_data_is_made_shard_by_shard_and_goes_on(tmp_path: Path) -> None:
    """All passes over a small shard, one lost in between; its audio goes when all are done."""
    render_shard(tmp_path, 5, 0, "train", count=1)
    passes = Passes()
    assert set(make._encoded(tmp_path, 0, passes, keep_audio=True)) == set(PASSES)
    assert shards.has_part(tmp_path, 0, "audio")
    passes.run(tmp_path, 0, TEACH)
    for refresh in (4, 0):
        shards.part_path(tmp_path, 0, "encoder").unlink()
        with pytest.raises(ValueError, match="another recipe"):
            Passes(refresh=refresh).run(tmp_path, 0, "encoder")
        (tmp_path / "recipe.json").unlink()
        Passes(refresh=refresh).run(tmp_path, 0, "encoder")
        made, _ = shards.read_part(tmp_path, 0, "encoder")
        often = {4: 0.25, 0: 0.0}[refresh]
        assert abs(made["index"].max() + 1 - often * len(made["index"])) <= 1
        assert (made["age"] >= 0).any() == bool(refresh)
    shards.part_path(tmp_path, 0, "encoder").unlink()
    (tmp_path / "recipe.json").unlink()
    passes.run(tmp_path, 0, "encoder")
    assert shards.recipe_of(tmp_path) == {"refresh": 2}
    shards.part_path(tmp_path, 0, "belief").unlink()
    assert set(make._encoded(tmp_path, 0, passes, keep_audio=False)) == {"belief"}
    assert not shards.has_part(tmp_path, 0, "audio")
    ((inputs, labels, _),) = shards.read_conversations(tmp_path, 0)
    streams.check(inputs, streams.INPUTS)
    streams.check(labels, streams.LABELS)
    for name in ("encoder_age", "belief_age"):
        assert (inputs[name] >= 0).mean() > 0.2, name
    assert 0 < (labels["teacher_end"] >= 0).mean() < 0.5
    with pytest.raises(ValueError, match="no pass"):
        passes.run(tmp_path, 0, "smell")
