"""Whether a value is a JSON Schema (draft 2020-12), in a time that its size bounds. Pure.

Checking it against the schema of schemas takes about a millisecond a subschema, and clients may
declare hundreds of them on the loop that carries everybody's voice. Here it is microseconds.
Unknown keywords are let pass; `pattern` must be text, in whatever dialect of regular expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

__all__ = ["fault"]

_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")


def fault(schema: Any) -> str:
    """Why it is no JSON Schema; "" for one that is. Recurses as deep as the schema."""
    if isinstance(schema, bool):
        return ""
    if not isinstance(schema, Mapping):
        return "a schema must be an object, true or false."
    for name, value in schema.items():
        rule = _RULES.get(name)
        if rule is None:
            continue
        fits, what = rule
        if not fits(value):
            return f"`{name}` must be {what}."
        for inner in _below(name, value):
            if wrong := fault(inner):
                return wrong
    return ""


def _below(name: str, value: Any) -> Iterable[Any]:
    """The schemas that a keyword's value holds."""
    if name in _SCHEMA:
        return (value,)
    if name in _SCHEMAS:
        return tuple(value)
    return tuple(value.values()) if name in _NAMED_SCHEMAS else ()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and (isinstance(value, int) or value.is_integer())


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and _differ(value)


def _differ(values: list[Any]) -> bool:
    return all(isinstance(one, str) for one in values) and len(set(values)) == len(values)


def _is_type(value: Any) -> bool:
    kinds = value if isinstance(value, list) else [value]
    return bool(kinds) and _differ(kinds) and all(kind in _TYPES for kind in kinds)


_SCHEMA: Final = frozenset(
    "additionalProperties contains contentSchema else if items not propertyNames then"
    " unevaluatedItems unevaluatedProperties".split()
)
_SCHEMAS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED_SCHEMAS: Final = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)
_COUNTS: Final = (
    "maxContains maxItems maxLength maxProperties minContains minItems minLength minProperties"
).split()
_BOUNDS: Final = ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum")
_FLAGS: Final = ("deprecated", "readOnly", "uniqueItems", "writeOnly")
_TEXTS: Final = (
    "$anchor $comment $id $ref $schema contentEncoding contentMediaType description format pattern"
    " title"
).split()

_Rule = tuple[Callable[[Any], bool], str]
_RULES: Final[Mapping[str, _Rule]] = {
    **dict.fromkeys(_SCHEMA, (lambda value: True, "a schema")),
    **dict.fromkeys(
        _SCHEMAS, (lambda value: isinstance(value, list) and bool(value), "a list of schemas")
    ),
    **dict.fromkeys(
        _NAMED_SCHEMAS, (lambda value: isinstance(value, Mapping), "an object of schemas")
    ),
    **dict.fromkeys(_COUNTS, (_is_count, "a whole number from 0")),
    **dict.fromkeys(_BOUNDS, (_is_number, "a number")),
    **dict.fromkeys(_FLAGS, (lambda value: isinstance(value, bool), "true or false")),
    **dict.fromkeys(_TEXTS, (lambda value: isinstance(value, str), "text")),
    **dict.fromkeys(
        ("enum", "examples"), (lambda value: isinstance(value, list), "a list of values")
    ),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    "required": (_are_names, "a list of different names"),
    "dependentRequired": (
        lambda value: isinstance(value, Mapping) and all(map(_are_names, value.values())),
        "an object of lists of different names",
    ),
    "type": (_is_type, f"one of {', '.join(_TYPES)}, or a list of them"),
}
"""Keyword: what its value must be, as a test and in words."""
