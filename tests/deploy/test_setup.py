"""What set-up says where something is missing: what that is, and how it is called there."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
TOOLS: Final = ("bash", "basename", "dirname", "grep", "rm", "sed", "uname")
PROGRAMS: Final = ("turnserver", "curl", "espeak-ng", "flite", "ip", "text2wave", "systemd-analyze")


def machine(folder: Path, programs: Sequence[str] = (), **saying: str) -> Path:
    """A folder for PATH with what every system has, `programs` that do nothing, and some that say
    a word."""
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    for name, word in {**dict.fromkeys(programs, ""), **saying}.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_text(f"#!/bin/sh\necho {word}\n")
        (folder / name).chmod(0o755)
    return folder


def failed(script: Path, path: Path, *words: str) -> str:
    """What a script says that gives up."""
    ran = subprocess.run(
        [path / "bash", script, *words], env={"PATH": str(path)}, capture_output=True, text=True
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    return ran.stderr


@pytest.mark.parametrize(
    ("manager", "system", "told"),
    [
        ("apt-get", "Linux", "Ubuntu 22.04: apt install python3.11 python3.11-venv"),
        ("dnf", "Linux", "Fedora: dnf install python3.12"),
        ("pacman", "Linux", "Arch: pacman -S python"),
        ("brew", "Darwin", "macOS: brew install python@3.12"),
        ("emerge", "Linux", "install it with its venv module"),
    ],
)
def test_a_missing_python_is_named_as_it_is_called_there(
    tmp_path: Path, manager: str, system: str, told: str
) -> None:
    script = tmp_path / "deploy" / "setup.sh"
    script.parent.mkdir()
    shutil.copy(DEPLOY / "setup.sh", script)
    path = machine(tmp_path / "bin", [manager], uname=system)
    said = failed(script, path, "")
    assert said.startswith("setup: Python 3.11 or newer is needed; ")
    assert said.endswith(f"{told}\n")


def test_a_torch_that_is_not_to_be_had_is_told_with_what_to_do(tmp_path: Path) -> None:
    script = tmp_path / "deploy" / "setup.sh"
    script.parent.mkdir()
    shutil.copy(DEPLOY / "setup.sh", script)
    (tmp_path / "pyproject.toml").write_text('    "torch==0.0.0",\n')
    python = tmp_path / "python"
    # One that has pip and venv, in which nothing can be installed.
    python.write_text(
        '#!/bin/sh\ncase "$*" in\n'
        f'  "-m venv .venv") mkdir -p .venv/bin; cp {python} .venv/bin/python ;;\n'
        '  *torch==0.0.0) echo "no matching distribution" >&2; exit 1 ;;\n'
        "  --version) echo Python 3.99 ;;\nesac\n"
    )
    python.chmod(0o755)
    path = machine(tmp_path / "bin")
    for tool in ("mkdir", "cp"):
        (path / tool).symlink_to(shutil.which(tool) or "")
    told = failed(script, path, str(python))
    assert "torch==0.0.0 could not be installed" in told
    assert "for Python 3.99 on Linux" in told and "make PYTHON=python3.12" in told


def test_without_debians_packages_the_tests_say_what_they_lack(tmp_path: Path) -> None:
    path = machine(tmp_path / "bin", PROGRAMS[2:])
    told = failed(DEPLOY / "test-packages.sh", path)
    assert "Missing here: turnserver curl\n(Debian's packages coturn curl)" in told


def test_a_user_is_told_what_root_must_install(tmp_path: Path) -> None:
    path = machine(tmp_path / "bin", [*PROGRAMS[1:], "apt-get"], id="1000")
    told = failed(DEPLOY / "test-packages.sh", path)
    assert told.endswith("sudo apt-get install coturn\n")


def test_what_came_from_elsewhere_is_good(tmp_path: Path) -> None:
    path = machine(tmp_path / "bin", PROGRAMS)
    script = DEPLOY / "test-packages.sh"
    subprocess.run([path / "bash", script], env={"PATH": str(path)}, check=True)
