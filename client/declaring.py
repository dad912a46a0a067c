"""A function as a tool that the model may use: its schema is read from its hints and docstring.

@tool
async def weather(city: str, days: int = 1) -> str:
    \"\"\"The weather in a city.

    Args:
        city: its name.
        days: how many days ahead.
    \"\"\"
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, overload

from client import values
from client.errors import BadTool

__all__ = ["Tool", "as_tool", "tool"]

Function = Callable[..., Any]
Schema = dict[str, Any]

DEFAULT_SECONDS: Final = 30.0
_SECONDS: Final = (0.1, 300.0)
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SIMPLE: Final[Mapping[Any, str]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}
_MAX_ABOUT: Final = 1_024


@dataclass(frozen=True, slots=True)
class Tool:
    """A function of ours that the model may use.

    Attributes:
        run: the function; one that is not `async` runs in a thread.
        parameters: JSON Schema of its arguments.
        timeout_seconds: the model is told when it takes longer.
    """

    run: Function
    name: str
    description: str
    parameters: Schema
    timeout_seconds: float

    @property
    def declared(self) -> values.Tool:
        """As the settings say it."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
            "timeout_ms": round(self.timeout_seconds * 1000),
        }

    def __call__(self, *given: Any, **named: Any) -> Any:
        """The function itself, as if it were no tool."""
        return self.run(*given, **named)


@overload
def tool(function: Function, /) -> Tool: ...


@overload
def tool(
    *, name: str = ..., description: str = ..., timeout_seconds: float = ...
) -> Callable[[Function], Tool]: ...


def tool(
    function: Function | None = None,
    /,
    *,
    name: str = "",
    description: str = "",
    timeout_seconds: float = DEFAULT_SECONDS,
) -> Tool | Callable[[Function], Tool]:
    """Make a tool of a function; as decorator with or without arguments.

    Args:
        function: what is run.
        name: the function's own unless said.
        description: when to use it and what it gives; the docstring's beginning unless said.
        timeout_seconds: 0.1 to 300.

    Raises:
        BadTool: it has no usable name, or an argument whose type cannot be told to the model.
    """

    def make(one: Function) -> Tool:
        called = name or getattr(one, "__name__", "")
        if not _NAME.fullmatch(called):
            raise BadTool(f"A tool needs a name of letters, digits, _ and -, not {called!r}.")
        if not _SECONDS[0] <= timeout_seconds <= _SECONDS[1]:
            raise BadTool(f"{called}: timeout_seconds is {_SECONDS[0]} to {_SECONDS[1]:g}.")
        about, arguments = _documented(inspect.getdoc(one) or "")
        said = (description or about)[:_MAX_ABOUT]
        return Tool(one, called, said, _parameters(one, called, arguments), timeout_seconds)

    return make if function is None else make(function)


def as_tool(given: Tool | Function) -> Tool:
    """A tool as it is, or a plain function made one; raises BadTool."""
    if isinstance(given, Tool):
        return given
    if not callable(given):
        raise BadTool(f"A tool is a function, not {given!r:.60}.")
    return tool(given)


def _documented(text: str) -> tuple[str, dict[str, str]]:
    """A docstring's beginning in one line, and what its `Args:` say of each."""
    about = " ".join(re.split(r"\n\s*\n", text, maxsplit=1)[0].split())
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\s*\n)*)", text, re.MULTILINE)
    found: dict[str, str] = {}
    name = ""
    for line in section[1].splitlines() if section else ():
        if begun := re.match(r" {1,4}(\w+)(?: ?\(.*?\))?: *(.*)", line):
            name = begun[1]
            found[name] = begun[2]
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return about, found


def _parameters(function: Function, name: str, about: Mapping[str, str]) -> Schema:
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise BadTool(f"{name}: {error}; the types of its arguments must be importable.") from None
    properties: dict[str, Schema] = {}
    required = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise BadTool(f"{name}: the model gives arguments by name; {parameter} takes none.")
        if parameter.kind is parameter.VAR_KEYWORD:
            raise BadTool(f"{name}: name each argument instead of {parameter}.")
        if parameter.name not in hints:
            raise BadTool(f"{name}: give {parameter.name} a type hint.")
        schema = _schema(hints[parameter.name], f"{name}: {parameter.name}")
        if described := about.get(parameter.name):
            schema.setdefault("description", described)
        properties[parameter.name] = schema
        if parameter.default is parameter.empty:
            required.append(parameter.name)
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _schema(hint: Any, where: str) -> Schema:
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if hint in _SIMPLE:
        return {"type": _SIMPLE[hint]}
    if origin is typing.Annotated:
        about = next((one for one in inside[1:] if isinstance(one, str)), "")
        return {**_schema(inside[0], where), **({"description": about} if about else {})}
    if origin is Literal:
        return {"enum": list(inside)}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_schema(one, where) for one in inside]}
    if origin in (list, Sequence) or hint is list:
        return {"type": "array", **({"items": _schema(inside[0], where)} if inside else {})}
    if origin in (dict, Mapping) and inside[0] is str:
        values_of = {} if inside[1] is Any else {"additionalProperties": _schema(inside[1], where)}
        return {"type": "object", **values_of}
    if hint is dict:
        return {"type": "object"}
    raise BadTool(
        f"{where}: the model cannot be told of {hint!r}; use str, int, float, bool, Literal, list,"
        " dict or a union of these."
    )
