"""Training can be killed at any moment, and learns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch

from model.interaction import streams
from model.interaction.core import tensors
from model.nn.core_network import save_core
from model.training import shards, train_config
from model.training.augment import NOTHING
from model.training.curve import read_curve
from model.training.dataset import Corpus, Listed, listing
from model.training.train import Run, begin, measured_steps, train
from model.training.train_config import (
    ABLATIONS,
    Training,
    ablated,
    as_json,
    training_from,
)
from model.training.trainer import Listings, Trainer, learning_rate, read_listings
from tests.model.training.tiny_shards import TINY, write_shard

STEPS = 24


def run(folder: Path, out: str, **changes: float | Path) -> Run:
    plain = Run(data=folder / "train", dev=None, out=folder / out, save_minutes=0.0)
    return replace(plain, **changes)  # type: ignore[arg-type]


def weights(made: Run) -> dict[str, torch.Tensor]:
    """Everything a run has come to, to the bit."""
    trainer = Trainer(TINY, 1)
    assert trainer.load(made.out)
    assert trainer.step == STEPS
    state = {f"average.{name}": one for name, one in trainer.average.state_dict().items()}
    for number, part in trainer.optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{number}.{name}": one for name, one in part.items()}
    return state | trainer.network.state_dict()


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(one, second[name]) for name, one in first.items()
    )


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_stopped_and_gone_on_is_the_same_to_the_bit_though_the_data_grows(tmp_path: Path) -> None:
    write_shard(tmp_path / "train", 0)
    alone = run(tmp_path, "alone")
    assert train(alone, TINY, 1, STEPS)
    pieces = run(tmp_path, "pieces", stop_minutes=0.0)
    done = 0
    while not train(pieces, TINY, 1, STEPS):
        done += 1
        assert done < STEPS
    assert done == STEPS - 1
    assert same(weights(alone), weights(pieces))
    assert [line["step"] for line in read_curve(pieces.out)] == [20, 24]
    # A run that saw more data later is another one, and it, too, goes on as it was.
    first, second = (run(tmp_path, name, stop_minutes=0.0) for name in ("first", "second"))
    for _ in range(6):
        train(first, TINY, 1, STEPS)
    write_shard(tmp_path / "train", 1)
    train(replace(first, stop_minutes=float("inf")), TINY, 1, STEPS)
    assert not same(weights(first), weights(alone))
    second.out.mkdir()
    (second.out / "listings.jsonl").write_text(
        (first.out / "listings.jsonl").read_text() + '{"step": 99, "sha'
    )
    write_shard(tmp_path / "train", 2)
    train(replace(second, stop_minutes=float("inf")), TINY, 1, STEPS)
    assert same(weights(first), weights(second))


@pytest.mark.timeout(60)
def test_a_killed_process_is_gone_on_from(tmp_path: Path) -> None:
    write_shard(tmp_path / "train", 0)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(as_json(TINY)))
    alone, killed = run(tmp_path, "alone"), run(tmp_path, "killed")
    assert train(alone, TINY, 1, STEPS)
    command = [sys.executable, "-m", "model.training", "core", "--data", str(killed.data),
               "--out", str(killed.out), "--steps", str(STEPS), "--seed", "1", "--threads", "1",
               "--config", str(config), "--save-minutes", "0"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    state = killed.out / "state.pt"
    while process.poll() is None and not state.is_file():
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it ended by itself: nothing was shown"
    assert state.is_file()
    train(killed, TINY, 1, STEPS)
    assert same(weights(alone), weights(killed))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_few_conversations_are_learnt_by_heart(
    tmp_path: Path, precision: Literal["float32", "bfloat16"]
) -> None:
    write_shard(tmp_path, 0, conversations=1)
    corpus = Corpus(tmp_path)
    corpus.hold(listing(tmp_path, 10**9))
    training = replace(TINY, augmentation=NOTHING, length=80, settle=0, precision=precision)
    trainer = Trainer(training, 1)
    losses = [float(trainer.advance(corpus, 150)[0].floor) for _ in range(150)]
    assert losses[0] > 1.0
    assert sum(losses[-10:]) / 10 < 0.05


def test_a_request_to_stop_is_heard_and_nothing_is_lost(tmp_path: Path) -> None:
    write_shard(tmp_path / "train", 0)
    made = run(tmp_path, "run", save_minutes=60.0)
    signal_sent = Corpus.draw

    def draw_and_ask(*given: object) -> object:
        os.kill(os.getpid(), signal.SIGTERM)
        return signal_sent(*given)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Corpus, "draw", draw_and_ask)
        assert not train(made, TINY, 1, STEPS)
    assert Trainer(TINY, 1).load(made.out)


def test_a_folder_holds_one_run(tmp_path: Path) -> None:
    write_shard(tmp_path / "train", 0)
    made = run(tmp_path, "run", stop_minutes=0.0)
    assert not train(made, TINY, 1, STEPS)
    with pytest.raises(ValueError, match="another folder"):
        begin(made, TINY, 2, STEPS)
    with pytest.raises(ValueError, match="another folder"):
        begin(made, replace(TINY, batch=3), 1, STEPS)
    # The rate has not begun to fall: more steps may still be given.
    assert begin(made, TINY, 1, 4 * STEPS) == 4 * STEPS
    assert measured_steps(made, TINY, 1, 60.0) == 4 * STEPS
    with pytest.raises(ValueError, match="at step 0"):
        begin(made, TINY, 1, 1)


def test_minutes_become_steps(tmp_path: Path) -> None:
    write_shard(tmp_path / "train", 0)
    made = run(tmp_path, "run")
    assert measured_steps(made, TINY, 1, 10.0) > measured_steps(made, TINY, 1, 0.01) >= 1


def test_listings_are_written_before_they_are_used(tmp_path: Path) -> None:
    write_shard(tmp_path, 0)
    listings = Listings(tmp_path, tmp_path, TINY)
    first = listings.at(0)
    write_shard(tmp_path, 1)
    asked: list[int] = []

    def wait(step: int, listed: Sequence[Listed]) -> float:
        """Wait until a third shard is there."""
        asked.append(len(listed))
        write_shard(tmp_path, 2)
        return 0.001 if len(listed) < 3 else 0.0

    again = Listings(tmp_path, tmp_path, TINY, wait)
    assert again.at(0) == first and not asked
    assert len(again.at(4)) == 3 and asked == [2, 3]


def test_the_rate_rises_stays_and_falls() -> None:
    training = Training(warm_up=10, cooling=0.5, rate=1.0, least_rate=0.1)
    rates = [learning_rate(step, 100, training) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9:51] == [1.0] * 42
    assert rates[75] == pytest.approx(0.55) and rates[99] == pytest.approx(0.1, abs=1e-2)
    assert rates[50:] == sorted(rates[50:], reverse=True)


def test_a_configuration_is_strict(tmp_path: Path) -> None:
    large = training_from(Path(train_config.__file__).with_name("large.json"))
    assert large.network.width > Training().network.width
    fifth = training_from(Path(train_config.__file__).with_name("fifth.json"))
    assert (fifth.network, fifth.onsets) == (Training().network, 0)
    path = tmp_path / "config.json"
    path.write_text('{"network": {"layers": 3}, "rate": 1, "betas": [0.9, 0.95]}')
    found = training_from(path)
    assert (found.network.layers, found.rate, found.betas) == (3, 1.0, (0.9, 0.95))
    for text, complaint in (
        ('{"netork": {}}', "netork"),
        ('{"network": {"layers": "3"}}', "layers"),
        ('{"network": 3}', "must be an object"),
        ("{", "no JSON"),
        ('{"precision": "float64"}', "precision"),
        ('{"length": 4096}', "period"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=complaint):
            training_from(path)


def test_a_recipe_is_a_configuration_whose_missing_augmentations_were_not_there(
    tmp_path: Path,
) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({"seed": 3, "steps": 5, "training": as_json(TINY)}))
    assert training_from(recipe) == TINY
    older = as_json(Training())
    del older["augmentation"]["encoder_rests"], older["augmentation"]["late_belief"]
    recipe.write_text(json.dumps({"seed": 3, "training": older}))
    found = training_from(recipe)
    assert (found.augmentation.encoder_rests, found.augmentation.late_belief) == (0.0, 0)
    assert replace(found, augmentation=Training().augmentation) == Training()


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_leaves_out_what_it_says(name: str) -> None:
    made = ablated(TINY, name)
    if name == "projection":
        assert made.loss.projection == 0.0 and made.network == TINY.network
    else:
        gone = set(TINY.network.streams) - set(made.network.streams)
        meant = {"dmel": ("dmel", "bands"), "belief": ("belief", "message")}.get(name, (name,))
        assert gone and all(any(part in stream for part in meant) for stream in gone)
        assert made.loss == TINY.loss
    with pytest.raises(ValueError, match="known are encoder"):
        ablated(TINY, "ears")


def test_a_run_begins_with_the_weights_of_another_one(tmp_path: Path) -> None:
    write_shard(tmp_path / "train", 0)
    first = run(tmp_path, "first")
    assert train(first, TINY, 1, STEPS)
    before = Trainer(TINY, 1)
    before.load(first.out)
    save_core(before.average, tmp_path / "exported")
    second = run(tmp_path, "second", stop_minutes=0.0, begin_with=tmp_path / "exported")
    assert not train(second, TINY, 2, STEPS)
    after = Trainer(TINY, 2)
    after.load(second.out)
    drawn = Trainer(TINY, 2)
    name = "fusion.readers.encoder.out.weight"
    moved, far = (
        (after.network.state_dict()[name] - one.state_dict()[name]).abs().max()
        for one in (before.average, drawn.network)
    )
    assert after.step == 1 and moved < 0.1 * far
    assert "begun_with" in json.loads((second.out / "run.json").read_text())
    # It has a checkpoint of its own: the first weights are not asked for any more.
    for folder in (None, tmp_path / "gone"):
        assert begin(replace(second, begin_with=folder), TINY, 2, STEPS) == STEPS
    with pytest.raises(ValueError, match="another network"):
        train(replace(second, out=tmp_path / "third"), Training(), 2, STEPS)


def test_a_run_goes_on_from_what_it_was_begun_with_or_not_at_all(tmp_path: Path) -> None:
    write_shard(tmp_path / "train", 0)
    save_core(Trainer(TINY, 5).average, tmp_path / "first")
    save_core(Trainer(TINY, 6).average, tmp_path / "other")
    plain = run(tmp_path, "plain")
    begun = run(tmp_path, "begun", begin_with=tmp_path / "first")
    for made in (plain, begun):
        begin(made, TINY, 1, STEPS)
    for made, why in (
        (replace(begun, begin_with=None), "name their folder with --begin-with"),
        (replace(begun, begin_with=tmp_path / "other"), "name their folder with --begin-with"),
        (replace(plain, begin_with=tmp_path / "first"), "leave out --begin-with"),
    ):
        with pytest.raises(ValueError, match=why):
            train(made, TINY, 1, STEPS)
        assert not (made.out / "state.pt").exists()
    assert begin(begun, TINY, 1, STEPS) == begin(plain, TINY, 1, STEPS) == STEPS


def test_a_run_that_finds_no_shards_is_not_spoilt(tmp_path: Path) -> None:
    """Nor by a listing of none, nor by the recipe of a folder that was a mistake."""
    made = run(tmp_path, "run")
    with pytest.raises(FileNotFoundError, match="no folder"):
        train(made, TINY, 1, STEPS)
    mistyped = tmp_path / "mistyped"
    shards.check_recipe(mistyped, {"seed": 9})
    with pytest.raises(ValueError, match="all passes"):
        train(replace(made, data=mistyped), TINY, 1, STEPS)
    listings = made.out / "listings.jsonl"
    assert not listings.exists()
    listings.write_text('{"step": 0, "shards": []}\n')
    write_shard(made.data, 0)
    shards.check_recipe(made.data, {"seed": 1})
    assert train(made, TINY, 1, STEPS)
    used = read_listings(made.out)
    assert min(used) == 0 and all(used.values())


def test_a_run_goes_on_with_data_made_alike_and_says_how(tmp_path: Path) -> None:
    for name, seed in (("train", 1), ("alike", 1), ("other", 2)):
        write_shard(tmp_path / name, 0)
        shards.check_recipe(tmp_path / name, {"recipe": 14, "seed": seed})
    made = run(tmp_path, "run", stop_minutes=0.0)
    assert not train(made, TINY, 1, STEPS)

    def written() -> object:
        return json.loads((made.out / "run.json").read_text())["data"]

    assert written() == {"recipe": 14, "seed": 1}
    with pytest.raises(ValueError, match="with --data"):
        train(replace(made, data=tmp_path / "other"), TINY, 1, STEPS)
    shards.check_recipe(tmp_path / "alike", {"refresh": 4})
    assert not train(replace(made, data=tmp_path / "alike"), TINY, 1, STEPS)
    assert written() == {"recipe": 14, "seed": 1, "refresh": 4}


def test_a_stream_that_the_weights_begun_with_did_not_read_says_nothing_at_first() -> None:
    deaf = Trainer(replace(TINY, network=TINY.network.without("belief")), 1).average
    trainer = Trainer(TINY, 2)
    trainer.begin_with(deaf)
    columns = streams.nothing(streams.INPUTS, 12)
    columns["belief"][:], columns["belief_age"][:] = 0.9, 3
    columns["encoder"][:], columns["encoder_age"][:] = 0.5, 1
    inputs = tensors(columns, lead=(1, 12))
    with torch.no_grad():
        for network in (trainer.network, trainer.average):
            assert torch.equal(network.whole(inputs).floor, deaf.whole(inputs).floor)
    with pytest.raises(ValueError, match="another network"):
        Trainer(replace(TINY, network=TINY.network.without("belief")), 1).begin_with(
            trainer.average
        )


def test_a_network_that_reads_no_belief_needs_none(tmp_path: Path) -> None:
    write_shard(tmp_path, 0)
    shards.part_path(tmp_path, 0, "belief").unlink()
    assert not listing(tmp_path, 10**9, TINY.needed)
    deaf = replace(TINY, network=TINY.network.without("belief"))
    assert listing(tmp_path, 10**9, deaf.needed)
