"""Forty spoken prompts with exact checks, from a seed: what is said must be right.

The same words are spoken by synthetic people through the whole path and typed into a fresh
conversation; both go to the same Language, so the difference is what hearing costs.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import numpy as np
from scipy.signal import resample_poly

from tests.end_to_end.served import Served
from tests.end_to_end.spoken import RATE, Said, Talk, spoken
from tests.speech.wer import normalised

__all__ = ["TAPES", "Prompt", "measure_prompts", "passes", "prompts", "put"]

Kind = Literal["repeat", "sum", "recall", "correction", "fact"]
Channel = Literal["spoken", "typed"]
Made = list[tuple[tuple[str, ...], tuple[str, ...]]]
"""Turns, and what is wanted of the last answer."""

SEED: Final = 2026
OF_A_KIND: Final = 8

TAPES: Final = ((1, 1), (25, 23), (25, 24))
"""Lengths of the tape, new and old: one clear voice makes three people, the second and third
slower and deeper. Of the synthesisers at hand the only one that our ears hear right: they miss
0.3 % of these prompts' words, and of flite's and espeak-ng's voices 7 to 40 %."""

ANSWER_SECONDS: Final = 20.0
_ROOM_LEVEL: Final = 0.0003
_BETWEEN_SECONDS: Final = 0.6


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is said, one turn after the other, and what the last answer must hold.

    Attributes:
        number: its place among all.
        kind: what it tests.
        turns: what the person says; the last is checked.
        wanted: texts of which each must stand in the answer, word for word, numbers in any form.
        tape: who speaks it, of `TAPES`.
    """

    number: int
    kind: Kind
    turns: tuple[str, ...]
    wanted: tuple[str, ...]
    tape: tuple[int, int]


@cache
def prompts() -> tuple[Prompt, ...]:
    """All forty; kinds take turns, so that the first eight hold every kind."""
    dice = np.random.default_rng(SEED)
    of_kind: dict[Kind, Made] = {
        "repeat": _repeats(dice),
        "sum": _sums(dice),
        "recall": _recalls(dice),
        "correction": _corrections(dice),
        "fact": _facts(dice),
    }
    tapes = dice.integers(len(TAPES), size=5 * OF_A_KIND)
    found: list[Prompt] = []
    for place in range(OF_A_KIND):
        for kind, made in of_kind.items():
            turns, wanted = made[place]
            found.append(Prompt(len(found), kind, turns, wanted, TAPES[tapes[len(found)]]))
    return tuple(found)


def passes(prompt: Prompt, answer: str) -> bool:
    """Whether all that is wanted stands in the answer."""
    words = normalised(answer)
    return all(_within(normalised(wanted), words) for wanted in prompt.wanted)


def _within(wanted: Sequence[str], words: Sequence[str]) -> bool:
    size = len(wanted)
    return any(list(words[at : at + size]) == list(wanted) for at in range(len(words) - size + 1))


def _some(dice: np.random.Generator, values: Sequence[Any]) -> list[Any]:
    return [values[index] for index in dice.permutation(len(values))[:OF_A_KIND]]


def _repeats(dice: np.random.Generator) -> Made:
    colours = "red blue green white black yellow brown gray".split()
    animals = "bird horse cat dog rabbit lion tiger fish".split()
    places = "river garden house mountain window kitchen market forest".split()
    made: Made = []
    for colour, animal, place in zip(
        _some(dice, colours), _some(dice, animals), _some(dice, places), strict=True
    ):
        sentence = f"The {colour} {animal} is in the {place}."
        made.append(((f"Please repeat after me: {sentence}",), (sentence,)))
    return made


def _sums(dice: np.random.Generator) -> Made:
    words = "zero one two three four five six seven eight nine ten".split()
    pairs = [(a, b) for a in range(2, 10) for b in range(2, 10) if a != b]
    made: Made = []
    for place, (a, b) in enumerate(_some(dice, pairs)):
        if place % 4 == 3 and a != 2 * b:
            a, b = max(a, b), min(a, b)
            made.append(((f"What is {words[a]} minus {words[b]}?",), (str(a - b),)))
        else:
            made.append(((f"What is {words[a]} plus {words[b]}?",), (str(a + b),)))
    return made


def _recalls(dice: np.random.Generator) -> Made:
    memories = (
        ("My name is {}.", "What is my name?", "Barbara Thomas Emily Robert".split()),
        ("I live in {}.", "Where do I live?", "London Berlin Chicago Boston".split()),
        ("My dog is called {}.", "What is my dog called?", "Max Charlie Lucky Rocky".split()),
        ("My favorite color is {}.", "What is my favorite color?", "purple orange".split()),
        ("My favorite fruit is the {}.", "What is my favorite fruit?", "mango banana".split()),
        ("I work as a {}.", "What is my job?", "teacher doctor farmer baker".split()),
        ("My sister is called {}.", "What is my sister called?", "Helen Laura Diana".split()),
        ("I was born in {}.", "In which month was I born?", "March July October".split()),
    )
    made: Made = []
    for statement, question, values in _some(dice, memories):
        value = str(dice.choice(values))
        made.append(((statement.format(value), question), (value,)))
    return made


def _corrections(dice: np.random.Generator) -> Made:
    corrections = (
        (("What is the capital of France?", "No, I meant Italy."), "Rome"),
        (("What is the capital of Spain?", "Sorry, I meant Germany."), "Berlin"),
        (("What is the capital of Japan?", "No, I meant China."), "Beijing"),
        (("What is two plus two?", "No, I meant two plus three."), "5"),
        (("What is ten minus one?", "Sorry, I meant ten minus four."), "6"),
        (("How many legs does a dog have?", "No, I meant a spider."), "8"),
        (("My name is Peter.", "No, I meant Paul. What is my name?"), "Paul"),
        (("My favorite color is red.", "Sorry, I meant blue. What is it?"), "blue"),
    )
    return [(turns, (wanted,)) for turns, wanted in _some(dice, corrections)]


def _facts(dice: np.random.Generator) -> Made:
    facts = (
        ("What is the capital of England?", "London"),
        ("What is the capital of Greece?", "Athens"),
        ("What is the capital of Russia?", "Moscow"),
        ("How many days are there in a week?", "7"),
        ("How many months are there in a year?", "12"),
        ("What is the first month of the year?", "January"),
        ("Which planet is called the red planet?", "Mars"),
        ("What is the opposite of hot?", "cold"),
        ("What is the opposite of day?", "night"),
        ("What do bees make?", "honey"),
        ("Which animal says meow?", "cat"),
        ("At how many degrees Celsius does water boil?", "100"),
    )
    return [((question,), (wanted,)) for question, wanted in _some(dice, facts)]


# ---- putting them ------------------------------------------------------------------------------


async def put(served: Served, prompt: Prompt, channel: Channel) -> dict[str, Any]:
    """Put one prompt in a conversation of its own; what was heard, answered, and whether it is
    right."""
    answers: list[str] = []
    async with served.call(rate=RATE) as caller:
        talk = Talk(caller)
        await talk.begin()
        await asyncio.sleep(_BETWEEN_SECONDS)
        for place, text in enumerate(prompt.turns):
            last = place + 1 == len(prompt.turns)
            said = _say(talk, prompt, text) if channel == "spoken" else talk.type(text)
            answer = await talk.answer(said, ANSWER_SECONDS, enough=_enough(prompt, last))
            answers.append("" if answer is None else answer.said)
            if not last:
                await asyncio.sleep(_BETWEEN_SECONDS)
        heard, health = talk.heard_person(0), talk.events("health")[-1:]
        lateness = caller.lateness()
    return {
        "heard": heard,
        "answers": answers,
        "right": passes(prompt, answers[-1]),
        "sound_made_up": health[0]["concealed"] if health else None,
        "own_lateness_seconds": round(lateness.p99, 3),
    }


def _say(talk: Talk, prompt: Prompt, text: str) -> Said:
    audio = resample_poly(spoken(text), *prompt.tape)
    audio = np.pad(audio, (RATE // 10, RATE // 10))
    dice = np.random.default_rng(zlib.crc32(text.encode()))
    noise = dice.normal(0.0, _ROOM_LEVEL, len(audio))
    return talk.say((audio + noise).astype(np.float32))


def _enough(prompt: Prompt, last: bool) -> Callable[[str], bool]:
    # What comes after a right answer cannot make it wrong; what is remembered must be whole.
    return lambda text: last and passes(prompt, text)


async def measure_prompts(
    served: Served, count: int = 5 * OF_A_KIND, at_once: int = 1
) -> dict[str, Any]:
    """The first `count` prompts: spoken, `at_once` conversations at a time; typed, two at least.

    A busy machine loses sound: see `sound_made_up` of each before blaming the ears.
    """
    chosen = prompts()[:count]
    free = {
        "spoken": asyncio.Semaphore(at_once),
        "typed": asyncio.Semaphore(max(at_once, 2)),
    }

    async def one(prompt: Prompt, channel: Channel) -> dict[str, Any]:
        async with free[channel]:
            return await put(served, prompt, channel)

    results: dict[Channel, list[dict[str, Any]]] = {}
    for channel in ("spoken", "typed"):
        results[channel] = await asyncio.gather(*(one(prompt, channel) for prompt in chosen))
    right = {channel: sum(r["right"] for r in rows) for channel, rows in results.items()}
    return {
        "prompts": len(chosen),
        "spoken": right["spoken"] / len(chosen),
        "typed": right["typed"] / len(chosen),
        "ratio": right["spoken"] / max(right["typed"], 1),
        "of_a_kind": {
            kind: {
                channel: sum(
                    r["right"] for p, r in zip(chosen, rows, strict=True) if p.kind == kind
                )
                for channel, rows in results.items()
            }
            for kind in dict.fromkeys(prompt.kind for prompt in chosen)
        },
        "each": [
            {
                "kind": prompt.kind,
                "tape": prompt.tape,
                "turns": prompt.turns,
                "wanted": prompt.wanted,
                **{channel: results[channel][place] for channel in results},
            }
            for place, prompt in enumerate(chosen)
        ],
    }
