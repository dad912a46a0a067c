"""The conversation's record as files a person can keep: JSON and WebVTT. Pure.

JSON: `{"version": 1, "session", "forgotten_turns", "turns": […]}`. A turn of the person: `{"who":
"person", "typed", "start_ms", "end_ms", "text", "words": [{"text", "start_ms", "end_ms"}]}`.
A turn of ours: `{"who": "agent", "utterance", "start_ms", "end_ms", "text", "said", "cut", "by",
"words": [{"text", "start_ms", "end_ms", "heard"}]}`, where `text` is what was heard and `said` what
was meant. All times are whole milliseconds of the conversation's clock.
"""

from __future__ import annotations

import json
from typing import Any, Final

from model.timebase import SPEAKING_RATE, seconds
from server.conversation import AgentTurn, Conversation, PersonTurn

__all__ = ["as_json", "as_text", "as_webvtt"]

_TYPED_CUE_SECONDS: Final = 2.0
_SHORTEST_CUE_SECONDS: Final = 0.2


def as_json(conversation: Conversation, session: str) -> dict[str, Any]:
    """The record as JSON-ready values; turns of which nothing was heard are left out."""
    return {
        "version": 1,
        "session": session,
        "forgotten_turns": conversation.forgotten,
        "turns": [
            _person(turn) if isinstance(turn, PersonTurn) else _agent(turn)
            for turn in conversation.turns
            if turn.text
        ],
    }


def as_text(conversation: Conversation, session: str) -> str:
    """The record as JSON text, a turn at a time: a thread that makes it lets others go on."""
    whole = as_json(conversation, session)
    turns = [json.dumps(turn, ensure_ascii=False) for turn in whole.pop("turns")]
    return f'{json.dumps(whole, ensure_ascii=False)[:-1]}, "turns": [{", ".join(turns)}]}}'


def as_webvtt(conversation: Conversation) -> str:
    """The record as captions; a turn of ours that was cut ends with a dash."""
    cues = []
    for turn in conversation.turns:
        if not turn.text:
            continue
        start, end, text = turn.start_seconds, turn.end_seconds, _escape(turn.text)
        if isinstance(turn, PersonTurn):
            voice = "Person"
            end = max(end, start + (_TYPED_CUE_SECONDS if turn.typed else _SHORTEST_CUE_SECONDS))
        else:
            voice = "Counterpoint"
            end = max(end, start + _SHORTEST_CUE_SECONDS)
            text += " —" if turn.state == "cut" else ""
        cues.append((start, f"{_clock(start)} --> {_clock(end)}\n<v {voice}>{text}</v>\n"))
    cues.sort(key=lambda cue: cue[0])  # captions must be in the order of their starts
    return "\n".join(["WEBVTT\n", *(cue for _, cue in cues)])


def _person(turn: PersonTurn) -> dict[str, Any]:
    return {
        "who": "person",
        "typed": turn.typed,
        "start_ms": _ms(turn.start_seconds),
        "end_ms": _ms(turn.end_seconds),
        "text": turn.text,
        "words": [
            {
                "text": word.text,
                "start_ms": _ms(word.start_seconds),
                "end_ms": _ms(word.end_seconds),
            }
            for word in turn.words
        ],
    }


def _agent(turn: AgentTurn) -> dict[str, Any]:
    def at_ms(position_samples: int) -> int:
        return _ms(turn.start_seconds + seconds(position_samples, SPEAKING_RATE))

    heard = turn.words_heard
    return {
        "who": "agent",
        "utterance": turn.utterance,
        "start_ms": _ms(turn.start_seconds),
        "end_ms": _ms(turn.end_seconds),
        "text": turn.text,
        "said": turn.said,
        "cut": turn.state == "cut",
        "by": turn.cut_by,
        "words": [
            {
                "text": word.text,
                "start_ms": at_ms(word.start_samples),
                "end_ms": at_ms(word.end_samples),
                "heard": index < heard,
            }
            for index, word in enumerate(turn.words)
        ],
    }


def _ms(time_seconds: float) -> int:
    return round(time_seconds * 1000)


def _clock(time_seconds: float) -> str:
    whole, ms = divmod(_ms(max(0.0, time_seconds)), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}.{ms:03}"


def _escape(text: str) -> str:
    flat = " ".join(text.split())
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
