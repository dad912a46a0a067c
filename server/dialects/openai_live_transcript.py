"""Both sides' words as OpenAI's Live clients are told them: each once, with its time. Pure.

A word of ours is told once it was heard, so what was told is what was heard, also where our speech
was cut; nothing is ever taken back. A word of the person's is told once two hypotheses agree on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from model.messages import AgentWord, PersonWords, Said, Word
from model.timebase import SPEAKING_RATE, seconds
from server.dialects.openai_items import ms
from server.session_events import AgentProgress

__all__ = ["Transcript"]

Message = dict[str, Any]

MAX_OPEN: Final = 64
"""Segments and utterances that are followed at a time; beyond it the oldest is forgotten."""


@dataclass(slots=True, eq=False)
class _Segment:
    """The person's words: those told, where they ended, and the last hypothesis."""

    told: list[str] = field(default_factory=list)
    told_end_seconds: float = 0.0
    last: list[str] = field(default_factory=list)
    final: bool = False


@dataclass(slots=True, eq=False)
class _Utterance:
    """Words of ours, and how many of them were told."""

    words: list[AgentWord] = field(default_factory=list)
    told: int = 0


class Transcript:
    """What was told of each segment and each utterance."""

    def __init__(self) -> None:
        self._segments: dict[int, _Segment] = {}
        self._utterances: dict[int, _Utterance] = {}
        self._last_end_ms = 0

    def person(self, heard: PersonWords) -> list[Message]:
        """Words of the person's that are sure now."""
        if heard.typed:
            return []
        segment = self._segments.setdefault(heard.segment, _Segment())
        _bound(self._segments)
        if segment.final:
            return []
        texts = [word.text.strip() for word in heard.words]
        sure = len(texts) if heard.final else _common(texts, segment.last)
        segment.last, segment.final = texts, heard.final
        new = _untold(heard.words[:sure], segment)
        if new:
            segment.told = texts[:sure]
            segment.told_end_seconds = new[-1].end_seconds
        kind = "session.input_transcript.delta"
        return [
            _delta(kind, word.text, ms(word.start_seconds), ms(word.end_seconds)) for word in new
        ]

    def said(self, said: Said) -> None:
        """Words that will be heard."""
        utterance = self._utterances.setdefault(said.utterance, _Utterance())
        _bound(self._utterances)
        utterance.words.extend(said.words)

    def progress(self, progress: AgentProgress, at_seconds: float) -> list[Message]:
        """Words of ours that were heard by `at_seconds` of the session's clock."""
        utterance = self._utterances.get(progress.utterance)
        if utterance is None:
            return []
        new = utterance.words[utterance.told : progress.words_heard]
        utterance.told += len(new)
        if progress.state != "heard":
            del self._utterances[progress.utterance]
        began = at_seconds - seconds(progress.heard_samples, SPEAKING_RATE)
        told = []
        for word in new:
            # A pause within the utterance moves what comes after it, never what was told.
            start = max(self._last_end_ms, ms(began + seconds(word.start_samples, SPEAKING_RATE)))
            end = max(start, ms(began + seconds(word.end_samples, SPEAKING_RATE)))
            self._last_end_ms = end
            told.append(_delta("session.output_transcript.delta", word.text, start, end))
        return told


def _untold(sure: tuple[Word, ...], segment: _Segment) -> tuple[Word, ...]:
    """Of the words that are sure those that were not told."""
    told = len(segment.told)
    if [word.text.strip() for word in sure[:told]] == segment.told:
        return sure[told:]
    # What was told reads differently now: what lies behind it in time is new all the same.
    after = segment.told_end_seconds
    count = sum((word.start_seconds + word.end_seconds) / 2 <= after for word in sure)
    return sure[count:]


def _common(one: list[str], other: list[str]) -> int:
    """How many words both begin with."""
    count = 0
    for first, second in zip(one, other, strict=False):
        if first != second:
            break
        count += 1
    return count


def _delta(kind: str, text: str, start_ms: int, end_ms: int) -> Message:
    times = {"start_ms": start_ms, "end_ms": max(start_ms, end_ms)}
    return {"type": kind, "delta": f" {text.strip()}", **times}


def _bound(followed: dict[int, Any]) -> None:
    while len(followed) > MAX_OPEN:
        del followed[next(iter(followed))]
