"""Issue A's measurements as tests; run by hand on a quiet machine and reported, never in CI."""

from __future__ import annotations

import pytest

from tests.end_to_end.acceptance import cycles, endurance, latency, loss
from tests.end_to_end.spoken import SMALL, model_server
from tests.network.testbed import Link

pytestmark = pytest.mark.weights


@pytest.mark.bench
@pytest.mark.timeout(900)
async def test_the_latency_of_a_turn() -> None:
    with model_server() as served:
        found = await latency(served)
    print(found)
    assert found["clips"] >= 20 and found["answered"] >= 0.95
    assert found["mean_seconds"] <= 1.5


@pytest.mark.bench
@pytest.mark.timeout(300)
async def test_people_are_understood_at_five_percent_loss() -> None:
    with model_server(*SMALL, link=Link(loss=0.05, delay_seconds=0.02, seed=11)) as served:
        found = await loss(served)
    print(found)
    assert found["concealed"] <= 0.07
    assert found["word_error_rate"] <= 0.2


@pytest.mark.endurance
@pytest.mark.timeout(900)
async def test_two_hundred_connections_leave_nothing_behind() -> None:
    with model_server(*SMALL) as served:
        found = await cycles(served)
    print(found)
    assert found["streams_left"] == 0
    assert max(found["growth"].values()) <= 0.05


@pytest.mark.endurance
@pytest.mark.timeout(2400)
async def test_thirty_minutes_of_one_conversation() -> None:
    with model_server() as served:
        found = await endurance(served)
    print(found)
    assert found["missed"] <= 0.001
    assert max(found["growth"].values()) <= 0.05
