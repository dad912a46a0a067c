"""The JavaScript side's types, written from the dialect's schema: `static/events.d.ts`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from server.dialects.reference_types import class_name

__all__ = ["javascript_types"]

Node = Mapping[str, Any]

_HEAD: Final = """\
/**
 * Events of the Counterpoint dialect, as they are on the wire.
 *
 * Generated from `server/dialects/counterpoint.schema.json` by
 * `python -m server.dialects.reference`; do not edit. Meanings are those of `docs/events.md`;
 * `_ms` is whole milliseconds.
 */
"""
_STAMPS: Final = {
    "seq": "from 0, consecutive",
    "at_ms": "on the session's clock",
    "event_id": "a name of yours; an `error` this causes repeats it",
}


def javascript_types(schema: Node) -> str:
    """The module's text.

    Raises:
        ValueError: an event has no description, a nested object no title, or a value no type.
    """
    definitions = schema["$defs"]
    writing = _Writing(definitions)
    sides = []
    for side in ("server", "client"):
        names = [one["$ref"].rsplit("/", 1)[1] for one in definitions[side]["oneOf"]]
        kinds = [class_name(name, definitions[name]) for name in names]
        for name, kind in zip(names, kinds, strict=True):
            if not definitions[name].get("description"):
                raise ValueError(f"{name} has no description in the schema; say what it means")
            writing.interface(kind, definitions[name])
        sides.append(_union(side, kinds))
    return "\n".join([_HEAD, *writing.interfaces.values(), *sides])


def _union(side: str, kinds: Sequence[str]) -> str:
    about = "What the server tells." if side == "server" else "What a client may send."
    members = "".join(f"\n  | {kind}" for kind in kinds)
    return f"/** {about} */\nexport type {side.capitalize()}Event ={members};\n"


class _Writing:
    """The interfaces so far, by name; those that others are made of first."""

    def __init__(self, definitions: Mapping[str, Node]) -> None:
        self.interfaces: dict[str, str] = {}
        self._definitions = definitions

    def interface(self, name: str, node: Node) -> str:
        """Write an interface, once; returns its name."""
        if name in self.interfaces:
            return name
        required = node.get("required", ())
        lines = [f"/** {node['description']} */", f"export interface {name} {{"]
        for key, one in node["properties"].items():
            about = one.get("description") or _STAMPS.get(key)
            lines += [f"  /** {about} */"] if about else []
            mark = "" if key in required else "?"
            lines.append(f"  {key}{mark}: {self._kind(one, f'{name}.{key}')};")
        self.interfaces[name] = "\n".join([*lines, "}\n"])
        return name

    def _kind(self, node: Node, where: str) -> str:
        if "$ref" in node:
            found = self._definitions[node["$ref"].rsplit("/", 1)[1]]
            return self.interface(str(found["title"]), found)
        if "oneOf" in node:
            return " | ".join(self._kind(one, where) for one in node["oneOf"])
        if "const" in node or "enum" in node:
            values = node["enum"] if "enum" in node else [node["const"]]
            return " | ".join(_literal(one) for one in values)
        match node.get("type"):
            case "string" | "boolean" as simple:
                return str(simple)
            case "integer" | "number":
                return "number"
            case "array":
                inner = self._kind(node["items"], where)
                return f"({inner})[]" if "|" in inner else f"{inner}[]"
            case "object" if "properties" in node:
                if not node.get("title"):
                    raise ValueError(f"{where} is an object without a title; give it one")
                return self.interface(str(node["title"]), node)
            case "object":
                values = node.get("additionalProperties")
                inner = self._kind(values, where) if isinstance(values, Mapping) else "unknown"
                return f"Record<string, {inner}>"
            case other:
                raise ValueError(f"{where}: no JavaScript type is known for {other!r}")


def _literal(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)
