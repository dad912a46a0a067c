"""What Core's port remembers of a row, and the columns that it makes of one micro-turn. Pure.

The columns are those of `streams.INPUTS`, with the meanings that training gives them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.interaction import core_words, streams
from model.interaction.belief import plain
from model.interaction.breath import Breath
from model.interaction.floor_port import RowSeen
from model.interaction.mind import Mind
from model.interaction.sent import Sent
from model.messages import Audio, Word
from model.timebase import SPEAKING_RATE, seconds

__all__ = ["MOST_DRAFTS_A_MINUTE", "Believed", "CoreRow", "Encoded", "Moment", "counted", "moment"]

MOST_DRAFTS_A_MINUTE: Final = 40
"""Twice as many as turns in a lively minute, for one may take two: on the words so far, and on all;
beyond it only what is really asked for is answered."""

MINUTE: Final = 600
MOST_MISSED: Final = 10
ENCODED_BLOCKS: Final = 20
"""Two seconds: what the encoder reads."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Result of a job: pooled encoder states `[4, 288]` of the 2 s until the end of `k`."""

    k: int
    pools: npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Believed:
    """Result of a job: Language's belief about the words of `segment` as known in `k`."""

    k: int
    segment: int
    belief: float
    message: float = 0.0


@dataclass(frozen=True, slots=True)
class CoreRow:
    """One row of Core's port.

    Attributes:
        k: the last micro-turn.
        recent: the last blocks of the microphone, at most `ENCODED_BLOCKS`.
        encoded: what the encoder last made of them.
        asked_k: when it was last asked.
        encoding: it is at work.
        encoding_took: micro-turns from asking until its states were there, the last time.
        segment: number of the segment that the words are of.
        words: the words of it that Core was told.
        partials: how many hypotheses of it came.
        believed: Language's last belief about it.
        sent: our own voice.
        judging: the segment that Language was last asked about.
        drafted: micro-turns in which drafts began, of the last minute.
        drafts: how many began in all.
        floor: probabilities of the last micro-turn, in the order of `streams.FLOORS`.
        person: likewise, of `streams.PERSON_STATES`.
        ahead: the person's voice in the windows ahead.
        breath: whether we hold it.
        stood_k: when the floor was last taken with nothing to say yet.
        since_k: since when it has been, in one; -1 while it is not taken.
    """

    k: int = -1
    recent: tuple[Audio, ...] = ()
    encoded: Encoded | None = None
    asked_k: int = -9
    encoding: bool = False
    encoding_took: int = 1
    segment: int = 0
    words: tuple[Word, ...] = ()
    partials: int = 0
    believed: Believed | None = None
    sent: Sent = field(default_factory=Sent)
    judging: int = -1
    drafted: tuple[int, ...] = ()
    drafts: int = 0
    floor: tuple[float, ...] = ()
    person: tuple[float, ...] = ()
    ahead: tuple[float, ...] = ()
    breath: Breath = field(default_factory=Breath)
    stood_k: int = -1
    since_k: int = -1


@dataclass(frozen=True, slots=True)
class Moment:
    """A row's micro-turn as Core reads it.

    Attributes:
        row: the row with it in it.
        own: our voice as sent in it.
        columns: name to value, those of `streams.INPUTS` that are no sound and no words.
        events: of words.
        asks: a text that Language is to judge; empty for none.
    """

    row: CoreRow
    own: Audio
    columns: dict[str, Any]
    events: tuple[core_words.WordEvent, ...] = ()
    asks: str = ""


def moment(row: CoreRow, seen: RowSeen) -> Moment:
    """The next micro-turn of a row."""
    mind, k = seen.mind, seen.turn.k
    sent = row.sent
    cut = mind.cut_k >= 0 or seen.turn.silenced or _was_cut(seen, sent)
    if cut:
        sent = sent.cut()
    for _ in range(min(max(k - row.k - 1, 0), MOST_MISSED) if row.k >= 0 else 0):
        _, sent = sent.next()  # Micro-turns that were lost on their way to us were played, too.
    own, sent = sent.next(stands=mind.hesitates and not cut)
    heard = mind.hearing
    known = row.words if row.segment == heard.number else ()
    words = heard.words if heard.segment is not None else known
    events = core_words.told(known, words)
    for text in seen.turn.texts:
        events += core_words.typed(text, k)
    row = replace(row, k=k, recent=(*row.recent[1 - ENCODED_BLOCKS :], seen.turn.audio), sent=sent)
    believed, asks, partials = _belief(row, mind)
    row = replace(row, segment=heard.number, words=words, believed=believed, partials=partials)
    return Moment(row, own, _columns(row, mind, k), tuple(events), asks)


def _was_cut(seen: RowSeen, sent: Sent) -> bool:
    return any(one.cut and one.utterance == sent.utterance for one in seen.turn.heard)


def _belief(row: CoreRow, mind: Mind) -> tuple[Believed | None, str, int]:
    """The belief that holds, what to ask about, and how many hypotheses came by now."""
    heard = mind.hearing
    text = plain([word.text for word in heard.words])
    if heard.segment is None or not text:
        return None, "", heard.partials
    believed = row.believed
    if believed is not None and believed.segment != heard.number:
        believed = None
    same = row.segment == heard.number and row.partials == heard.partials
    return believed, "" if same else text, heard.partials


def _columns(row: CoreRow, mind: Mind, k: int) -> dict[str, Any]:
    utterance, sent = mind.utterance, row.sent
    queued = (0.0, 0.0)
    if utterance is not None and mind.cut_k < 0:
        done = sent.samples if sent.utterance == utterance.number else 0
        left = sum(word.end_samples > done for word in utterance.words)
        ahead = seconds(max(utterance.rendered_samples - done, 0), SPEAKING_RATE)
        queued = float(left), min(ahead, streams.MOST_QUEUED_SECONDS)
    encoded, believed = row.encoded, row.believed
    columns: dict[str, Any] = {"k": k, "queued": queued}
    if encoded is not None:
        columns |= {"encoder": encoded.pools, "encoder_age": min(k - encoded.k, 32_000)}
    if believed is not None:
        columns |= {"belief": believed.belief, "message": believed.message}
        columns["belief_age"] = min(k - believed.k, 32_000)
    return columns


def counted(row: CoreRow, mind: Mind, k: int) -> CoreRow:
    """With the drafts that began since the last micro-turn, and without those of long ago."""
    drafted = row.drafted + (k,) * (mind.drafts - row.drafts)
    kept = tuple(one for one in drafted if k - one < MINUTE)[-MOST_DRAFTS_A_MINUTE:]
    return replace(row, drafted=kept, drafts=mind.drafts)
