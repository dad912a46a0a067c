"""One server for the whole folder, with the small decoder: its start is paid for once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from server.auth import new_key
from server.auth_keys import save_keys
from tests.end_to_end.served import Served
from tests.network.testbed import TestBed

# What can be interrupted has some twenty words; more would only be waited for.
_SMALL: Final = ("--engine", "language=language-135m", "--engine", "answer_tokens=24")
_CROWD: Final = ("--offers-per-window=1000", "--max-sessions-per-address=64")
_LOAD_SECONDS: Final = 240.0
_PORT: Final = 8095
_PAGE_PORT: Final = 9000


@pytest.fixture(scope="package")
def bed() -> Iterator[TestBed]:
    """A server's side and a client's, which this thread joins."""
    with TestBed() as joined, joined.in_client():
        yield joined


@pytest.fixture(scope="package")
def origin(bed: TestBed) -> str:
    """Of somebody else's page, which may call the server."""
    return f"http://{bed.client_address}:{_PAGE_PORT}"


@pytest.fixture(scope="package")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], Path]:
    """Two keys, of which `single` may have one session at a time, and the file that knows them."""
    file = tmp_path_factory.mktemp("keys") / "keys.jsonl"
    made = {"tests": new_key("tests", 0, 1_000), "single": new_key("single", 1, 1_000)}
    save_keys(file, [kept for _, kept in made.values()])
    return {name: token for name, (token, _) in made.items()}, file


@pytest.fixture(scope="package")
def key(keys: tuple[dict[str, str], Path]) -> str:
    """Of somebody's server."""
    return keys[0]["tests"]


@pytest.fixture(scope="package")
def served(bed: TestBed, origin: str, keys: tuple[dict[str, str], Path]) -> Iterator[Served]:
    """The server, which wants keys."""
    command = [sys.executable, "-u", "-m", "server.cli", "serve"]
    where = ("--host", bed.server_address, "--port", str(_PORT))
    doors = ("--api-keys", str(keys[1]), "--allowed-origins", origin)
    running = Served(bed.spawn_server([*command, *where, *_CROWD, *doors, *_SMALL]))
    running.wait_ready(_LOAD_SECONDS)
    yield running
