"""Utterances with exact labels: whole renders and recordings, pauses put into their silences."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

import numpy as np

from tests.bench.metrics.activity import LEVEL_DB, voiced_intervals
from tests.bench.stimuli.acoustics import level_to
from tests.bench.stimuli.recordings import CLIPS
from tests.bench.stimuli.script import RATE, Audio
from tests.bench.stimuli.splits import HUMANS, Split, SyntheticVoice
from tests.bench.stimuli.voices import render
from tests.speech.recordings import human_recordings, long_reading, read_audio

__all__ = [
    "SPEECH_DB",
    "Said",
    "dips",
    "human_monologues",
    "humans",
    "insert_pause",
    "last_loud",
    "quietest",
    "synthetic",
    "voiced_samples",
]

Generator = np.random.Generator
SPEECH_DB: Final = -23.0
_STEP: Final = RATE // 200  # 5 ms, the grid of onsets
_GRAIN: Final = RATE // 100
_SOURCE: Final = 640  # 40 ms

_PROMPTS: Final = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
_PROMPT_TEXTS: Final = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance, dry: float32 at 16 kHz, its words, who says it, and pauses put in.

    `pauses` are (last voiced sample before, first after).
    """

    audio: Audio
    text: str
    speaker: str
    half: Literal["synthetic", "human"]
    pauses: tuple[tuple[int, int], ...] = ()


def synthetic(voice: SyntheticVoice, text: str, db: float = SPEECH_DB) -> Said:
    """A sentence by a synthesiser."""
    return Said(level_to(render(voice, text), db), text, voice.name, "synthetic")


def last_loud(audio: Audio) -> int:
    """One past the person's last voiced sample; 0 when there is none.

    The end of the last voiced interval, or of the last 5 ms above the level within 0.15 s of it:
    the release of a final stop is too short to be an interval, a click long after is not speech.
    """
    spans = voiced_samples(audio)
    if not spans:
        return 0
    end = spans[-1][1]
    tail = audio[end : end + round(0.15 * RATE)]
    frames = tail[: len(tail) // _STEP * _STEP].reshape(-1, _STEP).astype(np.float64)
    loud = np.flatnonzero(np.mean(frames**2, axis=1) > 10 ** (LEVEL_DB / 10))
    return end + int(loud[-1] + 1) * _STEP if len(loud) else end


def voiced_samples(audio: Audio) -> tuple[tuple[int, int], ...]:
    """Voiced intervals in samples."""
    return tuple(
        (round(i.start * RATE), round(i.end * RATE)) for i in voiced_intervals(audio, RATE)
    )


def dips(audio: Audio, least_seconds: float = 0.06) -> list[tuple[int, int]]:
    """Silences between voiced intervals in the middle of an utterance, longest first.

    Only from 15 to 85 % of its length, where going on is sure.
    """
    spans = voiced_samples(audio)
    gaps = [(a[1], b[0]) for a, b in zip(spans, spans[1:], strict=False)]
    inner = [
        (start, end)
        for start, end in gaps
        if 0.15 * len(audio) < start and end < 0.85 * len(audio)
        and end - start >= least_seconds * RATE
    ]  # fmt: skip
    return sorted(inner, key=lambda gap: gap[0] - gap[1])


def quietest(audio: Audio, start: int, end: int) -> int:
    """Middle of the quietest 40 ms of a silence: where a pause is opened."""
    power = np.convolve(audio[start:end].astype(np.float64) ** 2, np.ones(_SOURCE), "valid")
    return start + int(np.argmin(power)) + _SOURCE // 2


def _silence_like(generator: Generator, audio: Audio, seam: int, count: int) -> Audio:
    """`count` samples of what lies around the seam: grains of 10 ms, overlapped at equal power.

    The first and the last 5 ms are crossed with the recording's own samples, so that neither
    level nor spectrum nor any sample jumps.
    """
    source = audio[seam - _SOURCE // 2 : seam + _SOURCE // 2]
    window = np.sqrt(np.hanning(_GRAIN + 1)[:_GRAIN]).astype(np.float32)
    hop = _GRAIN // 2
    filled = np.zeros(count + 2 * _GRAIN, np.float32)
    for at in range(0, count + _GRAIN, hop):
        place = int(generator.integers(len(source) - _GRAIN + 1))
        grain = source[place : place + _GRAIN]
        if generator.random() < 0.5:
            grain = grain[::-1]
        filled[at : at + _GRAIN] += window * grain * (1.0 if generator.random() < 0.5 else -1.0)
    filled = filled[_GRAIN : _GRAIN + count]
    rise = np.sqrt(np.linspace(0.0, 1.0, hop, dtype=np.float32))
    filled[:hop] = filled[:hop] * rise + audio[seam : seam + hop] * rise[::-1]
    filled[-hop:] = filled[-hop:] * rise[::-1] + audio[seam - hop : seam] * rise
    return filled


def insert_pause(generator: Generator, said: Said, seconds: float) -> Said | None:
    """The utterance with its longest inner silence stretched to `seconds`; None if it has none.

    Nothing is cut: the silence is opened at its quietest place and filled with more of itself.
    The bed of noise comes over all of it later.
    """
    places = dips(said.audio)
    if not places:
        return None
    start, end = places[0]
    # On the grid of onsets, so that what follows is found where it was.
    missing = round((seconds * RATE - (end - start)) / _STEP) * _STEP
    if missing < 2 * _GRAIN:
        return Said(said.audio, said.text, said.speaker, said.half, ((start, end),))
    seam = quietest(said.audio, start, end)
    filling = _silence_like(generator, said.audio, seam, missing)
    audio = np.concatenate([said.audio[:seam], filling, said.audio[seam:]])
    return Said(audio, said.text, said.speaker, said.half, ((start, end + missing),))


@cache
def _prompt_texts() -> Mapping[str, str]:
    if not _PROMPT_TEXTS.is_file():
        raise FileNotFoundError(
            f"{_PROMPT_TEXTS} is missing: apt-get install asterisk-core-sounds-en "
            "(an image that leaves out /usr/share/doc has not got it)"
        )
    lines = gzip.decompress(_PROMPT_TEXTS.read_bytes()).decode().splitlines()
    pairs = (line.split(": ", 1) for line in lines if ": " in line and not line.startswith(";"))
    return {name.strip(): text.strip() for name, text in pairs}


def _whole_sentence(text: str) -> bool:
    """One sentence said to its end, at least four words."""
    return bool(re.fullmatch(r"[A-Z][A-Za-z', -]*[.?]", text)) and len(text.split()) >= 4


@cache
def humans(split: Split) -> tuple[Said, ...]:
    """Whole sentences of the split's human speakers, levelled, in a fixed order."""
    speakers = HUMANS[split]
    found = [
        Said(level_to(r.audio, SPEECH_DB), r.text, r.speaker, "human")
        for r in human_recordings()
        if r.speaker in speakers and not r.text.endswith(",")
    ]
    found += [
        Said(level_to(clip.audio, SPEECH_DB), clip.text, clip.speaker, "human")
        for clip in CLIPS
        if clip.speaker in speakers
    ]
    if "allison" in speakers:
        known = {said.text for said in found}
        for name, text in sorted(_prompt_texts().items()):
            path = _PROMPTS / f"{name}.g722"
            if _whole_sentence(text) and path.is_file() and text not in known:
                found.append(Said(level_to(read_audio(path), SPEECH_DB), text, "allison", "human"))
    return tuple(said for said in found if last_loud(said.audio))


@cache
def human_monologues(split: Split) -> tuple[Said, ...]:
    """Long readings of the split's human speakers."""
    if "two_cities" not in HUMANS[split]:
        return ()
    reading = long_reading()
    return (Said(level_to(reading.audio, SPEECH_DB), reading.text, reading.speaker, "human"),)
