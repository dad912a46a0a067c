"""Words as Core reads them: events of what became known, and the columns they make. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.interaction.streams import (
    WORD_SLOTS,
    WORD_TYPED,
    Arrays,
    word_flags,
    word_hash,
)
from model.messages import Word
from model.timebase import micro_turn_at

__all__ = ["WordEvent", "told", "typed", "write"]


@dataclass(frozen=True, slots=True)
class WordEvent:
    """A word that became known, was told otherwise, or was withdrawn."""

    hash: int
    ended: int
    """The micro-turn in which the word ended."""

    flags: int


def told(before: Sequence[Word], now: Sequence[Word]) -> list[WordEvent]:
    """The events between two hypotheses of the same stretch of speech, oldest word first.

    A word at a place where another one was known revises it, also if only its punctuation
    changed; places that are no longer there are withdrawn. Times alone make no event.
    """
    same = 0
    for old, new in zip(before, now, strict=False):
        if _meaning(old) != _meaning(new):
            break
        same += 1
    events = [_event(new, revised=at < len(before)) for at, new in enumerate(now) if at >= same]
    gone = before[max(same, len(now)) :]
    return events + [_event(old, withdrawn=True) for old in gone]


def typed(text: str, k: int) -> list[WordEvent]:
    """The events of a text that was typed in micro-turn `k`."""
    return [
        WordEvent(word_hash(word), k, word_flags(word) + WORD_TYPED)
        for word in text.split()[-WORD_SLOTS:]
    ]


def write(events: Sequence[WordEvent], k: int, arrays: Arrays, at: int) -> None:
    """Put the latest events into entry `at` of the columns `word_*`, as of micro-turn `k`."""
    latest = events[-WORD_SLOTS:]
    for name in ("word_hash", "word_age", "word_flags"):
        arrays[name][at] = 0
    for slot, event in enumerate(latest):
        arrays["word_hash"][at, slot] = event.hash
        arrays["word_age"][at, slot] = np.clip(k - event.ended, 0, 32_000)
        arrays["word_flags"][at, slot] = event.flags


def _meaning(word: Word) -> tuple[int, int]:
    return word_hash(word.text), word_flags(word.text)


def _event(word: Word, revised: bool = False, withdrawn: bool = False) -> WordEvent:
    return WordEvent(
        word_hash(word.text),
        micro_turn_at(max(word.end_seconds, 0.0)),
        word_flags(word.text, revised, withdrawn),
    )
