"""The tools this server has: one module of this package each, with a `TOOL` in it.

A new file here is a new tool; nothing else has to know of it. A session has it when its settings
name it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from model.orders import ToolSpec

__all__ = ["ServerTool", "ToolFailed", "tools"]

_OURS = frozenset({"catalogue", "declared", "running", "schemas"})


class ToolFailed(Exception):
    """The tool cannot answer; the text says why and is told to the model."""


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A tool that runs in the server.

    Attributes:
        spec: how it is told to the model.
        run: takes arguments that are valid for the schema and gives the answer as text; raises
            ToolFailed. It runs on the event loop: what takes longer than a moment awaits.
    """

    spec: ToolSpec
    run: Callable[[Mapping[str, Any]], Awaitable[str]]


@cache
def tools() -> Mapping[str, ServerTool]:
    """All tools of this server by their names."""
    package = importlib.import_module("server.tools")
    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        if module.name not in _OURS:
            tool: ServerTool = importlib.import_module(f"server.tools.{module.name}").TOOL
            found[tool.spec.name] = tool
    return found
