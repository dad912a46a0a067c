"""The person's side of one conversation: words, what they demand, when they ended. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from model.messages import Command, PersonWords, Seen, Word
from server.conversation import Conversation
from server.intake import Intake
from server.policy import Policy

__all__ = ["Hearing"]

# An answer that begins later than this after the person's last word is no answer to it.
_LONGEST_LATENCY_SECONDS: Final = 30.0


class Hearing:
    """Owns the Intake and keeps the record of what the person said.

    Args:
        stream: the engine's number of the stream.
        conversation: the record.
        policy: asked about everything that is heard.
        offset_seconds: where on the conversation's clock this session's clock begins.
    """

    def __init__(
        self, stream: int, conversation: Conversation, policy: Policy, offset_seconds: float
    ) -> None:
        self.intake = Intake(stream)
        self._conversation = conversation
        self._policy = policy
        self._offset_seconds = offset_seconds
        self._offset = conversation.next_segment
        self._obeyed: dict[int, Command] = {}
        self._hushed = False
        self._last_voiced_seconds: float | None = None

    def restart(self) -> None:
        """A new stream begins: its segments continue the conversation's numbers."""
        self.intake.lost()
        self._offset = self._conversation.next_segment
        self._obeyed.clear()
        self._hushed = False

    def typed(self, text: str, speaking: bool, obey: Callable[[Command], None]) -> bool:
        """Take typed text and obey it at once; False when too much waits.

        It enters the record when the engine says that it read it.
        """
        taken = self.intake.type(text)
        demand = self._policy.on_heard(text, typed=True, final=True, speaking=speaking)
        if demand is not None:
            obey(demand)
        return taken

    def words(
        self, heard: PersonWords, speaking: bool, obey: Callable[[Command], None]
    ) -> PersonWords:
        """Record words and obey them where they demand it; returns them on the session's clock.

        A demand is obeyed once for as long as the segment's words make it. "Stop" that goes on to
        mean another thing ("Stop there, I only wanted to know …") is answered after all.
        """
        segment = heard.segment + self._offset
        words = tuple(self._on_session_clock(word) for word in heard.words)
        shifted = tuple(self._on_conversation_clock(word) for word in words)
        self._conversation.person_words(segment, shifted, final=heard.final, typed=heard.typed)
        if words:
            self._last_voiced_seconds = words[-1].end_seconds
        if words and not heard.typed:
            self._demanded(segment, heard, speaking, obey)
        if heard.final:
            self._obeyed.pop(segment, None)
        return PersonWords(segment, words, heard.final, heard.typed)

    def _demanded(
        self, segment: int, heard: PersonWords, speaking: bool, obey: Callable[[Command], None]
    ) -> None:
        text = " ".join(word.text.strip() for word in heard.words)
        # Who was told to be quiet does not speak any more: that unsays nothing.
        speaking = speaking or self._hushed
        demand = self._policy.on_heard(text, typed=False, final=heard.final, speaking=speaking)
        if demand is None and self._hushed:
            # In another segment too: the order may have come when that one had begun already.
            self._hushed = False
            self._obeyed.pop(segment, None)
            self.intake.command("heed")
        elif demand is not None and demand != self._obeyed.get(segment):
            self._obeyed[segment] = demand
            self._hushed = demand == "quiet"
            obey(demand)

    def take_latency(self, now: float) -> float | None:
        """Seconds since the person was last heard, for an answer that begins now.

        None when that was answered before, or this is no answer to it.
        """
        at, self._last_voiced_seconds = self._last_voiced_seconds, None
        if at is None or not 0.0 <= now - at <= _LONGEST_LATENCY_SECONDS:
            return None
        return now - at

    def on_session_clock(self, seen: Seen) -> Seen:
        """What was seen, with its time on the session's clock."""
        return replace(seen, at_seconds=self.intake.session_seconds(seen.at_seconds))

    def _on_session_clock(self, word: Word) -> Word:
        start = self.intake.session_seconds(word.start_seconds)
        return Word(word.text, start, self.intake.session_seconds(word.end_seconds))

    def _on_conversation_clock(self, word: Word) -> Word:
        ahead = self._offset_seconds
        return Word(word.text, word.start_seconds + ahead, word.end_seconds + ahead)
