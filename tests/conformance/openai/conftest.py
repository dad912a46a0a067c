"""One server for both of OpenAI's APIs, and the published client that talks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from openai import AsyncOpenAI

from server.auth import new_key
from server.auth_keys import save_keys
from tests.end_to_end.served import Served
from tests.end_to_end.spoken import SMALL, model_server


@pytest.fixture(scope="package")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A key and the file that knows it."""
    file = tmp_path_factory.mktemp("keys") / "keys.jsonl"
    token, kept = new_key("tests", per_minute=1_000)
    save_keys(file, [kept])
    return token, str(file)


@pytest.fixture(scope="package")
def served(key: tuple[str, str]) -> Iterator[Served]:
    """One server that wants keys, with the small decoder."""
    with model_server(*SMALL, "--api-keys", key[1]) as running:
        yield running


@pytest.fixture
async def client(served: Served, key: tuple[str, str]) -> AsyncIterator[AsyncOpenAI]:
    """The client as anybody makes it."""
    async with AsyncOpenAI(
        api_key=key[0], base_url=f"{served.url}/v1", max_retries=0, timeout=10.0
    ) as made:
        yield made
