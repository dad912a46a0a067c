"""What Language makes of sentences where they are said: at the end of a conversation's row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from model.interaction.language import Language
from model.interaction.memory import Memory
from model.interaction.parts import Pieces
from model.messages import Turn
from model.training.intents.sentences import TOPICS, Sentence

__all__ = ["Context", "contexts", "states"]

Context = tuple[str, tuple[Turn, ...]]
"""Instructions (none: the usual ones) and the turns before."""

A_CONTEXT: Final = 40
"""Sentences that are said, each for itself, at the end of the same conversation."""

USUAL_SHARE: Final = 0.75
FRESH_SHARE: Final = 0.45
MOST_EXCHANGES: Final = 4
ASKED_SHARE: Final = 0.5

INSTRUCTIONS: Final = (
    "You are a cheerful guide in a museum. Answer visitors in one or two sentences.",
    "You are a patient fitness coach who speaks with a person at home. Be brief.",
    "You are the voice of a smart home. You speak with the people who live there.",
    "You help children with their homework. Use simple words and short sentences.",
    "You are a receptionist of a small clinic. Be polite and say only what is needed.",
    "Answer questions about our garden shop. If you do not know, say so.",
)

PROMISED: Final = (
    "All right, I will tell you when I see a dog.",
    "All right, I will tell you when somebody comes in.",
    "All right, I am counting your squats.",
    "All right, I will tell you when you raise your right hand.",
    'All right, I will say "hello" when I see a cup.',
)


def contexts(sentences: Sequence[Sentence], seed: int) -> Iterator[Context]:
    """Conversations without end, some of which asked for a watch before."""
    dice = np.random.default_rng(seed)
    topics = json.loads(TOPICS.read_text("utf-8"))
    answers = [text for kinds in topics.values() for text in kinds.get("answers", ())]
    talks = [one.text for one in sentences if one.intent.what == "answer"]
    asks = [one.text for one in sentences if one.intent.what == "watch"]

    def one(of: Sequence[str]) -> str:
        return of[int(dice.integers(len(of)))]

    while True:
        usual = dice.random() < USUAL_SHARE
        exchanges = 0 if dice.random() < FRESH_SHARE else int(dice.integers(1, MOST_EXCHANGES + 1))
        turns: list[Turn] = []
        for _ in range(exchanges):
            turns += [Turn("person", one(talks)), Turn("agent", one(answers))]
        if exchanges and dice.random() < ASKED_SHARE:
            turns[-2:] = [Turn("person", one(asks)), Turn("agent", one(PROMISED))]
        yield "" if usual else one(INSTRUCTIONS), tuple(turns)


def states(language: Language, sentences: Sequence[Sentence], places: Iterator[Context]) -> Tensor:
    """What the tapped layers make of the words of each sentence: `[sentences, width]`."""
    memory = Memory(language, 0)
    found = []
    for number, sentence in enumerate(sentences):
        if number % A_CONTEXT == 0:
            instructions, turns = next(places)
            _run(memory.prime(instructions, turns))
        _run(memory.answer(sentence.text))
        found.append(memory.thought(sentence.text))
    return torch.stack(found)


def _run(work: Pieces[object]) -> None:
    for _ in work:
        pass
