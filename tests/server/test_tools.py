"""Tools: those of the server, those a client declares, and calls that always get one answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from model.orders import ToolAnswer, ToolCall, ToolSpec
from server.errors import BadOffer
from server.tools import catalogue
from server.tools.catalogue import ServerTool, ToolFailed
from server.tools.declared import MAX_NODES, read_tools
from server.tools.running import MAX_ANSWER_CHARACTERS, Running
from tests.waiting import until

SPEC = ToolSpec("ask", timeout_seconds=0.1)


async def test_the_clock_tells_the_time_of_a_place_that_there_is() -> None:
    clock = catalogue.tools()["current_time"]
    assert "(UTC)" in await clock.run({})
    assert "(Europe/Paris)" in await clock.run({"time_zone": "Europe/Paris"})
    for wrong in ("Nowhere/Here", "../../etc/passwd", "\0"):
        with pytest.raises(ToolFailed):
            await clock.run({"time_zone": wrong})


def test_a_reference_is_written_out() -> None:
    city = {"type": "string", "maxLength": 9}
    schema = {
        "type": "object",
        "$defs": {"city": city},
        "properties": {"from": {"$ref": "#/$defs/city"}, "to": {"$ref": "#/$defs/city"}},
    }
    (tool,) = read_tools([{"name": "travel", "parameters": schema}])
    assert json.loads(tool.parameters)["properties"] == {"from": city, "to": city}


@pytest.mark.parametrize(
    ("tools", "why"),
    [
        ("x", "list"),
        ([5], "object"),
        (["nothing"], "no tool"),
        ([{"name": "a b"}], "letters"),
        ([{"name": "a"}, {"name": "a"}], "several"),
        ([{"name": "current_time"}], "by its name"),
        ([{"name": "a", "more": 1}], "unknown"),
        ([{"name": "a", "timeout_ms": 1}], "timeout_ms"),
        ([{"name": "a", "description": "x" * 2000}], "description"),
        ([{"name": "a", "parameters": {"type": "string"}}], "object"),
        ([{"name": "a", "parameters": []}], "object"),
        ([{"name": "a", "parameters": {"$ref": "#/$defs/b", "$defs": {"b": True}}}], "object"),
        ([{"name": "a", "parameters": {"properties": {"b": {"type": 5}}}}], "`type` must be"),
        ([{"name": "a", "parameters": {"not": {"minimum": float("inf")}}}], "cannot be used"),
        ([{"name": "a", "parameters": {"properties": {"b": {"$ref": "#"}}}}], "holds itself"),
        ([{"name": "a", "parameters": {"properties": {"b": {"$ref": "http://x"}}}}], "same schema"),
        ([{"name": "a", "parameters": {"properties": {"b": {"$ref": "#/no"}}}}], "nothing"),
        ([{"name": "a", "parameters": {"enum": list(range(MAX_NODES))}}], "too large"),
        ([{"name": f"a{n}"} for n in range(17)], "at most"),
    ],
)
def test_what_cannot_be_used_is_refused_and_why(tools: Any, why: str) -> None:
    with pytest.raises(BadOffer, match=why):
        read_tools(tools)


class Asked:
    """Calls under way and what became of them."""

    def __init__(self) -> None:
        self.answers: list[ToolAnswer] = []
        self.running = Running(self.answers.append)

    def begin(self, call: str, run: Any = None) -> bool:
        here = None if run is None else ServerTool(SPEC, run)
        return self.running.begin(ToolCall(call, "ask", '{"n": 1}'), SPEC, here)


async def test_a_tool_of_ours_runs_here_and_its_failures_are_answers() -> None:
    async def fine(arguments: Mapping[str, Any]) -> str:
        return f"{arguments['n']}" * 10_000

    async def refuses(arguments: Mapping[str, Any]) -> str:
        raise ToolFailed("There is none.")

    async def breaks(arguments: Mapping[str, Any]) -> str:
        raise KeyError("n")

    asked = Asked()
    for run in (fine, refuses, breaks):
        assert not asked.begin(run.__name__, run)
    await until(lambda: len(asked.answers) >= 3)
    assert [(one.call, one.failed) for one in asked.answers] == [
        ("fine", False),
        ("refuses", True),
        ("breaks", True),
    ]
    assert len(asked.answers[0].text) == MAX_ANSWER_CHARACTERS
    assert asked.answers[1].text == "There is none." and asked.running.waiting == 0


async def test_one_answer_a_call_and_none_after_its_time() -> None:
    async def hangs(arguments: Mapping[str, Any]) -> str:
        await asyncio.sleep(60)
        return "late"

    asked = Asked()
    assert asked.begin("client") and not asked.begin("ours", hangs)
    assert not asked.running.take("ours", "forged", False) and asked.answers == []
    await until(lambda: len(asked.answers) >= 2)
    assert sorted(one.call for one in asked.answers) == ["client", "ours"]
    assert all(one.failed and "0.1 s" in one.text for one in asked.answers)
    assert not asked.running.end("client", "late", False) and len(asked.answers) == 2


async def test_a_client_answers_what_it_was_asked_once() -> None:
    asked = Asked()
    assert asked.begin("client") and asked.running.take("client", "5", False)
    assert not asked.running.take("client", "6", False)
    assert not asked.running.take("never", "7", False)
    assert asked.answers == [ToolAnswer("client", "5", False)]


async def test_too_many_calls_and_the_same_twice_are_answered_at_once() -> None:
    asked = Asked()
    assert all(asked.begin(f"{n}") for n in range(8))
    assert not asked.begin("9") and not asked.begin("1")
    assert [one.failed for one in asked.answers] == [True, True]
    asked.running.close()
    await asyncio.sleep(0.2)
    assert len(asked.answers) == 2 and asked.running.waiting == 0
