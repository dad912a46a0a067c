"""Fields of OpenAI's messages, read strictly; each refusal names its field by path. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

__all__ = ["FieldError", "checked_number", "checked_object", "checked_text"]


class FieldError(ValueError):
    """A field that cannot be taken: `param` is its path, `code` the word to test."""

    def __init__(self, param: str, message: str, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.param = param
        self.code = code


def checked_object(value: Any, path: str, known: Collection[str]) -> Mapping[str, Any]:
    """An object with no fields but these; raises FieldError."""
    if not isinstance(value, Mapping):
        raise FieldError(path, f"{path} must be an object.", "invalid_type")
    if unknown := sorted(set(map(str, value)) - set(known)):
        raise FieldError(f"{path}.{unknown[0]}", "There is no such field.", "unknown_parameter")
    return value


def checked_text(value: Any, path: str, longest: int) -> str:
    """Sound text of bounded length; raises FieldError."""
    if not isinstance(value, str):
        raise FieldError(path, f"{path} must be text.", "invalid_type")
    if len(value) > longest:
        raise FieldError(path, f"At most {longest} characters.", "string_above_max_length")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise FieldError(path, "This is not sound Unicode.")
    return value


def checked_number(value: Any, path: str, least: float, most: float) -> float:
    """A number in a range, `least` for none given; raises FieldError."""
    if value is None:
        return least
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise FieldError(path, f"Must be a number from {least:g} to {most:g}.")
    return float(value)
