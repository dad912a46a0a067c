"""Which floor a setting names."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.interaction.load import _elsewhere, needed, rules
from tests.bench.floors import RULES


def test_a_floor_is_a_core_the_rules_or_found_by_import() -> None:
    assert _elsewhere("shipped") is None
    assert _elsewhere("out/core/mine") is None and _elsewhere("C:\\core") is None
    assert _elsewhere("rules") is rules
    assert _elsewhere(RULES) is rules


@pytest.mark.parametrize("setting", ["tests.bench.nowhere:rules", "tests.bench.floors:nobody"])
def test_a_floor_that_is_not_there_is_told(setting: str) -> None:
    with pytest.raises(ValueError, match=f"core={setting} names no function"):
        _elsewhere(setting)


def test_a_part_that_was_not_fetched_is_told_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="weights fetch --only ears"):
        needed(tmp_path, ("ears",))
