"""Sentences people say to a voice that sees them, with what they intend: templates filled in.

`asks*.json` hold templates of requests, `talks.json` ordinary sentences and such as only look like
requests; all were written for this by a large language model that was told the kinds of requests
and saw neither the examples in `requesting.py` nor any list that is judged. Ordinary sentences that
a small one wrote of many topics (`model/training/scripts/sentences.json`) go with them. `own.json`
lists the templates in which the person gives the words that are to be said ("say hooray when ...").
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.interaction.gestures import GESTURES
from model.interaction.intent import ANSWER, Intent
from model.interaction.looked import THINGS
from model.interaction.posture import EXERCISES

__all__ = ["Sentence", "gather", "held_out", "marked", "worded"]

HERE: Final = Path(__file__).parent
TOPICS: Final = HERE.parent / "scripts" / "sentences.json"

KINDS: Final[Mapping[str, Intent]] = {
    "comes.object": Intent("watch", "comes", "object"),
    "comes.person": Intent("watch", "comes", "person"),
    "comes.hand": Intent("watch", "comes", "hand"),
    "comes.facing": Intent("watch", "comes", "face"),
    "comes.away": Intent("watch", "goes", "face"),
    "comes.gesture": Intent("watch", "comes", "gesture"),
    "goes.object": Intent("watch", "goes", "object"),
    "goes.person": Intent("watch", "goes", "person"),
    "goes.hand": Intent("watch", "goes", "hand"),
    "count": Intent("watch", "counts", "count"),
    "stop": Intent("stop"),
    "read": Intent("read"),
    "look": Intent("look"),
}
"""By the place in `asks.json`."""

HANDS: Final = ("my hand", "my left hand", "my right hand")
SIGNS: Final = {"thumb up": "a thumbs up", "thumb down": "a thumbs down", "fist": "a fist",
                "victory": "a victory sign", "open hand": "an open hand",
                "pointing": "a pointing finger"}  # fmt: skip

ASKING: Final = frozenset(
    "am are can could did do does has have how is may might should was were what what's where "
    "which who who's whose why will would".split()
)
"""Words that a question begins with."""

FILLED: Final = 2
"""Sentences made of a template with a slot."""

HELD_SHARE: Final = 0.15
BARE_SHARE: Final = 0.3
"""Of sentences without capitals and marks, as some recognisers and some people write."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, what it intends, the template it was made of, and whether the words that are to
    be said are the person's own."""

    text: str
    intent: Intent
    template: str
    own: bool = False


def worded(template: str, dice: np.random.Generator) -> str:
    """A template with its slot filled."""

    def one(of: Sequence[str]) -> str:
        return of[int(dice.integers(len(of)))]

    thing = one([label for label in THINGS if label != "person"])
    article = "some" if thing in ("skis", "scissors") else "an" if thing[0] in "aeiou" else "a"
    return template.format(
        a=f"{article} {thing}",
        the=f"the {thing}",
        my=f"my {thing}",
        bare=thing,
        hand=one(HANDS),
        gesture=SIGNS[one(GESTURES)],
        exercise=one(EXERCISES),
    )


def marked(said: str) -> str:
    """A sentence with a mark at its end, as recognisers set it. When requests had none and all else
    had one, "Stop watching." was taken for an answer, for its full stop."""
    if said[-1] in ".!?":
        return said
    asks = said.lower().removeprefix("hey, ").split()[0] in ASKING
    return f"{said}{'?' if asks else '.'}"


def _listed(name: str) -> Iterator[str]:
    """Templates of a kind, out of all files."""
    for file in sorted(HERE.glob("asks*.json")):
        place: Any = json.loads(file.read_text("utf-8"))
        for key in name.split("."):
            place = place.get(key, {})
        yield from place


def _talks() -> list[str]:
    """What requests nothing: sentences written for this."""
    talks: dict[str, list[str]] = json.loads((HERE / "talks.json").read_text("utf-8"))
    return [*(text for texts in talks.values() for text in texts), *_listed("talk")]


def _written(dice: np.random.Generator, most: int) -> list[str]:
    """Some of what a small model wrote of many topics."""
    topics: dict[str, dict[str, list[str]]] = json.loads(TOPICS.read_text("utf-8"))
    every = sorted(
        {text for kinds in topics.values() for texts in kinds.values() for text in texts}
    )
    return [every[int(n)] for n in dice.permutation(len(every))[:most]]


def gather(seed: int, most_written: int = 500) -> list[Sentence]:
    """All sentences, in an order drawn from a seed; at most so many of those of topics."""
    dice = np.random.default_rng(seed)
    pairs = [(text, intent) for name, intent in KINDS.items() for text in _listed(name)]
    pairs += [(text, ANSWER) for text in (*_talks(), *_written(dice, most_written))]
    own = {*json.loads((HERE / "own.json").read_text("utf-8"))}
    found: list[Sentence] = []
    for text, intent in dict(pairs).items():
        for _ in range(FILLED if "{" in text else 1):
            said = marked(worded(text, dice) if "{" in text else text)
            if dice.random() < BARE_SHARE:
                said = "".join(one for one in said.lower() if one not in ".,!?")
            found.append(Sentence(said, _sided(intent, text, said), text, text in own))
    return [found[int(n)] for n in dice.permutation(len(found))]


def _sided(intent: Intent, template: str, said: str) -> Intent:
    """The intent with the hand that the slot was filled with."""
    if "{hand}" not in template:
        return intent
    side = next((one for one in ("left", "right") if f"my {one} hand" in said.lower()), "")
    return replace(intent, which=side)


def held_out(sentences: Sequence[Sentence], seed: int) -> tuple[list[Sentence], list[Sentence]]:
    """Those to fit on, and those of other templates to choose by."""
    dice = np.random.default_rng(seed)
    templates = sorted({one.template for one in sentences})
    chosen = dice.permutation(len(templates))[: round(HELD_SHARE * len(templates))]
    apart = {templates[int(n)] for n in chosen}
    return (
        [one for one in sentences if one.template not in apart],
        [one for one in sentences if one.template in apart],
    )
