"""What OpenAI's Realtime clients are told of the person: speech, and the item it becomes. Pure."""

from __future__ import annotations

from typing import Any

from model.messages import PersonWords
from server.dialects.openai_items import Item, Items, ms, new_id
from server.dialects.openai_settings import RealtimeSettings

__all__ = ["Person"]

Message = dict[str, Any]


class Person:
    """Turns segments of speech into user's items; typed ones became items when they were sent."""

    def __init__(self, items: Items, settings: RealtimeSettings) -> None:
        self._items = items
        self._settings = settings
        self._item: Item | None = None
        self._segment = -1
        self._told_words: list[str] = []
        self._last_words: list[str] = []
        self._start_seconds = self._end_seconds = 0.0
        self._held = False

    def begins(self, heard: PersonWords) -> bool:
        """Whether these are the first words of a segment."""
        return bool(heard.words) and not heard.typed and heard.segment > self._segment

    def words(self, heard: PersonWords, overheard: bool = False) -> list[Message]:
        """Words of a segment so far; its beginning is held back where it is `overheard`, which is
        said while we speak: it may be a sign of listening, and a client whose sound is in messages
        stops playing for any speech."""
        told: list[Message] = []
        if self.begins(heard):
            told += self._began(heard, overheard)
        item = self._item
        if item is None or heard.typed or heard.segment != self._segment:
            return told
        told += self._deltas(item, heard)
        if not heard.final:
            self._end_seconds = heard.words[-1].end_seconds if heard.words else self._end_seconds
            return told
        self._item = None
        # What was cleared, or was no word after all, is nothing that could be committed.
        return told + (self._ended(item, heard) if heard.words else self._stopped(item))

    def interrupts(self) -> list[Message]:
        """Tell of speech that was held back: we gave way to it, or had said all."""
        held, self._held = self._held, False
        return self._started() if held and self._item is not None else []

    def _began(self, heard: PersonWords, overheard: bool) -> list[Message]:
        content = {"type": "input_audio", "transcript": None}
        fields = {"type": "message", "role": "user", "content": [content]}
        self._item = Item(new_id("item"), fields, "in_progress")
        self._segment = heard.segment
        self._told_words, self._last_words = [], []
        self._start_seconds, self._held = heard.words[0].start_seconds, overheard
        return [] if overheard else self._started()

    def _started(self) -> list[Message]:
        assert self._item is not None
        if self._settings.detection is None:
            return []
        kind = "input_audio_buffer.speech_started"
        start = ms(self._start_seconds)
        return [{"type": kind, "item_id": self._item.id, "audio_start_ms": start}]

    def _deltas(self, item: Item, heard: PersonWords) -> list[Message]:
        """Words that two hypotheses agree on; they are appended and never taken back."""
        words = [word.text.strip() for word in heard.words]
        sure = words if heard.final else _common(words, self._last_words)
        told, self._last_words = self._told_words, words
        if not self._settings.transcribes or sure[: len(told)] != told or len(sure) == len(told):
            return []
        delta = " ".join(sure[len(told) :])
        delta = f" {delta}" if told else delta
        self._told_words = sure
        kind = "conversation.item.input_audio_transcription.delta"
        return [{"type": kind, "item_id": item.id, "content_index": 0, "delta": delta}]

    def _stopped(self, item: Item) -> list[Message]:
        if self._settings.detection is None or self._held:
            return []
        kind = "input_audio_buffer.speech_stopped"
        return [{"type": kind, "item_id": item.id, "audio_end_ms": ms(self._end_seconds)}]

    def _ended(self, item: Item, heard: PersonWords) -> list[Message]:
        start, self._end_seconds = heard.words[0].start_seconds, heard.words[-1].end_seconds
        told = self._stopped(item)
        before = {"previous_item_id": self._items.add(item)}
        item.status = "completed"
        told.append({"type": "input_audio_buffer.committed", "item_id": item.id, **before})
        told.append({"type": "conversation.item.added", "item": item.told(), **before})
        told.append({"type": "conversation.item.done", "item": item.told(), **before})
        if self._settings.transcribes:
            item.write(" ".join(word.text.strip() for word in heard.words))
            told.append(
                {
                    "type": "conversation.item.input_audio_transcription.completed",
                    "item_id": item.id,
                    "content_index": 0,
                    "transcript": item.part["transcript"],
                    "usage": {
                        "type": "duration",
                        "seconds": round(max(0.0, self._end_seconds - start), 3),
                    },
                }
            )
        return told


def _common(one: list[str], other: list[str]) -> list[str]:
    """The beginning that both have."""
    count = 0
    for first, second in zip(one, other, strict=False):
        if first != second:
            break
        count += 1
    return one[:count]
