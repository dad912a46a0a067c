"""The second expert taught on by itself, and what is done to the events it learns from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from model.nn.core_network import load_core, save_core
from model.training import shards
from model.training.expert import apart, teach_expert
from model.training.onsets import BEGINS, KINDS, Onsets
from model.training.otherwise import otherwise
from model.training.trainer import Trainer
from tests.model.training.tiny_shards import TINY, write_shard

RECIPE = {"recipe": 17, "split": "overlap", "seed": 1, "refresh": 2}


def events(count: int = 40) -> torch.Tensor:
    """Silence, then a voice in a few bands from where each event begins on, uint8."""
    made = torch.ones(count, 2 * BEGINS, 80, dtype=torch.uint8)
    made[:, BEGINS:, 30:36] = 9
    return made


def test_every_event_is_said_otherwise_and_begins_where_it_did() -> None:
    bins = events()
    made = otherwise(bins, BEGINS, torch.Generator().manual_seed(1))
    assert made.shape == bins.shape
    assert torch.equal(made, otherwise(bins, BEGINS, torch.Generator().manual_seed(1)))
    loudest = made.amax(2)
    rise = loudest[:, BEGINS:].mean(1) - loudest[:, : BEGINS - 2].mean(1)
    assert (rise > 1).float().mean() > 0.8, "few lie under the noise, or in the bands left out"
    assert len(set(made[:, BEGINS:].mean(1).argmax(1).tolist())) > 5, "some are higher than others"
    assert made.amax((1, 2)).std() > 0.8, "and some are louder"


def test_the_pace_changes_about_the_beginning() -> None:
    bins = torch.zeros(60, 2 * BEGINS, 80)
    bins[:, BEGINS + 8 :] = 12.0
    made = otherwise(bins, BEGINS, torch.Generator().manual_seed(2))
    middle = made.median(2).values
    step = (middle[:, 1:] - middle[:, :-1]).argmax(1) + 1
    clear = middle.amax(1) - middle.amin(1) > 6
    assert clear.sum() > 30
    assert step[clear].float().mean() == pytest.approx(BEGINS + 8, abs=1)
    assert len(set(step[clear].tolist())) > 3


def test_the_expert_alone_is_taught_and_the_recipe_says_on_what(tmp_path: Path) -> None:
    for name in ("one", "two", "dev"):
        write_shard(tmp_path / name, 0)
        shards.check_recipe(tmp_path / name, RECIPE)
    core, out = tmp_path / "core", tmp_path / "taught"
    save_core(Trainer(TINY, 5).average, core)
    folders = [tmp_path / "one", tmp_path / "two"]
    about = teach_expert(core, folders, tmp_path / "dev", out, steps=4, seed=3)
    assert about["events"]["interruption"] == 4
    assert about["data"] == [RECIPE, RECIPE]
    assert len(about["dev"]["acknowledgement"]) == len(about["dev"]["nothing"]) > 8
    assert json.loads((out / "recipe.json").read_text())["expert"] == about
    before, after = load_core(core).state_dict(), load_core(out).state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if name.startswith("onsets.")}
    with pytest.raises(ValueError, match="no shard"):
        teach_expert(core, [tmp_path / "nothing"], None, out, steps=1, seed=1)


def test_areas_are_of_the_highest_odds_so_far() -> None:
    class Read(torch.nn.Module):
        def forward(self, bins: torch.Tensor) -> torch.Tensor:
            return bins[:, :3, 0].float()

    bins = torch.zeros(4, 3, 80)
    bins[0, :, 0], bins[1, :, 0] = torch.tensor([5.0, 0, 0]), torch.tensor([1.0, 1, 9])
    bins[2, :, 0], bins[3, :, 0] = torch.tensor([2.0, 2, 2]), torch.tensor([3.0, 6, 0])
    kinds = torch.tensor([KINDS.index("interruption")] * 2 + [1, 1])
    found = apart(Read(), Onsets(bins, kinds, torch.ones(4, 3, dtype=torch.bool)))  # type: ignore[arg-type]
    assert found == {"acknowledgement": [0.5, 0.25, 0.75]}
