"""The decoder is chosen by what is there and by what was measured here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from model.interaction import choice
from model.weights.store import folder


def test_without_the_better_part_the_default_is_taken(tmp_path: Path) -> None:
    assert choice.choose(tmp_path, "cpu") == "language-0.5b"


@pytest.mark.parametrize(
    ("speed", "chosen"),
    [
        (choice.NEEDED_TOKENS_A_SECOND + 1, "language-1.5b"),
        (choice.NEEDED_TOKENS_A_SECOND - 1, "language-0.5b"),
    ],
)
def test_a_remembered_speed_decides(tmp_path: Path, speed: float, chosen: str) -> None:
    better = tmp_path / "language-1.5b"
    better.mkdir()
    (better / "config.json").write_text("{}")
    (better / choice.REMEMBERED).write_text(json.dumps({choice._machine("cpu"): speed}))
    assert choice.choose(tmp_path, "cpu") == chosen


@pytest.mark.weights
@pytest.mark.timeout(60)
def test_an_unknown_machine_is_measured_once_and_remembered(tmp_path: Path) -> None:
    """The small part stands in for the better one: the measurement is the real one."""
    better = tmp_path / "language-1.5b"
    shutil.copytree(
        folder("language-135m"), better, ignore=shutil.ignore_patterns("*.gguf", "receipt.json")
    )
    choice.choose(tmp_path, "cpu")
    known = json.loads((better / choice.REMEMBERED).read_text())
    assert list(known) == [choice._machine("cpu")]
    assert next(iter(known.values())) > 0
