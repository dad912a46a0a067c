"""`python -m model.training.habits PART --out FILE`: what a decoder often says, for `foresight`.

It answers sentences of training, sixteen at a time; counted is which token follows two others and
which follows one. What was seen too rarely is left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.interaction.foresight import FOLDER, Habits
from model.interaction.language import Language
from model.training.encode import undifferentiated
from model.training.scripts.writer import wording

__all__ = ["counted", "main"]

TOGETHER: Final = 16
MOST_TOKENS: Final = 36
LEAST_TWICE: Final = (2, 3)
"""How often two and one must have been followed by the same."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Count and write; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m model.training.habits", description=__doc__)
    parser.add_argument("part", type=Path, help="folder of a converted decoder")
    parser.add_argument("--sentences", type=int, default=800)
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args(arguments)
    language = Language.load(chosen.part, TOGETHER, "cpu", 1)
    talks = list(wording("train")["talks"])
    np.random.default_rng(chosen.seed).shuffle(talks)
    said: list[list[int]] = []
    for one in _answers(language, talks[: chosen.sentences]):
        said.append(one)
        sys.stderr.write(f"\r{len(said)} of {chosen.sentences} answers ")
        sys.stderr.flush()
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{chosen.part.name}.json"
    path.write_text(json.dumps(_plain(counted(said))) + "\n", "utf-8")
    sys.stdout.write(f"\n{path}\n")
    return 0


def counted(said: Sequence[Sequence[int]]) -> Habits:
    """The habits of somebody who said these tokens; the first two of each were not theirs."""
    two: defaultdict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    one: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for ids in said:
        for first, second, third in zip(ids, ids[1:], ids[2:], strict=False):
            two[first, second][third] += 1
            one[second][third] += 1
    return Habits(_usual(two, LEAST_TWICE[0]), _usual(one, LEAST_TWICE[1]))


def _usual(counts: Any, least: int) -> dict[Any, int]:
    most = {key: counter.most_common(1)[0] for key, counter in counts.items()}
    return {key: token for key, (token, times) in most.items() if times >= least}


def _answers(language: Language, talks: Sequence[str]) -> Iterator[list[int]]:
    """What is answered, each behind the last two tokens before it."""
    undifferentiated(language.begin(0, language.chat_prefix()))
    start = language.length(0)
    for row in range(1, TOGETHER):
        language.fork(0, row)
    for at in range(0, len(talks), TOGETHER):
        part = talks[at : at + TOGETHER]
        asked = [language.person_turn(text) + language.agent_open() for text in part]
        for row, ids in enumerate(asked):
            undifferentiated(language.append(row, ids))
        said = [ids[-2:] for ids in asked]
        live = list(range(len(part)))
        for _ in range(MOST_TOKENS):
            for row, token in zip(live, language.next_tokens(live), strict=True):
                said[row].append(token)
            live = [row for row in live if not language.is_end(said[row][-1])]
            if not live:
                break
        for row in range(len(part)):
            language.truncate(row, start)
        yield from said


def _plain(habits: Habits) -> dict[str, list[list[int]]]:
    return {
        "two": [[a, b, c] for (a, b), c in sorted(habits.two.items())],
        "one": [[a, b] for a, b in sorted(habits.one.items())],
    }


if __name__ == "__main__":
    sys.exit(main())
