"""What RTVI's clients are told: our continuous events projected onto turns. Pure.

Every `Said` is a segment of a bot's output. What was heard of it is told word by word, and a
segment that was cut stays `in-progress` with what was not heard in `remaining_text`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Final

from model.messages import AgentWord, PersonDoing, PersonWords, Said
from model.timebase import SPEAKING_RATE, seconds
from server.dialects.rtvi_wire import Message, message
from server.session_events import AgentProgress

__all__ = ["Bot", "Person"]

MAX_UTTERANCES: Final = 16
"""Announced and not over; of more the first is forgotten."""

_OVER: Final[tuple[PersonDoing, ...]] = ("finished", "silent", "elsewhere")


class Person:
    """The person's turns and words.

    Args:
        wall: seconds since 1970, for the time stamps of transcriptions.
    """

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._speaking = False
        self._doing: PersonDoing | None = None
        self._segment = -1
        # Begun by what the person seems to do; its words come later and begin nothing more.
        self._begun = False

    def does(self, doing: PersonDoing) -> list[Message]:
        """What the person seems to be doing has changed."""
        self._doing = doing
        if doing == "speaking":
            self._begun = True
            return self._start()
        return self._stop() if doing in _OVER else []

    def words(self, heard: PersonWords) -> list[Message]:
        """Words of a segment so far."""
        text = " ".join(word.text.strip() for word in heard.words)
        if heard.typed:
            return [message("user-llm-text", text=text)] if text else []
        told: list[Message] = []
        if heard.segment > self._segment and (heard.words or heard.final):
            self._segment = heard.segment
            told += self._start() if heard.words and not self._begun else []
            self._begun = False
        if heard.segment < self._segment:
            return told
        if heard.final and self._doing != "speaking":
            told += self._stop()
        if not text:
            return told
        stamp = datetime.fromtimestamp(self._wall(), UTC).isoformat(timespec="milliseconds")
        fields = {"text": text, "final": heard.final, "timestamp": stamp, "user_id": ""}
        told.append(message("user-transcription", **fields))
        return told + ([message("user-llm-text", text=text)] if heard.final else [])

    def _start(self) -> list[Message]:
        if self._speaking:
            return []
        self._speaking = True
        return [message("user-started-speaking")]

    def _stop(self) -> list[Message]:
        if not self._speaking:
            return []
        self._speaking = False
        return [message("user-stopped-speaking")]


@dataclass(slots=True)
class _Segment:
    """Words that were announced together; `first` is the place of its first in the utterance."""

    id: int
    words: tuple[AgentWord, ...]
    first: int
    heard: int = 0

    def output(self, status: str) -> Message:
        told = {
            "text": _joined(self.words),
            "aggregated_by": "sentence",
            "segment_id": self.id,
            "will_be_spoken": True,
            "spoken_status": status,
        }
        if status != "new":
            heard, rest = self.words[: self.heard], self.words[self.heard :]
            told["spoken_progress"] = {
                "accumulated_text": _joined(heard),
                "remaining_text": _joined(rest),
            }
        return message("bot-output", **told)

    def progress(self, words_heard: int) -> list[Message]:
        heard = min(max(0, words_heard - self.first), len(self.words))
        if heard == self.heard:
            return []
        self.heard = heard
        return [self.output("completed" if heard == len(self.words) else "in-progress")]


@dataclass(slots=True)
class _Utterance:
    words: list[AgentWord] = field(default_factory=list)
    segments: list[_Segment] = field(default_factory=list)
    told: int = 0
    complete: bool = False


class Bot:
    """What we say."""

    def __init__(self) -> None:
        self._utterances: dict[int, _Utterance] = {}
        self._sounding: set[int] = set()
        self._ids = count(1)

    def said(self, said: Said) -> list[Message]:
        """Words that will be heard."""
        told: list[Message] = []
        one = self._utterances.get(said.utterance)
        if one is None:
            one = self._utterances[said.utterance] = _Utterance()
            told.append(message("bot-llm-started"))
            if len(self._utterances) > MAX_UTTERANCES:
                del self._utterances[next(iter(self._utterances))]
        segment = _Segment(next(self._ids), said.words, len(one.words))
        one.words.extend(said.words)
        one.segments.append(segment)
        told.append(message("bot-llm-text", text="".join(word.text for word in said.words)))
        told.append(segment.output("new"))
        return [*told, message("bot-transcription", text=_joined(said.words))]

    def complete(self, utterance: int) -> list[Message]:
        """Nothing more will be made of it."""
        one = self._utterances.get(utterance)
        if one is None or one.complete:
            return []
        one.complete = True
        return [message("bot-llm-stopped")]

    def started(self, utterance: int) -> list[Message]:
        """Its first sample was sent; the end of the utterance before it may be heard later."""
        told = [] if self._sounding else [message("bot-started-speaking")]
        self._sounding.add(utterance)
        return [*told, message("bot-tts-started")]

    def progress(self, progress: AgentProgress) -> list[Message]:
        """How much of it was heard."""
        one = self._utterances.get(progress.utterance)
        heard = progress.words_heard
        told: list[Message] = []
        if one is not None:
            heard = len(one.words) if progress.state == "done" else heard
            told += [_spoken(progress.utterance, word) for word in one.words[one.told : heard]]
            one.told = max(one.told, heard)
            told += [told for segment in one.segments for told in segment.progress(heard)]
        return told if progress.state == "heard" else told + self._over(progress.utterance)

    def _over(self, utterance: int) -> list[Message]:
        told = self.complete(utterance)
        self._utterances.pop(utterance, None)
        if utterance not in self._sounding:
            return told
        self._sounding.discard(utterance)
        told.append(message("bot-tts-stopped"))
        return told if self._sounding else [*told, message("bot-stopped-speaking")]


def _spoken(utterance: int, word: AgentWord) -> Message:
    """A word that was heard, with its time in its utterance."""
    start, end = (
        round(seconds(at, SPEAKING_RATE) * 1000) for at in (word.start_samples, word.end_samples)
    )
    where = {"utterance": utterance, "start_ms": start, "end_ms": end}
    return message("bot-tts-text", text=word.text.strip(), **where)


def _joined(words: tuple[AgentWord, ...]) -> str:
    return "".join(word.text for word in words).strip()
