"""Nothing of the bench's test split, and nothing of dev, is in what training is made of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from model.training.render import cast
from model.training.render.noises import NOISE_MAKERS
from model.training.scripts.writer import wording
from tests.bench.stimuli import splits

ROOT = Path(__file__).parents[3]
TRAINING = ROOT / "model/training"


LIKE_TRAIN: Final[tuple[cast.Split, ...]] = ("overlap", "asking", "telling")
LIKE_DEV: Final[tuple[cast.Split, ...]] = (
    "dev-overlap", "dev-asking", "dev-telling", "dev-natural",
)  # fmt: skip


def bench_persons(split: splits.Split) -> set[str]:
    return {voice.person for voice in splits.VOICES[split]}


def persons(split: cast.Split) -> set[str]:
    return {voice.person for voice in cast.VOICES[split]}


def test_no_voice_of_the_test_or_dev_split_is_trained_on() -> None:
    assert persons("train") < persons("natural") == persons("overlap") == persons("asking")
    assert persons("natural").isdisjoint(bench_persons("test") | bench_persons("dev"))
    assert persons("dev-natural").isdisjoint(persons("natural") | bench_persons("test"))
    mixed = {f"kokoro-{voice.other}" for voice in cast.VOICES["natural"] if voice.other}
    assert mixed and mixed.isdisjoint(persons("dev-natural"))
    assert persons("train") == persons("telling")
    assert all(persons(split) == bench_persons("dev") for split in LIKE_DEV if "-n" not in split)
    assert persons("dev") == bench_persons("dev")
    assert bench_persons("train") <= persons("train")
    variants = {voice.option.split("+")[-1].lower() for voice in cast.VOICES["train"]}
    others = (*splits.VOICES["test"], *splits.VOICES["dev"])
    forbidden = {voice.option.split("+")[-1].lower() for voice in others}
    assert variants.isdisjoint(forbidden)


def test_no_accent_of_the_test_split_is_trained_on() -> None:
    accents = {voice.option.split("+")[0] for voice in cast.VOICES["train"]}
    tested = {v.option.split("+")[0] for v in splits.VOICES["test"] if v.engine == "espeak"}
    assert tested and accents.isdisjoint(tested)


def test_no_noise_of_the_test_or_dev_split_is_trained_on() -> None:
    trained = set(cast.NOISES["train"])
    assert all(cast.NOISES[split] == cast.NOISES["train"] for split in ("natural", *LIKE_TRAIN))
    assert trained.isdisjoint({*splits.NOISES["test"], *splits.NOISES["dev"], *cast.NOISES["dev"]})
    assert set(NOISE_MAKERS).isdisjoint(splits.NOISES["test"])
    assert all(cast.NOISES[split] == cast.NOISES["dev"] for split in LIKE_DEV)
    assert set(cast.NOISES["dev"]) == set(splits.NOISES["dev"])


def test_rooms_of_the_splits_do_not_meet() -> None:
    assert all(cast.ROOMS[split] == cast.ROOMS["train"] for split in ("natural", *LIKE_TRAIN))
    assert all(cast.ROOMS[split] == cast.ROOMS["dev"] for split in LIKE_DEV)
    train, dev = cast.ROOMS["train"].area, cast.ROOMS["dev"].area
    assert train[1] < dev[0] and dev[1] < splits.ROOMS["test"].area[0]
    assert train[1] < splits.ROOMS["dev"].area[0]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


def plain(text: str) -> str:
    return re.sub(r"[^a-z{} ]", "", text.lower()).strip()


NOT_WORDING = ("backchannels", "own_backchannels", "fillers", "editing", "openers", "short",
               "acknowledgements", "breaking_in")  # fmt: skip
"""Closed classes: everybody says "yes" and "um"; the backchannels are compared apart."""


def sentences(split: cast.Split) -> set[str]:
    everything = wording(split)
    kinds = [kind for kind in everything if kind not in (*NOT_WORDING, "slots")]
    return {plain(text) for kind in kinds for text in texts(everything[kind])}


def bench_wording(split: splits.Split) -> tuple[set[str], set[str]]:
    kinds, slots = splits.wording(split)
    found = {plain(text) for kind, lines in kinds.items() if kind != "backchannels"
             for text in lines}  # fmt: skip
    return found, {plain(value) for values in slots.values() for value in values}


@pytest.mark.parametrize("split", ["test", "dev"])
def test_no_wording_of_the_bench_is_trained_on(split: splits.Split) -> None:
    tested, slots = bench_wording(split)
    trained = sentences("train") | sentences("telling")
    # Counted apart from the assertion: a failure must not show what the bench says.
    alike = len(trained & tested)
    filled_alike = len({plain(text) for text in texts(wording("train")["slots"])} & slots)
    assert (alike, filled_alike) == (0, 0)
    # Nor a longer run of the same words.
    runs = {run for text in tested for run in runs_of(text, 6)}
    alike = len({run for text in trained for run in runs_of(text, 6)} & runs)
    assert alike == 0


def runs_of(text: str, length: int) -> Iterator[str]:
    words = text.split()
    for start in range(len(words) - length + 1):
        yield " ".join(words[start : start + length])


def test_no_backchannel_of_the_bench_test_is_trained_on() -> None:
    kinds, _ = splits.wording("test")
    spoken = {plain(text) for text in wording("train")["backchannels"]}
    alike = len(spoken & {plain(text) for text in kinds["backchannels"]})
    assert alike == 0


def test_wording_of_training_and_of_its_dev_differ() -> None:
    trained = sentences("train") | sentences("telling")
    assert trained.isdisjoint(sentences("dev") | sentences("dev-telling"))


def test_training_reads_no_test_material() -> None:
    """No module here imports a test, and none names a path below tests/ or a recording."""
    wrong = []
    for path in sorted(TRAINING.rglob("*.py")):
        wrong += [
            f"{path.name}:{node.lineno}"
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Import | ast.ImportFrom) and "tests" in ast.dump(node)
        ]
        code = re.sub(r'""".*?"""', "", path.read_text("utf-8"), flags=re.S)
        wrong += [f"{path.name}: {word}" for word in ("asterisk", "pocketsphinx", "tests/bench")
                  if word in code]  # fmt: skip
    assert wrong == []
