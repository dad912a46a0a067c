"""What is said: sentences from templates of one split, with hesitations, repairs and pauses.

A text is words; a pause stands after a word of the text, by number.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.training.render.cast import Split
from model.training.scripts import timing

__all__ = ["Line", "Writer", "wording"]

Generator = np.random.Generator
_FUNCTION: Final = frozenset(
    "a an the my our your his her to of in on at for with from and but or if because that when "
    "which who what how is are was were would could should can have has i we it so than as".split()
)


@cache
def wording(split: Split) -> dict[str, Any]:
    """All templates and slots of the split, as `wording.json` holds them."""
    everything = json.loads(Path(__file__).with_name("wording.json").read_text("utf-8"))
    chosen: dict[str, Any] = everything[split]
    return chosen


@dataclass(frozen=True, slots=True)
class Line:
    """Something a person will say.

    Attributes:
        text: rendered whole.
        pauses: (number of the word after which, seconds).
        complete: False where the speaker breaks off and says no more.
        doubtful: numbers of words after which the text so far could have been all.
    """

    text: str
    pauses: tuple[tuple[int, float], ...] = ()
    complete: bool = True
    doubtful: tuple[int, ...] = ()


class Writer:
    """Draws lines; slots keep their fillings for a while, so that a conversation has subjects."""

    def __init__(self, generator: Generator, split: Split) -> None:
        self._generator = generator
        self._wording = wording(split)
        self._slots: dict[str, str] = {}
        self.new_subject()

    def new_subject(self) -> None:
        """Fill all slots anew; the second of a kind differs from the first."""
        for name, values in self._wording["slots"].items():
            first, second = self._generator.choice(len(values), 2, replace=False)
            self._slots[name] = values[int(first)]
            self._slots[f"{name}2"] = values[int(second)]

    def pick(self, kind: str) -> str:
        """A sentence of a kind, slots filled, its first letter large if it was in the template."""
        return self._filled(self._one(self._wording[kind]))

    def turn(self) -> Line:
        """A whole turn to us, fluent or not."""
        draw = self._generator.random()
        if draw < 0.30:
            return self._spoken(self.pick("questions"))
        if draw < 0.42:
            return self._spoken(self.pick("requests"))
        if draw < 0.52:
            return self._spoken(self.pick("statements"))
        if draw < 0.78:
            return self._spoken(self.pick("long_turns"), 0.75)
        if draw < 0.88:
            return self._pair()
        if draw < 0.95:
            return self._correction()
        return Line(self.pick("short"))

    def short_turn(self) -> Line:
        """A few words that are a turn."""
        return Line(self.pick("short"))

    def abandoned(self) -> Line:
        """The beginning of a sentence of which no more comes."""
        return Line(self.pick("abandoned") + "...", complete=False)

    def interruption(self) -> Line:
        """Something said into our speech in earnest."""
        if self._generator.random() < 0.3:
            return self._spoken(self.pick("questions"), 0.15)
        return Line(self.pick("interruptions"))

    def story(self) -> list[str]:
        """The sentences of a long turn of the person's."""
        lines: Sequence[str] = self._one(self._wording["stories"])
        first = int(self._generator.integers(0, 3))
        return [self._filled(line) for line in lines[first:]]

    def answer(self, sentences: int) -> list[str]:
        """So many sentences of ours."""
        lines = [self.pick("answers") for _ in range(sentences)]
        if self._generator.random() < 0.3:
            lines.insert(0, self.pick("acknowledgements"))
        return lines

    def _one(self, items: Sequence[Any]) -> Any:
        return items[int(self._generator.integers(len(items)))]

    def _filled(self, template: str) -> str:
        text = template.format(**self._slots)
        return text[0].upper() + text[1:] if template[0] in "{" and len(text) > 1 else text

    def _pair(self) -> Line:
        first, second = (self._filled(part) for part in self._one(self._wording["pairs"]))
        last = len(first.split()) - 1
        seconds = timing.pause(self._generator, 0.2, 1.2)
        return Line(f"{first} {second}", ((last, seconds),), doubtful=(last,))

    def _correction(self) -> Line:
        wrong, right = (self._filled(part) for part in self._one(self._wording["corrections"]))
        editing = self._one(self._wording["editing"])
        mark = "?" if wrong.split()[0] in ("Is", "How") else "."
        at = len(wrong.split()) - 1
        pauses = ((at, timing.pause(self._generator, 0.15, 1.2)),)
        chosen = pauses if self._generator.random() < 0.6 else ()
        return Line(f"{wrong}, {editing} {right}{mark}", chosen)

    def _spoken(self, text: str, pausing: float = 0.4) -> Line:
        """A fluent sentence made as people say it: opener, fillers, repetitions, pauses."""
        words = text.split()
        drawn = self._generator.random
        if drawn() < 0.15:
            words = [*self._one(self._wording["openers"]).split(), *words]
        forced: list[int] = []
        # Six disfluencies in a hundred words, in sentences long enough to need planning.
        for _ in range(int(self._generator.poisson(0.05 * len(words))) if len(words) > 4 else 0):
            at = self._place(words)
            if drawn() < 0.65:
                filler = self._one(self._wording["fillers"]).split()
                words[at + 1 : at + 1] = filler
                forced = [p + len(filler) if p > at else p for p in forced]
                if drawn() < 0.6:
                    forced.append(at + len(filler) if drawn() < 0.7 else at)
            elif words[at].isalpha():
                words.insert(at + 1, words[at])
                forced = [p + 1 if p > at else p for p in forced]
                if drawn() < 0.5:
                    forced.append(at)
        if drawn() < pausing and len(words) > 3:
            forced += [self._place(words) for _ in range(1 + (drawn() < 0.25))]
        last = len(words) - 1
        places = sorted({place for place in forced if place < last})
        pauses = tuple((place, timing.pause(self._generator)) for place in places)
        doubtful = tuple(place for place in places if words[place][-1] in ".?!")
        return Line(" ".join(words), pauses, doubtful=doubtful)

    def _place(self, words: Sequence[str]) -> int:
        """A word after which somebody hesitates: a clause's end, a small word, or any."""
        inner = range(len(words) - 1)
        draw = self._generator.random()
        wanted = [i for i in inner if words[i][-1] in ",;:"] if draw < 0.45 else []
        if not wanted and draw < 0.75:
            wanted = [i for i in inner if words[i].lower().strip(",") in _FUNCTION]
        return int(self._one(wanted or list(inner)))
