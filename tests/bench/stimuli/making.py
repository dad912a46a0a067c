"""Scripts from a seed: clip i of a suite is the same whatever was made before it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, TypeVar

import numpy as np

from tests.bench.stimuli.acoustics import (
    NOISE_MAKERS,
    in_room,
    level_to,
    room_response,
    vocal_tic,
)  # fmt: skip
from tests.bench.stimuli.script import RATE, Audio, Cue, Mark, Piece, Script
from tests.bench.stimuli.speech import (
    Said,
    dips,
    human_monologues,
    humans,
    insert_pause,
    last_loud,
    synthetic,
    voiced_samples,
)  # fmt: skip
from tests.bench.stimuli.splits import NOISES, ROOMS, VOICES, Split, SyntheticVoice, wording

__all__ = ["MAKERS", "Half", "make_script"]

Generator = np.random.Generator
Item = TypeVar("Item")
Half = Literal["synthetic", "human"]

BED_SECONDS: Final = 12.0
ANSWER_TAIL_SECONDS: Final = 5.6
OVERLAP_TAIL_SECONDS: Final = 3.6


class _Scene:
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
        """The split's story, from a place drawn."""
        lines = self._sentences["stories"]
        first = int(self.generator.integers(max(len(lines) - 7, 1)))
        return [line.format(**self._own) for line in lines[first:]]

    def say(self, kind: str, db: float = -23.0) -> Said:
        """A sentence of that kind by the clip's voice."""
        return synthetic(self.voice, self.sentence(kind), db)

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
        """A recording; with a silence inside when `pausable`."""
        known = [said for said in humans(self.split) if not pausable or dips(said.audio)]
        return self.pick(known)

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


def _whole_turn(said: Said) -> Mark:
    spans = voiced_samples(said.audio)
    return Mark("turn", spans[0][0] if spans else 0, last_loud(said.audio), said.text)


def _turn(scene: _Scene, clip: str) -> Script:
    said = scene.human(False) if scene.half == "human" else scene.say("turns")
    piece = scene.piece(said, Cue("clock", 0.8), (_whole_turn(said),))
    script = scene.script(clip, "turn", (piece,), ANSWER_TAIL_SECONDS)
    return replace(script, speaker=said.speaker, ends="answered")


def _pause(scene: _Scene, clip: str) -> Script:
    kinds = ["pauses", "pauses", "hesitations", "corrections"]
    # A render without any inner silence is put back; espeak runs some commas together.
    for _ in range(100):
        said = scene.human(True) if scene.half == "human" else scene.say(scene.pick(kinds))
        paused = insert_pause(scene.generator, said, float(scene.generator.uniform(0.3, 1.5)))
        if paused is not None:
            break
    else:
        raise ValueError(f"no sentence of {scene.voice.name} has a silence inside")
    marks = tuple(Mark("pause", start, end) for start, end in paused.pauses)
    piece = scene.piece(paused, Cue("clock", 0.8), (*marks, _whole_turn(paused)))
    script = scene.script(clip, "pause", (piece,), ANSWER_TAIL_SECONDS)
    return replace(script, speaker=paused.speaker, ends="answered")


def _voice(scene: _Scene, clip: str) -> Script:
    """A turn whose answer is recorded to its end."""
    return replace(_turn(scene, clip), suite="voice", ends="finished")


def _prompt(scene: _Scene) -> Piece:
    return scene.piece(scene.say("long_prompts"), Cue("clock", 0.8), ())


def _over(scene: _Scene) -> Cue:
    return Cue("agent_speaks", float(scene.generator.uniform(1.0, 2.5)), 9.0)


def _stop(scene: _Scene, clip: str) -> Script:
    said = scene.say("interruptions")
    spans = voiced_samples(said.audio)
    mark = Mark("interruption", spans[0][0], last_loud(said.audio), said.text)
    barge = scene.piece(said, _over(scene), (mark,))
    return scene.script(clip, "stop", (_prompt(scene), barge), OVERLAP_TAIL_SECONDS)


def _event(
    scene: _Scene, kind: str
) -> tuple[Said, Literal["backchannel", "vocal_tic", "not_directed"]]:
    """Something that asks for nothing."""
    if kind == "backchannel":
        return scene.say("backchannels", -26.0), "backchannel"
    if kind in ("cough", "laugh", "breath"):
        sound = vocal_tic(scene.generator, kind)
        return Said(sound, "", scene.voice.name, "synthetic"), "vocal_tic"
    if kind == "aside":
        return scene.say("asides", -29.0), "not_directed"
    return scene.other("background", -33.0), "not_directed"


_EVENTS: Final = ("backchannel", "cough", "aside", "backchannel", "laugh", "background",
                  "backchannel", "breath", "aside")  # fmt: skip


def _overlap(scene: _Scene, clip: str) -> Script:
    number = int(clip.rsplit("-", 1)[1])
    said, kind = _event(scene, _EVENTS[number % len(_EVENTS)])
    spans = voiced_samples(said.audio)
    start = spans[0][0] if spans else 0
    mark = Mark(kind, start, max(last_loud(said.audio), start), said.text)
    # One in four falls into silence: nobody has said anything to answer.
    alone = scene.generator.random() < 0.25
    cue = Cue("clock", 1.2) if alone else _over(scene)
    event = replace(scene.piece(said, cue, (mark,)), text="")
    pieces = (event,) if alone else (_prompt(scene), event)
    return scene.script(clip, "overlap", pieces, OVERLAP_TAIL_SECONDS)


def _backchannel(scene: _Scene, clip: str) -> Script:
    said, marks = _human_story(scene) if scene.half == "human" else _story(scene)
    piece = scene.piece(said, Cue("clock", 0.8), marks)
    script = scene.script(clip, "backchannel", (piece,), 3.0)
    return replace(script, speaker=said.speaker)


def _human_story(scene: _Scene) -> tuple[Said, tuple[Mark, ...]]:
    said = scene.pick(human_monologues(scene.split))
    gaps = sorted(gap for gap in dips(said.audio, 0.3))
    places = [start + RATE // 4 for start, _ in gaps]
    marks = [Mark("opportunity", at, at) for at in places]
    return said, (Mark("monologue", 0, last_loud(said.audio)), *marks)


def _story(scene: _Scene) -> tuple[Said, tuple[Mark, ...]]:
    """Whole sentences one after another; an opportunity 0.25 s after each but the last."""
    parts: list[Audio] = []
    marks: list[Mark] = []
    at = 0
    lines = scene.story()
    for i, line in enumerate(lines):
        audio = synthetic(scene.voice, line).audio
        gap = np.zeros(round(scene.generator.uniform(0.3, 0.9) * RATE), np.float32)
        ended = at + last_loud(audio)
        if i < len(lines) - 1:
            marks.append(Mark("opportunity", ended + RATE // 4, ended + RATE // 4))
        parts += [audio, gap]
        at += len(audio) + len(gap)
    whole = np.concatenate(parts[:-1])
    said = Said(whole, " ".join(lines), scene.voice.name, "synthetic")
    return said, (Mark("monologue", 0, last_loud(whole)), *marks)


Maker = Callable[[_Scene, str], Script]
MAKERS: Final[Mapping[str, Maker]] = {
    "turn": _turn,
    "pause": _pause,
    "stop": _stop,
    "overlap": _overlap,
    "backchannel": _backchannel,
    "voice": _voice,
}


def make_script(
    suite: str, split: Split, seed: int, index: int, half: Half = "synthetic"
) -> Script:
    """Clip `index` of a suite.

    Raises:
        ValueError: the split has no recordings for that half.
    """
    if half == "human" and (suite in ("stop", "overlap") or not humans(split)):
        raise ValueError(f"there is no human material for {suite} in the split {split}")
    if half == "human" and suite == "backchannel" and not human_monologues(split):
        raise ValueError(f"there is no long reading in the split {split}")
    key = zlib.crc32(f"{suite}/{half}/{split}".encode())
    scene = _Scene(np.random.default_rng([seed, key, index]), split, half)
    return MAKERS[suite](scene, f"{suite}-{half}-{index:04d}")
