"""Who may import whom: the table of ARCHITECTURE.md as data."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ASYNC = ("asyncio", "aiohttp", "aiortc")

HEAVY = ("torch", "onnxruntime", "transformers")

FORBIDDEN: dict[str, tuple[str, ...]] = {
    "client": (*HEAVY, "scipy", "server", "model", "tests"),
    "server": (*HEAVY, "tests"),
    "model": (*ASYNC, "server", "tests"),
    "model/engine": (*ASYNC, "torch", "server", "tests"),
}
"""Folder: modules that nothing in it may import, at its top or inside a function."""

SPAWN_TARGET = "model.engine.worker"
SHARED = ("model.messages", "model.orders", "model.sight", "model.timebase", "model.config")
"""What `server` may take from `model`; the spawn target besides, in one file of its own."""


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder} holds no module: this check would check nothing"
    return found


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            for name in node.names:
                yield f"{node.module}.{name.name}", node.lineno


def reaches(imported: str, forbidden: str) -> bool:
    return imported == forbidden or imported.startswith(forbidden + ".")


@pytest.mark.parametrize("folder", sorted(FORBIDDEN))
def test_nothing_forbidden_is_imported(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in modules(folder)
        for name, line in imports(path)
        for forbidden in FORBIDDEN[folder]
        if reaches(name, forbidden)
    ]
    assert wrong == []


def taken(folder: str, wrong: Callable[[Path, str], bool]) -> list[str]:
    """Imports in a folder that are wrong, with their places."""
    return [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in modules(folder)
        for name, line in imports(path)
        if wrong(path, name)
    ]


def test_networks_know_nothing_of_who_uses_them() -> None:
    def wrong(_: Path, name: str) -> bool:
        return reaches(name, "model") and not reaches(name, "model.nn")

    assert taken("model/nn", wrong) == []


@pytest.mark.parametrize(
    "folder", ["server", "client", "model/engine", "model/interaction", "model/replay"]
)
def test_nothing_that_runs_takes_anything_from_training(folder: str) -> None:
    assert taken(folder, lambda _, name: reaches(name, "model.training")) == []


def test_the_server_takes_only_the_messages_from_the_model() -> None:
    def wrong(path: Path, name: str) -> bool:
        shared = any(reaches(name, one) for one in SHARED)
        spawned = reaches(name, SPAWN_TARGET) and path.name.startswith("engine_")
        return reaches(name, "model") and not shared and not spawned

    assert taken("server", wrong) == []


def test_importing_the_server_loads_no_torch() -> None:
    heavy = "torch", "onnxruntime", "transformers", "model.interaction"
    code = (
        "import sys, server.app; "
        f"loaded = [n for n in {heavy!r} if n in sys.modules]; "
        "print(loaded); sys.exit(bool(loaded))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_client_is_imported_without_anything_else_of_ours() -> None:
    absent = "torch", "scipy", "server", "model", "tests", "sounddevice"
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({absent!r}))\n"  # None: as if it were not there
        "import client, client.talk, client.devices\n"
        "try:\n"
        "    client.devices.check()\n"
        "except client.NoDevice as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "pip install" in done.stdout
