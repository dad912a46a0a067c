"""The Python of docs/client.md, run as it stands there, against a server."""

from __future__ import annotations

import re
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from client import write_wav
from tests.client.test_parts import tone

pytestmark = pytest.mark.timeout(60)

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs/client.md").read_text("utf-8"), re.S)
HERE = "http://localhost:8080"

# The scripted engine does what typed text says.
SCRIPT = {
    '"What is the weather in Oslo?"': repr('call weather {"city": "Oslo"}'),
    '"Tell me a story."': '"say 20"',
    # It hears nothing: what is spoken is typed besides.
    'await conversation.speak("question.wav")': (
        'await conversation.speak("question.wav"); conversation.send_text("say 2")'
    ),
}


def run(block: str, url: str, folder: Path) -> str:
    """What a block prints; its server and its questions are ours."""
    assert HERE in block
    code = block.replace(HERE, url)
    for asked, scripted_text in SCRIPT.items():
        code = code.replace(asked, scripted_text)
    (folder / "snippet.py").write_text(code, "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "snippet.py"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_there_are_three() -> None:
    assert len(BLOCKS) == 3


def test_a_file_is_spoken_and_captions_are_printed(url: str, tmp_path: Path) -> None:
    write_wav(tmp_path / "question.wav", tone(0.3))
    assert run(BLOCKS[0], url, tmp_path).splitlines() == ["you:   say 2", "agent: w0 w1"]


def test_the_tool_is_used(url: str, tmp_path: Path) -> None:
    assert run(BLOCKS[1], url, tmp_path).splitlines() == ["It rains in Oslo."]


def test_a_story_is_cut_and_what_was_heard_is_kept(url: str, tmp_path: Path) -> None:
    shown = run(BLOCKS[2], url, tmp_path).splitlines()
    assert shown[0].strip() == "person say 20"
    (story,) = (line for line in shown if line.startswith("agent w0 w1"))
    assert story.endswith("(cut)")
    assert any(line.startswith("agent All right") for line in shown)
    with wave.open(str(tmp_path / "heard.wav")) as file:
        assert file.getnframes() > 48_000


def test_the_example_in_python_talks_to_the_server_and_says_what_it_lacks(url: str) -> None:
    """Here is neither sounddevice nor a device: it gets as far as the microphone."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "assistant.py"), url],
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 1
    assert "sounddevice" in done.stderr and "libportaudio2" in done.stderr
    assert "Traceback" not in done.stderr
