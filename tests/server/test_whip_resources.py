"""What WHIP and WHEP began is kept while it goes on; after that, a name to delete it by."""

from __future__ import annotations

import asyncio
import gc
import weakref
from dataclasses import dataclass, field
from typing import Any

import pytest

from server.whip_resources import Resource, Resources
from tests.server.in_app import app

SHOWN, OTHER = b"a" * 32, b"b" * 32
SDP = {"Content-Type": "application/sdp", "Authorization": "Bearer mine"}


@dataclass(eq=False)
class Peer:
    """As much of one as is kept."""

    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def close(self) -> None:
        self.gone.set()


class Said:
    """What was said in a session."""


def begun(resources: Resources, path: str, hang_up: Any = lambda: None) -> Any:
    """The other end of a connection that is kept under that address."""
    peer: Any = Peer()
    resources.add(Resource(path, "offer", peer, SHOWN, hang_up))
    return peer


async def test_of_one_that_is_over_nothing_is_held_but_its_name() -> None:
    resources, said = Resources(), Said()
    peer = begun(resources, "/whip/a", lambda said=said: None)
    held, ends = weakref.ref(said), weakref.ref(peer)
    del said
    gc.collect()
    assert held() is not None and resources.find("/whip/a", SHOWN) is not None
    peer.gone.set()
    del peer
    await asyncio.sleep(0.01)
    gc.collect()
    assert held() is None and ends() is None
    assert resources.find("/whip/a", SHOWN) is None
    assert not await resources.end("/whip/a", OTHER)
    assert await resources.end("/whip/a", SHOWN), "its client closed first"
    assert not await resources.end("/whip/a", SHOWN), "once"
    await resources.close()


async def test_one_that_goes_on_is_hung_up_by_who_began_it_only() -> None:
    resources, hung_up = Resources(), list[bool]()
    peer = begun(resources, "/whip/a", lambda: hung_up.append(True))
    assert not await resources.end("/whip/a", OTHER) and not await resources.end("/whip/b", SHOWN)
    assert not hung_up and not peer.gone.is_set()
    assert await resources.end("/whip/a", SHOWN)
    assert hung_up == [True] and peer.gone.is_set()
    await asyncio.sleep(0.01)
    assert not await resources.end("/whip/a", SHOWN)
    await resources.close()


async def test_names_are_bounded_and_the_oldest_goes_first() -> None:
    resources = Resources()
    for number in range(65):
        begun(resources, f"/whip/{number}").gone.set()
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert not await resources.end("/whip/0", SHOWN)
    assert await resources.end("/whip/1", SHOWN) and await resources.end("/whip/64", SHOWN)
    await resources.close()


async def test_who_deletes_what_is_over_does_not_end_who_went_on() -> None:
    async with app() as here:
        async with here.client.post("/whip", data="offer", headers=SDP) as made:
            assert made.status == 201
            path, token = made.headers["Location"], made.headers["Counterpoint-Resume-Token"]
        resumed = (await here.offer(resume=token)).body["session"]
        assert path == f"/whip/{resumed}"
        assert (await here.ask("DELETE", path, token="mine")).status == 200
        await asyncio.sleep(0.01)
        assert [one.id for one in here.reception.sessions] == [resumed]
        assert (await here.ask("DELETE", path, token="mine")).status == 404


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
async def test_what_never_began_is_not_there(method: str) -> None:
    async with app() as here:
        assert (await here.ask(method, "/whip/none", token="mine")).code == "not_found"
