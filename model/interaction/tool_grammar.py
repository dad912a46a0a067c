"""Arguments of a tool, valid for its schema, whatever the decoder would rather write.

The JSON is ours: braces, names and commas are written, and the decoder chooses only where there is
a choice: which optional property comes next, which of some values, the letters of a text, the
digits of a number. A small part of JSON Schema is understood: `type`, `properties`, `required`,
`enum`, `const`, `items`, lengths and bounds; of alternatives (`anyOf`, `oneOf`, a list of types)
the first that is not null. What else a schema asks for is checked when all is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from jsonschema import Draft202012Validator

from model.interaction.parts import Pieces

__all__ = ["Pen", "TooLong", "fill", "is_valid", "summary"]

MOST_PROPERTIES: Final = 16
MOST_OPTIONS: Final = 32
MOST_ITEMS: Final = 4
MOST_LETTERS: Final = 120
MOST_DIGITS: Final = 12
MOST_DEPTH: Final = 4
"""An object in so many others is written with its required properties only."""

_WHOLE: Final = re.compile(rf"-?\d{{0,{MOST_DIGITS}}}")
_NUMBER: Final = re.compile(rf"-?\d{{0,{MOST_DIGITS}}}(\.\d{{0,6}})?")
_UNCHECKED: Final = ("patternProperties", "unevaluatedItems", "unevaluatedProperties")
_MOST_CHECKS: Final = 16_000
"""Values of the arguments times those of the schema: a schema as large as may be declared, and
forty arguments. Every one may be held against every other, at some 5 us each."""


class TooLong(Exception):
    """A call took more tokens than there is room for."""


class Pen(Protocol):
    """Writes into a row of the decoder."""

    def write(self, text: str) -> None:
        """What is certain; raises TooLong where it does not come to an end."""

    def choose(self, options: Sequence[str], ahead: Sequence[float] = ()) -> Pieces[str]:
        """The likeliest of some texts, whose first ones are so many nats `ahead`."""

    def letters(self, most: int) -> Pieces[str]:
        """The likeliest text without quotes, backslashes and line breaks, closed by a quote."""

    def digits(self, form: re.Pattern[str]) -> Pieces[str]:
        """The likeliest beginning of a text of this form, as long as the decoder likes."""


def fill(pen: Pen, schema: Mapping[str, Any], depth: int = 0) -> Pieces[Any]:
    """Write a value that the schema allows, and return it.

    Raises:
        TooLong: it does not come to an end.
    """
    schema = _simple(schema)
    if "const" in schema:
        pen.write(json.dumps(schema["const"]))
        return schema["const"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return (yield from _one_of(pen, schema["enum"][:MOST_OPTIONS]))
    match schema.get("type"):
        case "object":
            return (yield from _object(pen, schema, depth))
        case "array":
            return (yield from _array(pen, schema, depth))
        case "boolean":
            return (yield from _one_of(pen, [True, False]))
        case "null":
            pen.write("null")
            return None
        case "integer" | "number":
            return (yield from _number(pen, schema))
    pen.write('"')
    return (yield from pen.letters(min(_whole(schema.get("maxLength"), 1 << 20), MOST_LETTERS)))


def is_valid(arguments: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a schema allows a value; False where it takes too long to tell.

    What a hostile pattern could make slow is not checked, nor what each level of a schema would
    check again for all that hold it.
    """
    if _size(arguments) * _size(schema) > _MOST_CHECKS:
        return False
    return bool(Draft202012Validator(_checked(schema)).is_valid(arguments))


def summary(schema: Mapping[str, Any]) -> str:
    """The parameters of a tool in a few words for the decoder."""
    told = []
    for name, one in list(schema.get("properties", {}).items())[:MOST_PROPERTIES]:
        one = _simple(one if isinstance(one, Mapping) else {})
        about = str(one.get("description", ""))[:80]
        if isinstance(one.get("enum"), list):
            about = f"{about} one of {', '.join(map(str, one['enum'][:8]))}".strip()
        told.append(f"{name} ({about or one.get('type', 'string')})")
    return ", ".join(told)


def _object(pen: Pen, schema: Mapping[str, Any], depth: int) -> Pieces[dict[str, Any]]:
    properties = schema.get("properties")
    known = dict(properties) if isinstance(properties, Mapping) else {}
    required = [name for name in schema.get("required", ()) if isinstance(name, str)]
    names = list(dict.fromkeys((*known, *required)))
    optional = [name for name in names if name not in required]
    left = MOST_PROPERTIES - len(required) if depth < MOST_DEPTH else 0
    names = [name for name in names if name in required or name in optional[: max(left, 0)]]
    value: dict[str, Any] = {}
    pen.write("{")
    while True:
        options: dict[str, str] = {}
        for name in names:
            options[f"{', ' if value else ''}{json.dumps(name)}: "] = name
            if name in required:
                break
        else:
            options["}"] = ""
        name = options[(yield from pen.choose(list(options)))]
        if not name:
            return value
        names = names[names.index(name) + 1 :]
        one = known.get(name, {})
        value[name] = yield from fill(pen, one if isinstance(one, Mapping) else {}, depth + 1)


def _array(pen: Pen, schema: Mapping[str, Any], depth: int) -> Pieces[list[Any]]:
    items = schema.get("items")
    least = _whole(schema.get("minItems"), 0)
    most = min(_whole(schema.get("maxItems"), MOST_ITEMS), max(MOST_ITEMS, least))
    found: list[Any] = []
    pen.write("[")
    while len(found) < most:
        found.append((yield from fill(pen, items if isinstance(items, Mapping) else {}, depth + 1)))
        ends = ["]"] if len(found) >= least else []
        more = [", "] if len(found) < most else []
        if (yield from pen.choose([*more, *ends])) == "]":
            return found
    pen.write("" if found else "]")
    return found


def _one_of(pen: Pen, values: Sequence[Any]) -> Pieces[Any]:
    texts = [json.dumps(value) for value in values]
    if any(a != b and b.startswith(a) for a in texts for b in texts):
        texts = [f"{text}\n" for text in texts]  # 1 and 10: only its end tells one from the other.
    return values[texts.index((yield from pen.choose(texts)))]


def _number(pen: Pen, schema: Mapping[str, Any]) -> Pieces[int | float]:
    whole = schema.get("type") == "integer"
    text = yield from pen.digits(_WHOLE if whole else _NUMBER)
    value = float(text) if re.fullmatch(r"-?\d+(\.\d*)?", text) else 0.0
    least, most = schema.get("minimum"), schema.get("maximum")
    value = max(value, least) if isinstance(least, int | float) else value
    value = min(value, most) if isinstance(most, int | float) else value
    return int(value) if whole or value == int(value) else value


def _simple(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema with its first alternative instead of all."""
    for several in ("anyOf", "oneOf"):
        if isinstance(schema.get(several), list):
            fit = [one for one in schema[several] if isinstance(one, Mapping)]
            first = next((one for one in fit if one.get("type") != "null"), {})
            rest = {name: one for name, one in schema.items() if name != several}
            return _simple({**rest, **first})
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
        return {**schema, "type": kind}
    if kind is None and "properties" in schema:
        return {**schema, "type": "object"}
    return schema


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and value >= 0 else otherwise


def _checked(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {name: _checked(one) for name, one in node.items() if not _skipped(name, one)}
    return [_checked(one) for one in node] if isinstance(node, list) else node


def _skipped(name: str, value: Any) -> bool:
    # A property may be called "pattern": then a schema stands there, and no text.
    return name in _UNCHECKED or (name == "pattern" and isinstance(value, str))


def _size(node: Any) -> int:
    """Objects, lists and values in it."""
    inner = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    return 1 + sum(map(_size, inner))
