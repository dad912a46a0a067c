"""Scripts from a seed: clip i of a suite is the same whatever was made before it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from tests.bench.stimuli.scene import EVENTS, Half, Scene, bystander, paused, whole
from tests.bench.stimuli.script import RATE, Audio, Cue, Mark, Piece, Script
from tests.bench.stimuli.speech import Said, dips, human_monologues, humans, last_loud, synthetic
from tests.bench.stimuli.splits import Split
from tests.bench.stimuli.talk import talk

__all__ = ["MAKERS", "Half", "make_script"]

LEAD_SECONDS: Final = 0.5
ANSWER_TAIL_SECONDS: Final = 5.6
OVERLAP_TAIL_SECONDS: Final = 3.6


def _whole_turn(said: Said) -> Mark:
    return Mark("turn", *whole(said), said.text)


def _turn(scene: Scene, clip: str) -> Script:
    said = scene.human(False) if scene.half == "human" else scene.say("turns")
    piece = scene.piece(said, Cue("clock", LEAD_SECONDS), (_whole_turn(said),))
    script = scene.script(clip, "turn", (piece,), ANSWER_TAIL_SECONDS)
    return replace(script, speaker=said.speaker, ends="decided")


def _pause(scene: Scene, clip: str) -> Script:
    said = paused(scene)
    marks = tuple(Mark("pause", start, end) for start, end in said.pauses)
    piece = scene.piece(said, Cue("clock", LEAD_SECONDS), (*marks, _whole_turn(said)))
    script = scene.script(clip, "pause", (piece,), ANSWER_TAIL_SECONDS)
    return replace(script, speaker=said.speaker, ends="decided")


def _voice(scene: Scene, clip: str) -> Script:
    """A turn whose answer is recorded to its end."""
    return replace(_turn(scene, clip), suite="voice", ends="finished")


def _prompt(scene: Scene) -> Piece:
    return scene.piece(scene.say("long_prompts"), Cue("clock", LEAD_SECONDS), ())


def _over(scene: Scene) -> Cue:
    return Cue("agent_speaks", float(scene.generator.uniform(1.0, 2.5)), 9.0)


def _stop(scene: Scene, clip: str) -> Script:
    said = scene.say("interruptions", scene.level(1.0))
    mark = Mark("interruption", *whole(said), said.text)
    barge = scene.piece(said, _over(scene), (mark,))
    script = scene.script(clip, "stop", (_prompt(scene), barge), OVERLAP_TAIL_SECONDS)
    return replace(script, ends="decided")


def _overlap(scene: Scene, clip: str) -> Script:
    number = int(clip.rsplit("-", 1)[1])
    # One in four falls into silence: nobody has said anything to answer.
    alone = scene.generator.random() < 0.25
    cue = Cue("clock", 1.2) if alone else _over(scene)
    event = bystander(scene, EVENTS[number % len(EVENTS)], cue)
    pieces = (event,) if alone else (_prompt(scene), event)
    script = scene.script(clip, "overlap", pieces, OVERLAP_TAIL_SECONDS)
    return replace(script, ends="decided")


def _backchannel(scene: Scene, clip: str) -> Script:
    said, marks = _human_story(scene) if scene.half == "human" else _story(scene)
    piece = scene.piece(said, Cue("clock", LEAD_SECONDS), marks)
    script = scene.script(clip, "backchannel", (piece,), 3.0)
    return replace(script, speaker=said.speaker, ends="decided")


def _human_story(scene: Scene) -> tuple[Said, tuple[Mark, ...]]:
    said = scene.pick(human_monologues(scene.split))
    gaps = sorted(gap for gap in dips(said.audio, 0.3))
    places = [start + RATE // 4 for start, _ in gaps]
    marks = [Mark("opportunity", at, at) for at in places]
    return said, (Mark("monologue", 0, last_loud(said.audio)), *marks)


def _story(scene: Scene) -> tuple[Said, tuple[Mark, ...]]:
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
    joined = np.concatenate(parts[:-1])
    said = Said(joined, " ".join(lines), scene.voice.name, "synthetic")
    return said, (Mark("monologue", 0, last_loud(joined)), *marks)


Maker = Callable[[Scene, str], Script]
MAKERS: Final[Mapping[str, Maker]] = {
    "turn": _turn,
    "pause": _pause,
    "stop": _stop,
    "overlap": _overlap,
    "backchannel": _backchannel,
    "voice": _voice,
    "talk": talk,
}


def make_script(
    suite: str, split: Split, seed: int, index: int, half: Half = "synthetic"
) -> Script:
    """Clip `index` of a suite.

    Raises:
        ValueError: the split has no recordings for that half.
    """
    if half == "human" and (suite in ("stop", "overlap", "talk") or not humans(split)):
        raise ValueError(f"there is no human material for {suite} in the split {split}")
    if half == "human" and suite == "backchannel" and not human_monologues(split):
        raise ValueError(f"there is no long reading in the split {split}")
    key = zlib.crc32(f"{suite}/{half}/{split}".encode())
    scene = Scene(np.random.default_rng([seed, key, index]), split, half)
    return MAKERS[suite](scene, f"{suite}-{half}-{index:04d}")
