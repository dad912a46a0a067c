"""`python -m model.training.scripts.gather`: let the local language model write `sentences.json`.

Per topic and kind it is shown what is wanted on two other topics and writes some lines; what does
not look like something a person says is dropped, and so is what was said before. Seeded. Run once;
its outcome is part of the data recipe. Wording of the bench is not known here: the test of
disjointness says if a line met it, and `--without` drops such lines.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from model.training.scripts.gather_prompts import KINDS, SHOWN, TOPICS

__all__ = ["kept", "main"]

_ROWS: Final = 24
_MOST_TOKENS: Final = 130
_LEAST_LINES: Final = 2
_WORDS: Final = {"questions": (4, 14), "requests": (3, 14), "statements": (4, 14),
                 "long_turns": (11, 26), "answers": (5, 18)}  # fmt: skip
_SAYABLE: Final = re.compile(r"[A-Z][A-Za-z' ,]+[a-z]+[.?!]")
_UNWANTED: Final = re.compile(r"\b(assistant|AI|language model|topic|sentence|user|code)\b", re.I)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the sentences; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m model.training.scripts.gather")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--rounds", type=int, default=1, help="texts for each topic and kind")
    parser.add_argument("--part", default="language-0.5b", help="the language model's folder")
    parser.add_argument("--topics", type=int, default=len(TOPICS), help="the first so many")
    parser.add_argument("--without", type=Path, help="a file of lines to drop, instead of writing")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("sentences.json"))
    chosen = parser.parse_args(arguments)
    known: dict[str, dict[str, list[str]]] = {}
    if chosen.without:
        gone = set(chosen.without.read_text("utf-8").splitlines())
        for topic, kinds in json.loads(chosen.out.read_text("utf-8")).items():
            known[topic] = {k: [one for one in v if one not in gone] for k, v in kinds.items()}
    else:
        known = _written(chosen)
    whole = {topic: kinds for topic, kinds in known.items()
             if all(len(kinds.get(kind, ())) >= _LEAST_LINES for kind in KINDS)}  # fmt: skip
    chosen.out.write_text(json.dumps(whole, indent=0) + "\n", "utf-8")
    total = sum(len(lines) for kinds in whole.values() for lines in kinds.values())
    sys.stdout.write(f"{total} sentences on {len(whole)} topics\n")
    return 0


def kept(kind: str, text: str) -> list[str]:
    """The lines of a text that a person could have said, whole."""
    low, high = _WORDS[kind]
    found: list[str] = []
    for line in text.splitlines():
        line = line.strip(" -*•\"'").replace("’", "'").replace(" - ", ", ")
        if not _SAYABLE.fullmatch(line) or _UNWANTED.search(line):
            continue
        if low <= len(line.split()) <= high and (line[-1] == "?") == (kind == "questions"):
            found.append(line)
        elif kind == "long_turns" and low <= len(line.split()) <= high:
            found.append(line)
    return found


def _written(chosen: argparse.Namespace) -> dict[str, dict[str, list[str]]]:
    import torch

    from model.interaction.language import Language
    from model.nn.sampling import Sampling
    from model.weights.store import folder

    torch.set_num_threads(1)
    language = Language.load(folder(chosen.part), _ROWS + 1, "cpu", 1, window=768, draft=256)
    language.sampling = Sampling(temperature=0.9, top_p=0.97, min_p=0.03, candidates=80)
    known: dict[str, dict[str, list[str]]] = {topic: {} for topic in TOPICS}
    said: set[str] = set()
    for number, kind in enumerate(KINDS):
        jobs = list(TOPICS[: chosen.topics]) * chosen.rounds
        for topic, text in _texts(language, kind, jobs, chosen.seed * 1000 + number):
            for line in kept(kind, text):
                if line.lower() not in said:
                    said.add(line.lower())
                    known[topic].setdefault(kind, []).append(line)
        sys.stdout.write(f"{kind}: {len(said)} lines so far\n")
        sys.stdout.flush()
    return known


def _texts(language: Any, kind: str, topics: Sequence[str], seed: int) -> Iterator[tuple[str, str]]:
    """Each topic with what was written on it."""
    shown = [(topic, "\n".join(lines)) for topic, lines in SHOWN[kind].items()]
    shared = _ROWS  # The row that holds what all begin with.
    language.reset(shared)
    _done(language.append(shared, language.tokens.prefix(KINDS[kind], shown)))
    for first in range(0, len(topics), _ROWS):
        some = topics[first : first + _ROWS]
        for row, topic in enumerate(some):
            language.fork(shared, row)
            language.seed(row, seed * 10_000 + first + row)
            ids = [*language.person_turn(topic), *language.agent_open()]
            _done(language.append(row, ids))
        found: list[list[int]] = [[] for _ in some]
        going = list(range(len(some)))
        while going:
            for row, token in zip(list(going), language.next_tokens(going), strict=True):
                found[row].append(token)
                if language.is_end(token) or len(found[row]) >= _MOST_TOKENS:
                    going.remove(row)
        for topic, ids in zip(some, found, strict=True):
            yield topic, language.decode(ids)


def _done(pieces: Any) -> None:
    for _ in pieces:
        pass


if __name__ == "__main__":
    sys.exit(main())
