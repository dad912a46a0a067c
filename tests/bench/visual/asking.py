"""What people say while they are seen, and whether it is a request: the real decoder on typed text.

    python -m tests.bench.visual.asking              # judged as in a conversation
    python -m tests.bench.visual.asking --without    # by examples in a row alone

`wording.json` holds what clips of suite `visual` are asked with (`clips`) and sentences of five
kinds (`asking`). It was written by a language model that was told no more than the kinds; whoever
builds on it reads no list of test, and judges none here: what counts is measured and written down
by `counterpoint bench visual`. Ordinary sentences are what people say in recordings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import torch

from model.engine.pieces import finished
from model.interaction.intent import Intent, Intents, shipped
from model.interaction.language import Language
from model.interaction.memory import Memory
from model.interaction.requesting import Request, Requests
from model.messages import Turn
from model.weights.store import folder
from tests.bench.stimuli.speech import humans
from tests.bench.visual.wording import asking, clips

__all__ = ["main", "recorded"]

WATCHED: Final = (
    Turn("person", "Tell me when a dog appears."),
    Turn("agent", "All right, I will tell you when I see a dog."),
)
MOST: Final = 60
_SEED: Final = 11
_LEAST_WORDS: Final = 3

FILLS: Final[dict[str, dict[str, tuple[str, tuple[str, str]]]]] = {
    "object": {
        "a dog": ("comes", ("object", "dog")),
        "an orange": ("comes", ("object", "orange")),
        "a stop sign": ("comes", ("object", "stop sign")),
    },
    "hand": {
        "my hand": ("comes", ("hand", "")),
        "my left hand": ("comes", ("hand", "left")),
        "my right hand": ("comes", ("hand", "right")),
    },
    "count": {
        one: ("counts", ("count", one))
        for one in ("push-ups", "squats", "jumping jacks", "raised hands")
    },
    "enters": {"": ("comes", ("person", ""))},
    "leaves": {"": ("goes", ("person", ""))},
}
"""By kind of clip: what the slot is filled with, and the watch that is meant then."""


def recorded() -> list[str]:
    """What people say in recordings: it requests nothing of the eyes."""
    said = sorted({clip.text for clip in humans("dev")})
    dice = np.random.default_rng(_SEED)
    long = [one for one in said if len(one.split()) >= _LEAST_WORDS]
    return [str(one) for one in dice.permutation(long)[:MOST]]


class _Judge:
    """A conversation that begins anew with every sentence; to be ended, something is watched."""

    def __init__(self, language: Language, intents: Intents | None) -> None:
        self._memory, self._requests = Memory(language, 0), Requests(language, 1)
        self._intents = intents
        self.begin()

    def begin(self, turns: Sequence[Turn] = ()) -> None:
        """What was said before every sentence."""
        self._watching = bool(turns)
        finished(self._memory.prime("", turns))

    def __call__(self, text: str) -> Request | None:
        intents: tuple[Intent, ...] = ()
        if self._intents is not None:
            finished(self._memory.answer(text))
            intents = self._intents.judge(self._memory.thought(text), self._watching)
        request: Request | None = finished(self._requests.ask(text, intents))
        return request


def _kinds(judge: _Judge, said: Sequence[str], kind: str) -> str:
    """How many sentences are of this kind, of those that are not what each is taken for."""
    wrong = []
    for text in said:
        request = judge(text)
        found = "answer" if request is None else request.what
        found = "watch" if found == "beyond" else found
        if found != kind:
            wrong.append(f"    {text!r} is {found}")
    return "\n".join([f"{len(said) - len(wrong)} of {len(said)}", *wrong])


def _clips(judge: _Judge, wordings: Mapping[str, list[str]]) -> str:
    """How many requests of clips become just the watch that is meant."""
    wrong, every = [], 0
    for kind, texts in wordings.items():
        for text in texts:
            for fill, (way, key) in FILLS[kind].items():
                request = judge(text.format(fill))
                every += 1
                if request != Request("watch", way, key):  # type: ignore[arg-type]
                    wrong.append(f"    {text.format(fill)!r} is {request}")
    return "\n".join([f"{every - len(wrong)} of {every}", *wrong])


def main(words: Sequence[str] | None = None) -> int:
    """Judge all lists of dev."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=["dev"], default="dev", help="dev only, on purpose")
    parser.add_argument("--without", action="store_true", help="without the probe of intents")
    parser.add_argument("--language", default="language-0.5b")
    chosen = parser.parse_args(words)
    language = Language.load(folder(chosen.language), rows=2)
    intents = None if chosen.without else shipped(chosen.language)
    if intents is not None:
        language.thoughts.layers = intents.layers
    with torch.inference_mode():
        judge = _Judge(language, intents)
        print("clips:", _clips(judge, clips(chosen.split)), flush=True)
        for kind, texts in asking(chosen.split).items():
            judge.begin(WATCHED if kind == "stop" else ())
            print(f"{kind}:", _kinds(judge, texts, kind), flush=True)
        judge.begin()
        print("recorded:", _kinds(judge, recorded(), "answer"), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
