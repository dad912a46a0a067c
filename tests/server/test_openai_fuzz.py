"""Ten thousand messages of a client that does not mean well: refused by name, and nothing else."""

from __future__ import annotations

import json
import random
from typing import Any, Final

from model.messages import AgentWord, PersonWords, Said, Word
from model.orders import ToolCall
from server.dialects.openai_items import MAX_ITEMS
from server.dialects.openai_realtime import RealtimeDialect
from server.dialects.openai_settings import RealtimeSettings
from server.session_events import (
    AgentProgress,
    AgentStarted,
    Problem,
    Reply,
    SessionEvent,
    Several,
)
from server.steering_events import CancelAsked, SettingsAsked, SettingsChanged, TruncateAsked

MESSAGES: Final = 10_000
KINDS: Final = (
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "output_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.retrieve",
    "conversation.item.truncate",
    "conversation.item.delete",
    "response.create",
    "response.cancel",
)
FIELDS: Final = (
    ("session", "item", "item_id", "previous_item_id", "content_index", "audio_end_ms", "audio")
    + ("response", "response_id", "type", "role", "content", "text", "id", "call_id", "output")
    + ("instructions", "input", "format", "turn_detection", "eagerness", "tools", "metadata")
    + ("output_modalities", "voice", "speed", "transcription", "name", "parameters")
)
ODD: Final[tuple[Any, ...]] = (
    (None, True, -1, 0, 1.5, 2**63, "", "x" * 10_000, "\ud800", "\u0000", [], {}, [[]])
    + ("audio/pcm", "server_vad", "semantic_vad", "high", "realtime", "message", "user", "root")
    + ("function", "function_call_output", "input_text", "assistant", "auto", "none", ["text"])
)


class Session:
    """The other side, as far as a dialect can tell: it speaks, is cut, hears and answers."""

    def __init__(self, dice: random.Random, dialect: RealtimeDialect) -> None:
        self.dialect = dialect
        self.told: list[dict[str, Any]] = []
        self._dice = dice
        self._utterance = -1
        self._speaking = False
        self._segment = 0

    def lives(self) -> None:
        """Something happens that is not the client's doing."""
        match self._dice.randrange(6):
            case 0 if not self._speaking:
                self._utterance += 1
                self._speaking = True
                words = tuple(AgentWord(f" {n}", n * 100, n * 100 + 100) for n in range(3))
                self.happens(Said(self._utterance, words))
                self.happens(AgentStarted(self._utterance))
            case 1 if self._speaking:
                self._speaking = False
                self.happens(AgentProgress("done", self._utterance, 300, 3))
            case 2:
                final = self._dice.random() < 0.5
                heard = (Word("hello", 1.0, 1.5),) * self._dice.randrange(3)
                self.happens(PersonWords(self._segment, heard, final))
                self._segment += final
            case 3:
                self.happens(ToolCall(f"c{self._dice.randrange(5)}", "f", "{}"))
            case _:
                pass

    def happens(self, event: SessionEvent) -> None:
        self.told += [json.loads(one) for one in self.dialect.encode(event, 1.0)]

    def takes(self, outcome: Any) -> list[dict[str, Any]]:
        """Do what the client asks; the errors it is told at once."""
        match outcome:
            case Several(events):
                return [error for one in events for error in self.takes(one)]
            case Reply(messages):
                told = [json.loads(one) for one in messages]
                self.told += told
                return [one for one in told if one["type"] == "error"]
            case CancelAsked() | TruncateAsked() if self._speaking:
                self._speaking = False
                self.happens(AgentProgress("cut", self._utterance, 150, 1, "client"))
            case SettingsAsked(_, event_id) if self._dice.random() < 0.2:
                self.happens(Problem("bad_field", "no", False, event_id))
            case SettingsAsked(_, event_id):
                self.happens(SettingsChanged(None, event_id))  # type: ignore[arg-type]
            case _:
                pass
        return []


def value(dice: random.Random, depth: int, known: list[str]) -> Any:
    """Anything JSON can hold, with names that mean something here and there."""
    roll = dice.random()
    if depth < 4 and roll < 0.35:
        names = dice.sample(FIELDS, dice.randrange(1, 5))
        return {name: value(dice, depth + 1, known) for name in names}
    if depth < 4 and roll < 0.45:
        return [value(dice, depth + 1, known) for _ in range(dice.randrange(4))]
    if roll < 0.65 and known:
        return dice.choice(known)
    return dice.choice(ODD)


def message(dice: random.Random, known: list[str]) -> dict[str, Any]:
    kind = dice.choice(KINDS) if dice.random() < 0.97 else dice.choice(("nonsense", 5, None))
    made: dict[str, Any] = {"type": kind}
    text = {"type": "input_text", "text": "hello"}
    plain = {"type": "message", "role": "user", "content": [text]}
    for name in dice.sample(FIELDS[:9], dice.randrange(4)):
        made[name] = value(dice, 0, known)
    if dice.random() < 0.3:
        made["item"] = plain
    if dice.random() < 0.3 and known:
        made["item_id"], made["audio_end_ms"] = dice.choice(known), dice.randrange(100)
    if dice.random() < 0.2:
        made["session"] = {"instructions": "Be kind.", "tools": []}
    if dice.random() < 0.7:
        made["event_id"] = f"e{dice.randrange(10**9)}"
    return made


def broken(dice: random.Random, text: str) -> str:
    at = dice.randrange(len(text))
    return dice.choice((text[:at], text[at:], text[:at] + '"' + text[at:], "[" * 9_999, ""))


def test_ten_thousand_messages_are_answered_or_refused_by_name() -> None:
    dice = random.Random(5)
    sessions = [
        Session(dice, RealtimeDialect(RealtimeSettings(), in_messages=in_messages))
        for in_messages in (False, True)
    ]
    refused = taken = 0
    for n in range(MESSAGES):
        session = sessions[n % 2]
        known = [item.id for item in session.dialect.telling.items][-20:]
        made = message(dice, known)
        text = json.dumps(made)
        intact = dice.random() < 0.95
        session.lives()
        before = len(sessions[(n + 1) % 2].told)
        errors = session.takes(
            session.dialect.decode(text if intact else broken(dice, text), n / 50)
        )
        assert len(sessions[(n + 1) % 2].told) == before, "another client was told"
        assert len(errors) <= 1
        refused, taken = refused + len(errors), taken + (not errors)
        for error in errors:
            assert error["error"]["code"] and error["error"]["message"]
            if intact:
                assert error["error"]["event_id"] == made.get("event_id"), (made, error)
    assert refused > 2_000 and taken > 2_000, (refused, taken)
    for session in sessions:
        assert len(session.dialect.telling.items) <= MAX_ITEMS
        events = [one["event_id"] for one in session.told]
        assert len(set(events)) == len(events)
