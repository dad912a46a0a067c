"""Suite `visual`: calls that fail, servers that do not look, clips of another commit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bench import systems
from tests.bench.harness.caller import CallFailed
from tests.bench.metrics import statistics
from tests.bench.metrics.visual import Announcement
from tests.bench.records import MOST_FAILURES, Record, ShardMismatch
from tests.bench.results import failures
from tests.bench.running import Draw, Target
from tests.bench.visual import running
from tests.bench.visual.calling import NotLooked, Viewed, unseen
from tests.bench.visual.script import VisualScript, Wanted

OPTIONS: dict[str, Any] = {"engine": [], "policy": None, "url": None, "fresh": False, "n": 4,
                           "half": "synthetic"}  # fmt: skip
TARGET = Target("", "http://x")


def script(_split: str, _seed: int, index: int) -> VisualScript:
    """An apple comes after a second."""
    wanted = Wanted("comes", "object", "apple")
    return VisualScript(
        f"visual-{index}", "object", "Tell me when an apple appears.", ("apple",), wanted, 10.0,
        (320, 240), 5.0, (1.0,), lambda _: np.zeros((240, 320, 3), np.uint8),
    )  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Clips that were shown: of every four one call fails, in one the server does not look."""
    shown: list[str] = []

    async def view(_url: str, one: VisualScript, _seed: int) -> Viewed:
        shown.append(one.clip)
        if one.clip == "visual-1":
            raise CallFailed("503 busy")
        if one.clip == "visual-2":
            raise NotLooked("the server did not look at the camera within 15 s")
        found = unseen(one)
        said = (Announcement(1.5),)
        return replace(found, log=replace(found.log, spoken=said, told=said, asked=True))

    monkeypatch.setattr(running, "view", view)
    monkeypatch.setattr(running, "make_script", script)
    monkeypatch.setattr(running, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(statistics, "RESAMPLES", 20)
    return shown


async def test_a_call_that_fails_is_told_and_a_server_that_does_not_look_is_silent(
    tmp_path: Path, asked: list[str]
) -> None:
    options = OPTIONS | {"json": tmp_path / "run.json"}
    for sitting in range(MOST_FAILURES + 1):
        before = len(asked)
        failed: list[Record] = []
        found = await systems.run_system("visual", TARGET, Draw("dev", 1), [], options, failed)
        assert failures(failed) == {"ours": {"n": 1, "calls": 0, "reasons": ["503 busy"]}}
        assert found["visual.asked"].n == 3
        # Two of three events were announced, none was made up.
        assert found["visual.event_f1"].value == pytest.approx(0.8)
        again = asked[before:]
        assert set(again) == ({"visual-1"} if sitting else {f"visual-{i}" for i in range(4)}) or (
            sitting == MOST_FAILURES and not again
        )


@pytest.mark.parametrize("name", ["measured_commit", "uncommitted"])
async def test_clips_of_older_code_are_not_taken_for_those_of_this(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    options = OPTIONS | {"json": tmp_path / "run.json"}
    await running.run_visual(TARGET, Draw("dev", 1), options, [])
    before = len(asked)
    with pytest.raises(ShardMismatch, match="policy"):
        await running.run_visual(TARGET, Draw("dev", 1), options | {"policy": "silence"}, [])
    monkeypatch.setattr(running, name, lambda: "another")
    with pytest.raises(ShardMismatch, match=name.removeprefix("measured_")):
        await running.run_visual(TARGET, Draw("dev", 1), options, [])
    assert len(asked) == before
