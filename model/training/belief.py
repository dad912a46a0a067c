"""The pass `belief`: what Language would have believed of every hypothesis of Ears, and when.

The judgement is `model.interaction.belief`; here it is only asked about many segments at once. The
words are those the shard's Ears told, late, revised and wrong; never the script's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.engine.pieces import finished
from model.interaction import streams
from model.interaction.belief import Belief, Opinion, plain
from model.training import shards

__all__ = ["Told", "believed", "columns", "joined_columns", "told_of"]

LATE_SHARE: Final = 0.15
"""How often a judgement enters one micro-turn later than it could: the worker was busy."""


@dataclass(frozen=True, slots=True)
class Told:
    """A hypothesis: known from micro-turn `k` on; `text` as `plain` makes it, maybe empty."""

    k: int
    segment: int
    final: bool
    text: str


def told_of(facts: Mapping[str, Any]) -> list[Told]:
    """All hypotheses of one conversation, from what a shard keeps of it."""
    return [
        Told(one["k"], one["segment"], one["final"], plain(one["text"].split()))
        for one in facts["told"]
    ]


def joined_columns(folder: Path, index: int, belief: Belief) -> streams.Arrays:
    """The columns `belief`, `message` and `belief_age` of a shard, all its conversations."""
    rows, facts = shards.read_part(folder, index, "rows")
    told = [told_of(one) for one in facts["conversations"]]
    segments = [found for one in told for found in _by_segment(one)]
    lengths = np.diff(rows["starts"])
    known = believed(belief, segments)
    made = [
        columns(one, int(length), known, np.random.default_rng([index, number, 7]))
        for number, (one, length) in enumerate(zip(told, lengths, strict=True))
    ]
    return {name: np.concatenate([one[name] for one in made]) for name in made[0]}


def believed(belief: Belief, segments: Sequence[Sequence[str]]) -> dict[str, Opinion]:
    """What is thought of all texts.

    Args:
        belief: as many segments are judged together as it has rows.
        segments: what was told in each, one after the other, none of them empty.
    """
    known: dict[str, Opinion] = {}
    longest_first = sorted(segments, key=len, reverse=True)
    for first in range(0, len(longest_first), belief.rows):
        together = longest_first[first : first + belief.rows]
        for row in range(len(together)):
            belief.reset(row)
        for step in range(len(together[0])):
            texts = [texts[step] for texts in together if step < len(texts)]
            chances = finished(belief.judge(range(len(texts)), texts))
            known.update(zip(texts, chances, strict=True))
    return known


def columns(
    told: Sequence[Told],
    micro_turns: int,
    known: Mapping[str, Opinion],
    generator: np.random.Generator,
) -> streams.Arrays:
    """`belief`, `message` and `belief_age` of one conversation.

    A judgement is about the micro-turn in which its words became known and enters in the next one,
    or, `LATE_SHARE` of the time, in the one after; one that comes after a newer one is dropped.
    """
    names = ("belief", "message", "belief_age")
    made = streams.nothing({name: streams.INPUTS[name] for name in names}, micro_turns)
    about = np.full(micro_turns, -1, np.int64)
    for one in told:
        enters = one.k if one.final else one.k + 1 + int(generator.random() < LATE_SHARE)
        if one.final or not one.text:
            # The segment is closed, or all its words were withdrawn: there is nothing to judge.
            made["belief"][enters:], made["message"][enters:], about[enters:] = 0.0, 0.0, -1
        else:
            made["belief"][enters:], made["message"][enters:] = known[one.text]
            about[enters:] = one.k
    age = np.arange(micro_turns) - about
    made["belief_age"][:] = np.where(about < 0, -1, age)
    return made


def _by_segment(told: Sequence[Told]) -> Iterator[list[str]]:
    """The different texts of each segment, in order; closing a segment asks for nothing."""
    segments: dict[int, list[str]] = {}
    for one in told:
        if one.final or not one.text:
            continue
        texts = segments.setdefault(one.segment, [])
        if one.text not in texts:
            texts.append(one.text)
    yield from segments.values()
