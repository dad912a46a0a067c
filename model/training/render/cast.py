"""Who speaks, where and over what noise, by split; nothing of one split occurs in another.

The splits are those of the bench (`tests/bench/stimuli/splits.py`): its lists are repeated here as
data, because nothing in `model` may import a test; `tests/model/training/test_disjoint.py` compares
the two. The bench's test voices, noises, rooms and wording occur nowhere below this folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from model.training.render.kokoro import VOICES as KOKORO

__all__ = ["NOISES", "ROOMS", "SPLITS", "VOICES", "Engine", "RoomRange", "Split", "TrainingVoice"]

Split = Literal[
    "train", "natural", "overlap", "asking", "telling",
    "dev", "dev-overlap", "dev-asking", "dev-telling", "dev-natural",
]  # fmt: skip
"""`natural` is `train` with many natural voices, that take ten times as long to render; in
`overlap` they say nearly all of it while we speak, twice as often (`manners.py`); in `asking` they
think before they speak, and ask for something short, as people do with a machine; in `telling`
voices of `train` tell, sentence after sentence. `dev-overlap`, `dev-asking` and `dev-telling` are
`dev` in the same way; in `dev-natural` other natural voices speak."""

Engine = Literal["espeak", "flite", "hibari", "kokoro"]
SPLITS: Final[tuple[Split, ...]] = get_args(Split)


@dataclass(frozen=True, slots=True)
class TrainingVoice:
    """One voice of one synthesiser.

    Attributes:
        name: unique.
        person: whose voice it is made from; persons of two splits never meet.
        engine: which library speaks.
        option: the voice's name there.
        weight: how often it is drawn, relative to the others of its split.
        stretch: limits of what all lengths of the vocal tract are multiplied by (a change of
            rate; for hibari a warp of the spectrum), drawn for each conversation.
        pitch: limits of the middle pitch: espeak-ng 0-99, hibari a factor; flite has none; for
            kokoro the share of `other` that is mixed in.
        pace: limits of the speed: espeak-ng words a minute, hibari and kokoro a factor; flite has
            none.
        other: for kokoro, the voice that is mixed in.
    """

    name: str
    person: str
    engine: Engine
    option: str
    weight: float = 1.0
    stretch: tuple[float, float] = (0.94, 1.06)
    pitch: tuple[float, float] = (30.0, 70.0)
    pace: tuple[float, float] = (140.0, 190.0)
    other: str = ""


def _espeak(option: str, pitch: tuple[float, float] = (25.0, 75.0)) -> TrainingVoice:
    variant = option.split("+")[1]
    return TrainingVoice(f"espeak-{option}", f"espeak-{variant.lower()}", "espeak", option,
                         pitch=pitch, weight=0.2)  # fmt: skip


_ACCENTS: Final = ("en-us", "en", "en-gb-scotland", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd")
_VARIANTS: Final = (
    "m3", "f2", "m7", "m2", "m4", "m5", "m6", "m8", "f1", "f3", "f5", "klatt2", "klatt3", "klatt4",
    "Alex", "Alicia", "Andy", "Annie", "Denis", "Diogo", "Gene", "Henrique", "Hugo", "Jacky", "Lee",
    "Mario", "belinda", "benjamin", "boris", "caleb", "david", "ed", "edward", "john", "linda",
    "marcelo", "max", "mike", "paul", "pedro", "quincy", "rob", "robert", "steph", "travis", "zac",
    "anika", "grandma", "grandpa", "aunty",
)  # fmt: skip


_HELD_OUT: Final = ("af_nova", "am_liam", "bf_alice", "bm_george")
"""Natural voices of `dev-natural`: thresholds that rest on formants alone need not suit people."""


def _kokoro(option: str) -> TrainingVoice:
    """Mixed with the next voice of its sex and country, or else with the first; one that is held
    out with none."""
    alike = [one for one in KOKORO if one[:2] == option[:2] and one not in _HELD_OUT]
    held = option in _HELD_OUT
    other = option if held else alike[(alike.index(option) + 1) % len(alike)]
    return TrainingVoice(f"kokoro-{option}", f"kokoro-{option}", "kokoro", option, weight=1.5,
                         stretch=(0.92, 1.1), pitch=(0.0, 0.0 if held else 0.5),
                         pace=(0.85, 1.2), other=other)  # fmt: skip


_TRAINED: Final = (
    TrainingVoice("hibari-heart", "heart", "hibari", "heart", weight=5.0, stretch=(0.92, 1.1),
                  pitch=(0.85, 1.2), pace=(0.85, 1.15)),
    TrainingVoice("hibari-deep", "heart", "hibari", "heart", weight=4.0, stretch=(1.1, 1.28),
                  pitch=(0.5, 0.72), pace=(0.85, 1.15)),
    TrainingVoice("flite-kal16", "kal", "flite", "kal16", weight=4.0, stretch=(0.86, 1.1),
                  pace=(0.85, 1.15)),
    TrainingVoice("flite-awb", "awb", "flite", "awb", weight=5.0, stretch=(0.82, 1.08),
                  pace=(0.85, 1.15)),
    *(_espeak(f"{_ACCENTS[i % len(_ACCENTS)]}+{variant}") for i, variant in
      enumerate(_VARIANTS)),
)  # fmt: skip

_NATURAL: Final = (*_TRAINED, *(_kokoro(one) for one in KOKORO if one not in _HELD_OUT))

_DEV: Final = (
    TrainingVoice("flite-rms", "rms", "flite", "rms", weight=4.0, pace=(0.9, 1.1)),
    TrainingVoice("espeak-us-andrea", "espeak-andrea", "espeak", "en-us+Andrea"),
    TrainingVoice("espeak-gb-m1", "espeak-m1", "espeak", "en+m1"),
)

VOICES: Final[Mapping[Split, tuple[TrainingVoice, ...]]] = {
    "train": _TRAINED,
    "natural": _NATURAL,
    "overlap": _NATURAL,
    "asking": _NATURAL,
    "telling": _TRAINED,
    "dev": _DEV,
    "dev-overlap": _DEV,
    "dev-asking": _DEV,
    "dev-telling": _DEV,
    "dev-natural": tuple(_kokoro(one) for one in _HELD_OUT),
}  # fmt: skip

_TRAINED_NOISES: Final = (
    "white", "hum50", "crowd", "tilted", "rumble", "keys", "rain", "music", "programme",
)  # fmt: skip

_DEV_NOISES: Final = ("pink", "fan")

NOISES: Final[Mapping[Split, tuple[str, ...]]] = {
    "train": _TRAINED_NOISES,
    "natural": _TRAINED_NOISES,
    "overlap": _TRAINED_NOISES,
    "asking": _TRAINED_NOISES,
    "telling": _TRAINED_NOISES,
    "dev": _DEV_NOISES,
    "dev-overlap": _DEV_NOISES,
    "dev-asking": _DEV_NOISES,
    "dev-telling": _DEV_NOISES,
    "dev-natural": _DEV_NOISES,
}


@dataclass(frozen=True, slots=True)
class RoomRange:
    """Boxes a split's rooms are drawn from: floor area in square metres, decay in seconds."""

    area: tuple[float, float]
    decay: tuple[float, float]


_TRAINED_ROOMS: Final = RoomRange((6.0, 14.0), (0.12, 0.5))
_DEV_ROOMS: Final = RoomRange((15.0, 19.0), (0.2, 0.4))

ROOMS: Final[Mapping[Split, RoomRange]] = {
    "train": _TRAINED_ROOMS,
    "natural": _TRAINED_ROOMS,
    "overlap": _TRAINED_ROOMS,
    "asking": _TRAINED_ROOMS,
    "telling": _TRAINED_ROOMS,
    "dev": _DEV_ROOMS,
    "dev-overlap": _DEV_ROOMS,
    "dev-asking": _DEV_ROOMS,
    "dev-telling": _DEV_ROOMS,
    "dev-natural": _DEV_ROOMS,
}
"""The bench's test rooms have 20 to 40 square metres; areas of two splits never meet."""
