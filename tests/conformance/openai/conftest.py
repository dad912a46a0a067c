"""The published client, as anybody makes it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from openai import AsyncOpenAI

from tests.end_to_end.served import Served


@pytest.fixture
async def client(served: Served, key: str) -> AsyncIterator[AsyncOpenAI]:
    """With the server's address and a key."""
    async with AsyncOpenAI(
        api_key=key, base_url=f"{served.url}/v1", max_retries=0, timeout=30.0
    ) as made:
        yield made
