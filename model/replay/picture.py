"""A replayed stream as one page: what came in, what the model made of it, what it did.

`Drawing` keeps a few numbers of every micro-turn, no sound; `bands` turns them into pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

import numpy as np

from model.engine.pieces import Ended
from model.messages import (
    AgentWord,
    Audio,
    Floor,
    Heard,
    PersonState,
    PersonWords,
    Said,
    Speech,
    Word,
)
from model.replay.again import Step
from model.timebase import MICRO_TURN_SECONDS, SPEAKING_RATE, seconds

__all__ = ["Drawing", "Moment", "Record"]

PARTS: Final = 4
"""Levels drawn for one micro-turn."""

Lane = tuple[str, int, int, int, Ended]


@dataclass(frozen=True, slots=True)
class Moment:
    """One micro-turn: levels in [0, 1], probabilities by name, what was decided, what differs."""

    k: int
    person: tuple[float, ...]
    own: tuple[float, ...]
    senses: dict[str, float]
    decided: tuple[Floor, ...]
    doing: PersonState | None
    notes: tuple[str, ...]
    differs: tuple[str, ...]
    milliseconds: float
    together: int


@dataclass(slots=True)
class Record:
    """All that is drawn of a stream; times are seconds of the stream."""

    moments: list[Moment] = field(default_factory=list)
    segments: dict[int, PersonWords] = field(default_factory=dict)
    own_words: list[tuple[float, str]] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)

    @property
    def person_words(self) -> list[tuple[Word, bool]]:
        """Words as they were recognised last, and whether that was final."""
        return [(word, one.final) for one in self.segments.values() for word in one.words]


@dataclass(slots=True)
class _Utterance:
    """What we said, as far as it was sent; `heard` counts its samples."""

    sound: list[Audio] = field(default_factory=list)
    words: list[AgentWord] = field(default_factory=list)
    heard: int = 0


class Drawing:
    """Collects the micro-turns of a replay."""

    def __init__(self) -> None:
        self.record = Record()
        self._said: dict[int, _Utterance] = {}

    def add(self, step: Step) -> None:
        """One micro-turn more."""
        turn, output = step.turn, step.output
        own = [self._heard(report, turn.k) for report in turn.heard]
        events = output.events if output is not None else ()
        for event in events:
            if isinstance(event, PersonWords):
                self.record.segments[event.segment] = event
            elif isinstance(event, Said):
                self._said.setdefault(event.utterance, _Utterance()).words += event.words
        for speech in output.speech if output is not None else ():
            self._send(speech)
        typed = tuple(f"typed: {text}" for text in turn.texts)
        doing = [event for event in events if isinstance(event, PersonState)]
        self.record.moments.append(
            Moment(
                turn.k,
                _levels(turn.audio),
                max(own, default=(0.0,) * PARTS),
                dict(step.senses),
                tuple(event for event in events if isinstance(event, Floor)),
                doing[-1] if doing else None,
                typed + turn.commands + tuple(type(one).__name__ for one in turn.orders),
                step.differs,
                1000.0 * step.seconds[0],
                step.together,
            )
        )

    def page(self, title: str, lines: Sequence[str], lanes: Sequence[Lane]) -> str:
        """The whole page.

        Args:
            title: of the page.
            lines: what was found, in words.
            lanes: the jobs.
        """
        from model.replay.bands import LEGEND, STYLE, bands

        told = "".join(f"<li>{escape(line)}</li>" for line in lines)
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
            f"<style>{STYLE}</style><h1>{escape(title)}</h1><ul>{told}</ul>{LEGEND}"
            f"{''.join(bands(self.record, lanes))}</html>\n"
        )

    def _send(self, speech: Speech) -> None:
        for number in [one for one in self._said if one < speech.utterance]:
            self._said[number].sound.clear()  # of earlier ones nothing more is heard
        self._said.setdefault(speech.utterance, _Utterance()).sound.append(speech.audio)

    def _heard(self, report: Heard, k: int) -> tuple[float, ...]:
        """Levels of what was played in this micro-turn; its words are noted."""
        said = self._said.setdefault(report.utterance, _Utterance())
        since, said.heard = said.heard, max(said.heard, report.samples)
        begun = k * MICRO_TURN_SECONDS
        for word in said.words:
            if since <= word.start_samples < said.heard:
                at = begun + seconds(word.start_samples - since, SPEAKING_RATE)
                self.record.own_words.append((at, word.text.strip()))
        if report.cut:
            self.record.cuts.append(begun + seconds(said.heard - since, SPEAKING_RATE))
        sound = np.concatenate(said.sound) if said.sound else np.zeros(0, np.float32)
        return _levels(sound[since : said.heard])


def _levels(audio: Audio) -> tuple[float, ...]:
    """Loudness of the parts of a block: 0 at -60 dB and below, 1 at -10 dB."""
    if not len(audio):
        return (0.0,) * PARTS
    loud = [float(np.sqrt(np.mean(np.square(part)))) for part in np.array_split(audio, PARTS)]
    return tuple(min(max((20.0 * np.log10(one + 1e-9) + 60.0) / 50.0, 0.0), 1.0) for one in loud)
