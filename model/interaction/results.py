"""What jobs found enters the mind: one function a kind of result. Pure."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from model.engine.jobs import Failed
from model.interaction import hearing, looking, seeing, speaking
from model.interaction.floor_port import FloorPart
from model.interaction.looked import Looked
from model.interaction.mind import Asks, Mind, Rendered, ReplyDone, Requested, Transcribed
from model.interaction.streams import word_hash
from model.interaction.wishes import Called, queued
from model.messages import Event, PersonWords, Remembered, ToolCall, Turn, Word

__all__ = ["APOLOGY", "ask", "carry", "enter", "joined", "says_otherwise"]

log = logging.getLogger(__name__)

APOLOGY: Final = "Sorry, something went wrong on my side. Please say that again."

MOST_CARRIED: Final = 16_384
"""Characters of unanswered words that are kept, the last ones: Language reads no more of a turn."""


def enter(mind: Mind, value: object, floor: FloorPart, k: int) -> tuple[Mind, tuple[Event, ...]]:
    """The mind with one result of micro-turn `k` in it, and what the server is told of it."""
    match value:
        case Transcribed():
            return _transcribed(mind, value)
        case Rendered():
            return _rendered(mind, value), ()
        case Asks():
            return _asks(mind, value, k)
        case Requested():
            return _requested(mind, value)
        case Looked():
            return seeing.enter_looked(mind, value)
        case ReplyDone():
            return _reply_done(mind, value), ()
        case Remembered():
            return mind, (value,)
        case Failed():
            return _failed(mind, value, floor), ()
        case _:
            return replace(mind, floor=floor.enter(mind, value)), ()


def carry(earlier: str, later: str) -> str:
    """What the person said and then said, as far as it can be answered."""
    return f"{earlier} {later}".strip()[-MOST_CARRIED:]


def joined(carried: str, words: Sequence[Word]) -> str:
    """Earlier words of the person, and these behind them."""
    return carry(carried, " ".join(word.text for word in words))


def says_otherwise(mind: Mind) -> bool:
    """The draft under way answers other words than are known by now; or it is none, for there were
    no words, and now there are."""
    draft = mind.draft
    if draft is None or not (draft.text or draft.nothing) or draft.segment != mind.hearing.number:
        return False
    now = joined(mind.carried, mind.hearing.words)
    return _hashes(now) != _hashes(draft.text)


def _hashes(text: str) -> list[int]:
    return [word_hash(word) for word in text.split()]


def _transcribed(mind: Mind, found: Transcribed) -> tuple[Mind, tuple[Event, ...]]:
    heard, words = mind.hearing, found.heard.words
    if not found.draft and hearing.last_k(found.asked) >= heard.asked_k:
        heard = replace(heard, busy=False)  # One asked for before that was given up.
    if mind.draft is not None and found.draft == mind.draft.number:
        mind = replace(mind, draft=replace(mind.draft, text=joined(mind.carried, words)))
    events: tuple[Event, ...] = ()
    if heard.segment is not None and found.number == heard.number:
        if words or heard.told:
            events = (PersonWords(found.number, words, final=False),)
        heard = hearing.recognised(heard, found)
        if mind.draft is None:
            heard, left = hearing.parted(heard)
            if left:
                mind = replace(mind, carried=joined(mind.carried, left))
                events = (PersonWords(found.number, left, final=True),)
                if heard.words:
                    events += (PersonWords(heard.number, heard.words, final=False),)
    return replace(mind, hearing=heard), events


def _rendered(mind: Mind, phrase: Rendered) -> Mind:
    if _speaks(mind, phrase.draft):
        assert mind.utterance is not None
        return replace(mind, utterance=speaking.append(mind.utterance, phrase.spoken))
    if mind.draft is not None and mind.draft.number == phrase.draft:
        spoken = (*mind.draft.spoken, phrase.spoken)
        return replace(mind, draft=replace(mind.draft, spoken=spoken))
    return mind


def ask(mind: Mind, asks: Called, k: int) -> tuple[Mind, tuple[Event, ...]]:
    """A tool is asked for: its call waits for an answer, and Language will know of it."""
    wishes = mind.wishes
    # By `k` it is unique across engines, by the count within a micro-turn.
    called = replace(asks, call=f"call_{k}_{wishes.calls + 1}")
    wishes = replace(
        wishes,
        calls=wishes.calls + 1,
        called=(*wishes.called, called),
        untold=queued(wishes.untold, (called,)),
    )
    event = ToolCall(called.call, called.name, called.arguments)
    return replace(mind, wishes=wishes), (event,)


def _asks(mind: Mind, found: Asks, k: int) -> tuple[Mind, tuple[Event, ...]]:
    if mind.draft is not None and mind.draft.number == found.draft:
        return replace(mind, draft=replace(mind.draft, asks=found.called)), ()
    if not _speaks(mind, found.draft):
        return mind, ()
    assert mind.utterance is not None
    if mind.utterance.rendered_samples:
        return ask(mind, found.called, k)
    # All there is of this answer is the call: it is no utterance.
    wishes = mind.wishes
    asked = (Turn("person", mind.asked),) if mind.asked else ()
    untold = queued(wishes.untold, (*asked, *wishes.telling))
    wishes = replace(wishes, untold=untold, telling=())
    return ask(replace(mind, utterance=None, asked="", wishes=wishes), found.called, k)


def _requested(mind: Mind, found: Requested) -> tuple[Mind, tuple[Event, ...]]:
    if mind.draft is not None and mind.draft.number == found.draft:
        return replace(mind, draft=replace(mind.draft, request=found)), ()
    return seeing.obey(mind, found) if _speaks(mind, found.draft) else (mind, ())


def _reply_done(mind: Mind, done: ReplyDone) -> Mind:
    if _speaks(mind, done.draft):
        assert mind.utterance is not None
        return replace(mind, utterance=speaking.finish(mind.utterance, done.limited))
    if mind.draft is not None and mind.draft.number == done.draft:
        # Words to which nothing is answered were said all the same.
        nothing = not done.text and mind.draft.asks is None and not mind.draft.text
        draft = replace(mind.draft, complete=True, limited=done.limited, nothing=nothing)
        return replace(mind, draft=draft)
    return mind


def _failed(mind: Mind, failure: Failed, floor: FloorPart) -> Mind:
    log.error("a job of lane %s failed: %s", failure.lane, failure.error)
    if failure.lane == "ears":
        mind = replace(mind, hearing=replace(mind.hearing, busy=False))
        return _fail_half_heard(mind)
    if failure.lane == seeing.LANE:
        return replace(mind, looking=looking.failed(mind.looking))
    if failure.lane != "language":
        return replace(mind, floor=floor.failed(mind, failure.lane))
    utterance = mind.utterance
    if utterance is None or not utterance.draft:
        failed = None if mind.draft is None else replace(mind.draft, failed=True)
        return replace(mind, draft=failed)
    if utterance.rendered_samples:
        return replace(mind, draft=None, utterance=speaking.finish(utterance))
    # Nothing of the answer was rendered: say so, rather than leave the person without a word.
    wishes = mind.wishes
    untold = queued(wishes.untold, wishes.telling)
    wishes = replace(wishes, untold=untold, telling=(), saying=None)
    mind = replace(mind, draft=None, utterance=None, cut_k=-1, asked="", wishes=wishes)
    # Where an apology, or another set text, cannot be rendered, one more could not either.
    return replace(mind, sayings=(APOLOGY,)) if mind.answering else mind


def _fail_half_heard(mind: Mind) -> Mind:
    """A draft on the words so far has failed where the last of them cannot be recognised: they are
    waited for before it is said. Without words it listens by itself, and fails by itself."""
    draft, heard = mind.draft, mind.hearing
    if draft is None or draft.segment != heard.number or not hearing.unread(heard):
        return mind
    return replace(mind, draft=replace(draft, failed=True)) if draft.text else mind


def _speaks(mind: Mind, draft: int) -> bool:
    """Whether the utterance under way takes this draft's phrases: it was not cut."""
    return mind.utterance is not None and mind.utterance.draft == draft and mind.cut_k < 0
