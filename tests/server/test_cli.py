"""The console script: one word, then what belongs to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from server import cli
from server.settings import load

RUN = [sys.executable, "-c", "import sys; from server.cli import main; sys.exit(main())"]


def test_help_lists_what_this_checkout_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    said = capsys.readouterr().out
    for word in ("serve", "doctor", "weights"):
        assert f"\n  {word} " in said


def test_an_unknown_command_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sing"]) == 2
    assert "there is no command 'sing'" in capsys.readouterr().err


def test_what_needs_the_checkout_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "CHECKOUT", tmp_path)
    assert cli.main(["bench", "turn"]) == 1
    assert "it needs the checkout" in capsys.readouterr().err
    cli.main(["--help"])
    assert "bench" not in capsys.readouterr().out


def test_weights_run_in_a_python_of_their_own_from_any_folder(tmp_path: Path) -> None:
    places = {"COUNTERPOINT_WEIGHTS": str(tmp_path), "PYTHONPATH": str(cli.CHECKOUT)}
    ran = subprocess.run(
        [*RUN, "weights", "list", "--json"],
        cwd=tmp_path,
        env=os.environ | places,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["folder"] == str(tmp_path)
    failed = subprocess.run([*RUN, "weights", "path", "nose"], capture_output=True, timeout=60)
    assert failed.returncode == 1, "the exit status comes through"


def test_a_wrong_setting_is_an_error_before_anything_starts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["serve", "--port", "many"]) == 2
    assert "port must be of type int" in capsys.readouterr().err


def test_only_settings_reach_the_settings() -> None:
    """`COUNTERPOINT_WEIGHTS` is for other commands too; the server knows it as the engine's."""
    given = {"COUNTERPOINT_WEIGHTS": "/w", "COUNTERPOINT_HUB": "h", "COUNTERPOINT_PORT": "1"}
    clients = {"COUNTERPOINT_KEY": "cpk_a", "COUNTERPOINT_URL": "http://localhost:8080/v1"}
    left = cli.server_environment(given | clients | {"HOME": "/"})
    assert left == {
        "COUNTERPOINT_ENGINE_WEIGHTS": "/w",
        "COUNTERPOINT_PORT": "1",
        "HOME": "/",
    }
    assert load(environ=left).port == 1
    own = given | {"COUNTERPOINT_ENGINE_WEIGHTS": "/other"}
    assert cli.server_environment(own)["COUNTERPOINT_ENGINE_WEIGHTS"] == "/other"
