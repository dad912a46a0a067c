"""What is exported runs as Core, and says where it comes from; an ablation is a table of runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.interaction.core import Core, OperatingPoint, tensors
from model.nn.core_network import CoreNetwork, load_core, save_core
from model.training import __main__ as command
from model.training import best
from model.training.ablation import ablation
from model.training.dataset import Corpus, listing
from model.training.export import export
from model.training.shards import check_recipe
from model.training.train import Run, train
from model.training.train_config import as_json
from model.training.trainer import Trainer
from tests.model.training.tiny_shards import TINY, write_shard

STEPS = 12


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("run")
    for name in ("train", "dev"):
        write_shard(folder / name, 3)
    check_recipe(folder / "train", {"recipe": 14, "split": "train", "seed": 8, "refresh": 4})
    run = Run(data=folder / "train", dev=folder / "dev", out=folder / "run", dev_steps=6)
    assert train(run, TINY, 1, STEPS)
    yield run


def whole(network: CoreNetwork, dev: Path) -> torch.Tensor:
    corpus = Corpus(dev)
    corpus.hold(listing(dev, 10**9))
    inputs = corpus.conversations()[0].inputs
    with torch.inference_mode():
        return network.whole(tensors(inputs, lead=(1, len(inputs["k"])))).floor


@pytest.mark.parametrize("half", [False, True])
def test_an_export_runs_as_core(made: Run, tmp_path: Path, half: bool) -> None:
    assert made.dev is not None
    found = export(made.out, made.dev, tmp_path, half)
    trainer = Trainer(TINY, 1)
    trainer.load(made.out)
    core = Core.load(tmp_path, rows=2)
    assert core.config == TINY.network
    assert core.point.take == found["point"]["take"]
    wanted, given = whole(trainer.average, made.dev), whole(core.network, made.dev)
    assert torch.equal(wanted, given) != half
    np.testing.assert_allclose(given, wanted, atol=0.02 if half else 0)
    recipe = json.loads((tmp_path / "recipe.json").read_text())
    assert recipe["training"] == as_json(TINY) and recipe["steps_done"] == STEPS
    made_so = {"recipe": 14, "split": "train", "seed": 8, "refresh": 4}
    assert recipe["data"] == {"shards": 1, "first": 3, "last": 3, "parts": ["belief", "teach"],
                              "recipe": made_so}  # fmt: skip
    assert recipe["dev"] == {"dev": {}}
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert f"{found['pause']['takeover']}" in card and "seed 1" in card
    assert "recipe 14, split train, seed 8, encoder asked every 4 micro-turns" in card
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"core.safetensors", "config.json", "operating_point.json", "recipe.json",
                     "curve.jsonl", "curve.svg", "dev.json", "MODEL_CARD.md"}  # fmt: skip


def test_dev_is_looked_at_while_training(made: Run) -> None:
    lines = [json.loads(line) for line in (made.out / "curve.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "dev" in line] == [6, 12]
    assert json.loads((made.out / "dev.json").read_text())["turn"]["n"] == 4


def test_the_weights_of_the_best_report_are_kept_and_exported(made: Run, tmp_path: Path) -> None:
    assert made.dev is not None
    lines = [json.loads(line) for line in (made.out / "curve.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines if "dev" in line]
    network = CoreNetwork(TINY.network)
    step = best.load(made.out, network)
    assert step in steps
    export(made.out, made.dev, tmp_path, last=False)
    assert torch.equal(
        whole(network, made.dev), whole(Core.load(tmp_path, rows=2).network, made.dev)
    )
    assert json.loads((tmp_path / "recipe.json").read_text())["steps_done"] == step
    last = Trainer(TINY, 1)
    last.load(made.out)
    worse = {"matched": {"latency_at_0.15": None, "best_balance": 0.5}}
    assert not best.keep(made.out, 99, worse, last.average) and best.load(made.out, network) == step
    better = {"matched": {"latency_at_0.15": -9.0, "best_balance": 1.0}}
    assert best.keep(tmp_path, 99, better, last.average) and best.load(tmp_path, network) == 99
    assert torch.equal(whole(network, made.dev), whole(last.average, made.dev))


def test_the_mean_of_runs_is_exported_and_said(made: Run, tmp_path: Path) -> None:
    assert made.dev is not None
    second = replace(made, out=tmp_path / "second", dev=None)
    assert train(second, TINY, 2, 4)
    export(made.out, made.dev, tmp_path / "out", others=[second.out])
    found = Core.load(tmp_path / "out", rows=2).network.state_dict()
    parts = []
    for folder, seed in ((made.out, 1), (second.out, 2)):
        trainer = Trainer(TINY, seed)
        trainer.load(folder)
        parts.append(trainer.average.state_dict())
    for name, value in found.items():
        np.testing.assert_allclose(value, (parts[0][name] + parts[1][name]) / 2, rtol=1e-6)
    recipe = json.loads((tmp_path / "out" / "recipe.json").read_text())
    assert [one["seed"] for one in recipe["mean_with"]] == [2] and recipe["seed"] == 1
    assert "mean with 4 steps of seed 2" in (tmp_path / "out" / "MODEL_CARD.md").read_text()
    wider = replace(TINY, network=replace(TINY.network, width=2 * TINY.network.width))
    third = replace(made, out=tmp_path / "third", dev=None)
    assert train(third, wider, 3, 1)
    with pytest.raises(ValueError, match="another network"):
        export(made.out, made.dev, tmp_path / "no", others=[third.out])


def test_no_best_weights_without_dev(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train with --dev"):
        best.load(tmp_path, CoreNetwork(TINY.network))


def test_what_is_never_answered_costs_more_than_what_is_late() -> None:
    never = {"matched": {"latency_at_0.15": None, "best_balance": 0.9}}
    late = {"matched": {"latency_at_0.15": 2.0, "best_balance": 0.9}}
    apt = {"matched": {"latency_at_0.15": 2.0, "best_balance": 0.95}}
    assert best.cost(apt) == pytest.approx(2.1)
    assert best.cost(apt) < best.cost(late) < best.cost(never)


def test_an_export_without_a_run_or_a_checkpoint_says_so(made: Run, tmp_path: Path) -> None:
    assert made.dev is not None
    with pytest.raises(FileNotFoundError, match="counterpoint train core"):
        export(tmp_path, made.dev, tmp_path / "out")
    (tmp_path / "run.json").write_text((made.out / "run.json").read_text())
    with pytest.raises(FileNotFoundError, match="no checkpoint yet"):
        export(tmp_path, made.dev, tmp_path / "out")


def test_an_ablation_is_resumed_row_by_row(made: Run, tmp_path: Path) -> None:
    names = ("words", "projection")
    run = replace(made, out=tmp_path)
    assert not ablation(replace(run, stop_minutes=0.0), TINY, 1, STEPS, names)
    assert not (tmp_path / "ABLATION.md").exists()
    assert ablation(run, TINY, 1, STEPS, names)
    table = (tmp_path / "ABLATION.md").read_text().splitlines()
    assert [line.split("|")[1].strip() for line in table[-3:]] == ["nothing", *names]
    before = (tmp_path / "full" / "state.pt").stat().st_mtime_ns
    for extra in (Path("train"), Path("dev")):
        write_shard(made.data.parent / extra, 4)
    assert ablation(run, TINY, 1, STEPS, (*names, "encoder"))
    assert (tmp_path / "full" / "state.pt").stat().st_mtime_ns == before
    # The row that came later saw the shards of the others.
    lists = [(tmp_path / row / "listings.jsonl").read_text() for row in ("full", "encoder")]
    assert lists[0] == lists[1]
    # What is finished is not told as the outcome of other steps, seeds or configurations.
    written = (tmp_path / "ABLATION.md").read_text()
    others = ((TINY, 1, STEPS + 1, "steps"), (TINY, 2, STEPS, "seed"),
              (replace(TINY, rate=1e-3), 1, STEPS, "training"))  # fmt: skip
    for training, seed, steps, what in others:
        with pytest.raises(ValueError, match=f"of other {what}: .*--out"):
            ablation(run, training, seed, steps, names)
    assert (tmp_path / "ABLATION.md").read_text() == written


def test_a_stream_left_out_changes_nothing(made: Run) -> None:
    assert made.dev is not None
    corpus = Corpus(made.dev)
    corpus.hold(listing(made.dev, 10**9))
    inputs = corpus.conversations()[0].inputs
    other = {**inputs, "word_hash": inputs["word_hash"] // 2}
    for network, same in ((TINY.network, False), (TINY.network.without("words"), True)):
        torch.manual_seed(1)
        built = CoreNetwork(network)
        lead = (1, len(inputs["k"]))
        with torch.inference_mode():
            found = [built.whole(tensors(one, lead=lead)).floor for one in (inputs, other)]
        assert torch.equal(*found) is same


def test_the_command_line(made: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(as_json(TINY)))
    out = tmp_path / "run"
    given = ["--data", str(made.data), "--out", str(out), "--config", str(config)]
    assert command.main(["core", *given, "--steps", "3", "--ablate", "own"]) == 0
    assert "finished" in capfd.readouterr().out
    kept = json.loads((out / "run.json").read_text())["training"]["network"]["streams"]
    assert "own_dmel" not in kept and "person_dmel" in kept
    assert command.main(["core", *given, "--steps", "3", "--ablate", "ears"]) == 2
    assert "known are encoder" in capfd.readouterr().err
    assert command.main(["ablation", *given, "--steps", "3"]) == 2
    assert "--dev" in capfd.readouterr().err
    judged = ["--run", str(out), "--dev", str(made.dev)]
    assert (
        command.main(["export", *judged, "--out", str(tmp_path / "to"), "--most-wrong", "0.5"]) == 0
    )
    assert json.loads(capfd.readouterr().out)["turn"]["n"] > 0
    assert command.main(["failures", *judged]) == 0
    assert "step 3: turn" in capfd.readouterr().out
    (out / "state.pt").unlink()
    assert command.main(["failures", *judged]) == 2
    assert "no checkpoint yet" in capfd.readouterr().err


@pytest.fixture
def two(made: Run, tmp_path: Path) -> tuple[Path, Path]:
    """Two checkpoints that differ."""
    assert made.dev is not None
    second = replace(made, out=tmp_path / "run", dev=None)
    assert train(second, TINY, 2, 4)
    folders = (tmp_path / "first", tmp_path / "second")
    for run, folder in zip((made, second), folders, strict=True):
        export(run.out, made.dev, folder)
    return folders


def test_checkpoints_are_joined_by_weight_and_the_second_expert_is_one_of_theirs(
    made: Run, two: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["join", "--part", f"1:{two[0]}", "--part", f"3:{two[1]}", "--onsets", str(two[1]),
             "--yield-weight", "0.5", "--out", str(out)]  # fmt: skip
    assert command.main(words) == 0
    first, second, found = (load_core(one).state_dict() for one in (*two, out))
    onsets = [name for name in found if name.startswith("onsets.")]
    assert 0 < len(onsets) < len(found)
    for name, value in found.items():
        wanted = second[name] if name in onsets else 0.25 * first[name] + 0.75 * second[name]
        torch.testing.assert_close(value, wanted)
    assert load_core(out).config == replace(TINY.network, yield_weight=0.5)
    recipe = json.loads((out / "recipe.json").read_text())
    assert "note" in json.loads((two[0] / "recipe.json").read_text()) and "note" not in recipe
    joined = recipe["joined"]
    assert [(one["weight"], one["seed"]) for one in joined["parts"]] == [(0.25, 1), (0.75, 2)]
    assert joined["onsets"] == {name: value for name, value in joined["parts"][1].items()
                                if name != "weight"}  # fmt: skip


def test_where_a_checkpoint_acts_is_set_by_dev_or_by_hand(
    made: Run, two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert made.dev is not None
    weights = (two[0] / "core.safetensors").read_bytes()
    before = OperatingPoint.from_file(two[0] / "operating_point.json")
    words = ["choose", "--core", str(two[0]), "--dev", str(made.dev), "--note", "A note."]
    assert command.main([*words, "--yielding", "0.123", "--overdue", "0.4"]) == 0
    after = OperatingPoint.from_file(two[0] / "operating_point.json")
    assert after == replace(before, yielding=0.123, overdue=0.4)
    card = (two[0] / "MODEL_CARD.md").read_text()
    assert "By hand: overdue, yielding." in card and "A note." in card
    assert json.loads((two[0] / "dev.json").read_text())["point"]["yielding"] == 0.123
    assert (two[0] / "core.safetensors").read_bytes() == weights
    told = capsys.readouterr().out
    assert "dev: turn" in told and "all together: turn" in told
    assert command.main([*words, "--take", "1.5"]) == 2
    assert command.main([*words, "--dev", str(made.dev)]) == 2, "the same twice"


def test_a_second_expert_may_come_from_a_network_that_reads_other_streams(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    other = CoreNetwork(TINY.network.without("belief", "message"))
    save_core(other, tmp_path / "other")
    given = ["--part", f"1:{two[0]}", "--onsets", str(tmp_path / "other")]
    assert command.main(["join", *given, "--out", str(tmp_path / "out")]) == 0
    made = load_core(tmp_path / "out")
    assert made.onsets is not None and other.onsets is not None
    for name, value in other.onsets.state_dict().items():
        assert torch.equal(made.onsets.state_dict()[name], value), name
    assert made.config == load_core(two[0]).config
    deaf = CoreNetwork(TINY.network.without("person_bands"))
    save_core(deaf, tmp_path / "deaf")
    given[-1] = str(tmp_path / "deaf")
    assert command.main(["join", *given, "--out", str(tmp_path / "no")]) == 2


def test_what_cannot_be_joined_is_refused(
    made: Run, two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wider = CoreNetwork(replace(TINY.network, width=2 * TINY.network.width))
    save_core(wider, tmp_path / "wider")
    for parts, why in (
        ([f"1:{two[0]}", f"1:{tmp_path / 'wider'}"], "another network"),
        ([f"0:{two[0]}"], "no WEIGHT:FOLDER"),
        (["half:out"], "no WEIGHT:FOLDER"),
        ([f"1:{tmp_path}"], "is missing"),
    ):
        given = [word for part in parts for word in ("--part", part)]
        assert command.main(["join", *given, "--out", str(tmp_path / "out")]) == 2
        assert why in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
