"""Steps that are all taken, whatever becomes of one of them."""

from __future__ import annotations

import logging
from collections.abc import Callable

__all__ = ["take_each"]

log = logging.getLogger(__name__)


def take_each(name: str, *steps: Callable[[], object]) -> None:
    """Take them in their order; one that fails is logged for `name`, and the next is taken."""
    for step in steps:
        try:
            step()
        except Exception:
            log.exception("%s: a step failed", name)
