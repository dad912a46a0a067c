"""The progress bar: a bar on a terminal, a few lines elsewhere."""

from __future__ import annotations

import io
import shutil
import threading
import time
from pathlib import Path

import pytest

from model.weights import progress
from model.weights.progress import Progress, folder_bytes, megabytes


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_it_is_one_line_a_step_and_a_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 3_600.0)
    out = io.StringIO()
    bar = Progress(10_000_000, out)
    bar.label("ears: something 1.0")
    for _ in range(100):
        bar.advance(100_000)
    bar.close()
    lines = out.getvalue().splitlines()
    assert lines[0] == "  0%  0 kB of 10 MB  ears: something 1.0"
    assert lines[-1] == "100%  10 MB of 10 MB  ears: something 1.0"
    assert len(lines) == 2


def test_on_a_terminal_it_stays_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOOK_EVERY_SECONDS", 0.0)
    out = Terminal()
    bar = Progress(1_000, out)
    bar.advance(500)
    bar.close()
    assert "[############            ]  50%" in out.getvalue()
    assert out.getvalue().count("\n") == 1 and out.getvalue().endswith("\n")


def test_a_growing_folder_moves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOOK_EVERY_SECONDS", 0.01)
    out = Terminal()
    bar = Progress(1_000, out)
    with bar.watching(tmp_path, 1_000):
        (tmp_path / "half").write_bytes(bytes(500))
        deadline = time.monotonic() + 60
        while " 50%" not in out.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert " 50%" in out.getvalue() and "100%" in out.getvalue()


def test_sizes_are_counted_and_written_for_people(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a").write_bytes(bytes(3))
    (tmp_path / "inner" / "b").write_bytes(bytes(4))
    assert folder_bytes(tmp_path) == 7
    assert [megabytes(491_400_064), megabytes(2_317)] == ["491 MB", "2 kB"]


def test_folders_may_vanish_while_they_are_counted(tmp_path: Path) -> None:
    """A downloader makes and removes folders of its own while the bar looks on."""
    over = threading.Event()

    def churn() -> None:
        while not over.is_set():
            shutil.rmtree(tmp_path / "outer", ignore_errors=True)
            (tmp_path / "outer" / "inner").mkdir(parents=True)

    (tmp_path / "stays").write_bytes(bytes(5))
    downloader = threading.Thread(target=churn)
    downloader.start()
    try:
        assert {folder_bytes(tmp_path) for _ in range(2_000)} == {5}
    finally:
        over.set()
        downloader.join()
