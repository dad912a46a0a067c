"""Runs work in pieces to its end."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

Result = TypeVar("Result")


def finished(work: Generator[Any, None, Result]) -> Result:
    """What the work returns."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            result: Result = stop.value
            return result
