"""A store of one's own, and pip that finds only what a test made."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def store_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store that `COUNTERPOINT_WEIGHTS` names."""
    place = tmp_path / "store"
    monkeypatch.setenv("COUNTERPOINT_WEIGHTS", str(place))
    return place


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all pip knows."""
    place = tmp_path / "wheels"
    place.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(place))
    return place
