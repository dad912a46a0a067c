"""Messages made from a dialect's schema: right ones, and ones that are wrong in one place."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

import jsonschema

__all__ = ["Messages"]

Node = Mapping[str, Any]

_ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    1.5,
    2**63,
    1e300,
    "",
    " ",
    "\ud800",
    "\u0000",
    "x" * 9_000,
) + ([], {}, [[]], {"a": {"b": []}}, "now", "knowledge", "constructor", "__proto__")
_NAMES: Final = ("nonsense", "session.started", "error", "constructor", "", 5, None, ["ping"])


class Messages:
    """Makes one side's messages.

    Args:
        dice: all chance comes from here.
        schema: the dialect's.
        side: `client` or `server`.
        likely: by field, values that mean something now; half of them are taken from here.
    """

    def __init__(
        self, dice: random.Random, schema: Node, side: str, likely: Mapping[str, Sequence[Any]]
    ) -> None:
        self.kinds = [one["$ref"].rsplit("/", 1)[1] for one in schema["$defs"][side]["oneOf"]]
        self._dice = dice
        self._definitions = schema["$defs"]
        self._likely = likely
        self._validators = {
            kind: jsonschema.Draft202012Validator(
                {**schema["$defs"][kind], "$defs": schema["$defs"]}
            )
            for kind in self.kinds
        }

    def right(self, kind: str) -> dict[str, Any]:
        """A message of this type, with some of what may be left out."""
        made: dict[str, Any] = self._object(self._definitions[kind])
        return made

    def wrong(self, kind: str) -> dict[str, Any]:
        """A message with something odd in one place; now and then that is allowed all the same."""
        made = copy.deepcopy(self.right(kind))
        place: Any = made
        while True:
            names = [name for name in place if name != "event_id"]
            name = self._dice.choice(names or ["type"])
            inside = place.get(name)
            if not (isinstance(inside, dict) and inside) or self._dice.random() < 0.3:
                break
            place = inside
        match self._dice.randrange(5):
            case 0 if name in place:
                del place[name]
            case 1:
                made["type"] = self._dice.choice(_NAMES)
            case 2 if isinstance(place.get(name), str):
                place[name] *= 9_000 // max(1, len(place[name]))
            case 3:
                made["event_id"] = self._dice.choice((7, "e" * 65, "\udfff", [], True))
            case _:
                place[name] = self._dice.choice(_ODD)
        return made

    def torn(self, text: str) -> str:
        """What is no JSON object any more."""
        at = self._dice.randrange(1, len(text))
        pieces = (text[:at], text[:at] + '"' + text[at:], "[" * 9_999, "", f"[{text}]", "NaN")
        return self._dice.choice([one for one in pieces if not _is_object(one)])

    def allowed(self, message: Node) -> bool:
        """Whether the schema takes the message."""
        kind = message.get("type")
        known = isinstance(kind, str) and kind in self._validators
        return known and bool(self._validators[str(kind)].is_valid(message))

    def _value(self, name: str, node: Node) -> Any:
        likely = self._likely.get(name)
        if likely and self._dice.random() < 0.5:
            return self._dice.choice(likely)
        if "$ref" in node:
            return self._value(name, self._definitions[node["$ref"].rsplit("/", 1)[1]])
        if "oneOf" in node:
            return self._value(name, self._dice.choice(node["oneOf"]))
        if "const" in node:
            return node["const"]
        if "enum" in node:
            return self._dice.choice(node["enum"])
        match node["type"]:
            case "string":
                return self._text(node)
            case "boolean":
                return self._dice.random() < 0.5
            case "integer":
                low, high = node.get("minimum", -9), node.get("maximum", 99)
                return self._dice.choice((low, high, self._dice.randint(low, high)))
            case "number":
                low, high = node.get("minimum", -1e6), node.get("maximum", 1e6)
                return self._dice.choice((low, high, self._dice.uniform(low, high)))
            case "array":
                low, high = node.get("minItems", 0), min(node.get("maxItems", 3), 4)
                length = self._dice.randint(low, high)
                return [self._value("", node["items"]) for _ in range(length)]
            case _:
                return self._object(node)

    def _object(self, node: Node) -> dict[str, Any]:
        fields = node.get("properties", {})
        needed = set(node.get("required", ()))
        taken = [one for one in fields if one in needed or self._dice.random() < 0.6]
        return {name: self._value(name, fields[name]) for name in taken}

    def _text(self, node: Node) -> str:
        if "pattern" in node:
            return f"tool_{self._dice.randrange(9)}"
        shortest, longest = node.get("minLength", 0), min(node.get("maxLength", 40), 2_500)
        length = self._dice.choice((max(1, shortest), min(longest, 12), longest))
        return "".join(self._dice.choices("ab éß漢😀", k=length - 1)) + "."


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text, parse_constant=lambda _: None), dict)
    except (ValueError, RecursionError):
        return False
