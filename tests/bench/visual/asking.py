"""What people say while they are seen, and whether it is a request: the real decoder on typed text.

    python -m tests.bench.visual.asking         # how many of each list are judged rightly

`asking.json` holds requests, questions about what is seen, and small talk, written for this. The
examples in `requesting.py` and its numbers were chosen on the lists of dev. Ordinary sentences are
what people say in recordings and what a local model wrote of many topics.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from model.interaction.language import Language
from model.interaction.requesting import Requests
from model.weights.store import folder
from tests.bench.stimuli.speech import humans
from tests.model.interaction.pieces import finished

__all__ = ["main", "ordinary"]

LISTS: Final = Path(__file__).with_name("asking.json")
SENTENCES: Final = Path(__file__).parents[3] / "model/training/scripts/sentences.json"
MOST: Final = 60
_SEED: Final = 11
_LEAST_WORDS: Final = 3

SAYS: Final = ("Say ", "say ", "Shout ")
"""Who says so wants words of their own said."""


def ordinary() -> dict[str, list[str]]:
    """Sentences that request nothing of the eyes."""
    recorded = [clip.text for split in ("dev", "test") for clip in humans(split)]
    written = _texts(json.loads(SENTENCES.read_text("utf-8")))
    dice = np.random.default_rng(_SEED)
    chosen = {"recorded": recorded, "written": written}
    return {
        name: [str(one) for one in dice.permutation(sorted(set(texts)))[:MOST]]
        for name, texts in chosen.items()
    }


def _texts(value: Any) -> list[str]:
    match value:
        case str():
            return [value] if len(value.split()) >= _LEAST_WORDS else []
        case dict():
            return [text for one in value.values() for text in _texts(one)]
        case list():
            return [text for one in value for text in _texts(one)]
    return []


def _judge(requests: Requests, said: Sequence[str], kinds: Sequence[str]) -> str:
    wrong, worded, looks = [], [], 0
    for text, kind in zip(said, kinds, strict=True):
        request = finished(requests.ask(text))
        found = "answer" if request is None else request.what
        looks += found == "look"
        if found != kind and (found, kind) != ("look", "answer"):
            wrong.append(f"    {text!r} is {found}")
        elif (
            request is not None
            and request.what == "watch"
            and bool(request.say) != any(one in text for one in SAYS)
        ):
            worded.append(f"    {text!r} says {request.say!r}")
    # An answer beside what is seen is a right one, half a second later.
    told = [f"{len(said) - len(wrong)} of {len(said)}, {looks} beside what is seen", *wrong]
    return "\n".join([*told, *(["  told or said wrongly:", *worded] if worded else [])])


def main() -> None:
    """Judge all lists."""
    lists = json.loads(LISTS.read_text("utf-8"))
    language = Language.load(folder("language-0.5b"), rows=1)
    requests = Requests(language, 0)
    with torch.inference_mode():
        for split, wanted in lists["requests"].items():
            told = _judge(requests, list(wanted), list(wanted.values()))
            print(f"requests, {split}: {told}")
        for split, texts in lists["looks"].items():
            told = _judge(requests, texts, ["look"] * len(texts))
            print(f"looks, {split}: {told}")
        for name, texts in {**lists["talk"], **ordinary()}.items():
            told = _judge(requests, texts, ["answer"] * len(texts))
            print(f"talk, {name}: {told}")


if __name__ == "__main__":
    main()
