"""One scene: the voice, room and noise a clip is made in, and the parts that clips share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal, TypeVar, cast

import numpy as np

from tests.bench.metrics.activity import LabelKind
from tests.bench.stimuli.acoustics import (
    NOISE_MAKERS,
    in_room,
    level_to,
    room_response,
    vocal_tic,
)  # fmt: skip
from tests.bench.stimuli.script import RATE, Audio, Cue, Mark, Piece, Script
from tests.bench.stimuli.speech import (
    SPEECH_DB,
    Said,
    dips,
    humans,
    insert_pause,
    last_loud,
    synthetic,
    voiced_samples,
)  # fmt: skip
from tests.bench.stimuli.splits import NOISES, ROOMS, VOICES, Split, SyntheticVoice, wording

__all__ = ["EVENTS", "Half", "Scene", "bystander", "paused", "whole"]

Generator = np.random.Generator
Item = TypeVar("Item")
Half = Literal["synthetic", "human"]

BED_SECONDS: Final = 12.0
STORY_LINES: Final = 6
LEVEL_SPREAD_DB: Final = 2.5

EVENTS: Final = ("backchannel", "cough", "aside", "backchannel", "laugh", "background",
                 "backchannel", "breath", "aside")  # fmt: skip
"""What asks for nothing, in the order in which clips have it: three of each kind in nine."""


class Scene:
    """What is drawn once for a clip: voice, room, noise; and the ways to make pieces in it."""

    def __init__(self, generator: Generator, split: Split, half: Half) -> None:
        self.generator = generator
        self.split: Split = split
        self.half: Half = half
        self.voice: SyntheticVoice = self.pick(VOICES[split])
        self._sentences, self._slots = wording(split)
        self._near = room_response(generator, ROOMS[split], (0.3, 0.9))
        self._own = {slot: self.pick(values) for slot, values in self._slots.items()}

    def pick(self, items: Sequence[Item]) -> Item:
        """One of them."""
        return items[int(self.generator.integers(len(items)))]

    def sentence(self, kind: str) -> str:
        """A sentence of a kind, its slots filled alike in the whole clip."""
        return self.pick(self._sentences[kind]).format(**self._own)

    def story(self) -> list[str]:
        """Six lines of the split's story, from a place drawn."""
        lines = self._sentences["stories"]
        first = int(self.generator.integers(max(len(lines) - STORY_LINES, 0) + 1))
        return [line.format(**self._own) for line in lines[first : first + STORY_LINES]]

    def say(self, kind: str, db: float = SPEECH_DB) -> Said:
        """A sentence of that kind by the clip's voice."""
        return synthetic(self.voice, self.sentence(kind), db)

    def level(self, beside_turns_db: float) -> float:
        """Decibels below full scale of something said over our speech.

        Spread wide: an "okay" is softer than a turn more often than not, but how loud a voice is
        must not tell who wants the floor.
        """
        by = float(self.generator.normal(beside_turns_db, LEVEL_SPREAD_DB))
        return SPEECH_DB + min(max(by, beside_turns_db - 6.0), beside_turns_db + 6.0)

    def other(self, kind: str, db: float) -> Said:
        """The same by somebody else of the split."""
        others = tuple(v for v in VOICES[self.split] if v.person != self.voice.person)
        return synthetic(self.pick(others), self.sentence(kind), db)

    def piece(self, said: Said, cue: Cue, marks: tuple[Mark, ...]) -> Piece:
        """The utterance in the clip's room; labels and voice are those of the dry sound."""
        return Piece(
            in_room(said.audio, self._near), marks, voiced_samples(said.audio), said.text, cue
        )

    def human(self, pausable: bool) -> Said:
        """A recording; with a silence inside when `pausable`.

        Speakers are drawn by the root of how much there is of them: with all alike one sentence
        would come again and again, with all recordings alike nearly all would be one person's.
        """
        known = [said for said in humans(self.split) if not pausable or dips(said.audio)]
        speakers = sorted({said.speaker for said in known})
        counts = np.array([sum(said.speaker == one for said in known) for one in speakers])
        weights = np.sqrt(counts)
        drawn = speakers[int(self.generator.choice(len(speakers), p=weights / weights.sum()))]
        return self.pick([said for said in known if said.speaker == drawn])

    def _bed(self) -> tuple[Audio, str]:
        """The floor of noise: faint in half of the clips, 17 to 30 dB under the voice in others."""
        quiet = self.generator.random() < 0.5
        kinds = NOISES[self.split]
        kind = self.pick(kinds)
        if quiet and kind in ("babble", "crowd", "television"):
            kind = kinds[0]
        db = self.generator.uniform(-62, -56) if quiet else self.generator.uniform(-53, -40)
        speech = [self.other("background", -23.0).audio for _ in range(3)]
        noise = NOISE_MAKERS[kind](
            self.generator, round(BED_SECONDS * RATE), np.concatenate(speech)
        )
        return level_to(noise, db), f"{kind} {db:.0f} dB"

    def script(self, clip: str, suite: str, pieces: tuple[Piece, ...], tail: float) -> Script:
        """The clip: 4 in 10 with headphones, else a loudspeaker; 15 % have no canceller."""
        bed, noise = self._bed()
        drawn = float(self.generator.random())
        loop = 0 if drawn < 0.4 else 1 if drawn < 0.85 else 2
        echo = room_response(self.generator, ROOMS[self.split], (0.3, 0.8))
        echo = (echo * 10 ** (-self.generator.uniform(22, 34) / 20)).astype(np.float32)
        names = ("headphones", "loudspeaker with canceller", "loudspeaker, canceller off")
        return Script(
            clip, suite, self.half, self.voice.name, pieces, bed,
            echo if loop else np.zeros(0, np.float32), canceller=loop != 2,
            tail_seconds=tail, noise=noise, room_name=names[loop],
        )  # fmt: skip


def whole(said: Said) -> tuple[int, int]:
    """First and one past the last voiced sample."""
    spans = voiced_samples(said.audio)
    start = spans[0][0] if spans else 0
    return start, max(last_loud(said.audio), start)


def paused(scene: Scene) -> Said:
    """A sentence with a pause of 0.3 to 1.5 s in the middle.

    Raises:
        ValueError: nothing this voice says has a silence inside.
    """
    kinds = ("pauses", "pauses", "hesitations", "corrections")
    # A render without any inner silence is put back; espeak runs some commas together.
    for _ in range(100):
        said = scene.human(True) if scene.half == "human" else scene.say(scene.pick(kinds))
        seconds = float(scene.generator.uniform(0.3, 1.5))
        if (found := insert_pause(scene.generator, said, seconds)) is not None:
            return found
    raise ValueError(f"no sentence of {scene.voice.name} has a silence inside")


def bystander(scene: Scene, kind: str, cue: Cue) -> Piece:
    """Something that asks for nothing: one of `EVENTS`."""
    if kind == "backchannel":
        said, label = scene.say("backchannels", scene.level(-2.0)), "backchannel"
    elif kind in ("cough", "laugh", "breath"):
        sound = vocal_tic(scene.generator, kind)
        said, label = Said(sound, "", scene.voice.name, "synthetic"), "vocal_tic"
    elif kind == "aside":
        said, label = scene.say("asides", scene.level(-4.0)), "not_directed"
    else:
        said, label = scene.other("background", -33.0), "not_directed"
    mark = Mark(cast("LabelKind", label), *whole(said), said.text)
    # Nothing of it is to be recognised.
    return replace(scene.piece(said, cue, (mark,)), text="")
