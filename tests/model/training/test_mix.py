"""Shards of several folders as one: linked, numbered for good, of one recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.training import mix as command
from model.training import shards
from model.training.dataset import listing, read_shard
from model.training.mix import mix
from tests.model.training.tiny_shards import write_shard

COMMON = {"recipe": 19, "refresh": 2}


def folder(root: Path, split: str, seed: int, count: int) -> Path:
    made = root / split
    shards.check_recipe(made, COMMON | {"split": split, "seed": seed})
    for index in range(count):
        write_shard(made, index)
    return made


def sources(out: Path) -> list[str]:
    """Whose shard each number is."""
    rows = [shards.part_path(out, index, "rows").resolve() for index in shards.shard_indices(out)]
    return [f"{path.parent.name} {int(path.name[6:11])}" for path in rows]


def test_shards_of_two_folders_are_read_as_those_of_one(tmp_path: Path) -> None:
    folders = [folder(tmp_path, "natural", 1, 4), folder(tmp_path, "asking", 2, 2)]
    assert mix(folders, tmp_path / "mixed") == 6
    assert sources(tmp_path / "mixed") == [
        "natural 0", "asking 0", "natural 1", "natural 2", "asking 1", "natural 3"
    ]  # fmt: skip
    assert shards.recipe_of(tmp_path / "mixed") == COMMON | {
        "split": "natural + asking", "seed": "1 + 2"
    }  # fmt: skip
    listed = listing(tmp_path / "mixed", 1 << 40)
    original = listing(folders[1], 1 << 40)
    assert len(listed) == 6
    here, there = read_shard(tmp_path / "mixed", listed[4]), read_shard(folders[1], original[1])
    assert all(np.array_equal(here.columns[name], there.columns[name]) for name in there.columns)


def test_what_was_rendered_since_comes_behind_what_is_there(tmp_path: Path) -> None:
    folders = [folder(tmp_path, "natural", 1, 2), folder(tmp_path, "asking", 2, 1)]
    mix(folders, tmp_path / "mixed")
    before = sources(tmp_path / "mixed")
    write_shard(folders[0], 2)
    write_shard(folders[1], 1)
    shards.part_path(folders[1], 1, "belief").unlink()  # A pass is still under way.
    assert mix(folders, tmp_path / "mixed") == 1
    assert sources(tmp_path / "mixed") == [*before, "natural 2"]
    assert mix(folders, tmp_path / "mixed") == 0


def test_folders_made_otherwise_are_not_mixed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    natural = folder(tmp_path, "natural", 1, 1)
    older = tmp_path / "older"
    shards.check_recipe(older, COMMON | {"recipe": 18, "split": "asking", "seed": 2})
    write_shard(older, 0)
    out = tmp_path / "mixed"
    with pytest.raises(ValueError, match="recipe is 19 and 18"):
        mix([natural, older], out)
    assert not out.exists()
    shards.check_recipe(tmp_path / "empty", COMMON | {"split": "asking", "seed": 2})
    with pytest.raises(ValueError, match="all passes"):
        mix([natural, tmp_path / "empty"], out)
    mix([natural], out)
    other = folder(tmp_path, "overlap", 3, 1)
    assert command.main([str(natural), str(other), "--out", str(out)]) == 2
    assert "choose another folder" in capsys.readouterr().err
    assert command.main([str(natural), "--out", str(out)]) == 0
    assert "0 shards are new" in capsys.readouterr().out
