"""The card of a checkpoint says what is so of it, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from model.interaction.core import OperatingPoint
from model.training import evaluate
from model.training.card import card
from model.training.train_config import as_json
from tests.model.training.test_train_evaluate import judged
from tests.model.training.tiny_shards import TAKE, TINY

MADE: dict[str, Any] = {
    "training": as_json(TINY),
    "data": {"shards": 2, "first": 0, "last": 1, "parts": []},
    "seed": 3,
    "steps": 100,
    "steps_done": 90,
    "torch": "2",
    "threads": 1,
    "commit": "0123456789abcdef",
    "stored": "float16",
    "most_wrong": 0.08,
    "mean_with": [],
}


def written(**more: Any) -> str:
    found = evaluate.report([judged((40, TAKE), (74, TAKE))], OperatingPoint())
    return " ".join(card({**MADE, **more}, found, 1000, 2000).split())


def test_one_run_is_made_again_from_its_recipe() -> None:
    told = written()
    assert "Made again with `counterpoint train core --config recipe.json`" in told
    assert "to step 90" in told and "--begin-with" not in told
    assert "begun with the weights of digest abc" in written(begun_with="abc")


def test_a_mean_and_a_join_are_not_said_to_be_one_run() -> None:
    mean = written(mean_with=[{"seed": 4, "steps_done": 7}])
    assert "The mean of 2 runs" in mean and "Made again" not in mean
    parts = [{"weight": 0.5, "sha256": "a"}, {"weight": 0.5, "sha256": "b"}]
    joined = written(joined={"parts": parts, "onsets": {}})
    assert "`counterpoint train join`" in joined and "train core" not in joined


def test_the_rule_is_told_of_what_was_chosen_by_it() -> None:
    told = written()
    assert "3 s for turns that are not answered" in told and "at most 8% of the pauses" in told
    assert "by hand" not in told
    by_hand = written(by_hand=["overdue", "take"])
    assert "8% of the pauses" not in by_hand and "By hand: overdue, take." in by_hand
    assert "best balance" in by_hand


@pytest.mark.parametrize(
    ("recipe", "knows"),
    [
        ({}, False),
        ({"begun_with": "a"}, True),
        ({"joined": {"parts": [{"begun_with": "a"}], "onsets": {}}}, True),
    ],
)
def test_a_checkpoint_that_goes_on_may_know_the_voices_held_out(
    recipe: dict[str, Any], knows: bool
) -> None:
    held_out = {"dev": {"a": {"split": "dev"}, "b": {"split": "dev-natural"}}}
    assert ("it may know them" in written(**recipe, **held_out)) is knows
    assert "it may know them" not in written(**recipe, dev={"a": {"split": "dev"}})


def test_data_and_what_lies_behind_our_voice_are_told() -> None:
    recipe = {"recipe": 14, "split": "natural", "seed": 1, "refresh": 4}
    told = written(data={**MADE["data"], "recipe": recipe})
    assert "recipe 14, split natural, seed 1, encoder asked every 4 micro-turns" in told
    row = (
        "| … begun under 0.5 s behind our voice / of these up to 2 s long | 0.05 / 0.05 s | 1 / 1 |"
    )
    assert row in told
