"""What is made from the dialect's schema: the event reference, the types of both clients.

    python -m server.dialects.reference            # writes them
    python -m server.dialects.reference --check    # fails when one is not as the schema says

An event without a description, or a nested object without a title, is refused: it would have no
documentation, or no type.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from server.dialects.reference_js import javascript_types
from server.dialects.reference_types import class_name, python_types

__all__ = ["SCHEMA", "files", "main", "outdated"]

_ROOT: Final = Path(__file__).resolve().parents[2]
SCHEMA: Final = Path(__file__).with_name("counterpoint.schema.json")
_STAMPS: Final = ("type", "seq", "at_ms")

Node = Mapping[str, Any]

_INTRODUCTION: Final = " ".join(
    (
        "# Events of the Counterpoint dialect\n\nGenerated from",
        "`server/dialects/counterpoint.schema.json` by `python -m server.dialects.reference`; do",
        "not edit.\n[dialect.md](dialect.md) says how a conversation is begun and how orders are",
        "obeyed.\n\nEvery message is a JSON object with `type`. Server",
        "events carry `seq` (from 0, consecutive) and `at_ms`\n(milliseconds of the session's",
        "clock) besides; client events may carry `event_id` (at most 64 characters), which an",
        "`error` they\ncause repeats. Fields marked `?` may be missing. In Python each server",
        "event is a frozen dataclass of `client`, named in brackets.\n",
    )
)


def files(schema: Node) -> dict[str, str]:
    """The files made from the schema: path from the checkout's root, and text.

    Raises:
        ValueError: something in it has no description or no title.
    """
    modules = {f"client/{name}.py": text for name, text in python_types(schema).items()}
    types = {"static/events.d.ts": javascript_types(schema)}
    return {"docs/events.md": document(schema), **types, **modules}


def outdated(schema: Node) -> list[str]:
    """Paths of the files that are not as the schema says."""
    return [
        path
        for path, text in files(schema).items()
        if not (file := _ROOT / path).is_file() or file.read_text("utf-8") != text
    ]


def document(schema: Node) -> str:
    """The reference in Markdown."""
    definitions = schema["$defs"]
    parts = [_INTRODUCTION]
    for side, title in (("server", "Server to client"), ("client", "Client to server")):
        names = list(_names(schema, side))
        rows = [f"| [`{name}`](#{_anchor(name)}) | {_about(definitions, name)} |" for name in names]
        parts.append("\n".join([f"## {title}\n", "| event | meaning |", "|---|---|", *rows, ""]))
        parts += [_section(definitions, name, side == "server") for name in names]
    parts.append("## Settings\n\nIn the offer and in `settings.update`.\n")
    parts.append(_table(definitions["settings"]["properties"], frozenset()))
    parts.append("## Tool\n\nOne of `tools` in the settings, where it is the client's own.\n")
    tool = definitions["tool"]
    parts.append(_table(tool["properties"], frozenset(tool["required"])))
    return "\n".join(parts)


def _names(schema: Node, side: str) -> Iterator[str]:
    for reference in schema["$defs"][side]["oneOf"]:
        yield reference["$ref"].rsplit("/", 1)[1]


def _about(definitions: Node, name: str) -> str:
    if not definitions[name].get("description"):
        raise ValueError(f"{name} has no description in the schema; say what it means")
    return str(definitions[name]["description"])


def _anchor(name: str) -> str:
    return name.replace(".", "")


def _section(definitions: Node, name: str, server: bool) -> str:
    event = definitions[name]
    fields = {key: one for key, one in event["properties"].items() if key not in _STAMPS}
    if not server:
        fields.pop("event_id", None)
    python = f" (`{class_name(name, event)}`)" if server else ""
    table = _table(fields, frozenset(event["required"])) if fields else "No fields of its own.\n"
    # A heading of the name alone, so that its anchor is what one expects.
    return f"### {name}\n\n{_about(definitions, name)}{python}\n\n{table}"


def _table(fields: Mapping[str, Node], required: frozenset[str]) -> str:
    rows = []
    for name, one in fields.items():
        mark, about = "" if name in required else "?", one.get("description", "")
        rows.append(f"| `{name}`{mark} | {_kind(one)} | {about} |")
    return "\n".join(["| field | | |", "|---|---|---|", *rows, ""])


def _kind(node: Node) -> str:
    """A type in words, with its bounds."""
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name})"
    if "const" in node:
        return f"`{json.dumps(node['const'])}`"
    if "enum" in node:
        return " ".join(f"`{one}`" for one in node["enum"])
    if "oneOf" in node:
        return " or ".join(_kind(one) for one in node["oneOf"])
    match node.get("type"):
        case "string" if "pattern" in node:
            return f"text like `{node['pattern']}`"
        case "string":
            return "text" + _range(node, "minLength", "maxLength", " characters")
        case "integer" | "number":
            kind = "whole number" if node["type"] == "integer" else "number"
            return kind + _range(node, "minimum", "maximum", "")
        case "boolean":
            return "true or false"
        case "array":
            inner = _kind(node["items"]) if "items" in node else "anything"
            return f"list of {inner}" + _range(node, "minItems", "maxItems", " in it")
        case "object" if "properties" in node:
            fields = ", ".join(f"`{name}`" for name in node["properties"])
            return f"{{{fields}}}"
        case _:
            return "object"


def _range(node: Node, least: str, most: str, unit: str) -> str:
    low, high = node.get(least), node.get(most)
    if high is not None:
        between = f"{low:,} to {high:,}" if low is not None and low != high else f"{high:,}"
        return f", {'' if low is not None else 'at most '}{between}{unit}"
    return f", {low:,} or more" if low not in (None, 0, 1) else ""


def main() -> int:
    """Write the files, or check them; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m server.dialects.reference")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when outdated")
    checking = parser.parse_args().check
    schema = json.loads(SCHEMA.read_text("utf-8"))
    if not checking:
        for path, text in files(schema).items():
            (_ROOT / path).write_text(text, "utf-8")
        return 0
    wrong = outdated(schema)
    for path in wrong:
        sys.stderr.write(
            f"{path} is not as the schema says: run `python -m server.dialects.reference`\n"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
