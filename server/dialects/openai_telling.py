"""What OpenAI's Realtime clients are told: our continuous events projected onto turns. Pure.

A segment of the person's speech becomes a user's item; an utterance of ours becomes a *response*
with one assistant's item. Responses never overlap: an utterance that is announced while another is
still being heard is told of once that one is over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from model.messages import AgentWord, PersonWords, Said
from model.orders import ToolCall
from model.timebase import MICRO_TURN_SECONDS, SPEAKING_RATE, seconds
from server.dialects.openai_items import Answer, Item, Items, ms, new_id
from server.dialects.openai_person import Person
from server.dialects.openai_settings import RealtimeSettings
from server.session_events import AgentProgress, AgentStarted, CutBy
from server.steering_events import AgentComplete

__all__ = ["Limits", "Message", "Telling", "truncated"]

Message = dict[str, Any]
Limits = Callable[[], tuple[int, int, float]]
"""Requests a minute, those left, and seconds until all are."""

MAX_WAITING: Final = 16
"""Utterances announced behind the one being heard."""

PATIENCE_SECONDS: Final = 20.0
"""How long an answer that was asked for is awaited."""

_CANCELLED: Final[dict[CutBy | None, str]] = {"floor": "turn_detected", "quiet": "turn_detected"}


class Telling:
    """Keeps the items and says what happens to them.

    Args:
        settings: the client's.
        buffered: whether the transport has `output_audio_buffer` events (WebRTC), else sound is in
            messages.
        limits: what is told as rate limits; None for none.
    """

    def __init__(
        self, settings: RealtimeSettings, buffered: bool, limits: Limits | None = None
    ) -> None:
        self.items = Items()
        self.answer: Answer | None = None
        self.at_seconds = 0.0
        self._settings = settings
        self._buffered = buffered
        self._limits = limits
        self._person = Person(self.items, settings)
        self._waiting: dict[int, list[AgentWord]] = {}
        self._begun: int | None = None
        self._limited: set[int] = set()  # of those not over yet, whose answer reached its limit

    def person(self, heard: PersonWords) -> list[Message]:
        """Words of the person."""
        begins = self._person.begins(heard)
        answer = self.answer
        over_us = not self._buffered and answer is not None and answer.started
        told = self._person.words(heard, over_us)
        if begins and answer is not None and not answer.output and self._settings.detection:
            # They go on before we began: what was asked for is not said.
            if heard.words[0].start_seconds > answer.asked_seconds:
                told += self.finish("cancelled", "turn_detected")
        return told

    def said(self, said: Said) -> list[Message]:
        """Words that will be heard."""
        current = self.answer.item if self.answer is not None else None
        if current is not None and current.utterance != said.utterance:
            if len(self._waiting) < MAX_WAITING:
                self._waiting.setdefault(said.utterance, []).extend(said.words)
            return []
        told: list[Message] = []
        if current is None:
            told += self.begin() if self.answer is None else []
            told += self._open_utterance(said.utterance)
        assert self.answer is not None and self.answer.item is not None
        self.answer.item.words.extend(said.words)
        delta = "".join(word.text for word in said.words)
        kind = self._kind("delta")
        return [*told, {"type": kind, **self._place(), "delta": delta}]

    def begin(self, metadata: dict[str, Any] | None = None) -> list[Message]:
        """An answer is to come."""
        self.answer = Answer(new_id("resp"), self.at_seconds, metadata)
        told: list[Message] = [{"type": "response.created", "response": self._response()}]
        if self._limits is not None:
            limit, left, reset = self._limits()
            one = {"name": "requests", "limit": limit, "remaining": left, "reset_seconds": reset}
            told.append({"type": "rate_limits.updated", "rate_limits": [one]})
        return told

    def ours(self, event: AgentStarted | AgentComplete | AgentProgress) -> list[Message]:
        """How what we say goes on."""
        match event:
            case AgentStarted(utterance):
                return self._started(utterance)
            case AgentComplete(utterance, _, limited):
                self._limited |= {utterance} if limited else set()
                return []
            case AgentProgress():
                return self._progress(event)

    def _started(self, utterance: int) -> list[Message]:
        """The first sample was sent; the end of the utterance before it is heard later."""
        self._begun = utterance
        answer = self.answer
        if answer is None or answer.item is None or answer.item.utterance != utterance:
            return []
        answer.started = True
        return self._buffer("started", answer.id)

    def _progress(self, progress: AgentProgress) -> list[Message]:
        """An utterance is over."""
        if progress.state == "heard":
            return []
        limited = progress.utterance in self._limited
        self._limited = {number for number in self._limited if number > progress.utterance}
        answer = self.answer
        if answer is None or answer.item is None or answer.item.utterance != progress.utterance:
            self._waiting.pop(progress.utterance, None)
            return []
        item, whole = answer.item, progress.state == "done"
        item.heard(progress.heard_samples if not whole else _length(item))
        if whole:
            item.heard_samples = progress.heard_samples
        item.status = "completed" if whole and not limited else "incomplete"
        place = self._place()
        if whole:
            status, reason = ("incomplete", "max_output_tokens") if limited else ("completed", "")
            told = self.finish(status, reason)
        elif progress.by == "engine":
            told = self.finish("failed", "engine_lost")
        else:
            told = self.finish("cancelled", _CANCELLED.get(progress.by, "client_cancelled"))
        if answer.started:
            told += self._buffer("stopped" if whole else "cleared", answer.id)
        if not whole:
            told.append(truncated(item, place["content_index"]))
        return told + self._person.interrupts() + self._next()

    def interrupts(self) -> list[Message]:
        """The floor is given to the person."""
        return self._person.interrupts()

    def tool(self, call: ToolCall) -> list[Message]:
        """The model asks for a function of the client's."""
        told = self.begin() if self.answer is None else []
        answer = self.answer
        assert answer is not None
        fields = {"type": "function_call", "name": call.name, "call_id": call.call}
        item = Item(new_id("item"), {**fields, "arguments": ""}, "in_progress")
        answer.output.append(item)
        place = {"response_id": answer.id, "output_index": len(answer.output) - 1}
        before = {"previous_item_id": self.items.add(item)}
        of = {**place, "item_id": item.id, "call_id": call.call}
        told.append({"type": "response.output_item.added", **place, "item": item.told()})
        told.append({"type": "conversation.item.added", "item": item.told(), **before})
        item.fields["arguments"], item.status = call.arguments, "completed"
        whole = {"name": call.name, "arguments": call.arguments}
        kind = "response.function_call_arguments"
        told.append({"type": f"{kind}.delta", **of, "delta": call.arguments})
        told.append({"type": f"{kind}.done", **of, **whole})
        told.append({"type": "response.output_item.done", **place, "item": item.told()})
        told.append({"type": "conversation.item.done", "item": item.told(), **before})
        return told + (self.finish("completed", "") if answer.item is None else [])

    def patience(self) -> list[Message]:
        """An answer that was asked for and does not come is not waited for without end."""
        answer = self.answer
        if answer is None or answer.output:
            return []
        late = self.at_seconds - answer.asked_seconds > PATIENCE_SECONDS
        return self.finish("incomplete", "no_answer") if late else []

    def finish(self, status: str, reason: str) -> list[Message]:
        """The answer is over; what is said of its utterance is what was heard."""
        answer = self.answer
        assert answer is not None
        told: list[Message] = []
        if answer.item is not None:
            told = self._close_utterance(answer.item)
        response = self._response(status, reason)
        self.answer = None
        return [*told, {"type": "response.done", "response": response}]

    # ---- pieces ----------------------------------------------------------------------------

    def _next(self) -> list[Message]:
        if not self._waiting:
            return []
        utterance = next(iter(self._waiting))
        told = self.said(Said(utterance, tuple(self._waiting.pop(utterance))))
        return told + (self._started(utterance) if self._begun == utterance else [])

    def _open_utterance(self, utterance: int) -> list[Message]:
        answer = self.answer
        assert answer is not None
        text = self._settings.text_only
        part = (
            {"type": "output_text", "text": ""}
            if text
            else {"type": "output_audio", "transcript": ""}
        )
        fields = {"type": "message", "role": "assistant", "content": []}
        item = answer.item = Item(new_id("item"), fields, "in_progress", utterance)
        answer.output.append(item)
        place = {"response_id": answer.id, "output_index": answer.index}
        before = {"previous_item_id": self.items.add(item)}
        told: list[Message] = [
            {"type": "response.output_item.added", **place, "item": item.told()},
            {"type": "conversation.item.added", "item": item.told(), **before},
        ]
        item.fields = {**fields, "content": [part]}
        told.append({"type": "response.content_part.added", **self._place(), "part": self._part()})
        return told

    def _close_utterance(self, item: Item) -> list[Message]:
        assert self.answer is not None
        place = self._place()
        whole = item.part.get("transcript", item.part.get("text", ""))
        told: list[Message] = []
        if "transcript" in item.part:
            told.append({"type": "response.output_audio.done", **place})
            kind = "response.output_audio_transcript.done"
            told.append({"type": kind, **place, "transcript": whole})
        else:
            told.append({"type": "response.output_text.done", **place, "text": whole})
        told.append({"type": "response.content_part.done", **place, "part": self._part()})
        outer = {name: place[name] for name in ("response_id", "output_index")}
        told.append({"type": "response.output_item.done", **outer, "item": item.told()})
        previous = self.items.before(item)
        done = {"item": item.told(), "previous_item_id": previous}
        told.append({"type": "conversation.item.done", **done})
        return told

    def _place(self) -> dict[str, Any]:
        answer = self.answer
        assert answer is not None and answer.item is not None
        place = {"response_id": answer.id, "item_id": answer.item.id}
        return {**place, "output_index": answer.index, "content_index": 0}

    def _part(self) -> dict[str, Any]:
        """The part as `content_part` events name it, which is not as items do."""
        assert self.answer is not None and self.answer.item is not None
        part = self.answer.item.part
        if "transcript" in part:
            return {"type": "audio", "transcript": part["transcript"]}
        return {"type": "text", "text": part["text"]}

    def _kind(self, what: str) -> str:
        assert self.answer is not None and self.answer.item is not None
        spoken = "transcript" in self.answer.item.part
        return f"response.output_{'audio_transcript' if spoken else 'text'}.{what}"

    def _buffer(self, what: str, response: str) -> list[Message]:
        if not self._buffered:
            return []
        return [{"type": f"output_audio_buffer.{what}", "response_id": response}]

    def _response(self, status: str = "in_progress", reason: str = "") -> dict[str, Any]:
        answer = self.answer
        assert answer is not None
        details: dict[str, Any] | None = None
        if status == "failed":
            details = {"type": status, "error": {"type": "server_error", "code": reason}}
        elif reason:
            details = {"type": status, "reason": reason}
        return {
            "object": "realtime.response",
            "id": answer.id,
            "status": status,
            "status_details": details,
            "output": [item.told() for item in answer.output],
            "output_modalities": self._settings.session["output_modalities"],
            "metadata": answer.metadata,
            "usage": _usage(answer) if status != "in_progress" else None,
        }


def truncated(item: Item, content_index: int = 0) -> Message:
    """An item of ours is shorter than it was meant to be."""
    return {
        "type": "conversation.item.truncated",
        "item_id": item.id,
        "content_index": content_index,
        "audio_end_ms": ms(seconds(item.heard_samples or 0, SPEAKING_RATE)),
    }


def _length(item: Item) -> int:
    return item.words[-1].end_samples if item.words else 0


def _usage(answer: Answer) -> dict[str, Any]:
    """There are no tokens to pay for: words of text, and micro-turns of sound that were heard."""
    words = len(answer.item.words) if answer.item is not None else 0
    heard = (answer.item.heard_samples or 0) if answer.item is not None else 0
    sound = round(seconds(heard, SPEAKING_RATE) / MICRO_TURN_SECONDS)
    return {
        "total_tokens": words + sound,
        "input_tokens": 0,
        "output_tokens": words + sound,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 0, "cached_tokens": 0},
        "output_token_details": {"text_tokens": words, "audio_tokens": sound},
    }
