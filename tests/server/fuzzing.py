"""Messages of a client that does not mean well, sent to real Sessions: what each dialect must keep.

Two clients send in turn and a third says nothing. Every refusal is an error that names the message
it is for; nobody is told of another's; nothing fails inside; and at the end everything closes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.server.openai_sessions import Client

__all__ = ["MESSAGES", "ODD", "Fuzz", "broken", "value"]

MESSAGES: Final = 10_000

ODD: Final[tuple[Any, ...]] = (
    (None, True, -1, 0, 1.5, 2**63, "", "x" * 10_000, "\ud800", "\u0000", [], {}, [[]])
    + ("audio/pcm", "server_vad", "semantic_vad", "high", "realtime", "message", "user", "root")
    + ("function", "function_call_output", "input_text", "assistant", "auto", "none", ["text"])
    + ("client", "responses", "AAAA", "AAAAAAAA", {"type": "client"}, {"type": "message"})
)


def value(dice: random.Random, depth: int, names: tuple[str, ...], known: list[str]) -> Any:
    """Anything JSON can hold, with names that mean something here and there."""
    roll = dice.random()
    if depth < 4 and roll < 0.35:
        chosen = dice.sample(names, dice.randrange(1, 5))
        return {name: value(dice, depth + 1, names, known) for name in chosen}
    if depth < 4 and roll < 0.45:
        return [value(dice, depth + 1, names, known) for _ in range(dice.randrange(4))]
    if roll < 0.65 and known:
        return dice.choice(known)
    return dice.choice(ODD)


def broken(dice: random.Random, text: str) -> str:
    """What is no message, most of the time."""
    at = dice.randrange(len(text))
    return dice.choice((text[:at], text[at:], text[:at] + '"' + text[at:], "[" * 9_999, ""))


@dataclass
class Fuzz:
    """One run.

    Attributes:
        dice: decide everything.
        clients: those that send.
        quiet: one that does not.
        message: makes the next message for a client.
        named: the client's name of its message in an error.
    """

    dice: random.Random
    clients: list[Client]
    quiet: Client
    message: Callable[[random.Random, Client], dict[str, Any]]
    named: Callable[[dict[str, Any]], Any]
    refused: int = 0
    taken: int = 0
    _sent: list[set[str]] = field(default_factory=list)
    _unnamed: list[int] = field(default_factory=list)

    async def run(self) -> None:
        """Send all of them, and close."""
        before = self.quiet.settings
        self._sent = [set() for _ in self.clients]
        self._unnamed = [0 for _ in self.clients]
        for n in range(MESSAGES):
            await self._send(n % len(self.clients))
        assert self.quiet.settings == before
        assert not [one for one in self.quiet.told if one["type"] == "error"]
        for client in (*self.clients, self.quiet):
            assert await client.close() == "hung_up"
            events = [one["event_id"] for one in client.told]
            assert len(set(events)) == len(events)

    async def _send(self, number: int) -> None:
        client, sent = self.clients[number], self._sent[number]
        made = self.message(self.dice, client)
        event_id = f"{number}-{len(sent)}" if self.dice.random() < 0.7 else None
        if event_id is not None:
            made["event_id"] = event_id
            sent.add(event_id)
        text, intact = json.dumps(made), self.dice.random() < 0.95
        self._unnamed[number] += event_id is None or not intact
        errors = await client.send(text if intact else broken(self.dice, text))
        own = [one for one in errors if self.named(one) == event_id]
        self.refused, self.taken = self.refused + bool(errors), self.taken + (not errors)
        for one in errors:
            assert one["error"]["code"] and one["error"]["message"] and one["error"]["type"]
            name = self.named(one)
            assert name is None or name in sent, f"another's message is named: {one}"
            # An earlier message may be refused only now: by whom it was passed on to, or because it
            # waited behind sound. Without a name nobody knows which it was, but it is one of them.
            self._unnamed[number] -= name is None
            assert self._unnamed[number] >= 0, (made, one)
        assert event_id is None or len(own) <= 1, (made, errors)
