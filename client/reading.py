"""Messages of the server as the events they are. Pure, and never fails: a newer server may send
what this client does not know, which comes as `Unknown`."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from client import agent_events, events, values
from client.values import Event

__all__ = ["Unknown", "read_event"]

MAX_CHARACTERS: Final = 1_000_000

Check = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Event):
    """A message that this client cannot read: what it was, and why."""

    type: ClassVar[str] = ""
    message: str
    why: str


def read_event(text: str) -> Event:
    """The event in a message; fields it does not know are left out."""
    if len(text) > MAX_CHARACTERS:
        return _unknown(text, "it is too long")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return _unknown(text, "it is not JSON")
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return _unknown(text, "it has no type")
    reader = _READERS.get(message["type"])
    if reader is None:
        return _unknown(text, f"there is no event {message['type'][:64]!r} here")
    try:
        event: Event = reader(message)
    except (TypeError, ValueError) as error:
        return _unknown(text, str(error))
    return event


def _unknown(text: str, why: str) -> Unknown:
    return Unknown(seq=-1, at_ms=0, message=text[:1_000], why=why)


def _reader(kind: type[Any]) -> Check:
    """What makes one of a dataclass from an object of JSON."""
    names = {**vars(values), **vars(agent_events), **vars(events)}
    hints = typing.get_type_hints(kind, globalns=names)
    fields = [
        (field.name, field.default is dataclasses.MISSING, _check(hints[field.name]))
        for field in dataclasses.fields(kind)
    ]

    def make(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise TypeError(f"{kind.__name__} is no object")
        found: dict[str, Any] = {}
        for name, required, check in fields:
            if value.get(name) is None:
                if required:
                    raise ValueError(f"{kind.__name__} has no {name}")
                continue
            try:
                found[name] = check(value[name])
            except (TypeError, ValueError) as error:
                raise ValueError(f"{kind.__name__}.{name}: {error}") from None
        return kind(**found)

    return make


def _check(hint: Any) -> Check:
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        (only,) = (one for one in inside if one is not types.NoneType)
        return _check(only)
    if origin is Literal:
        return lambda value: _one_of(inside, value)
    if origin is tuple:
        item = _check(inside[0])
        return lambda value: tuple(item(one) for one in _of(list, value))
    if dataclasses.is_dataclass(hint):
        return _reader(typing.cast("type[Any]", hint))
    if origin is not None:  # Mapping[str, …]
        item = (lambda value: value) if inside[1] is Any else _check(inside[1])
        return lambda value: {key: item(one) for key, one in _of(dict, value).items()}
    if hint is float:
        return lambda value: float(_of((int, float), value))
    return lambda value: _of(hint, value)


def _of(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{value!r:.40} is not what belongs here")
    return value


def _one_of(allowed: tuple[Any, ...], value: Any) -> Any:
    if isinstance(value, bool) or value not in allowed:
        raise ValueError(f"{value!r:.40} is none of {allowed}")
    return value


_READERS: Final[Mapping[str, Check]] = {name: _reader(kind) for name, kind in events.EVENTS.items()}
