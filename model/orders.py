"""What a client may order in the midst of a conversation, and the tools it may lend to the model.

The part of `model.messages` that steers: it crosses the same boundary, inside `MicroTurnInput` and
`MicroTurnOutput`. Orders of one micro-turn are obeyed in their order, before any answer begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "MAX_ORDERS",
    "MAX_TOOLS",
    "Answer",
    "Append",
    "AppendRole",
    "Cancel",
    "ChangeSettings",
    "Clear",
    "Commit",
    "Hold",
    "Order",
    "Refused",
    "Resume",
    "Say",
    "SayPolicy",
    "Saying",
    "StreamSettings",
    "ToolAnswer",
    "ToolCall",
    "ToolSpec",
    "Truncate",
]

MAX_ORDERS: Final = 32
"""Orders that one micro-turn may carry."""

MAX_TOOLS: Final = 16
"""Tools that a conversation may have."""

AppendRole = Literal["knowledge", "person", "agent"]
SayPolicy = Literal["now", "when_free", "never_over_person"]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool the model may ask for.

    Attributes:
        name: letters, digits, `_` and `-`, at most 64; unique within the conversation.
        description: when to ask for it and what it gives.
        parameters: a JSON Schema of an object, as JSON text without `$ref`.
        timeout_seconds: an answer that has not come by then counts as failed.
    """

    name: str
    description: str = ""
    parameters: str = '{"type": "object"}'
    timeout_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How the model should behave towards one person; every field can be set by a client.

    Attributes:
        instructions: what the model should be; empty for the usual.
        voice: the name of a voice; empty for the usual.
        eagerness: 0 waits longest before it answers, 1 least.
        greeting: said first, when a conversation begins.
        backchannels: whether signs of listening ("mm-hm") may be given.
        manual_turns: nothing is answered before an `Answer` is ordered.
        tools: what the model may ask for.
        tool_choice: `auto`: the model decides; `none`; `required`: every answer begins with asking
            for some tool; or the name of the tool that every answer asks for.
    """

    instructions: str = ""
    voice: str = ""
    eagerness: float = 0.5
    greeting: str = ""
    backchannels: bool = True
    manual_turns: bool = False
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "auto"


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the answer under way or in the making; what it answered is not answered again."""


@dataclass(frozen=True, slots=True)
class Truncate:
    """Of an utterance that is over only `text` was heard, whatever was believed before."""

    utterance: int
    text: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Stay silent, in the midst of an utterance too, and go on listening until `Resume`."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on where `Hold` stopped; what the person said meanwhile is answered."""


@dataclass(frozen=True, slots=True)
class Say:
    """Say this text, in these words.

    Attributes:
        text: at most 4,096 characters.
        policy: `now`: at once, over ourselves and over the person, and to its end. `when_free`:
            when neither speaks and nothing waits to be answered; the person may interrupt it.
            `never_over_person`: the same, and it stops at the person's first sound.
        priority: 0 to 9; of those that wait the highest goes first.
        say: names it in the `Saying` events.
    """

    text: str
    policy: SayPolicy = "when_free"
    priority: int = 0
    say: str = ""


@dataclass(frozen=True, slots=True)
class Append:
    """Put something into what the model remembers; it is not answered by itself.

    `knowledge` is what nobody said; `person` and `agent` stand as if they had said it.
    """

    text: str
    role: AppendRole = "knowledge"


@dataclass(frozen=True, slots=True)
class Commit:
    """The person's turn ends here, though nobody answers it yet (manual turns).

    Where they said nothing, it is `Refused` under the name `order`, if it has one.
    """

    order: str = ""


@dataclass(frozen=True, slots=True)
class Clear:
    """Forget what the person said since the last turn."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer what is there, now: the person's words so far, or what was appended.

    `tool_choice` is for this answer, as in the settings; empty for what stands there.
    """

    tool_choice: str = ""


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """Go on with these settings. One that cannot be met is `Refused` under the name `order`."""

    settings: StreamSettings
    order: str = ""


Order = Cancel | Truncate | Hold | Resume | Say | Append | Commit | Clear | Answer | ChangeSettings


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for something; answered by a `ToolAnswer` in a later micro-turn.

    `arguments` is a JSON object as text, valid for the tool's schema; `call` is unique within the
    stream.
    """

    call: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """The answer to an earlier `ToolCall`; of a failed one `text` says why."""

    call: str
    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Saying:
    """What became of a `Say`: it began as this utterance, or will never begin."""

    say: str
    state: Literal["began", "dropped"]
    utterance: int = -1


@dataclass(frozen=True, slots=True)
class Refused:
    """An order that cannot be met; `reason` says what to do instead."""

    order: str
    reason: str
