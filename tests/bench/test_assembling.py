"""A report of what was played of a run, which may be going on, leaves the run as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench import redrawing
from tests.bench.assembling import from_clips
from tests.bench.files import as_lines
from tests.bench.machines import places
from tests.bench.metrics import statistics
from tests.bench.policies import POLICIES, perform
from tests.bench.records import Record, Shard
from tests.bench.redrawing import main
from tests.bench.report import markdown
from tests.bench.running import Draw, Work

HEAD: dict[str, Any] = {
    "commit": "0123456789abcdef", "uncommitted": "", "checkpoint": None, "suite": "turn",
    "split": "dev", "seed": 3, "url": "", "policy": "", "engine": [],
    "baseline": ["timeout_400={}"], "variant": ["core=core=shipped"], "target": [], "rival": [],
}  # fmt: skip
MACHINE = {"processor": "one", "cores": 2, "memory_gib": 4, "load": [0.1], "versions": {"av": "1"}}
SITTING = {"started": 1, "machine": MACHINE, "calibration": None, "without": {}, "rivals": {}}
TARGETS = ("", "baseline.timeout_400.", "baseline.core.")


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals are not what is tested here."""
    monkeypatch.setattr(statistics, "RESAMPLES", 40)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Two clips, of which the second was played to ours alone, and a line that was cut off."""
    shard = Shard(tmp_path / "run.shard.jsonl", HEAD)
    shard.sit(SITTING)
    for index, targets in ((0, TARGETS), (1, TARGETS[:1])):
        work = Work("turn", "synthetic", index)
        log = perform(Draw("dev", 3).script(work), POLICIES["reference"]())
        for target in targets:
            shard.add(Record(target, "turn", work.clip, log))
    with shard.path.open("a") as file:
        file.write('{"target": "", "cl')
    return tmp_path / "run.json"


def test_it_stands_on_what_all_have_played_and_says_so(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = out.with_suffix(".shard.jsonl").read_text()
    assert main([str(out), "--from-clips", "1"]) == 0
    assert out.with_suffix(".shard.jsonl").read_text() == before and not out.exists()
    made = out.with_suffix(".clips.json")
    assert str(made.with_suffix(".html")) in capsys.readouterr().out
    run = json.loads(made.read_text())["run"]
    assert (run["clips"], run["planned"], run["n"]) == (1, 4, 1)
    text = made.with_suffix(".md").read_text()
    assert "PARTIAL: 1 of 4 clips" in text
    assert "variant.core" in text and "null.timeout_700" in text


def test_what_was_measured_beside_the_same_run_is_in_it(out: Path) -> None:
    one = {"value": 1.0, "n": 5, "seed": 3, "ci95": [0.9, 1.1]}
    kept = {"head": {**HEAD, "n": 1, "sessions": 4}, "parts": {"x": {"transport.stock_ratio": one}}}
    out.with_suffix(".beside.json").write_text(json.dumps(kept))
    assert from_clips(out, 1)[0]["measures"]["transport.stock_ratio"]["value"] == 1.0
    kept["head"]["seed"] = 4
    out.with_suffix(".beside.json").write_text(json.dumps(kept))
    assert "transport.stock_ratio" not in from_clips(out, 1)[0]["measures"]


def test_a_run_that_went_on_elsewhere_tells_the_figures_of_each_machine(out: Path) -> None:
    assert from_clips(out, 1)[0]["machines"] == []
    shard = Shard(out.with_suffix(".shard.jsonl"), HEAD)
    shard.sit(SITTING | {"machine": MACHINE | {"processor": "two", "memory_gib": 4.4}})
    work = Work("turn", "synthetic", 1)
    log = perform(Draw("dev", 3).script(work), POLICIES["reference"]())
    for target in TARGETS[1:]:
        shard.add(Record(target, "turn", work.clip, log, load=2.0))
    result, records = from_clips(out, 2)
    first, second = result["machines"]
    assert (first["machine"], first["calls"]) == ("one, 2 cores, 4 GiB", 4)
    assert (second["machine"], second["calls"], second["load_p50"]) == (
        "two, 2 cores, 4 GiB", 2, 2.0
    )  # fmt: skip
    latency = "turn.latency_mean_s"
    assert set(second["targets"]) == set(TARGETS[1:])
    ns = [one["targets"]["baseline.core."][latency]["n"] for one in (first, second)]
    assert sum(ns) == result["measures"][f"baseline.core.{latency}"]["n"] and min(ns) > 0
    text = markdown(result, records)
    assert "one, 2 cores, 4 GiB and two, 2 cores, 4 GiB." in text
    assert "two, 2 cores, 4 GiB: 2 calls, load p50 2.0." in text


def test_hosts_of_one_name_and_two_kernels_are_two_machines() -> None:
    kernels = [f"Linux-6.18.44-v{build}-x86_64-with-glibc2.36" for build in (782, 657)]
    told: list[dict[str, str]] = [{"system": one} for one in (*kernels, kernels[0])]
    first, second, bare = places([{"machine": MACHINE | one} for one in (*told, {})])
    assert first == f"{bare}, Linux 6.18.44-v782" and second == f"{bare}, Linux 6.18.44-v657"


def test_what_nobody_has_played_is_no_report(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out.with_suffix(".shard.jsonl").write_text(as_lines([HEAD]))
    assert main([str(out), "--from-clips", "1"]) == 2
    assert "no clip has been played by all" in capsys.readouterr().err
    assert main([str(out.with_name("other.json")), "--from-clips", "1"]) == 2


def test_a_report_is_drawn_again_of_what_its_result_is_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shard holds clips of a larger `--n` and of the other half, and a rival left out later."""
    head = HEAD | {"rival": ["pipecat"]}
    shard = Shard(tmp_path / "run.shard.jsonl", head)
    shard.sit(SITTING | {"without": {"rival.pipecat": "no environment"}})
    for target in (*TARGETS, "rival.pipecat."):
        for clip in ("turn-synthetic-0000", "turn-synthetic-0007", "turn-human-0000"):
            shard.add(Record(target, "turn", clip, failure="busy"))
    drawn: list[Record] = []

    def written(_html: Path, _text: Path, _result: object, records: list[Record]) -> None:
        drawn.extend(records)

    monkeypatch.setattr(redrawing, "write_report", written)
    out = tmp_path / "run.json"
    out.write_text(json.dumps({"run": head | {"n": 1, "half": "synthetic"}}))
    redrawing.redraw(out)
    ours = {(one.target, one.clip) for one in drawn if not one.target.startswith("null.")}
    assert ours == {(target, "turn-synthetic-0000") for target in TARGETS}
    assert {one.clip for one in drawn} == {"turn-synthetic-0000"}
