"""The text log of sessions: opt-in, bounded, private, deletable; and the text of the metrics."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from model.messages import Heard, MicroTurnInput
from server import session_log as bounds
from server.metrics import Gauge, Histogram, Metrics, render
from server.session_log import LogWriter, SessionLog

AUDIO = np.zeros(1600, np.float32)


def closed(writer: LogWriter) -> None:
    """Close it; a service that ends does not wait for a slow disk as long as this does."""
    writer.close()
    writer._thread.join(60)
    assert not writer._thread.is_alive()


def test_lines_are_kept_in_order_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "recordings")
    log = SessionLog(writer, "abc")
    log.event('{"type":"one"}')
    log.micro_turn(MicroTurnInput(0, 0, AUDIO))
    log.micro_turn(MicroTurnInput(0, 1, AUDIO, texts=("hi",), heard=(Heard(0, 5, True),)))
    log.close()
    closed(writer)
    file = tmp_path / "recordings" / "abc.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines == [
        {"type": "one"},
        {"type": "micro_turn", "k": 1, "texts": ["hi"], "heard": [[0, 5, True]], "commands": []},
    ]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_deleted_is_deleted_with_what_still_waited(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path)
    for _ in range(100):
        SessionLog(writer, "abc").event("{}")
    writer.delete("abc")
    closed(writer)
    assert list(tmp_path.iterdir()) == []


def test_a_deletion_is_never_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_QUEUE_LINES", 2)
    writer = LogWriter(tmp_path)
    for _ in range(500):
        writer.put("abc", "x" * 1_000)
    writer.delete("abc")
    writer.put("other", "{}")
    closed(writer)
    left = {path.name for path in tmp_path.iterdir()}
    assert writer.dropped_lines > 0 and left <= {"other.jsonl"}


def test_a_file_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_MAX_BYTES", 100)
    writer = LogWriter(tmp_path)
    for _ in range(100):
        SessionLog(writer, "abc").event("x" * 50)
    closed(writer)
    assert (tmp_path / "abc.jsonl").stat().st_size <= 200
    assert writer.dropped_lines == 98


def test_a_disk_that_is_nearly_full_is_left_to_others_and_it_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bounds, "_LINES_BETWEEN", 3)
    room = iter([True, False, False, True])
    spare = bounds._SPARE_BYTES

    def usage(folder: Path) -> SimpleNamespace:
        assert folder == tmp_path
        return SimpleNamespace(free=spare if next(room) else spare - 1)

    monkeypatch.setattr("server.session_log.shutil.disk_usage", usage)
    writer = LogWriter(tmp_path)
    for number in range(8):
        writer.put("abc", f"{number}")
    closed(writer)
    kept = (tmp_path / "abc.jsonl").read_text().split()
    assert kept == ["0", "1", "2", "3", "6", "7"] and writer.dropped_lines == 2
    assert len([one for one in caplog.records if "1023 MB" in one.getMessage()]) == 1


def test_more_sessions_than_open_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_OPEN_FILES", 2)
    writer = LogWriter(tmp_path)
    for _ in range(3):
        for session in "abcd":
            SessionLog(writer, session).event("x")
    closed(writer)
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["x\nx\nx\n"] * 4


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "open", lambda *_, **__: pytest.fail("a file was opened"))
    log = SessionLog(None, "abc")
    log.event("{}")
    log.micro_turn(MicroTurnInput(0, 0, AUDIO, texts=("hi",)))
    log.close()
    assert list(tmp_path.iterdir()) == []


def test_metrics_are_prometheus_text() -> None:
    metrics = Metrics(sessions_started=3)
    metrics.sessions_ended["goodbye"] += 2
    text = render(metrics, [Gauge("sessions", "Now.", 1), Gauge("engine_ready", "Up.", True)])
    lines = text.splitlines()
    assert "counterpoint_sessions_started_total 3" in lines
    assert 'counterpoint_sessions_ended_total{reason="goodbye"} 2' in lines
    assert "counterpoint_sessions 1" in lines
    assert "counterpoint_engine_ready 1" in lines
    assert text.endswith("\n")


def test_a_histogram_is_one_of_prometheus() -> None:
    histogram = Histogram("tick_seconds", "Of a tick.", (0.01, 0.5), (3, 4, 6), 2.5)
    assert render(Metrics(), [histogram]).splitlines()[-7:] == [
        "# HELP counterpoint_tick_seconds Of a tick.",
        "# TYPE counterpoint_tick_seconds histogram",
        'counterpoint_tick_seconds_bucket{le="0.01"} 3',
        'counterpoint_tick_seconds_bucket{le="0.5"} 4',
        'counterpoint_tick_seconds_bucket{le="+Inf"} 6',
        "counterpoint_tick_seconds_sum 2.500000",
        "counterpoint_tick_seconds_count 6",
    ]
