"""The Python client's types, written from the dialect's schema."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

__all__ = ["class_name", "python_types"]

Node = Mapping[str, Any]

_STAMPS: Final = ("type", "seq", "at_ms")
_LINE: Final = 100
_MAPPING: Final = "from collections.abc import Mapping\n"
_HEAD: Final = '''\
"""{about}

Generated from `server/dialects/counterpoint.schema.json` by `python -m server.dialects.reference`;
do not edit. Names, units (`_ms` is milliseconds) and meanings are those of `docs/events.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import {names}
'''
_EVENT: Final = '''\
@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Anything the server tells; `at_ms` is of the session's clock, `seq` counts from 0."""

    type: ClassVar[str] = ""
    seq: int
    at_ms: int
'''


def class_name(name: str, node: Node) -> str:
    """The class of an event: its title, or its type in one word."""
    return str(node.get("title") or "".join(part.capitalize() for part in name.split(".")))


def python_types(schema: Node) -> dict[str, str]:
    """The modules' texts, by their names in `client`, as ruff would format them.

    Raises:
        ValueError: an event has no description, or a nested object no title.
    """
    definitions = schema["$defs"]
    names = [one["$ref"].rsplit("/", 1)[1] for one in definitions["server"]["oneOf"]]
    writing = _Writing()
    written = {name: writing.event(name, definitions[name]) for name in names}
    kinds = {name: class_name(name, definitions[name]) for name in names}
    ours = {kinds[name]: text for name, text in written.items() if name.startswith("agent.")}
    others = {kinds[name]: text for name, text in written.items() if kinds[name] not in ours}
    values = dict(writing.nested)
    for name in ("tool", "settings"):
        values[str(definitions[name]["title"])] = _options(definitions[name])
    values["Event"] = _EVENT
    index = "".join(f'    "{name}": {kind},\n' for name, kind in kinds.items())
    table = "EVENTS: Mapping[str, type[Event]] = {\n" + index + "}\n"
    table += '"""Every event by the type it has on the wire."""\n'
    also = [_import("client.agent_events", ours)]
    return {
        "values": _module("What events are made of, and what may be told of settings.", values, []),
        "agent_events": _module("What the server tells of its own speech.", ours, values),
        "events": _module("What the server tells.", others, values, also, table),
    }


def _module(
    about: str,
    classes: Mapping[str, str],
    values: Collection[str],
    imports: Sequence[str] = (),
    table: str = "",
) -> str:
    body = "\n\n".join(classes.values()) + (f"\n\n{table}" if table else "")
    names = [name for name in ("Any", "ClassVar", "Literal", "TypedDict") if name in body]
    used = [name for name in values if re.search(rf"\b{name}\b", body)]
    lines = [*imports, *([_import("client.values", used)] if used else [])]
    head = _HEAD.format(about=about, names=", ".join(names))
    head = head if "Mapping" in body else head.replace(_MAPPING, "")
    listed = sorted([*classes, *(["EVENTS"] if table else [])], key=lambda n: (not n.isupper(), n))
    exported = "".join(f'    "{name}",\n' for name in listed)
    after = "\n".join(["", *lines, ""]) if lines else ""
    return f"{head}{after}\n__all__ = [\n{exported}]\n\n\n{body}"


def _import(module: str, names: Collection[str]) -> str:
    line = f"from {module} import {', '.join(sorted(names))}"
    if len(line) <= _LINE:
        return line
    return f"from {module} import (\n" + "".join(f"    {one},\n" for one in sorted(names)) + ")"


class _Writing:
    """The classes so far of objects inside events, by name."""

    def __init__(self) -> None:
        self.nested: dict[str, str] = {}

    def event(self, name: str, node: Node) -> str:
        if not node.get("description"):
            raise ValueError(f"{name} has no description in the schema; say what it means")
        head = f'    type: ClassVar[str] = "{name}"'
        return self._dataclass(class_name(name, node), node, "(Event)", [head])

    def _dataclass(self, name: str, node: Node, parent: str, head: list[str]) -> str:
        about = node.get("description") or "Part of an event."
        required = node.get("required", ())
        lines = ["@dataclass(frozen=True, slots=True, kw_only=True)", f"class {name}{parent}:"]
        lines += [f'    """{_sentence(about)}"""', "", *head]
        for key, one in node["properties"].items():
            if key in _STAMPS:
                continue
            optional = key not in required
            kind = self._kind(one, f"{name}.{key}")
            lines += _field(key, f"{kind} | None" if optional else kind, optional)
        return "\n".join(lines) + "\n"

    def _kind(self, node: Node, where: str) -> str:
        if "const" in node or "enum" in node:
            values = node["enum"] if "enum" in node else [node["const"]]
            return f"Literal[{', '.join(json.dumps(one) for one in values)}]"
        match node.get("type"):
            case "array":
                return f"tuple[{self._kind(node['items'], where)}, ...]"
            case "object" if "properties" in node:
                if not node.get("title"):
                    raise ValueError(f"{where} is an object without a title; give it one")
                title = str(node["title"])
                self.nested.setdefault(title, self._dataclass(title, node, "", []))
                return title
            case "object":
                values = node.get("additionalProperties")
                inner = self._kind(values, where) if isinstance(values, Mapping) else "Any"
                return f"Mapping[str, {inner}]"
            case "string" | "integer" | "number" | "boolean" as simple:
                return {"string": "str", "integer": "int", "number": "float"}.get(simple, "bool")
            case other:
                raise ValueError(f"{where}: no Python type is known for {other!r}")


def _options(node: Node) -> str:
    """A TypedDict of what may be left out, for what the client writes."""
    lines = [f"class {node['title']}(TypedDict, total=False):"]
    lines += [f'    """{_sentence(str(node["description"]))}"""', ""]
    for key, one in node["properties"].items():
        lines += _field(key, _option(one), False)
    return "\n".join(lines) + "\n"


def _option(node: Node) -> str:
    if "const" in node:
        return f"Literal[{json.dumps(node['const'])}]"
    if "oneOf" in node:
        return " | ".join(_option(one) for one in node["oneOf"])
    if "$ref" in node:
        return str(node["$ref"]).rsplit("/", 1)[1].capitalize()
    match node["type"]:
        case "array":
            return f"list[{_option(node['items'])}]"
        case "object":
            return "Mapping[str, Any]"
        case simple:
            return {"string": "str", "integer": "int", "number": "float"}.get(simple, "bool")


def _field(name: str, kind: str, optional: bool) -> list[str]:
    line = f"    {name}: {kind}{' = None' if optional else ''}"
    if len(line) <= _LINE:
        return [line]
    # Only long choices are; as ruff breaks them.
    inner = kind.removeprefix("Literal[").removesuffix("]")
    return [f"    {name}: Literal[", *(f"        {one}," for one in inner.split(", ")), "    ]"]


def _sentence(text: str) -> str:
    """The text on one line of a docstring; what does not fit is left to the documentation."""
    room = _LINE - len('    """"""')
    if len(text) <= room:
        return text
    first = text.split(". ")[0] + "."
    return first if len(first) <= room else first[: room - 1].rsplit(" ", 1)[0] + "…"
