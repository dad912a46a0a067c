"""What a client may ask of the conversation under way: stop, hold, say this, know this, use tools.

Everything is obeyed twice: at once here, where the sound is, and by the engine in the micro-turn
that carries the order. `docs/dialect.md` says what each request means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from model.messages import (
    Command,
    Hesitation,
    PicturesWanted,
    Refused,
    Saying,
    Seen,
    ToolAnswer,
    ToolCall,
    Turn,
)
from model.orders import (
    Answer,
    Append,
    Cancel,
    ChangeSettings,
    Clear,
    Commit,
    Hold,
    Order,
    Resume,
    Say,
    StreamSettings,
    Truncate,
)
from server.conversation import Conversation
from server.course import Course
from server.dialects.pace import CHANGES_A_SECOND
from server.errors import BadOffer
from server.hearing import Hearing
from server.looking import Looking
from server.refusable import Refusable
from server.session_events import Problem, ProblemCode, SessionEvent, StopSpeaking
from server.speaking import Speaking
from server.steering_events import (
    AnswerAsked,
    Appended,
    CancelAsked,
    ClearAsked,
    CommitAsked,
    HoldAsked,
    HoldChanged,
    LookAsked,
    ResumeAsked,
    SayAsked,
    SettingsAsked,
    SettingsChanged,
    SteeringEvent,
    ToolAnswered,
    ToolEnded,
    TruncateAsked,
)
from server.stream_settings import changed
from server.tools import catalogue
from server.tools.running import Running

__all__ = ["Steering"]

_MAX_SAYINGS: Final = 16


class Steering:
    """One client's hand on its conversation. One event loop.

    Args:
        conversation: the record.
        course: where the session stands; its settings are changed here.
        hearing: the person's side.
        speaking: our side.
        looking: what the client lets us see.
        emit: called with every event for the client.
    """

    def __init__(
        self,
        conversation: Conversation,
        course: Course,
        hearing: Hearing,
        speaking: Speaking,
        looking: Looking,
        emit: Callable[[SessionEvent], None],
    ) -> None:
        self.held = False
        self.looking = looking
        self._conversation = conversation
        self._course = course
        self._hearing = hearing
        self._speaking = speaking
        self._emit = emit
        self._tools = Running(self._tool_answered)
        # Names of tools under way by call, and whether the engine that asked is gone.
        self._calls: dict[str, tuple[str, bool]] = {}
        self._sayings: set[str] = set()
        self._refusable = Refusable[StreamSettings]()
        # What a new engine is to be asked at once.
        self._owed: Answer | None = None

    def act(self, event: SteeringEvent | StopSpeaking) -> None:
        """Do what the client asks, or tell it why not."""
        try:
            self._act(event)
        except BadOffer as refusal:
            name = None if isinstance(event, StopSpeaking) else event.event_id
            self._emit(Problem("bad_field", str(refusal), event_id=name))

    def told(self, event: ToolCall | Saying | Refused | Seen | PicturesWanted | Hesitation) -> None:
        """Take what the engine says of orders, of tools, and of what it sees."""
        match event:
            case Seen() | PicturesWanted():
                self.looking.told(event)
            case Hesitation(stands):
                self._speaking.playout.hesitate(stands)
            case ToolCall():
                self._call(event)
            case Saying(say, state, utterance):
                self._sayings.discard(say)
                number = self._speaking.number(utterance) if state == "began" else -1
                self._emit(Saying(say, state, number))
            case Refused(order, reason):
                name, before, again = self._refusable.refused(order)
                code: ProblemCode = "bad_field" if before is not None else "nothing_said"
                self._emit(Problem(code, reason, event_id=name))
                if before is not None and again:
                    self._course.settings = before
                    self._emit(SettingsChanged(before, name))

    def silence(self, command: Command) -> None:
        """Fall silent now, and let the engine know why."""
        self._owed = None
        self._speaking.deafen(self._hearing.intake.command(command))
        self._speaking.cut("stop" if command == "stop" else "quiet")

    def lost(self, answers: Sequence[ToolAnswer]) -> None:
        """The engine is gone, and has not taken these answers; the next one knows of no call."""
        self._calls = {call: (name, True) for call, (name, _) in self._calls.items()}
        for answer in answers:
            self._know(f"A tool that was asked answered: {answer.text}")

    def restart(self) -> None:
        """A new engine begins: it knows nothing of what the last one was ordered."""
        for say in sorted(self._sayings):
            self._emit(Saying(say, "dropped"))
        self._sayings.clear()
        self.lost(())
        if self._owed is not None:
            self._hearing.intake.order(self._owed)
            self._owed = None
        if self.held:
            self._hearing.intake.order(Hold())

    def close(self) -> None:
        """The session is over."""
        self._tools.close()
        self.looking.close()

    def _act(self, event: SteeringEvent | StopSpeaking) -> None:
        match event:
            case StopSpeaking():
                self.silence("stop")
            case CancelAsked():
                self._owed = None
                self._order(Cancel())
                self._stop()
            case TruncateAsked():
                self._truncate(event)
            case LookAsked():
                self.looking.act(event)
            case HoldAsked() | ResumeAsked():
                self._hold(isinstance(event, HoldAsked))
            case SayAsked():
                self._say(event)
            case Appended(text, role):
                self._order(Append(text, role))
                self._conversation.append(Turn(role, text))
            case SettingsAsked(values):
                # Before they are read, which can take tens of milliseconds of everybody's loop.
                if not self._course.may_change():
                    raise BadOffer(f"At most {CHANGES_A_SECOND} changes of settings a second.")
                self._change(changed(self._course.settings, values), event.event_id)
            case CommitAsked(event_id):
                # Who does not name it does not ask what becomes of it.
                named = event_id is not None
                self._order(Commit(self._refusable.add(event_id, None) if named else ""))
            case ClearAsked():
                self._order(Clear())
            case AnswerAsked():
                choice = event.tool_choice
                if choice:
                    changed(self._course.settings, {"tool_choice": choice})  # or it is refused
                if self._course.stream_open:
                    self._order(Answer(choice))
                else:
                    self._owed = Answer(choice)
            case ToolAnswered(call, text, failed):
                if not self._tools.take(call, text, failed):
                    raise BadOffer(f"No tool call {call[:64]!r} waits for an answer.")

    def _order(self, order: Order) -> None:
        if not self._hearing.intake.order(order):
            raise BadOffer("Too many orders at once; wait a moment.")

    def _stop(self) -> None:
        """Silence here and now, for what the engine has just been ordered."""
        self._speaking.deafen(self._hearing.intake.carrying_k)
        self._speaking.cut("client")

    def _truncate(self, event: TruncateAsked) -> None:
        number, samples = event.utterance, event.heard_samples
        if self._conversation.find(number) is None:
            raise BadOffer(f"There is no utterance {number} to be truncated.")
        if self._speaking.cut_at(number, samples):
            return
        text = self._conversation.shorten(number, samples)
        if text is not None and (ours := self._speaking.engine_number(number)) >= 0:
            self._order(Truncate(ours, text))

    def _hold(self, held: bool) -> None:
        self._order(Hold() if held else Resume())
        self.held = self._speaking.playout.held = held
        self._emit(HoldChanged(held))

    def _say(self, event: SayAsked) -> None:
        if len(self._sayings) >= _MAX_SAYINGS:
            raise BadOffer(f"{_MAX_SAYINGS} texts wait to be said already.")
        if not self._speaking.allows(event.text):
            raise BadOffer("This may not be said here.")
        say = event.say or f"say-{self._refusable.fresh()}"
        if say in self._sayings:
            raise BadOffer(f"{say[:64]!r} waits to be said already; give each its own name.")
        self._order(Say(event.text, event.policy, event.priority, say))
        self._sayings.add(say)
        if event.policy == "now" and not self.held:
            self._stop()

    def _change(self, settings: StreamSettings, event_id: str | None) -> None:
        name = self._refusable.add(event_id, self._course.settings)
        self._order(ChangeSettings(settings, name))
        self._course.settings = settings
        self._emit(SettingsChanged(settings, event_id))

    def _call(self, call: ToolCall) -> None:
        spec = next((one for one in self._course.settings.tools if one.name == call.name), None)
        if spec is None:
            gone = ToolAnswer(call.call, f"There is no tool {call.name} any more.", failed=True)
            self._hearing.intake.answer(gone)
            return
        self._calls[call.call] = call.name, False
        if self._tools.begin(call, spec, catalogue.tools().get(call.name)):
            self._emit(call)

    def _tool_answered(self, answer: ToolAnswer) -> None:
        name, orphaned = self._calls.pop(answer.call, ("", False))
        if orphaned:
            taken = self._know(f"The tool {name} answered: {answer.text}")
        else:
            taken = self._hearing.intake.answer(answer)
        if not taken:
            self._emit(Problem("too_fast", "A tool's answer was lost: too many at once."))
        here = name in catalogue.tools()
        self._emit(ToolEnded(answer.call, answer.failed, answer.text[:200], here))

    def _know(self, text: str) -> bool:
        """Have the model know it and answer; where there is none, the next one at its start."""
        self._conversation.append(Turn("knowledge", text))
        if not self._course.stream_open:
            self._owed = Answer()
            return True
        intake = self._hearing.intake
        return intake.order(Append(text)) and intake.order(Answer())
