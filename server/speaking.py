"""Our side of one conversation: what is played, what of it was heard, what is cut. No I/O.

The engine numbers its utterances from the start of its stream; the conversation goes on through
restarts of the engine and resumptions. `Speaking` is where one numbering becomes the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from model.messages import Audio, Heard, Remembered, Said, Speech, UtteranceDone
from model.timebase import SPEAKING_RATE, seconds
from server.conversation import Conversation
from server.playout import Playout
from server.policy import Policy
from server.session_events import AgentProgress, AgentStarted, CutBy, Problem, SessionEvent
from server.steering_events import AgentComplete

__all__ = ["Speaking"]


class Speaking:
    """Owns the Playout and keeps the record true to what was heard.

    Args:
        conversation: the record.
        policy: asked before a phrase is spoken.
        emit: called with every event for the client.
        now: seconds of the conversation's clock.
        on_started: called when the first sample of an utterance was sent.
        on_over: called when an utterance was heard to its end or cut.
    """

    def __init__(
        self,
        conversation: Conversation,
        policy: Policy,
        emit: Callable[[SessionEvent], None],
        now: Callable[[], float],
        on_started: Callable[[int], None],
        on_over: Callable[[int], None],
    ) -> None:
        self.playout = Playout()
        self._conversation = conversation
        self._policy = policy
        self._emit = emit
        self._now = now
        self._on_started = on_started
        self._on_over = on_over
        self._offset = conversation.next_utterance
        self._cut_by: CutBy = "engine"
        self._cuts: list[Heard] = []
        self._deaf_before_k = 0
        self._signs: set[int] = set()  # of listening, that wait to be heard or are

    @property
    def active(self) -> bool:
        """Whether something is being heard or waits to be."""
        return self.playout.speaking

    @property
    def queued_seconds(self) -> float:
        """How much waits to be played."""
        return seconds(self.playout.queued_samples, SPEAKING_RATE)

    def allows(self, text: str) -> bool:
        """Whether the policy lets this be spoken."""
        return self._policy.before_spoken(text) == text

    def said(self, said: Said, k: int) -> None:
        """Words that will be heard, unless the policy refuses them: then the utterance ends."""
        number = said.utterance + self._offset
        if k < self._deaf_before_k:
            self._refuse(number)
            return
        text = "".join(word.text for word in said.words)
        if not self.playout.expect(number):
            return
        if not self.allows(text):
            self.playout.end_here(number)
            return
        if said.listening:
            self._signs.add(number)
        self._conversation.said(number, said.words, listening=said.listening)
        self._emit(Said(number, said.words))

    def answers(self, number: int) -> bool:
        """Whether an utterance is more than a sign of listening."""
        return number not in self._signs

    def push(self, speech: Speech, k: int) -> None:
        """Queue speech that came in answer to micro-turn k."""
        number = speech.utterance + self._offset
        if k < self._deaf_before_k:
            self._refuse(number)
            return
        self.playout.push(Speech(number, speech.start_samples, speech.audio))

    def finish(self, done: UtteranceDone) -> None:
        """The utterance has no more to come."""
        number = self.number(done.utterance)
        self.playout.finish(UtteranceDone(number, done.samples))
        self._emit(AgentComplete(number, done.samples, done.limited))

    def remembered(self, memory: Remembered) -> Remembered:
        """What the model remembers of an utterance, by the conversation's number."""
        return Remembered(memory.utterance + self._offset, memory.text, memory.cut)

    def next_frame(self) -> Audio | None:
        """The Speaker's source: the next 20 ms, or None for silence."""
        frame = self.playout.next_frame()
        self._tell()
        return frame

    def cut(self, by: CutBy) -> None:
        """Fall silent now; the record keeps what was heard."""
        self._cut_by = by
        self._cuts.extend(self.playout.flush())
        self._tell()
        self._cut_by = "engine"

    def cut_at(self, number: int, heard_samples: int) -> bool:
        """The client says how much of an utterance was heard: cut it there.

        False when it is not being played and does not wait to be.
        """
        if not self.playout.limit(number, heard_samples):
            return False
        self.cut("client")
        return True

    def number(self, utterance: int) -> int:
        """The conversation's number of an utterance of the engine's."""
        return utterance + self._offset

    def engine_number(self, number: int) -> int:
        """The engine's number of an utterance; negative for one of an earlier stream."""
        return number - self._offset

    def deafen(self, before_k: int) -> None:
        """Ignore speech that answers a micro-turn before this one.

        The engine cannot have known of the command that micro-turn `before_k` carries when it
        made that speech, and it may still be on its way.
        """
        self._deaf_before_k = max(self._deaf_before_k, before_k)

    def restart(self) -> None:
        """A new stream begins: its utterances continue the conversation's numbers."""
        self.cut("engine")
        self._cuts.clear()  # the new engine knows none of these utterances
        self._offset = max(self._conversation.next_utterance, self.playout.next_utterance)
        self._deaf_before_k = 0

    def heard(self) -> Iterable[Heard]:
        """What is new of what was heard, in the engine's numbers."""
        cuts, self._cuts = self._cuts, []
        for news in (*cuts, *self.playout.heard()):
            self._conversation.heard(news.utterance, news.samples)
            yield Heard(news.utterance - self._offset, news.samples, news.cut)

    def tell_progress(self) -> None:
        """Tell the client how much of the current utterance was heard."""
        number, heard_samples = self.playout.position
        if number is not None and heard_samples:
            self._conversation.heard(number, heard_samples)
            words = self._conversation.words_heard(number)
            self._emit(AgentProgress("heard", number, heard_samples, words))

    def _refuse(self, number: int) -> None:
        if self.playout.expect(number):
            self.playout.end_here(number)

    def _tell(self) -> None:
        for notice in self.playout.notices():
            number = notice.utterance
            match notice.kind:
                case "started":
                    self._conversation.started(number, self._now())
                    self._emit(AgentStarted(number))
                    self._on_started(number)
                    # They sound in order: what is not there by now never will be.
                    self._signs = {sign for sign in self._signs if sign >= number}
                case "done":
                    self._conversation.done(number, notice.samples)
                    words = self._conversation.words_heard(number)
                    self._emit(AgentProgress("done", number, notice.samples, words))
                    self._on_over(number)
                case "cut":
                    self._conversation.cut(number, notice.samples, self._cut_by)
                    words = self._conversation.words_heard(number)
                    cut = AgentProgress("cut", number, notice.samples, words, self._cut_by)
                    self._emit(cut)
                    self._on_over(number)
                case "overflow":
                    # Playout cuts the utterance where its queue ends, and says so then.
                    self._emit(Problem("internal", "Too much speech at once; the rest is cut."))
