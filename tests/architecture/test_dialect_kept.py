"""The schema is the single source: an event without a fixture, a type or a reader is found."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from client.events import EVENTS
from server.dialects.counterpoint import CounterpointDialect
from server.dialects.reference import SCHEMA, files
from server.session_events import Problem

ROOT: Final = Path(__file__).resolve().parents[2]
FIXTURES: Final = ROOT / "tests" / "fixtures" / "counterpoint.json"
SIDES: Final = ("server", "client")
Node = dict[str, Any]


@pytest.fixture
def schema() -> Node:
    loaded: Node = json.loads(SCHEMA.read_text("utf-8"))
    return loaded


@pytest.fixture
def fixtures() -> Node:
    loaded: Node = json.loads(FIXTURES.read_text("utf-8"))
    return loaded


def kinds(schema: Node, side: str) -> list[str]:
    return [one["$ref"].rsplit("/", 1)[1] for one in schema["$defs"][side]["oneOf"]]


def lacking(schema: Node, fixtures: Node) -> Iterator[str]:
    """What the fixtures lack: events and fields without one, and messages that are wrong."""
    for side in SIDES:
        allowed = {**schema, "oneOf": [{"$ref": f"#/$defs/{side}"}]}
        given: dict[str, set[str]] = {}
        for message in fixtures[side]:
            given.setdefault(message["type"], set()).update(message)
            if not jsonschema.Draft202012Validator(allowed).is_valid(message):
                yield f"{message['type']} is not as the schema says"
        for kind in kinds(schema, side):
            for name in schema["$defs"][kind]["properties"]:
                if name not in given.get(kind, ()):
                    yield f"{kind}.{name} is in no fixture"


def with_event(schema: Node, side: str, name: str = "agent.new") -> Node:
    """The schema with one event more, documented and all."""
    changed = copy.deepcopy(schema)
    changed["$defs"][side]["oneOf"].append({"$ref": f"#/$defs/{name}"})
    stamps: Mapping[str, Any] = {"seq": {"type": "integer"}, "at_ms": {"type": "integer"}}
    changed["$defs"][name] = {
        "description": "It is new.",
        "type": "object",
        "required": ["type", *stamps],
        "properties": {"type": {"const": name}, **stamps},
    }
    return changed


def test_every_event_and_field_has_a_fixture(schema: Node, fixtures: Node) -> None:
    assert list(lacking(schema, fixtures)) == []


@pytest.mark.parametrize("side", SIDES)
def test_a_new_event_without_a_fixture_is_found(schema: Node, fixtures: Node, side: str) -> None:
    found = list(lacking(with_event(schema, side), fixtures))
    assert found == [f"agent.new.{name} is in no fixture" for name in ("type", "seq", "at_ms")]


def test_a_new_field_without_a_fixture_and_a_wrong_fixture_are_found(
    schema: Node, fixtures: Node
) -> None:
    schema["$defs"]["floor"]["properties"]["why"] = {"type": "string"}
    fixtures["client"].append({"type": "agent.say"})
    found = set(lacking(schema, fixtures))
    assert found == {"floor.why is in no fixture", "agent.say is not as the schema says"}


def test_the_server_reads_every_message_of_a_client(fixtures: Node) -> None:
    for message in fixtures["client"]:
        read = CounterpointDialect().decode(json.dumps(message), 0.0)
        assert not isinstance(read, Problem), (message, read)


def test_the_python_clients_types_have_every_event_and_field(fixtures: Node) -> None:
    for message in fixtures["server"]:
        fields = {name: one for name, one in message.items() if name != "type"}
        assert EVENTS[message["type"]](**fields).type == message["type"]


@pytest.mark.timeout(120)
def test_a_new_event_that_javascript_does_not_read_fails_the_type_check(
    schema: Node, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "static", tmp_path / "static")
    for name in ("tsconfig.json", "package.json"):
        shutil.copy(ROOT / name, tmp_path)
    assert types_fail(tmp_path) == ""
    changed = with_event(schema, "server")
    (tmp_path / "static" / "events.d.ts").write_text(files(changed)["static/events.d.ts"])
    told = types_fail(tmp_path)
    assert "static/protocol.js" in told and "agent.new" in told, told
    assert "static/call-state.js" in told, told


def types_fail(folder: Path) -> str:
    """What tsc says of the JavaScript there; "" for nothing."""
    command = [str(ROOT / "node_modules" / ".bin" / "tsc"), "-p", str(folder / "tsconfig.json")]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    return ended.stdout + ended.stderr
