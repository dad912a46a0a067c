"""Asking for tools, through the real model over scripted parts; and arguments that always fit."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from model.interaction.calling import RowPen
from model.interaction.parts import Pieces
from model.interaction.tool_grammar import TooLong, fill, is_valid, summary
from model.interaction.wishes import MOST_CALLS
from model.messages import PersonWords, StreamSettings
from model.orders import Answer, Append, Cancel, Hold, Resume, Say, ToolAnswer, ToolCall, ToolSpec
from tests.model.interaction.rehearsal import SILENCE, Rehearsal
from tests.model.interaction.scripted_parts import LOUD, Scribe, scripted_model

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = ToolSpec("get_weather", "Tells the weather.", json.dumps(CITY))
CLOCK = ToolSpec("current_time", "Tells the time.")
TOOLS = StreamSettings(tools=(CLOCK, WEATHER))
ASKED = '{"city": "Paris"}'


def begun(settings: StreamSettings = TOOLS, **replies: str) -> tuple[Rehearsal, Scribe]:
    """The person, aloud, always asks for the weather in Paris."""
    scribe = Scribe(
        replies={"tool get": "It is sunny.", **replies},
        wanted={"the weather": "weather", "the time": "time"},
        writes='Paris"',
    )
    model = scripted_model(scribe, "What is the weather in Paris?")
    return Rehearsal.begin(model, settings), scribe


def asked_aloud(settings: StreamSettings = TOOLS, **replies: str) -> tuple[Rehearsal, Scribe]:
    """The weather was asked for aloud, and the tool for it."""
    rehearsal, scribe = begun(settings, **replies)
    for _ in range(8):
        rehearsal.step(LOUD)
    for _ in range(40):
        if rehearsal.told(ToolCall):
            break
        rehearsal.step(SILENCE)
    return rehearsal, scribe


def test_a_tool_is_asked_for_when_the_turn_is_over_and_its_answer_is_told() -> None:
    rehearsal, scribe = asked_aloud()
    (call,) = rehearsal.told(ToolCall)
    assert (call.name, call.arguments) == ("get_weather", ASKED)
    final = [one for one in rehearsal.told(PersonWords) if one.final]
    assert final, "not while the person might go on"
    assert rehearsal.sent == {}
    rehearsal.wait(20)
    rehearsal.step(SILENCE, answers=(ToolAnswer(call.call, "sunny"),))
    rehearsal.wait_until_said()
    rehearsal.wait(2)
    assert rehearsal.said_text() == "It is sunny."
    told = "<person What is the weather in Paris?><call get_weather {}><tool get_weather sunny>"
    assert scribe.text().endswith(told.format(ASKED) + "<agent It is sunny.>")


def test_a_draft_asks_for_nothing() -> None:
    rehearsal, _ = begun()
    for _ in range(3):
        for _ in range(5):
            rehearsal.step(LOUD)
        rehearsal.step(SILENCE)
    assert rehearsal.told(ToolCall) == []


def test_what_needs_no_tool_is_answered_as_ever() -> None:
    rehearsal, scribe = begun(hello="Hello!")
    rehearsal.step(SILENCE, texts=("Say hello",))
    rehearsal.wait_until_said()
    rehearsal.wait(2)
    assert rehearsal.told(ToolCall) == [] and rehearsal.said_text() == "Hello!"
    assert scribe.text().endswith("<person Say hello><agent Hello!>")


def test_the_conversation_goes_on_while_a_tool_runs() -> None:
    rehearsal, scribe = begun(hello="Hello!")
    rehearsal.step(SILENCE, texts=("The weather, please",))
    rehearsal.wait(10)
    (call,) = rehearsal.told(ToolCall)
    rehearsal.step(SILENCE, texts=("Say hello",))
    rehearsal.step(SILENCE, answers=(ToolAnswer(call.call, "sunny"),))
    rehearsal.wait(60)
    assert rehearsal.said_text() == "Hello! It is sunny."
    assert rehearsal.cut == set(), "told when the floor was free"
    assert scribe.text().endswith("<agent Hello!><tool get_weather sunny><agent It is sunny.>")


def test_an_answer_that_fails_is_told_as_such() -> None:
    rehearsal, _ = asked_aloud(failed="I could not find out.")
    (call,) = rehearsal.told(ToolCall)
    rehearsal.step(SILENCE, answers=(ToolAnswer(call.call, "No answer came.", failed=True),))
    rehearsal.wait_until_said()
    assert rehearsal.said_text() == "I could not find out."


def test_an_answer_nobody_heard_is_told_again_and_one_nobody_waits_for_is_remembered() -> None:
    rehearsal, scribe = asked_aloud()
    (call,) = rehearsal.told(ToolCall)
    answers = (ToolAnswer(call.call, "sunny"), ToolAnswer("another", "nothing"))
    rehearsal.step(SILENCE, answers=answers)
    rehearsal.order(Say("Stop.", "now"))
    rehearsal.wait(60)
    assert rehearsal.said_text().endswith("Stop. It is sunny.")
    for _ in range(8):
        rehearsal.step(LOUD)
    rehearsal.wait(12)
    call = rehearsal.told(ToolCall)[-1]
    rehearsal.order(Cancel())
    before = len(rehearsal.sent)
    rehearsal.step(SILENCE, answers=(ToolAnswer(call.call, "rainy"),))
    rehearsal.wait(30)
    assert len(rehearsal.sent) == before
    assert scribe.text().endswith("<known get_weather rainy>")


def test_held_nothing_is_told() -> None:
    rehearsal, _ = asked_aloud()
    rehearsal.order(Hold())
    (call,) = rehearsal.told(ToolCall)
    rehearsal.step(SILENCE, answers=(ToolAnswer(call.call, "sunny"),))
    rehearsal.wait(20)
    assert rehearsal.sent == {}
    rehearsal.order(Resume())
    rehearsal.wait_until_said()


@pytest.mark.parametrize(
    ("said", "arguments"),
    [("The weather", "{}"), ("The weather in Paris", ASKED)],
)
def test_an_optional_text_that_nobody_said_is_left_out(said: str, arguments: str) -> None:
    schema = json.dumps({"type": "object", "properties": {"city": {"type": "string"}}})
    tool = ToolSpec("get_weather", "Tells the weather.", schema)
    rehearsal, scribe = begun(StreamSettings(tools=(tool,)))
    scribe.writes = '"Paris"}'
    rehearsal.step(SILENCE, texts=(said,))
    rehearsal.wait(12)
    assert [call.arguments for call in rehearsal.told(ToolCall)] == [arguments]


@pytest.mark.parametrize(
    ("wrote", "arguments"),
    [
        ("The task in their words", "Find out the weather in Paris"),
        ("task", "Find out the weather in Paris"),
        ("the weather in Paris", "the weather in Paris"),
    ],
)
def test_a_text_that_only_repeats_its_name_or_description_is_what_was_said(
    wrote: str, arguments: str
) -> None:
    task = {"type": "string", "description": "The task in their words."}
    schema = json.dumps({"type": "object", "properties": {"task": task}, "required": ["task"]})
    tool = ToolSpec("weather", "Tells the weather.", schema)
    rehearsal, scribe = begun(StreamSettings(tools=(tool,)))
    scribe.writes = f'{wrote}"'
    rehearsal.step(SILENCE, texts=("Find out the weather in Paris",))
    rehearsal.wait(12)
    (call,) = rehearsal.told(ToolCall)
    assert json.loads(call.arguments) == {"task": arguments}


def test_no_more_calls_wait_than_may() -> None:
    rehearsal, _ = begun(weather="I do not know.")
    for _ in range(MOST_CALLS + 2):
        rehearsal.step(SILENCE, texts=("The weather",))
        rehearsal.wait(30)
    assert len(rehearsal.told(ToolCall)) == MOST_CALLS
    assert len({one.call for one in rehearsal.told(ToolCall)}) == MOST_CALLS
    assert rehearsal.said_text() == "I do not know. I do not know."


@pytest.mark.parametrize(
    ("choice", "name"), [("required", "current_time"), ("get_weather", "get_weather")]
)
def test_an_answer_can_be_made_to_begin_with_a_call(choice: str, name: str) -> None:
    for settings, order in (
        (StreamSettings(tools=TOOLS.tools, tool_choice=choice, manual_turns=True), Answer()),
        (StreamSettings(tools=TOOLS.tools, manual_turns=True), Answer(choice)),
    ):
        rehearsal, _ = begun(settings)
        rehearsal.step(SILENCE, texts=("Hello",))
        rehearsal.order(order)
        rehearsal.wait(12)
        (call,) = rehearsal.told(ToolCall)
        assert call.name == name
        rehearsal.step(SILENCE, answers=(ToolAnswer(call.call, "done"),))
        rehearsal.wait_until_said()
        assert len(rehearsal.told(ToolCall)) == 1, "its answer is told, not asked with"


def test_with_no_words_of_the_person_a_call_must_be_asked_for() -> None:
    rehearsal, _ = begun(StreamSettings(tools=TOOLS.tools))
    rehearsal.order(Append("The weather is to be told."), Answer())
    rehearsal.wait_until_said()
    rehearsal.order(Answer("required"))
    rehearsal.wait(12)
    assert len(rehearsal.told(ToolCall)) == 1


def test_a_tool_choice_of_none_asks_for_nothing() -> None:
    rehearsal, _ = begun(StreamSettings(tools=TOOLS.tools, tool_choice="none"))
    rehearsal.step(SILENCE, texts=("The weather",))
    rehearsal.wait_until_said()
    assert rehearsal.told(ToolCall) == []


# ---- arguments -----------------------------------------------------------------------------------


def done(work: Pieces[Any]) -> Any:
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def written(schema: dict[str, Any], writes: str = "") -> Any:
    scribe = Scribe(writes=writes)
    return done(fill(RowPen(scribe, 0), schema))


@pytest.mark.parametrize(
    ("schema", "writes", "value"),
    [
        ({"type": "string"}, 'Rome"', "Rome"),
        ({"type": "string", "maxLength": 3}, 'Rome"', "Rom"),
        ({"enum": ["red", "green", "grey"]}, "gre", "green"),
        ({"enum": [1, 10]}, "10\n", 10),
        ({"enum": [1, 10]}, "1\n", 1),
        ({"const": {"a": [1]}}, "", {"a": [1]}),
        ({"type": "integer"}, "-42,", -42),
        ({"type": "integer", "minimum": 3}, "1,", 3),
        ({"type": "number"}, "2.5}", 2.5),
        ({"type": ["null", "boolean"]}, "f", False),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, "t", True),
        ({"type": "array", "items": {"type": "integer"}}, "1,,2}]", [1, 2]),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 1}, "1}]", [1]),
        ({"properties": {"a": {"type": "null"}, "b": {"type": "null"}}}, '"b}', {"b": None}),
        (CITY, 'Paris"', {"city": "Paris"}),
        ({}, 'x"', "x"),
    ],
)
def test_what_is_written_is_what_the_schema_allows(
    schema: dict[str, Any], writes: str, value: Any
) -> None:
    assert written(schema, writes) == value
    assert is_valid(value, schema)


ZEROS = {"type": "array", "items": {"const": 0}, "minItems": 50_000, "maxItems": 50_000}


def nested(items: dict[str, Any], depth: int) -> dict[str, Any]:
    for _ in range(depth):
        items = {"type": "array", "items": items, "minItems": 20, "maxItems": 20}
    return items


@pytest.mark.parametrize("schema", [ZEROS, nested({"const": 0}, 4), {"const": "x" * 5_000}])
def test_what_a_schema_alone_makes_endless_comes_to_an_end(schema: dict[str, Any]) -> None:
    with pytest.raises(TooLong):
        written({"type": "object", "properties": {"a": schema}, "required": ["a"]})


def test_a_schema_that_demands_more_than_is_written_gets_no_call() -> None:
    schema = {"type": "object", "properties": {"a": ZEROS}, "required": ["a"]}
    tool = ToolSpec("get_weather", "Tells the weather.", json.dumps(schema))
    settings = StreamSettings(tools=(tool,), tool_choice="required")
    rehearsal, _ = begun(settings, weather="I do not know.")
    rehearsal.step(SILENCE, texts=("The weather",))
    rehearsal.wait_until_said()
    rehearsal.wait(2)
    assert rehearsal.told(ToolCall) == [] and rehearsal.said_text() == "I do not know."


def test_arguments_that_take_too_long_to_check_are_not_valid() -> None:
    items = {"items": {"const": 0}}
    assert is_valid([0] * 10, {"allOf": [items] * 90})
    assert not is_valid([0] * 300, {"allOf": [items] * 90})
    again: dict[str, Any] = {"properties": {"a": {}}}
    for _ in range(4):
        again = {"unevaluatedProperties": False, "if": again}
    assert is_valid({"b": 1}, again), "each level would check all below it once more"


@pytest.mark.parametrize("name", ["format", "pattern"])
def test_a_property_may_be_called_like_a_keyword(name: str) -> None:
    schema = {
        "type": "object",
        "properties": {name: {"type": "string", "pattern": "(x+x+)+y"}},
        "required": [name],
        "additionalProperties": False,
    }
    assert is_valid({name: "x"}, schema)
    assert not is_valid({name: 1}, schema)


@pytest.mark.parametrize(
    ("schema", "said"),
    [({"properties": {"city": True}}, ""), ({"anyOf": [{"type": "string"}]}, "I do not know.")],
    ids=["anything", "nothing"],
)
def test_a_schema_that_is_hardly_one_ends_no_answer(schema: dict[str, Any], said: str) -> None:
    tool = ToolSpec("get_weather", "Tells the weather.", json.dumps({"type": "object", **schema}))
    rehearsal, scribe = begun(StreamSettings(tools=(tool,)), weather="I do not know.")
    scribe.writes = '"Paris"}'
    rehearsal.step(SILENCE, texts=("The weather in Paris",))
    rehearsal.wait(40)
    assert rehearsal.said_text() == said
    assert len(rehearsal.told(ToolCall)) == (0 if said else 1)


def made_up(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    """A schema of the kinds that are understood."""
    kinds = ["string", "integer", "number", "boolean", "null", "enum"]
    kind = chance.choice(kinds + ["object", "array"] * (depth < 3))
    if kind == "enum":
        return {"enum": chance.sample(["a", "ab", 'q"uote', 1, 11, None, True, "ö", 2.5], 3)}
    if kind == "object":
        names = chance.sample(["city", "unit", "when", 'odd"one', "ß"], chance.randint(0, 4))
        needed = [name for name in names if chance.random() < 0.5]
        inner = {name: made_up(chance, depth + 1) for name in names}
        return {
            "type": "object",
            "properties": inner,
            "required": needed,
            "additionalProperties": False,
        }
    if kind == "array":
        return {"type": "array", "items": made_up(chance, depth + 1), "minItems": 1, "maxItems": 2}
    return {"type": kind}


def test_whatever_a_decoder_would_rather_write_arguments_fit_or_there_are_none() -> None:
    chance = random.Random(5)
    valid = 0
    for _ in range(400):
        schema = {**made_up(chance), "description": "x"}
        writes = "".join(chance.choices('ab"{}[],:0123456789.-\\\n öçity', k=60))
        try:
            value = written(schema, writes)
        except TooLong:
            continue
        valid += 1
        assert Draft202012Validator(schema).is_valid(value), (schema, value)
        json.dumps(value)
    assert valid > 300


def test_the_parameters_in_a_few_words() -> None:
    schema = {
        "properties": {"unit": {"enum": ["c", "f"]}, "city": {"description": "where"}, "n": {}}
    }
    assert summary(schema) == "unit (one of c, f), city (where), n (string)"
