"""Which voices, noises, rooms and words belong to which split; nothing is in two.

`splits_are_disjoint` is what the test calls; issue C's training must draw from `train` only. The
test split's seed is not free to choose: it is the first 32 bits of the checkpoint's SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal, cast

__all__ = ["HUMANS", "NOISES", "PLACEHOLDER", "ROOMS", "SPLITS", "VOICES", "RoomRange", "Split",
           "SyntheticVoice", "test_seed", "wording"]  # fmt: skip

Split = Literal["train", "dev", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "dev", "test")

PLACEHOLDER: Final = Path(__file__).with_name("checkpoint-placeholder.json")
"""Hashed in place of a checkpoint until a trained one exists; see the file's own text."""


@dataclass(frozen=True, slots=True)
class SyntheticVoice:
    """One synthesiser's voice.

    Attributes:
        name: unique.
        person: whose recordings it was made from; voices of one person share a split.
        engine: which program speaks.
        option: what names the voice there.
        pitch, speed: espeak-ng's, 0-99 and words a minute; others ignore them.
    """

    name: str
    person: str
    engine: Literal["hibari", "flite", "festival", "espeak"]
    option: str
    pitch: int = 50
    speed: int = 165


VOICES: Final[Mapping[Split, tuple[SyntheticVoice, ...]]] = {
    "train": (
        SyntheticVoice("hibari-heart", "heart", "hibari", "heart"),
        SyntheticVoice("flite-kal16", "kal", "flite", "kal16"),
        SyntheticVoice("festival-kal", "kal", "festival", "voice_kal_diphone"),
        SyntheticVoice("flite-awb", "awb", "flite", "awb"),
        SyntheticVoice("espeak-us-m3", "espeak-m3", "espeak", "en-us+m3", 40, 160),
        SyntheticVoice("espeak-us-f2", "espeak-f2", "espeak", "en-us+f2", 60, 170),
        SyntheticVoice("espeak-scotland-m7", "espeak-m7", "espeak", "en-gb-scotland+m7", 45, 150),
    ),
    "dev": (
        SyntheticVoice("flite-rms", "rms", "flite", "rms"),
        SyntheticVoice("espeak-us-andrea", "espeak-andrea", "espeak", "en-us+Andrea", 55, 160),
        SyntheticVoice("espeak-gb-m1", "espeak-m1", "espeak", "en-gb+m1", 35, 155),
    ),
    "test": (
        SyntheticVoice("flite-slt", "slt", "flite", "slt"),
        SyntheticVoice("festival-slt-hts", "slt", "festival", "voice_cmu_us_slt_arctic_hts"),
        SyntheticVoice("festival-ked", "ked", "festival", "voice_ked_diphone"),
        SyntheticVoice("espeak-rp-f4", "espeak-f4", "espeak", "en-gb-x-rp+f4", 58, 150),
        SyntheticVoice("espeak-nyc-michael", "espeak-michael", "espeak", "en-us-nyc+Michael", 38,
                       155),
    ),
}  # fmt: skip

HUMANS: Final[Mapping[Split, tuple[str, ...]]] = {
    "train": (),
    "dev": ("cards", "commands", "clone-test", "cq", "kristoff", "g3plx", "big_dog"),
    "test": ("allison", "austen", "beckett", "two_cities", "bruce", "harvard", "hts1", "hts2",
             "forig", "morig"),
}  # fmt: skip
"""Speakers of recordings, as tests/speech/recordings.py and stimuli/recordings.py name them."""

NOISES: Final[Mapping[Split, tuple[str, ...]]] = {
    "train": ("white", "hum50", "crowd"),
    "dev": ("pink", "fan"),
    "test": ("brown", "hum60", "babble", "television"),
}


@dataclass(frozen=True, slots=True)
class RoomRange:
    """Boxes a split's rooms are drawn from: floor area in square metres, decay in seconds."""

    area: tuple[float, float]
    decay: tuple[float, float]


ROOMS: Final[Mapping[Split, RoomRange]] = {
    "train": RoomRange((6.0, 14.0), (0.15, 0.35)),
    "dev": RoomRange((15.0, 19.0), (0.2, 0.4)),
    "test": RoomRange((20.0, 40.0), (0.2, 0.5)),
}
"""Ranges of floor area do not meet, so no room is in two splits."""

Wording = Mapping[str, list[str]]


@cache
def _all_wording() -> dict[str, dict[str, object]]:
    return cast(
        "dict[str, dict[str, object]]",
        json.loads(Path(__file__).with_name("wording.json").read_text()),
    )


def wording(split: Split) -> tuple[Wording, Mapping[str, list[str]]]:
    """The split's sentences by kind, and what fills their slots."""
    chosen = dict(_all_wording()[split])
    slots = cast("Mapping[str, list[str]]", chosen.pop("slots"))
    return cast("Wording", chosen), slots


def test_seed(checkpoint: Path | None) -> int:
    """The test split's seed: the first 32 bits of the checkpoint's SHA-256."""
    content = (checkpoint or PLACEHOLDER).read_bytes()
    return int.from_bytes(hashlib.sha256(content).digest()[:4], "big")


# pytest would collect it by its name.
test_seed.__test__ = False  # type: ignore[attr-defined]
