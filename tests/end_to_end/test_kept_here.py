"""Nothing leaves the machine: from a server's start to its end only who calls is sent anything."""

from __future__ import annotations

import sys
from typing import Final

import pytest

from tests.end_to_end.served import Served
from tests.end_to_end.spoken import RATE, SMALL, Talk, spoken
from tests.network.outward import addressed
from tests.network.testbed import TestBed

ELSEWHERE: Final = "192.0.2.7"  # of the addresses for documentation: nobody's


async def test_whoever_is_asked_for_is_seen() -> None:
    send = "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('{}', 9))"
    with TestBed() as bed, addressed(bed) as asked:
        for address in (bed.client_address, ELSEWHERE):
            bed.spawn_server([sys.executable, "-c", send.format(address)]).process.wait(10)
    assert asked == {bed.client_address, ELSEWHERE}


@pytest.mark.weights
@pytest.mark.timeout(240)
async def test_a_spoken_conversation_stays_between_the_two() -> None:
    with TestBed() as bed, addressed(bed) as asked, bed.in_client():
        # Who reports home keeps quiet in what it takes for a test.
        command = ["env", "-u", "CI", "-u", "GITHUB_ACTIONS", sys.executable, "-m", "server.cli"]
        command += ["serve", "--host", bed.server_address, "--port=8000", *SMALL]
        served = Served(bed.spawn_server(command))
        served.wait_ready(90)
        async with served.call(rate=RATE) as caller:
            talk = Talk(caller)
            await talk.begin()
            answer = await talk.answer(talk.say(spoken("What is the weather like in summer?")))
            assert answer is not None and answer.words_heard
        # What was collected until now would be sent now.
        served.spawned.stop()
    assert asked == {bed.client_address}
