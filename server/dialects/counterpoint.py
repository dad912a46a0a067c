"""Our own dialect, version 1: `docs/dialect.md` in words, `counterpoint.schema.json` as schema."""

from __future__ import annotations

import json
from collections import deque
from typing import Any, Final, Literal

from model.messages import (
    Floor,
    PersonState,
    PersonWords,
    Remembered,
    Said,
    Saying,
    Seen,
    ToolCall,
)
from model.timebase import SPEAKING_RATE, seconds
from server.dialects.counterpoint_requests import read
from server.session_events import (
    AgentProgress,
    AgentStarted,
    ClientEvent,
    EngineState,
    Flood,
    Health,
    Latency,
    Listeners,
    Pong,
    Problem,
    SessionEnded,
    SessionEnding,
    SessionEvent,
    SessionStarted,
)
from server.steering_events import (
    AgentComplete,
    HoldChanged,
    LookChanged,
    LookWanted,
    SettingsChanged,
    ToolEnded,
)
from server.stream_settings import written

__all__ = ["DIALECT", "MAX_MESSAGE_BYTES", "CounterpointDialect"]

DIALECT: Final = 1
MAX_MESSAGE_BYTES: Final = 16 * 1024
MESSAGES_A_SECOND: Final = 100
RATE_SECONDS: Final = 2.0
FLOOD_A_SECOND: Final = 1_000


class CounterpointDialect:
    """One client's side of the dialect: numbers what is sent, checks and counts what comes."""

    def __init__(self) -> None:
        self._seq = 0
        # Arrival times of the last FLOOD_A_SECOND + 1 messages, refused ones included.
        self._arrivals: deque[float] = deque(maxlen=FLOOD_A_SECOND + 1)
        self._told_too_fast = float("-inf")

    def encode(self, event: SessionEvent, at_seconds: float) -> tuple[str, ...]:
        """The event as one message of JSON text, with its `seq` and `at_ms`."""
        message: dict[str, Any] = {
            **_fields(event),
            "seq": self._seq,
            "at_ms": max(0, _ms(at_seconds)),
        }
        self._seq += 1
        return (json.dumps(message, ensure_ascii=False, separators=(",", ":")),)

    def decode(self, text: str, now: float) -> ClientEvent | Problem | None:
        """What a message asks for, or the Problem to answer it with; None while it comes too fast.

        More than 100 messages a second over two seconds are dropped, and one error a second says
        so; more than 1,000 within a second are a Flood.
        """
        limited = self._rate(now)
        if limited != "pass":
            return limited
        if len(text) > MAX_MESSAGE_BYTES or len(text.encode(errors="replace")) > MAX_MESSAGE_BYTES:
            return self._too_large()
        try:
            message = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return Problem("bad_json", "The message is not JSON; send one object a message.")
        if not isinstance(message, dict):
            return Problem("bad_json", "The message is not an object; send one object a message.")
        return read(message)

    def refuse(self, why: Literal["binary", "too_large"], now: float) -> Flood | Problem | None:
        """The answer to a message that was thrown away unread; it counts like any other."""
        limited = self._rate(now)
        if limited != "pass":
            return limited
        if why == "too_large":
            return self._too_large()
        return Problem("bad_json", "The message is binary; send JSON as text.")

    @staticmethod
    def _too_large() -> Problem:
        return Problem("too_large", f"A message may have {MAX_MESSAGE_BYTES} bytes; send less.")

    def _rate(self, now: float) -> Flood | Problem | None | Literal["pass"]:
        arrivals = self._arrivals
        arrivals.append(now)
        if len(arrivals) > FLOOD_A_SECOND and now - arrivals[0] < 1.0:
            return Flood()
        allowed = int(MESSAGES_A_SECOND * RATE_SECONDS)
        # A clock's rounding must not make an even hundred a second too many.
        if len(arrivals) <= allowed or now - arrivals[-1 - allowed] >= RATE_SECONDS - 1e-6:
            return "pass"
        if now - self._told_too_fast < 1.0:
            return None
        self._told_too_fast = now
        return Problem("too_fast", "At most 100 messages a second; the others are dropped.")


def _fields(event: SessionEvent) -> dict[str, Any]:
    """`type` and the fields of the event's own."""
    match event:
        case PersonWords() | PersonState() | Said() | Remembered() | Floor():
            return _model_fields(event)
        case Seen() | LookWanted() | LookChanged():
            return _sight_fields(event)
        case AgentStarted(utterance):
            return {"type": "agent.started", "utterance": utterance}
        case AgentProgress(state, utterance, heard_samples, words_heard, by):
            progress = {
                "type": f"agent.{state}",
                "utterance": utterance,
                "heard_ms": _ms(seconds(heard_samples, SPEAKING_RATE)),
                "words_heard": words_heard,
            }
            return {**progress, "by": by} if state == "cut" else progress
        case Latency(utterance, latency_seconds):
            return {
                "type": "latency",
                "utterance": utterance,
                "latency_ms": _ms(latency_seconds),
            }
        case EngineState(state, message):
            return {"type": "engine", "state": state, "message": message}
        case Health():
            return {
                "type": "health",
                "rtt_ms": _ms(event.rtt_seconds),
                "lost": round(event.lost, 4),
                "concealed": round(event.concealed, 4),
                "behind_ms": _ms(event.behind_seconds),
                "queued_ms": _ms(event.queued_seconds),
            }
        case Pong(sent_ms):
            return {"type": "pong", "sent_ms": sent_ms}
        case Problem(code, message, fatal, event_id):
            problem = {"type": "error", "code": code, "message": message, "fatal": fatal}
            return problem if event_id is None else {**problem, "event_id": event_id}
        case Listeners(count, hear_person):
            return {"type": "listeners", "count": count, "hear_person": hear_person}
        case SessionStarted() | SessionEnding() | SessionEnded():
            return _session_fields(event)
        case _:
            return _steering_fields(event)


def _steering_fields(
    event: ToolCall | ToolEnded | Saying | SettingsChanged | HoldChanged | AgentComplete,
) -> dict[str, Any]:
    match event:
        case ToolCall(call, name, arguments):
            values = json.loads(arguments)
            return {"type": "tool.call", "call": call, "name": name, "arguments": values}
        case ToolEnded(call, failed, text):
            return {"type": "tool.ended", "call": call, "failed": failed, "text": text}
        case Saying(say, state, utterance):
            said = {"type": "agent.saying", "say": say, "state": state}
            return {**said, "utterance": utterance} if state == "began" else said
        case SettingsChanged(settings, event_id):
            now = {"type": "settings.changed", "settings": written(settings)}
            return now if event_id is None else {**now, "event_id": event_id}
        case HoldChanged(held):
            return {"type": "agent.held", "held": held}
        case AgentComplete(utterance, length_samples, limited):
            length_ms = _ms(seconds(length_samples, SPEAKING_RATE))
            whole = {"type": "agent.complete", "utterance": utterance, "length_ms": length_ms}
            return {**whole, "limited": True} if limited else whole


def _session_fields(event: SessionStarted | SessionEnding | SessionEnded) -> dict[str, Any]:
    match event:
        case SessionStarted(session, resumed, parts, turns):
            return {
                "type": "session.started",
                "session": session,
                "dialect": DIALECT,
                "resumed": resumed,
                "parts": dict(parts),
                "turns": [{"who": one.who, "text": one.text, "cut": one.cut} for one in turns],
            }
        case SessionEnding(reason, in_seconds):
            return {"type": "session.ending", "reason": reason, "in_ms": _ms(in_seconds)}
        case SessionEnded(reason):
            return {"type": "session.ended", "reason": reason}


def _model_fields(
    event: PersonWords | PersonState | Said | Remembered | Floor,
) -> dict[str, Any]:
    match event:
        case PersonWords(segment, words, final, typed):
            return {
                "type": "person.words",
                "segment": segment,
                "words": [
                    {"text": w.text, "start_ms": _ms(w.start_seconds), "end_ms": _ms(w.end_seconds)}
                    for w in words
                ],
                "final": final,
                "typed": typed,
            }
        case PersonState(state, probability):
            return {
                "type": "person.state",
                "state": state,
                "probability": round(probability, 3),
            }
        case Said(utterance, spoken):
            return {
                "type": "agent.words",
                "utterance": utterance,
                "words": [
                    {
                        "text": w.text,
                        "start_ms": _ms(seconds(w.start_samples, SPEAKING_RATE)),
                        "end_ms": _ms(seconds(w.end_samples, SPEAKING_RATE)),
                    }
                    for w in spoken
                ],
            }
        case Remembered(utterance, text, cut):
            return {"type": "agent.remembered", "utterance": utterance, "text": text, "cut": cut}
        case Floor(decision, probability):
            return {
                "type": "floor",
                "decision": decision,
                "probability": round(probability, 3),
            }


def _sight_fields(event: Seen | LookWanted | LookChanged) -> dict[str, Any]:
    match event:
        case Seen(source, what, label, score, at_seconds, box):
            seen = {
                "type": "eyes.seen",
                "source": source,
                "what": what[:32],
                "label": label[:512],
                "score": round(score, 3),
                "seen_ms": max(0, _ms(at_seconds)),
            }
            return seen if box is None else {**seen, "box": [round(one, 4) for one in box]}
        case LookWanted(source, frames_a_second, width, height):
            return {
                "type": "eyes.wanted",
                "source": source,
                "frames_a_second": round(frames_a_second, 2),
                "width": width,
                "height": height,
            }
        case LookChanged(source, state, message):
            return {"type": "eyes.state", "source": source, "state": state, "message": message}


def _ms(time_seconds: float) -> int:
    return round(time_seconds * 1000)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
