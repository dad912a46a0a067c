"""What is said: sentences of one split, with hesitations, repairs and pauses.

Half of training's turns are sentences that people say to something that talks (`talks` of
`spoken.json`), a sixth is read aloud (`readings` there), a sixth are templates of ours with slots
(`wording.json`, `spoken.json`), a sixth sentences that the local language model wrote, by topic
(`sentences.json`, see `gather`); dev has templates only, its own. Who tells something in `telling`
tells one of `stories.json`. A text is words; a pause stands after a word of the text, by number.
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
_GATHERED: Final = 0.55
"""Share of whatever can be had of both that the language model wrote."""

_FEW_WORDS: Final = 1 / 3

_TALKS: Final = 0.6
"""Share of training's turns that are nobody's template."""

_READ: Final = 0.17
"""Share of training's turns that are read aloud: who reads pauses at commas and says no "um"."""

_SHUFFLED: Final = 0.6
_SHUFFLED_TELLING: Final = 0.15
"""Share of stories that are statements on one topic in any order."""

_LONG_WORDS: Final = 10


@cache
def wording(split: Split) -> dict[str, Any]:
    """All templates and slots of the split, and under `gathered` its sentences by topic."""
    folder = Path(__file__).parent
    everything = json.loads((folder / "wording.json").read_text("utf-8"))
    chosen: dict[str, Any] = everything["dev" if split.startswith("dev") else "train"]
    chosen["gathered"], chosen["talks"] = [], []
    if split.endswith("telling"):
        told = json.loads((folder / "stories.json").read_text("utf-8"))
        chosen["stories"] = told["dev" if split.startswith("dev") else "train"]
    if not split.startswith("dev"):
        topics = json.loads((folder / "sentences.json").read_text("utf-8"))
        chosen["gathered"] = list(topics.values())
        for kind, more in json.loads((folder / "spoken.json").read_text("utf-8")).items():
            chosen[kind] = [*chosen.get(kind, ()), *more]
    return chosen


@dataclass(frozen=True, slots=True)
class Line:
    """Something a person will say.

    Attributes:
        text: rendered whole.
        pauses: (number of the word after which, seconds).
        complete: False where the speaker breaks off and says no more.
        doubtful: numbers of words after which the text so far could have been all.
        silences: whether it asks for silence or for time (`silencers` of the wording), not for an
            answer.
    """

    text: str
    pauses: tuple[tuple[int, float], ...] = ()
    complete: bool = True
    doubtful: tuple[int, ...] = ()
    silences: bool = False


class Writer:
    """Draws lines; slots keep their fillings for a while, so that a conversation has subjects."""

    def __init__(self, generator: Generator, split: Split) -> None:
        self._generator = generator
        self._wording = wording(split)
        self._shuffled = _SHUFFLED_TELLING if split.endswith("telling") else _SHUFFLED
        self._slots: dict[str, str] = {}
        self._topic: dict[str, list[str]] = {}
        self.new_subject()

    def new_subject(self) -> None:
        """Fill all slots anew, the second of a kind unlike the first; and another topic."""
        for name, values in self._wording["slots"].items():
            first, second = self._generator.choice(len(values), 2, replace=False)
            self._slots[name] = values[int(first)]
            self._slots[f"{name}2"] = values[int(second)]
        if self._wording["gathered"]:
            self._topic = self._one(self._wording["gathered"])

    def pick(self, kind: str) -> str:
        """A sentence of a kind, slots filled, its first letter large if it was in the template."""
        return self._filled(self._one(self._wording[kind]))

    def turn(self, brief: float = 0.0) -> Line:
        """A whole turn to us, fluent or not; `brief` is the chance of a short one."""
        if brief and self._generator.random() < brief:
            return self._brief()
        if "readings" in self._wording and self._generator.random() < _READ:
            return self._read(self.pick("readings"))
        if self._wording["talks"] and self._generator.random() < _TALKS:
            return self._spoken(self._one(self._wording["talks"]))
        draw = self._generator.random()
        if draw < 0.30:
            return self._spoken(self._either("questions"))
        if draw < 0.42:
            return self._spoken(self._either("requests"))
        if draw < 0.52:
            return self._spoken(self._either("statements"))
        if draw < 0.78:
            return self._spoken(self._either("long_turns"), 0.75)
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
        begun = self.pick("abandoned")
        if self._topic.get("long_turns") and self._generator.random() < 0.7:
            words = self._one(self._topic["long_turns"]).split()
            places = [i for i in range(2, len(words) - 3) if _is_function(words[i])]
            if places:
                begun = " ".join(words[: self._one(places) + 1]).rstrip(",.")
        return Line(begun + "...", complete=False)

    def interruption(self) -> Line:
        """Something said into our speech in earnest."""
        draw = self._generator.random()
        if draw < 0.09:
            return Line(self.pick("silencers"), silences=True)
        if draw < 0.24:
            return self._spoken(self._either("questions"), 0.15)
        if draw < 0.34 and self._wording["talks"]:
            return self._spoken(self._one(self._wording["talks"]), 0.15)
        if draw < 0.48 and "short_interruptions" in self._wording:
            return Line(self.pick("short_interruptions"))
        if draw < 0.71 and self._topic:
            kind = "questions" if self._generator.random() < 0.6 else "requests"
            opener = self._one(self._wording["breaking_in"])
            return Line(f"{opener} {_continued(self._one(self._topic[kind]))}")
        if draw < 0.86 and "bare_requests" in self._wording:
            return Line(self.pick("bare_requests"))
        return Line(self.pick("interruptions"))

    def story(self) -> list[str]:
        """The sentences of a long turn of the person's."""
        if self._topic and self._generator.random() < self._shuffled:
            known = (*self._topic["statements"], *self._topic["long_turns"])
            told = [line for line in known if line[-1] != "?"]
            count = min(int(self._generator.integers(4, 7)), len(told))
            if count > 2:
                chosen = self._generator.choice(len(told), count, replace=False)
                return [told[int(number)] for number in chosen]
        lines: Sequence[str] = self._one(self._wording["stories"])
        first = int(self._generator.integers(0, 3))
        return [self._filled(line) for line in lines[first:]]

    def answer(self, sentences: int) -> list[str]:
        """So many sentences of ours."""
        lines = [self._either("answers") for _ in range(sentences)]
        if self._generator.random() < 0.3:
            lines.insert(0, self.pick("acknowledgements"))
        return lines

    def _brief(self) -> Line:
        """A short question or request, said without a stop: one in three of a few words, else the
        shortest of four, which has hardly ever fewer than four words."""
        if self._generator.random() < _FEW_WORDS:
            return Line(self.pick("short_questions"))
        kinds = ("questions", "requests")
        drawn = [self._either(self._one(kinds)) for _ in range(4)]
        if self._wording["talks"]:
            drawn[:2] = [self._one(self._wording["talks"]) for _ in range(2)]
        return Line(min(drawn, key=lambda text: len(text.split())))

    def _either(self, kind: str) -> str:
        """A sentence of a kind that both sources have."""
        if self._topic.get(kind) and self._generator.random() < _GATHERED:
            return str(self._one(self._topic[kind]))
        return self.pick(kind)

    def _one(self, items: Sequence[Any]) -> Any:
        return items[int(self._generator.integers(len(items)))]

    def _filled(self, template: str) -> str:
        text = template.format(**self._slots)
        return text[0].upper() + text[1:] if template[0] in "{" and len(text) > 1 else text

    def _pair(self) -> Line:
        """Two sentences that are one turn: what stands between them could be its end."""
        first, second = (self._filled(part) for part in self._one(self._wording["pairs"]))
        if self._topic and self._generator.random() < _GATHERED:
            first = self._one(self._topic["statements"])
            second = self._either("questions" if self._generator.random() < 0.7 else "requests")
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
        pausing = max(pausing, 0.6) if len(words) > _LONG_WORDS else pausing
        drawn = self._generator.random
        if drawn() < 0.15:
            words = [*self._one(self._wording["openers"]).split(), _continued(words[0]), *words[1:]]
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

    def _read(self, text: str) -> Line:
        """A sentence read aloud: pauses at half of its commas, now and then elsewhere."""
        words, drawn = text.split(), self._generator.random
        commas = [i for i, word in enumerate(words[:-1]) if word[-1] in ",;:"]
        places = {place for place in commas if drawn() < 0.5}
        if drawn() < 0.3 and len(words) > 3:
            places.add(self._place(words))
        pauses = tuple((place, timing.pause(self._generator)) for place in sorted(places))
        return Line(text, pauses)

    def _place(self, words: Sequence[str]) -> int:
        """A word after which somebody hesitates: a clause's end, a small word, or any."""
        inner = range(len(words) - 1)
        draw = self._generator.random()
        wanted = [i for i in inner if words[i][-1] in ",;:"] if draw < 0.5 else []
        if not wanted and draw < 0.78:
            wanted = [i for i in inner if _is_function(words[i])]
        return int(self._one(wanted or list(inner)))


def _is_function(word: str) -> bool:
    return word.lower().strip(",") in _FUNCTION


def _continued(text: str) -> str:
    """The same behind something: its first letter small, but for "I" and what looks like a name."""
    first = text.split()[0].strip(",.?!")
    if first.lower() in _FUNCTION - {"i"} or first in _BEGINNERS:
        return text[0].lower() + text[1:]
    return text


_BEGINNERS: Final = frozenset(
    "Do Does Did Where Why Will Please Tell Give Show Find Set Let Remind Play Turn Read Explain "
    "Help Add Put There This That Some Any Not Maybe They She He You".split()
)
