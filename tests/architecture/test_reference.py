"""The dialect's schema is the single source: documentation and Python types are made from it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from server.dialects.reference import SCHEMA, files, outdated

Schema = dict[str, Any]


@pytest.fixture
def schema() -> Schema:
    """The schema, to be changed at will."""
    loaded: Schema = json.loads(SCHEMA.read_text("utf-8"))
    return loaded


def with_event(schema: Schema, name: str, event: Schema) -> Schema:
    changed = copy.deepcopy(schema)
    changed["$defs"]["server"]["oneOf"].append({"$ref": f"#/$defs/{name}"})
    changed["$defs"][name] = event
    return changed


def test_what_is_made_from_the_schema_is_current(schema: Schema) -> None:
    assert outdated(schema) == [], "run `python -m server.dialects.reference`"


def test_a_new_event_makes_documentation_and_types_outdated(schema: Schema) -> None:
    event = {"description": "It is new.", "properties": {}, "required": []}
    changed = with_event(schema, "agent.new", event)
    assert set(outdated(changed)) == {
        "docs/events.md",
        "static/events.d.ts",
        "client/events.py",
        "client/agent_events.py",
    }
    assert "class AgentNew(Event):" in files(changed)["client/agent_events.py"]


@pytest.mark.parametrize(
    "event",
    [
        {"properties": {}},
        {"description": "Nested.", "properties": {"inside": {"type": "object", "properties": {}}}},
        {"description": "Odd.", "properties": {"odd": {"type": "null"}}},
    ],
)
def test_an_event_that_cannot_be_documented_or_typed_is_refused(
    schema: Schema, event: Schema
) -> None:
    with pytest.raises(ValueError, match=r"description|title|type"):
        files(with_event(schema, "new", event))
