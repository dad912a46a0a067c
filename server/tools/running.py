"""Tool calls of one session that have no answer yet: run here, or with the client."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from model.orders import ToolAnswer, ToolCall, ToolSpec
from server.tools.catalogue import ServerTool, ToolFailed

__all__ = ["MAX_ANSWER_CHARACTERS", "Running"]

log = logging.getLogger(__name__)

MAX_ANSWER_CHARACTERS: Final = 8_192
"""Of a longer answer the beginning is kept."""

_MAX_CALLS: Final = 8
"""Calls without an answer; the engine asks for fewer, and what is beyond is refused at once."""


@dataclass(slots=True)
class _Call:
    timer: asyncio.TimerHandle
    task: asyncio.Task[None] | None = None


class Running:
    """Every call gets exactly one answer: the tool's, or why there is none. One event loop.

    Args:
        answered: called with the answer of each call.
    """

    def __init__(self, answered: Callable[[ToolAnswer], None]) -> None:
        self._answered = answered
        self._calls: dict[str, _Call] = {}

    @property
    def waiting(self) -> int:
        """Calls without an answer."""
        return len(self._calls)

    def begin(self, call: ToolCall, spec: ToolSpec, here: ServerTool | None) -> bool:
        """Wait for the answer of a call, and run the tool if it is ours.

        Returns whether the client is to be asked.
        """
        if call.call in self._calls or len(self._calls) >= _MAX_CALLS:
            self._answered(ToolAnswer(call.call, "Too many calls at once.", failed=True))
            return False
        loop = asyncio.get_running_loop()
        why = f"No answer came within {spec.timeout_seconds:g} s."
        timer = loop.call_later(spec.timeout_seconds, self.end, call.call, why, True)
        self._calls[call.call] = _Call(timer)
        if here is not None:
            task = loop.create_task(self._run(call, here), name=f"tool {call.name}")
            self._calls[call.call].task = task
        return here is None

    def take(self, call: str, text: str, failed: bool) -> bool:
        """The client answers a call; False when it is not asked for. What a tool of ours gives is
        not the client's to say."""
        waiting = self._calls.get(call)
        return waiting is not None and waiting.task is None and self.end(call, text, failed)

    def end(self, call: str, text: str, failed: bool) -> bool:
        """A call is answered; False when it is not waited for."""
        waiting = self._calls.pop(call, None)
        if waiting is None:
            return False
        waiting.timer.cancel()
        if waiting.task is not None and waiting.task is not asyncio.current_task():
            waiting.task.cancel()
        self._answered(ToolAnswer(call, text[:MAX_ANSWER_CHARACTERS], failed))
        return True

    def close(self) -> None:
        """Nobody waits any more."""
        for waiting in self._calls.values():
            waiting.timer.cancel()
            if waiting.task is not None:
                waiting.task.cancel()
        self._calls.clear()

    async def _run(self, call: ToolCall, tool: ServerTool) -> None:
        try:
            text, failed = await tool.run(json.loads(call.arguments)), False
        except ToolFailed as refusal:
            text, failed = str(refusal), True
        except Exception:
            log.exception("tool %s failed", call.name)
            text, failed = "The tool failed.", True
        self.end(call.call, text, failed)
