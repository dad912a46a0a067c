"""Functions as tools: what the model is told of them, and what becomes of a call."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, cast

import pytest

from client import BadTool, Tool, tool
from client.events import ToolCall, ToolEnded
from client.tools import Toolbox
from server.tools.declared import read_tools


@tool
async def weather(
    city: str,
    days: int = 1,
    unit: Literal["C", "F"] = "C",
    places: list[Annotated[str, "a street"]] | None = None,
) -> str:
    """The weather in a city,
    in one line.

    It is made up.

    Args:
        city: its name,
            with the country.
        days (int): how many days ahead.
        unit: of the temperature.
        places: where exactly.

    Returns:
        What it is like.
    """
    return f"{city}: rain for {days} days"


def test_the_model_is_told_what_hints_and_docstring_say() -> None:
    assert weather.declared == {
        "name": "weather",
        "description": "The weather in a city, in one line.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "its name, with the country."},
                "days": {"type": "integer", "description": "how many days ahead."},
                "unit": {"enum": ["C", "F"], "description": "of the temperature."},
                "places": {
                    "anyOf": [
                        {"type": "array", "items": {"type": "string", "description": "a street"}},
                        {"type": "null"},
                    ],
                    "description": "where exactly.",
                },
            },
            "required": ["city"],
            "additionalProperties": False,
        },
        "timeout_ms": 30_000,
    }


def test_the_server_takes_it_and_it_is_still_a_function() -> None:
    (spec,) = read_tools([weather.declared])
    assert spec.name == "weather"
    assert asyncio.run(weather("Oslo", days=2)) == "Oslo: rain for 2 days"


def test_name_description_and_patience_can_be_said() -> None:
    @tool(name="look-up", description="Looks it up.", timeout_seconds=2.5)
    def anything(key: str) -> Mapping[str, Any]:
        return {key: 1}

    assert (anything.name, anything.description) == ("look-up", "Looks it up.")
    assert anything.declared["timeout_ms"] == 2_500


def no_hint(city) -> str:  # type: ignore[no-untyped-def]
    return str(city)


def odd_hint(when: Callable[[], None]) -> None: ...


def listed(*cities: str) -> None: ...


def named(**cities: str) -> None: ...


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: tool(no_hint), "no_hint: give city a type hint"),
        (lambda: tool(odd_hint), "odd_hint: when: the model cannot be told"),
        (lambda: tool(listed), "by name"),
        (lambda: tool(named), "name each argument"),
        (lambda: tool(name="two words")(listed), "letters, digits"),
        (lambda: tool(timeout_seconds=0)(weather.run), "timeout_seconds"),
        (lambda: Toolbox([weather, weather.run], print), "two tools weather"),
        (lambda: Toolbox([cast(Any, "weather")], print), "a function, not 'weather'"),
        (lambda: Toolbox([renamed(n) for n in range(17)], print), "At most 16"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_where_it_is_written(
    make: Callable[[], object], why: str
) -> None:
    with pytest.raises(BadTool, match=why):
        make()


def renamed(n: int) -> Tool:
    return tool(name=f"tool-{n}")(weather.run)


# ---- calls


def call(name: str, number: int = 0, **arguments: Any) -> ToolCall:
    return ToolCall(seq=0, at_ms=0, call=f"call-{number}", name=name, arguments=arguments)


def ended(number: int = 0) -> ToolEnded:
    return ToolEnded(seq=0, at_ms=0, call=f"call-{number}", failed=True, text="too late")


async def answers(box: Toolbox, sent: list[Any], count: int) -> list[tuple[str, bool]]:
    for _ in range(10_000):
        if len(sent) >= count:
            break
        await asyncio.sleep(0.005)
    assert box.running == 0
    return [(one["text"], one["failed"]) for one in sent]


async def test_calls_are_answered_whatever_the_function_gives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def slow(n: int) -> dict[str, int]:
        time.sleep(0.02)
        return {"n": n}

    def silent() -> str:
        return " \n"

    async def broken() -> None:
        raise LookupError("nothing is there")

    sent: list[Any] = []
    box = Toolbox([weather, slow, silent, broken], sent.append)
    with caplog.at_level(logging.CRITICAL):
        for number, asked in enumerate(
            (
                call("weather", 0, city="Oslo"),
                call("silent", 1),
                call("broken", 2),
                call("nothing", 3),
                call("weather", 4, town="Oslo"),
            )
        ):
            box.hear(asked)
            found = await answers(box, sent, number + 1)
    box.hear(call("slow", 5, n=3))
    found = await answers(box, sent, 6)
    assert found[:4] == [
        ("Oslo: rain for 1 days", False),
        ("done", False),
        ("nothing is there", True),
        ("There is no tool nothing.", True),
    ]
    assert found[4][1] and "town" in found[4][0]
    assert found[5] == ('{"n": 3}', False)
    assert [one["call"] for one in sent] == [f"call-{n}" for n in range(6)]


async def test_a_call_that_is_over_is_cancelled_and_not_answered() -> None:
    what: list[str] = []

    async def long(n: int) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            what.append(f"cancelled {n}")
            raise

    sent: list[Any] = []
    box = Toolbox([long], sent.append)
    box.hear(call("long", 0, n=0))
    box.hear(call("long", 1, n=1))
    await asyncio.sleep(0)
    box.hear(ended(0))
    await asyncio.sleep(0)
    assert (what, box.running) == (["cancelled 0"], 1)
    box.stop()
    await asyncio.sleep(0)
    assert (what, box.running, sent) == (["cancelled 0", "cancelled 1"], 0, [])


async def test_no_more_than_eight_run_at_a_time() -> None:
    async def long() -> None:
        await asyncio.sleep(60)

    sent: list[Any] = []
    box = Toolbox([long], sent.append)
    for number in range(10):
        box.hear(call("long", number))
    assert box.running == 8
    assert [one["text"] for one in sent] == ["Too many calls at once."] * 2
    box.stop()
