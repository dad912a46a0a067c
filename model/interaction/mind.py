"""What a stream's row is in the middle of: a value that each micro-turn replaces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from model.interaction.ears import Segment
from model.interaction.looking import Looking
from model.interaction.parts import Spoken
from model.interaction.reading import Line
from model.interaction.requesting import Request
from model.interaction.resuming import Remainder
from model.interaction.speaking import Utterance
from model.interaction.wishes import Called, Wishes
from model.messages import Audio, PersonDoing, StreamSettings, Word
from model.sight import Picture

__all__ = [
    "Asks",
    "Draft",
    "Hearing",
    "Manner",
    "Mind",
    "ReadText",
    "Rendered",
    "ReplyDone",
    "Requested",
    "Transcribed",
]


Manner = Literal["", "rest", "backchannel"]
"""How an utterance stands in the conversation: by itself, as what was left of the one before it, or
as a sign of listening, which takes no floor and is not remembered."""


@dataclass(frozen=True, slots=True)
class Transcribed:
    """Result of a job: segment `number`, as it was when it was `asked` and with what was `heard`.

    `draft` names the draft that asked, 0 for a partial.
    """

    number: int
    asked: Segment
    heard: Segment
    draft: int = 0


@dataclass(frozen=True, slots=True)
class Rendered:
    """Result of a job: the next phrase of a draft."""

    draft: int
    spoken: Spoken


@dataclass(frozen=True, slots=True)
class Asks:
    """Result of a job: the draft ends with asking for a tool."""

    draft: int
    called: Called


@dataclass(frozen=True, slots=True)
class ReplyDone:
    """Result of a job: the draft is complete. `text` is empty when nothing was to be answered;
    `limited` says that it reached its limit of tokens."""

    draft: int
    text: str
    limited: bool = False


@dataclass(frozen=True, slots=True)
class ReadText:
    """The text of a picture."""

    picture: Picture
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Requested:
    """Result of a job: the answer that is draft `draft` does what was requested.

    Attributes:
        draft: its number.
        request: what was requested.
        read: the picture whose text was requested, and that text.
    """

    draft: int
    request: Request
    read: ReadText | None = None


@dataclass(frozen=True, slots=True)
class Hearing:
    """What came in lately.

    Attributes:
        recent: the last blocks, oldest first, at most `RECENT_BLOCKS`.
        number: number of the segment under way, or of the last one.
        segment: the person's speech under way; None between segments.
        told: the server has been told of words in it, so that an empty end needs an event too.
        partials: how many hypotheses of it came.
        read_k: the micro-turn until which the last of them had heard.
        voiced_k: the last micro-turn with voice in it.
        asked_k: the micro-turn in which a transcription was last asked for.
        busy: a partial transcription is under way.
        muted: the person asked for quiet in this segment: it is not answered.
        ahead: how many of its words Language was given to read while the person speaks.
    """

    recent: tuple[Audio, ...] = ()
    number: int = 0
    segment: Segment | None = None
    told: bool = False
    partials: int = 0
    voiced_k: int = -1
    asked_k: int = -1
    read_k: int = -1
    busy: bool = False
    muted: bool = False
    ahead: int = 0

    @property
    def words(self) -> tuple[Word, ...]:
        """Words recognised in the segment so far, in seconds of the stream."""
        return self.segment.words if self.segment is not None else ()


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer in the making: to a segment (or to typed text, segment 0), not yet said.

    Attributes:
        number: the draft's number.
        segment: the segment it answers.
        text: what the person said, once recognised.
        spoken: the phrases rendered so far.
        complete: no more phrases will come.
        limited: it reached its limit of tokens.
        nothing: the recogniser found no words: there is nothing to answer.
        failed: it will not come.
        asks: the tool that it asks for.
        request: what was requested of the eyes; done when its turn is taken.
    """

    number: int
    segment: int
    text: str = ""
    spoken: tuple[Spoken, ...] = ()
    complete: bool = False
    limited: bool = False
    nothing: bool = False
    failed: bool = False
    asks: Called | None = None
    request: Requested | None = None


@dataclass(frozen=True, slots=True)
class Mind:
    """One row of the interaction model between two micro-turns.

    Attributes:
        row: the row, and the row of Language that belongs to it.
        settings: how to behave towards this person.
        floor: what the floor part remembers of the row; see `floor_port`.
        hearing: what came in.
        draft: an answer being prepared while the person may still go on.
        utterance: what we are saying.
        answering: whether `utterance` answers the person out of Language (else it is a set text).
        manner: how `utterance` stands in the conversation.
        cut_k: the micro-turn in which the utterance was cut and Playout's report is awaited.
        cut_by_floor: it was the floor that gave way.
        hesitates: its playing stands still for a moment.
        remainder: what was left of it, for a while.
        backchannel: the sign of listening that was last given.
        asked: words of the person that the utterance answers.
        carried: words of the person that nothing has answered yet.
        unanswered: typed words wait for an answer.
        typed: texts that wait for the last words said before them; typed_k: since when.
        sayings: set texts to be said as soon as the floor is free, such as a greeting.
        doing: what the person was last said to be doing.
        utterances, drafts: the last number given out.
        wishes: what the client ordered, and what tools owe us.
        looking: what is seen, and what is watched for.
    """

    row: int
    settings: StreamSettings
    floor: Any
    hearing: Hearing = field(default_factory=Hearing)
    draft: Draft | None = None
    utterance: Utterance | None = None
    answering: bool = True
    manner: Manner = ""
    cut_k: int = -1
    cut_by_floor: bool = False
    hesitates: bool = False
    remainder: Remainder | None = None
    backchannel: str = ""
    asked: str = ""
    carried: str = ""
    unanswered: bool = False
    typed: tuple[str, ...] = ()
    typed_k: int = -1
    sayings: tuple[str, ...] = ()
    doing: PersonDoing = "silent"
    utterances: int = 0
    drafts: int = 0
    wishes: Wishes = field(default_factory=Wishes)
    looking: Looking = field(default_factory=Looking)

    @property
    def interruptible(self) -> bool:
        """Something is being said that the person can stop by speaking."""
        sounds = self.utterance is not None and self.cut_k < 0
        return sounds and not self.wishes.held and not self.wishes.unyielding

    @property
    def gathers(self) -> bool:
        """What the person says is not answered when they have finished, but later."""
        wishes = self.wishes
        later = wishes.held or wishes.unyielding or self.settings.manual_turns
        return later or bool(self.typed)
