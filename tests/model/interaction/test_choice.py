"""The decoder is chosen by what is there and by what was measured here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import torch

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


class Timed:
    """A Language that takes a set time for a token, by the number of threads."""

    def __init__(self, seconds: dict[int, float]) -> None:
        self.seconds = seconds
        self.length = 0
        self.now = 0.0

    def encode(self, text: str) -> list[int]:
        return [1, 2]

    def append(self, row: int, ids: Sequence[int]) -> Iterator[None]:
        self.length += len(ids)
        yield

    def next_tokens(self, rows: Sequence[int]) -> list[int]:
        self.now += self.seconds[torch.get_num_threads()]
        self.length += 1
        return [1]

    def reset(self, row: int) -> None:
        self.length = 0


@pytest.mark.parametrize(("several", "chosen"), [(0.01, 4), (0.018, 1), (0.04, 1)])
def test_several_threads_are_taken_where_they_are_clearly_quicker(
    several: float, chosen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    before = torch.get_num_threads()
    language = Timed({1: 0.02, 4: several})
    try:
        assert choice.choose_threads(cast(Any, language), lambda: language.now) == chosen
    finally:
        torch.set_num_threads(before)
    assert language.length == 0, "nothing of it is left in the row"
