"""The one error of this package."""

from __future__ import annotations

__all__ = ["WeightsError"]


class WeightsError(Exception):
    """A part cannot be fetched, checked, converted or found; the text says what to do."""
