"""What Ears would have told of a conversation: words late, revised and sometimes wrong.

A small model of our own recogniser, fitted to it by `model.training.scripts.fit_ears` and kept in
`ears.json`. For a partial asked for at time t, each word spoken so far is missing, wrong or right
with probabilities that depend on how long before t it ended; what stays wrong is decided once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from model.interaction import core_words, streams
from model.messages import Word
from model.timebase import HEARING_BLOCK_SAMPLES, HEARING_RATE, MICRO_TURN_SECONDS
from model.training.render.parts import Conversation, voiced_spans

__all__ = ["AGE_EDGES", "EarsModel", "Partial", "eased", "ears_model", "partials", "word_columns"]

Generator = np.random.Generator
AGE_EDGES: Final = (-0.3, -0.15, 0.0, 0.1, 0.2, 0.4, 0.8)
"""Between the classes of a word's age: seconds from its end to the end of the audio read."""

_PARTIAL_MICRO_TURNS: Final = 3
_OVER_MICRO_TURNS: Final = 25
_OWED_MICRO_TURNS: Final = 40
"""Silence after which live closes a segment (`hearing.OVER_MICRO_TURNS`), and one that may wait for
an answer (`hearing.DOUBTED_OVER_MICRO_TURNS`). Which of them is Core's own doubt there; here it is
drawn, whatever is owed: else what is still known behind 2.5 s would tell that an answer is. Written
again here, since a renderer loads no torch; a test compares."""

_ASKED_AT_ENDS: Final = 0.8
"""How often the first silent micro-turn asks for what was said: live a draft does, if Core takes it
for an end."""


@dataclass(frozen=True, slots=True)
class EarsModel:
    """Ears in a few numbers.

    Attributes:
        missing, wrong: probability by class of age, `len(AGE_EDGES) + 1` each; the last class of
            `wrong` is what stays wrong for good.
        endings: how the latest word told ends while the person goes on, with probabilities.
        whole_ending: probability that it ends as it should once all that was said has been read.
        kept_ending: probability that a word's own comma or stop, or its lack, is told right.
        latency_median, latency_sigma: seconds from the end of the audio read to its words.
    """

    missing: tuple[float, ...]
    wrong: tuple[float, ...]
    endings: Mapping[str, float]
    kept_ending: float
    whole_ending: float
    latency_median: float
    latency_sigma: float


@dataclass(frozen=True, slots=True)
class Partial:
    """The words of segment `segment` as known from micro-turn `k` on."""

    k: int
    segment: int
    words: tuple[Word, ...]
    final: bool


@cache
def ears_model(clarity: str) -> EarsModel:
    """The fitted model for voices that Ears hears well ("clear") or badly ("hard")."""
    stored = json.loads(Path(__file__).with_name("ears.json").read_text("utf-8"))
    fitted = stored[clarity]["model"]
    return EarsModel(
        tuple(fitted["missing"]),
        tuple(fitted["wrong"]),
        fitted["endings"],
        fitted["kept_ending"],
        fitted["whole_ending"],
        fitted["latency_median"],
        fitted["latency_sigma"],
    )


def eased(model: EarsModel, factor: float) -> EarsModel:
    """The model with `factor` times its errors on words that had ended when it read them."""
    first = AGE_EDGES.index(0.0) + 1
    missing, wrong = (
        tuple(share if age < first else share * factor for age, share in enumerate(shares))
        for shares in (model.missing, model.wrong)
    )
    return replace(model, missing=missing, wrong=wrong)


def partials(generator: Generator, conversation: Conversation, model: EarsModel) -> list[Partial]:
    """All that Ears tells, in the order in which it becomes known."""
    spoken = _audible(generator, conversation)
    heard = _Hypothesis(generator, model, _last_words(conversation))
    voiced = _voiced_blocks(conversation)
    taken = {own.k for own in conversation.own if own.kind in ("answer", "mistake")}
    found: list[Partial] = []
    first: int | None = None
    asked, ready, voiced_k, segment = 0, 0, 0, 0
    longest = _OVER_MICRO_TURNS
    for k in range(conversation.micro_turns):
        if voiced[k]:
            voiced_k = k
            if first is None:
                first, asked = k - 3, k
        if first is None:
            continue
        silent = k == voiced_k + 1
        if silent:
            longest = int(generator.choice((_OVER_MICRO_TURNS, _OWED_MICRO_TURNS)))
        over = k - voiced_k >= longest or (k in taken and k > voiced_k)
        due = k - asked >= _PARTIAL_MICRO_TURNS and k >= ready and voiced_k > asked
        ends = silent and voiced_k > asked and generator.random() < _ASKED_AT_ENDS
        if ends and found and found[-1].k > k and found[-1].segment == segment:
            found.pop()  # One on its way that has not heard all is given up.
        if (due or ends) and not over:
            now = (k + 1) * MICRO_TURN_SECONDS
            ready = k + heard.latency()
            mine = [word for word in spoken if word.start_seconds >= first * MICRO_TURN_SECONDS]
            words = heard.words(mine, now)
            found.append(Partial(min(ready, conversation.micro_turns - 1), segment, words, False))
            asked = k
        if over:
            # Live tells no words at a segment's end that were not told before.
            last = found[-1] if found and found[-1].segment == segment else None
            at = max(k + 1, last.k if last else 0)
            known = last.words if last else ()
            found.append(Partial(min(at, conversation.micro_turns - 1), segment, known, True))
            first, segment = None, segment + 1
            spoken = [word for word in spoken if word.end_seconds > (k + 1) * MICRO_TURN_SECONDS]
    return found


def word_columns(found: Sequence[Partial], micro_turns: int) -> streams.Arrays:
    """The columns `word_*` of the streams."""
    names = ("word_hash", "word_age", "word_flags")
    made = streams.nothing({name: streams.INPUTS[name] for name in names}, micro_turns)
    before: tuple[Word, ...] = ()
    segment = -1
    pending: dict[int, list[core_words.WordEvent]] = {}
    for partial in found:
        if partial.segment != segment:
            before, segment = (), partial.segment
        events = core_words.told(before, partial.words)
        before = partial.words
        pending.setdefault(partial.k, []).extend(events)
    for k, events in pending.items():
        core_words.write(events, k, made, k)
    return made


def _audible(generator: Generator, conversation: Conversation) -> list[Word]:
    """Every word that Ears could make out, in seconds of the stream, as they were spoken."""
    words: list[Word] = []
    for part in conversation.person:
        start = part.start / HEARING_RATE
        words += [Word(w.text, w.start_seconds + start, w.end_seconds + start) for w in part.words]
    for other in conversation.others:
        if generator.random() < 0.6:
            start = other.start / HEARING_RATE
            words += [
                Word(w.text, w.start_seconds + start, w.end_seconds + start) for w in other.words
            ]
    return sorted(words, key=lambda word: word.start_seconds)


def _last_words(conversation: Conversation) -> frozenset[float]:
    """When the last word of each thing the person says begins, in seconds of the stream."""
    spoken = (part for part in conversation.person if part.words and part.complete)
    return frozenset(part.start / HEARING_RATE + part.words[-1].start_seconds for part in spoken)


def _voiced_blocks(conversation: Conversation) -> npt.NDArray[np.bool_]:
    voiced = np.zeros(conversation.micro_turns, bool)
    spans = [span for part in conversation.person for span in part.voiced]
    for other in conversation.others:
        spans += [(a + other.start, b + other.start) for a, b in voiced_spans(other.audio)]
    for start, end in spans:
        voiced[start // HEARING_BLOCK_SAMPLES : end // HEARING_BLOCK_SAMPLES + 1] = True
    return voiced


class _Hypothesis:
    """Draws what is written down; what is wrong for good is the same in every partial."""

    def __init__(self, generator: Generator, model: EarsModel, ends: frozenset[float]) -> None:
        self._generator = generator
        self._model = model
        self._ends = ends
        self._fate: dict[float, str] = {}

    def latency(self) -> int:
        """Micro-turns until the words of what was read now are known: 1 and more."""
        drawn = self._model.latency_median * np.exp(
            self._model.latency_sigma * self._generator.normal()
        )
        return max(1, int(np.ceil(drawn / MICRO_TURN_SECONDS)))

    def words(self, spoken: Sequence[Word], now: float) -> tuple[Word, ...]:
        """The hypothesis at `now` about words spoken since the segment began."""
        told: list[Word] = []
        whole = False
        for word in spoken:
            if word.start_seconds >= now:
                break
            age = int(np.searchsorted(AGE_EDGES, now - word.end_seconds, side="right"))
            text = self._written(word, age)
            if text:
                told.append(Word(text, word.start_seconds, min(word.end_seconds, now)))
            # Of all that was said the last word is there, and its sound was heard to its end.
            whole = bool(text) and word.start_seconds in self._ends and word.end_seconds <= now
        if told and not (whole and self._generator.random() < self._model.whole_ending):
            told[-1] = self._ended(told[-1])
        return tuple(told)

    def _written(self, word: Word, age: int) -> str:
        fate = self._fate.setdefault(word.start_seconds, self._final(word))
        if age == len(AGE_EDGES):
            return fate
        draw = self._generator.random()
        if draw < self._model.missing[age]:
            return ""
        if draw < self._model.missing[age] + self._model.wrong[age]:
            return garbled(self._generator, word.text)
        return fate

    def _final(self, word: Word) -> str:
        draw = self._generator.random()
        if draw < self._model.missing[-1]:
            return ""
        if draw < self._model.missing[-1] + self._model.wrong[-1]:
            return garbled(self._generator, word.text)
        bare = word.text.rstrip(",.?!")
        if self._generator.random() < self._model.kept_ending:
            return word.text
        return bare if len(bare) < len(word.text) else f"{bare},"

    def _ended(self, word: Word) -> Word:
        """Ears likes to end whatever it has with a full stop or dots."""
        draw = self._generator.random()
        for ending, share in self._model.endings.items():
            draw -= share
            if draw < 0:
                bare = word.text.rstrip(",.?!")
                return Word(bare + ending, word.start_seconds, word.end_seconds)
        return word


def garbled(generator: Generator, text: str) -> str:
    """Another word in its place: a piece of it, or one that looks like it."""
    bare = "".join(letter for letter in text if letter.isalpha()) or "a"
    draw = generator.random()
    if draw < 0.5 and len(bare) > 3:
        return bare[: int(generator.integers(2, len(bare)))]
    place = int(generator.integers(len(bare)))
    letter = "aeioutsnrl"[int(generator.integers(10))]
    return bare[:place] + letter + bare[place + (draw < 0.8) :]
