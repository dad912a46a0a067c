"""Tools as a client declares them: names, sizes and schemas, checked before the model sees them.

A schema is a JSON Schema of an object. `$ref` may point into the same schema and is written out,
so that checking an argument against it is work of a known size: schemas that hold themselves, or
grow beyond `MAX_NODES` written out, are refused. `pattern`, `patternProperties`,
`unevaluatedItems` and `unevaluatedProperties` are for the model to read and are not checked:
hostile ones could keep everybody waiting.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from model.orders import MAX_TOOLS, ToolSpec
from server.errors import BadOffer
from server.tools import catalogue
from server.tools.schemas import fault

__all__ = ["MAX_NODES", "read_tools"]

MAX_NODES: Final = 400
"""Objects, lists and values that a schema may have, written out."""

_MAX_DEPTH: Final = 16
_MAX_DESCRIPTION: Final = 1_024
_MAX_SCHEMA_CHARACTERS: Final = 4_096
_MAX_TIMEOUT_MS: Final = 300_000
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FIELDS: Final = frozenset({"type", "name", "description", "parameters", "strict", "timeout_ms"})


def read_tools(value: Any) -> tuple[ToolSpec, ...]:
    """Read a list of tools: a server's by its name, the client's own as an object.

    Raises:
        BadOffer: which tool is wrong, and how it should be.
    """
    if not isinstance(value, list) or len(value) > MAX_TOOLS:
        raise BadOffer(f"`settings.tools` must be a list of at most {MAX_TOOLS} tools.")
    tools = tuple(_server_tool(one) if isinstance(one, str) else _tool(one) for one in value)
    names = [tool.name for tool in tools]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadOffer(f"`settings.tools` has several tools called {sorted(twice)[0]}.")
    return tools


def _server_tool(name: str) -> ToolSpec:
    tool = catalogue.tools().get(name)
    if tool is None:
        known = sorted(catalogue.tools())
        raise BadOffer(f"This server has no tool {name[:64]!r}; it has {known}.")
    return tool.spec


def _tool(value: Any) -> ToolSpec:
    if not isinstance(value, Mapping):
        raise BadOffer("A tool must be an object, or the name of a tool of the server.")
    name = value.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadOffer("A tool's `name` must be 1 to 64 letters, digits, _ or -.")
    if name in catalogue.tools():
        raise BadOffer(f"{name} is a tool of the server: ask for it by its name alone.")
    if unknown := sorted(set(map(str, value)) - _FIELDS):
        raise BadOffer(f"Tool {name} has unknown fields {unknown[:5]}.")
    description = value.get("description", "")
    if not isinstance(description, str) or len(description) > _MAX_DESCRIPTION:
        raise BadOffer(f"The `description` of {name} must be text of {_MAX_DESCRIPTION} at most.")
    timeout_ms = value.get("timeout_ms", 30_000)
    if isinstance(timeout_ms, bool) or not isinstance(timeout_ms, int | float):
        raise BadOffer(f"The `timeout_ms` of {name} must be a number.")
    if not 100 <= timeout_ms <= _MAX_TIMEOUT_MS:
        raise BadOffer(f"The `timeout_ms` of {name} must be 100 to {_MAX_TIMEOUT_MS}.")
    parameters = _parameters(name, value.get("parameters", {"type": "object"}))
    return ToolSpec(name, description, parameters, timeout_ms / 1000)


def _parameters(name: str, schema: Any) -> str:
    """The schema as text, its references written out."""
    try:
        whole = _Writing(schema).out(schema, 0)
        if not isinstance(whole, Mapping) or whole.get("type", "object") != "object":
            raise BadOffer("they must be a JSON Schema of an object.")
        text = json.dumps(whole, ensure_ascii=False, allow_nan=False)
        text.encode()
        if wrong := fault(whole):
            raise ValueError(wrong)
    except (BadOffer, ValueError, RecursionError) as why:
        raise BadOffer(f"The `parameters` of {name} cannot be used: {str(why)[:300]}") from None
    if len(text) > _MAX_SCHEMA_CHARACTERS:
        raise BadOffer(f"The `parameters` of {name} are longer than {_MAX_SCHEMA_CHARACTERS}.")
    return text


class _Writing:
    """Writes a schema out, counting."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._nodes = 0

    def out(self, node: Any, depth: int) -> Any:
        """A copy of the node without references."""
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > _MAX_DEPTH:
            raise BadOffer("it holds itself, is too deep or too large.")
        if isinstance(node, list):
            return [self.out(one, depth + 1) for one in node]
        if not isinstance(node, Mapping):
            return node
        if not {"$dynamicRef", "$recursiveRef"}.isdisjoint(node):
            raise BadOffer("it may use $ref, and no other kind of reference.")
        reference = node.get("$ref")
        if isinstance(reference, str):
            beside = {key: one for key, one in node.items() if key != "$ref"}
            found = self._find(reference)
            if not isinstance(found, Mapping):
                return self.out(found, depth + 1)
            return self.out({**found, **beside}, depth + 1)
        return {
            str(key): self.out(one, depth + 1)
            for key, one in node.items()
            if depth or key not in ("$defs", "definitions", "$schema", "$id")
        }

    def _find(self, reference: str) -> Any:
        if not reference.startswith("#"):
            raise BadOffer("$ref may point into the same schema only (#/…).")
        place: Any = self._root
        for step in reference[1:].split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(place, Mapping) or step not in place:
                raise BadOffer(f"$ref {reference[:64]} points to nothing.")
            place = place[step]
        return place
