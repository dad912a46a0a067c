"""Who tells something: whole sentences behind which the person goes on."""

from __future__ import annotations

import numpy as np
import pytest

from model.training.render.cast import Split
from model.training.render.stage import stage
from model.training.scripts.writer import Writer, wording


@pytest.mark.parametrize("split", ["telling", "dev-telling"])
def test_a_story_is_told_in_its_order(split: Split) -> None:
    stories = wording(split)["stories"]
    told = [Writer(np.random.default_rng(seed), split).story() for seed in range(20)]
    in_order = [one for one in told if any(one == list(of[-len(one) :]) for of in stories)]
    # The rest are statements on one topic, which dev has none of.
    assert len(in_order) == 20 if split == "dev-telling" else len(in_order) >= 12
    assert all(len(one) >= 3 for one in told)


@pytest.mark.parametrize(("split", "doubtful"), [("dev-telling", False), ("dev", True)])
def test_between_sentences_of_a_story_an_end_is_ruled_out_where_patience_is_taught(
    split: Split, doubtful: bool
) -> None:
    gaps = [
        pause
        for seed in range(6)
        for part in stage(np.random.default_rng(seed), split, 60.0).person
        for pause in part.pauses
        if part.kind == "turn" and pause.place and len(part.pauses) > 2
    ]
    assert gaps and all(pause.doubtful is doubtful for pause in gaps)
