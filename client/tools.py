"""Tools of one conversation: declared in its settings, run when the model asks."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from client import requests, values
from client.declaring import Function, Tool, as_tool
from client.errors import BadTool
from client.events import ToolCall, ToolEnded
from client.values import Event

__all__ = ["Toolbox"]

log = logging.getLogger(__name__)

MAX_TOOLS: Final = 16
MAX_CALLS: Final = 8
"""Calls at a time; the server asks for no more, and what is beyond is refused."""


class Toolbox:
    """The tools by name, and their calls under way.

    A plain function runs in a thread, so that it may take its time without making the voice
    stutter; an `async` one is cancelled when its call is over (too late, or the connection lost).

    Args:
        tools: functions, or what `tool` made of them.
        send: called with each answer.

    Raises:
        BadTool: one of them cannot be a tool, two have one name, or there are more than 16.
    """

    def __init__(
        self, tools: Iterable[Tool | Function], send: Callable[[requests.Request], object]
    ) -> None:
        self._tools: dict[str, Tool] = {}
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._send = send
        for one in map(as_tool, tools):
            if one.name in self._tools:
                raise BadTool(f"There are two tools {one.name}.")
            self._tools[one.name] = one
        if len(self._tools) > MAX_TOOLS:
            raise BadTool(f"At most {MAX_TOOLS} tools, not {len(self._tools)}.")

    @property
    def declared(self) -> list[str | values.Tool]:
        """As the settings say it."""
        return [one.declared for one in self._tools.values()]

    @property
    def running(self) -> int:
        """Calls under way."""
        return len(self._calls)

    def hear(self, event: Event) -> None:
        """Run what is asked for, give up what is over."""
        if isinstance(event, ToolCall):
            self._begin(event)
        elif isinstance(event, ToolEnded) and (task := self._calls.pop(event.call, None)):
            task.cancel()

    def stop(self) -> None:
        """Give up every call: nobody waits for its answer."""
        for task in self._calls.values():
            task.cancel()
        self._calls.clear()

    def _begin(self, asked: ToolCall) -> None:
        found = self._tools.get(asked.name)
        if found is None:
            self._send(requests.tool_answer(asked.call, f"There is no tool {asked.name}.", True))
        elif len(self._calls) >= MAX_CALLS:
            self._send(requests.tool_answer(asked.call, "Too many calls at once.", True))
        elif asked.call not in self._calls:
            running = self._run(found, asked)
            self._calls[asked.call] = asyncio.create_task(running, name=f"tool {asked.name}")

    async def _run(self, found: Tool, asked: ToolCall) -> None:
        try:
            answer, failed = _text(await _call(found.run, asked.arguments)), False
        except Exception as error:
            # The model is told; whoever wrote the tool finds out here.
            log.warning("tool %s failed", found.name, exc_info=error)
            answer, failed = str(error) or type(error).__name__, True
        if self._calls.pop(asked.call, None) is not None:
            self._send(requests.tool_answer(asked.call, answer, failed))


async def _call(function: Function, arguments: Mapping[str, Any]) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(**arguments)
    result = await asyncio.to_thread(functools.partial(function, **arguments))
    return await result if inspect.isawaitable(result) else result


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "done" if value is None else json.dumps(value, ensure_ascii=False, default=str)
