"""Work that the model handed over to the application, and whether it has been answered. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from server.dialects.openai_fields import FieldError
from server.dialects.openai_items import ms

__all__ = ["Delegations"]

MAX_DELEGATIONS: Final = 256
"""Beyond it the oldest is forgotten."""


class Delegations:
    """Each is a tool call of the model's, by the call's name."""

    def __init__(self) -> None:
        self._waiting: dict[str, bool] = {}

    def created(self, call: str, arguments: str, at_seconds: float) -> dict[str, Any]:
        """The model hands something over; the event that says so."""
        self._waiting[call] = True
        if len(self._waiting) > MAX_DELEGATIONS:
            del self._waiting[next(iter(self._waiting))]
        # `task` is ours besides: theirs has the application guess it from the transcript.
        told = {"type": "delegation", "id": call, "target": "client", "task": _task(arguments)}
        kind = "session.delegation.created"
        return {"type": kind, "delegation": told, "offset_ms": ms(at_seconds)}

    def ended(self, call: str) -> None:
        """The model waits for it no longer."""
        if call in self._waiting:
            self._waiting[call] = False

    def named(self, message: Mapping[str, Any]) -> str | None:
        """The delegation that a client's message is about; raises FieldError."""
        if "delegation_id" not in message:
            why = "Name a delegation, or say null for none."
            raise FieldError("delegation_id", why, "missing_required_parameter")
        named = message["delegation_id"]
        if named is None:
            return None
        if not isinstance(named, str) or named not in self._waiting:
            raise FieldError(
                "delegation_id", "There is no such delegation.", "delegation_not_found"
            )
        return named

    def answer(self, named: str | None) -> bool:
        """Whether the model waits for this one, which from now on it does not."""
        waits = named is not None and self._waiting.get(named, False)
        if named is not None and waits:
            self._waiting[named] = False
        return waits


def _task(arguments: str) -> str:
    """What the model wants done."""
    try:
        return str(json.loads(arguments)["task"])
    except (ValueError, LookupError, TypeError):
        return arguments
