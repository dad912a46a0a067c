"""`python -m model.training.scripts.fit_ears`: measure our recogniser and fit `render/ears.json`.

Rendered turns of the training voices, in their rooms and noises, are read as the engine reads them:
a growing stretch from 0.4 s before the voice, every 0.3 s. What is written down is compared with
the words that had been spoken by then, and counted by the age of the word.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.interaction.streams import word_hash
from model.messages import Word
from model.timebase import HEARING_RATE, samples
from model.training.encode import undifferentiated
from model.training.render import ears as fitted
from model.training.render.conversation import Rendered, render
from model.training.render.parts import PersonPart

__all__ = ["main"]

_STEP_SECONDS: Final = 0.3
_MOST_SECONDS: Final = 4.5
_BELIEVED: Final = 4.0
"""Words that the prior weighs as much as: classes of age with few words stay near it."""

_PRIOR_MISSING: Final = (0.9, 0.7, 0.35, 0.12, 0.06, 0.04, 0.03, 0.03)
_PRIOR_WRONG: Final = (0.08, 0.2, 0.3, 0.15, 0.08, 0.06, 0.05, 0.04)
_ENDINGS: Final = ("...", ",", ".", "?", "!")


@dataclass
class _Counts:
    """What was counted, by class of age; and how whole texts end."""

    seen: Counter[int] = field(default_factory=Counter)
    missing: Counter[int] = field(default_factory=Counter)
    wrong: Counter[int] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    kept: list[bool] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    took: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure for so many seconds and write what was found; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m model.training.scripts.fit_ears")
    parser.add_argument("--seconds", type=float, default=60.0, help="of measuring")
    parser.add_argument("--clarity", choices=("clear", "hard"), required=True,
                        help="clear: hibari and flite; hard: espeak-ng")  # fmt: skip
    parser.add_argument("--seed", type=int, default=977)
    parser.add_argument("--latency", type=float, help="seconds, when this machine is not quiet")
    parser.add_argument("--out", type=Path, default=Path(fitted.__file__).with_name("ears.json"))
    chosen = parser.parse_args(arguments)
    import torch

    from model.interaction.ears import MoonshineEars
    from model.weights.store import folder

    torch.set_num_threads(1)
    ears = MoonshineEars.load(folder("ears"))
    counts = _Counts()
    until = time.monotonic() + chosen.seconds
    turns = 0
    for rendered, part in _turns(chosen.seed, chosen.clarity):
        _measure(ears, rendered, part, counts)
        turns += 1
        if time.monotonic() > until:
            break
    model = _fit(counts, chosen.latency)
    measured = {"turns": turns, "partials": len(counts.took), "words": sum(counts.seen.values()),
                "ages": {str(i): counts.seen[i] for i in range(len(fitted.AGE_EDGES) + 1)},
                "seed": chosen.seed}  # fmt: skip
    known = json.loads(chosen.out.read_text("utf-8")) if chosen.out.is_file() else {}
    known[chosen.clarity] = {"model": model, "measured": measured}
    chosen.out.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    sys.stdout.write(chosen.out.read_text())
    return 0


def _turns(seed: int, clarity: str) -> Iterator[tuple[Rendered, PersonPart]]:
    for index in range(10_000):
        rendered = render(seed, index)
        if (rendered.script.persona.voice.engine == "espeak") != (clarity == "hard"):
            continue
        for part in rendered.script.person[:4]:
            if part.kind == "turn" and (part.last - part.first) / HEARING_RATE < _MOST_SECONDS:
                yield rendered, part


def _measure(ears: Any, rendered: Rendered, part: PersonPart, counts: _Counts) -> None:
    first = max(part.first - samples(0.4, HEARING_RATE), 0)
    start = part.start / HEARING_RATE
    spoken = [Word(w.text, w.start_seconds + start, w.end_seconds + start) for w in part.words]
    guess: tuple[Word, ...] = ()
    offset = np.random.default_rng(part.first).uniform(0.0, _STEP_SECONDS)
    end = part.first + samples(offset, HEARING_RATE)
    while end < part.last + samples(1.2, HEARING_RATE):
        began = time.process_time()
        guess = undifferentiated(ears.transcribe(rendered.heard[first:end], guess))
        counts.took.append(time.process_time() - began)
        _count(spoken, guess, end / HEARING_RATE, counts, end > part.last)
        end += samples(_STEP_SECONDS, HEARING_RATE)


def _count(
    spoken: Sequence[Word], told: Sequence[Word], now: float, counts: _Counts, whole: bool
) -> None:
    said = [word for word in spoken if word.start_seconds < now]
    if not said:
        return
    matcher = SequenceMatcher(
        None, [word_hash(word.text) for word in said], [word_hash(w.text) for w in told], False
    )
    for kind, first, last, left, right in matcher.get_opcodes():
        for place in range(first, last):
            age = int(np.searchsorted(fitted.AGE_EDGES, now - said[place].end_seconds, "right"))
            if age == len(fitted.AGE_EDGES) and not whole:
                continue  # What stays wrong for good is counted in whole texts only.
            counts.seen[age] += 1
            if kind == "delete" or (kind == "replace" and place - first >= right - left):
                counts.missing[age] += 1
            elif kind == "replace":
                counts.wrong[age] += 1
        if kind == "equal" and whole:
            for place, other in zip(range(first, last - 1), range(left, right - 1), strict=True):
                counts.kept.append(_ending(said[place].text) == _ending(told[other].text))
    if told and not whole:
        counts.endings[_ending(told[-1].text)] += 1
    if told and whole and word_hash(said[-1].text) == word_hash(told[-1].text):
        counts.whole.append(_ending(said[-1].text) == _ending(told[-1].text))


def _ending(text: str) -> str:
    return next((ending for ending in _ENDINGS if text.endswith(ending)), "")


def _fit(counts: _Counts, latency: float | None) -> dict[str, Any]:
    classes = range(len(fitted.AGE_EDGES) + 1)

    def share(some: Counter[int], prior: Sequence[float]) -> list[float]:
        return [
            round((some[i] + _BELIEVED * prior[i]) / (counts.seen[i] + _BELIEVED), 3)
            for i in classes
        ]

    total = sum(counts.endings.values()) or 1
    took = np.log(np.array(counts.took) + 0.03)
    return {
        "missing": share(counts.missing, _PRIOR_MISSING),
        "wrong": share(counts.wrong, _PRIOR_WRONG),
        "endings": {ending: round(n / total, 3) for ending, n in counts.endings.most_common()},
        "kept_ending": round(float(np.mean(counts.kept)) if counts.kept else 0.85, 3),
        "whole_ending": round(float(np.mean(counts.whole)) if counts.whole else 0.85, 3),
        "latency_median": latency or round(float(np.exp(np.median(took))), 3),
        "latency_sigma": round(float(np.std(took)), 3),
    }


if __name__ == "__main__":
    sys.exit(main())
