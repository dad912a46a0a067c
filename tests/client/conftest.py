"""One server with the scripted engine for all tests of the Python client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.client.served import scripted
from tests.client.wires import Wire
from tests.network.testbed import TestBed


@pytest.fixture(scope="package")
def scripted_server() -> Iterator[tuple[TestBed, str]]:
    """The bed and the server's address; it takes three at a time."""
    with scripted("--max-sessions", "3") as running:
        yield running


@pytest.fixture
def url(scripted_server: tuple[TestBed, str]) -> str:
    """Its address."""
    return scripted_server[1]


@pytest.fixture
def wires(monkeypatch: pytest.MonkeyPatch) -> list[Wire]:
    """Those that were laid; nothing is waited for between attempts."""
    laid: list[Wire] = []

    def lay(*_: object) -> Wire:
        laid.append(Wire())
        return laid[-1]

    monkeypatch.setattr("client.connection.Line", lay)
    monkeypatch.setattr("client.connection.WAITS_SECONDS", (0.0,))
    return laid
