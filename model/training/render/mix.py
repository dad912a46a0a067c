"""From dry parts to what the microphone gives: room, noise, echo of our voice, device, network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, resample_poly, sosfilt

from model.messages import Audio
from model.timebase import (
    HEARING_FRAME_SAMPLES,
    HEARING_RATE,
    SPEAKING_BLOCK_SAMPLES,
    SPEAKING_RATE,
    samples,
)
from model.training.render.cast import NOISES, ROOMS, Split
from model.training.render.noises import NOISE_MAKERS, VOICED_NOISES, level_to
from model.training.render.opus import bursts, through_opus
from model.training.render.parts import Conversation
from model.training.render.rooms import Room, in_room
from model.training.render.speech import draw_persona, say
from model.training.scripts.writer import Writer

__all__ = ["Mixed", "mix"]

Generator = np.random.Generator
_FRAME: Final = HEARING_FRAME_SAMPLES
_FADE_SAMPLES: Final = samples(0.04, SPEAKING_RATE)
_GATED: Final = 0.12
_TURNED: Final = 0.35
"""Of what is said to somebody else, how much with the head turned away. While it was seven in ten,
and all others stood far off, whoever sounded clear and near meant us with odds of twelve to one."""

_BESIDE: Final = 0.5
"""How often somebody else is as near to the microphone as the person, and only softer."""


@dataclass(frozen=True)
class Mixed:
    """One conversation as audio.

    Attributes:
        heard: what the microphone gave, float32 at 16 kHz `[micro-turns * 1600]`.
        sent: our voice as sent, float32 at 24 kHz `[micro-turns * 2400]`; else digital zero.
        meta: what was drawn.
    """

    heard: Audio
    sent: Audio
    meta: dict[str, str]


def mix(generator: Generator, split: Split, conversation: Conversation) -> Mixed:
    """The audio of a conversation."""
    meta = dict(conversation.meta)
    sent = _sent(conversation)
    room = Room(generator, ROOMS[split])
    meta["room"] = f"{room.area:.1f} m2"
    person, other = _voices(generator, conversation, room)
    heard = person + other
    heard = _with_echo(generator, heard, sent, conversation, room, meta)
    heard = heard + _bed(generator, split, conversation, room, meta)
    heard = _device(generator, heard, meta)
    if generator.random() < _GATED:
        heard = _gate(generator, heard, meta)
    heard = _network(generator, heard, meta)
    return Mixed(np.clip(heard, -1.0, 1.0).astype(np.float32), sent, meta)


def _sent(conversation: Conversation) -> Audio:
    track = np.zeros(conversation.micro_turns * SPEAKING_BLOCK_SAMPLES, np.float32)
    for part in conversation.own:
        audio = part.audio[: part.sent].copy()
        if part.faded:
            length = min(_FADE_SAMPLES, len(audio))
            audio[len(audio) - length :] *= np.linspace(1.0, 0.0, length, dtype=np.float32)
        _add(track, part.k * SPEAKING_BLOCK_SAMPLES, audio)
    return track


def _add(track: Audio, start: int, audio: Audio) -> None:
    end = min(start + len(audio), len(track))
    if start < end:
        track[start:end] += audio[: end - start]


def _voices(generator: Generator, conversation: Conversation, room: Room) -> tuple[Audio, Audio]:
    """The person, and what else is alive in the room, each where it stands."""
    near = np.zeros(conversation.length, np.float32)
    away, far = near.copy(), near.copy()
    for part in conversation.person:
        turned = part.kind == "aside" and generator.random() < _TURNED
        _add(away if turned else near, part.start, part.audio)
    for other in conversation.others:
        _add(far, other.start, other.audio)
    person = in_room(near, room.response(generator, (0.2, 0.9)))
    if away.any():
        # A head turned away: less of the high, more of the room.
        dull = sosfilt(
            butter(1, generator.uniform(1500, 4000), fs=HEARING_RATE, output="sos"), away
        )
        person += in_room(dull.astype(np.float32), room.response(generator, (0.6, 1.4)))
    if far.any():
        beside = generator.random() < _BESIDE
        return person, in_room(far, room.response(generator, (0.2, 0.9) if beside else (1.0, 3.0)))
    return person, far


def _bed(
    generator: Generator, split: Split, conversation: Conversation, room: Room, meta: dict[str, str]
) -> Audio:
    """The floor of noise: never none. Faint in four of ten; 10 to 30 dB under the voice else."""
    count = conversation.length
    faint = generator.random() < 0.4
    kinds = [kind for kind in NOISES[split] if not (faint and kind in VOICED_NOISES)]
    kind = kinds[int(generator.integers(len(kinds)))]
    db = float(generator.uniform(-70, -54) if faint else generator.uniform(-53, -33))
    speech = np.zeros(HEARING_RATE, np.float32)
    if kind in VOICED_NOISES:
        speech = _programme_speech(generator, split, conversation.persona.voice.person)
        db = max(db, -48.0)
    noise = NOISE_MAKERS[kind](generator, count, speech)
    if kind in VOICED_NOISES or kind == "music":
        noise = in_room(noise, room.response(generator, (1.5, 3.0)))
    meta["noise"] = f"{kind} {db:.0f} dB"
    hiss = NOISE_MAKERS["white"](generator, count, speech)
    bed = level_to(noise, db) + level_to(hiss, float(generator.uniform(-82, -66)))
    return np.asarray(bed, np.float32)


def _programme_speech(generator: Generator, split: Split, person: str) -> Audio:
    writer = Writer(generator, split)
    parts: list[Audio] = []
    for _ in range(2):
        persona = draw_persona(generator, split, (person,))
        for _ in range(4):
            said = say(persona, writer.pick("programmes")).audio
            rest = np.zeros(samples(generator.uniform(0.1, 0.5), HEARING_RATE), np.float32)
            parts += [level_to(said, -20.0), rest]
    return np.concatenate(parts)


def _with_echo(
    generator: Generator,
    person: Audio,
    sent: Audio,
    conversation: Conversation,
    room: Room,
    meta: dict[str, str],
) -> Audio:
    """Our voice comes back, later, through the room; a canceller removes most and ducks the person.

    Four in ten wear headphones; of the rest one in four has no canceller.
    """
    draw = generator.random()
    if draw < 0.4 or not conversation.own:
        meta["echo"] = "headphones"
        return person
    played = np.asarray(resample_poly(sent, 2, 3), np.float32)
    played = _delayed(generator, played, conversation.delay_seconds)
    echo = in_room(played, room.response(generator, (0.2, 0.8)))
    small = butter(2, [generator.uniform(120, 350), generator.uniform(4500, 7500)], "bandpass",
                   fs=HEARING_RATE, output="sos")  # fmt: skip
    db = float(generator.uniform(-34, -16))
    echo = (sosfilt(small, echo) * 10 ** (db / 20)).astype(np.float32)
    if draw < 0.55:
        meta["echo"] = f"no canceller {db:.0f} dB"
        return np.asarray(person + echo, np.float32)
    meta["echo"] = f"canceller {db:.0f} dB"
    return _cancelled(generator, person, echo, played)


def _delayed(generator: Generator, played: Audio, delay_seconds: float) -> Audio:
    """Later by the way to the person, whose length changes when packets are late."""
    out = np.zeros_like(played)
    at = 0
    delay = delay_seconds
    while at < len(played):
        length = samples(generator.uniform(3.0, 12.0), HEARING_RATE)
        shift = samples(delay, HEARING_RATE)
        _add(out, at + shift, played[at : at + length])
        at += length
        delay = float(np.clip(delay + generator.normal(0, 0.015), 0.03, 0.45))
    return out


def _frames(audio: Audio) -> np.ndarray:
    """Loudness of every 20 ms."""
    whole = audio[: len(audio) // _FRAME * _FRAME].reshape(-1, _FRAME)
    return np.asarray(np.sqrt(np.mean(np.square(whole), axis=1)))


def _cancelled(generator: Generator, person: Audio, echo: Audio, played: Audio) -> Audio:
    """What an echo canceller leaves: it converges, leaks when both speak, and ducks the person."""
    loud: npt.NDArray[Any] = _frames(played) > 0.003
    near: npt.NDArray[Any] = _frames(person) > 0.003
    learnt = 1.0 - np.exp(-np.cumsum(loud) * 0.02 / generator.uniform(0.1, 0.6))
    left = np.interp(learnt, [0, 1], [1.0, 10 ** (generator.uniform(-45, -22) / 20)])
    both: npt.NDArray[Any] = loud & near
    left = np.where(both, np.minimum(left * generator.uniform(1, 4), 1.0), left)
    duck = 10 ** (generator.uniform(-12, 0) / 20)
    gain = np.where(both, duck, 1.0)
    # The first frames of an interruption are hit hardest, until double talk is noticed.
    onset = both & np.logical_not(np.roll(both, 6))
    gain = np.where(onset, gain * 10 ** (generator.uniform(-8, 0) / 20), gain)
    count = len(person)
    smooth = np.repeat(np.convolve(gain, np.ones(3) / 3, "same"), _FRAME)[:count]
    leak = np.repeat(left, _FRAME)[:count]
    return np.asarray(person * smooth + echo * leak, np.float32)


def _device(generator: Generator, heard: Audio, meta: dict[str, str]) -> Audio:
    """A microphone: its band, its tilt, its level; sometimes a level that is ridden, or clips."""
    low = generator.uniform(20, 160)
    out = np.asarray(sosfilt(butter(1, low, "highpass", fs=HEARING_RATE, output="sos"), heard))
    if generator.random() < 0.3:
        high = generator.uniform(3300, 7000)
        out = np.asarray(sosfilt(butter(2, high, fs=HEARING_RATE, output="sos"), out))
    if generator.random() < 0.5:
        tilt = generator.uniform(-0.5, 0.5)
        out = out + tilt * np.concatenate([[0.0], out[:-1]])
    gain = float(generator.normal(0.0, 5.0))
    meta["level"] = f"{gain:+.0f} dB"
    out = out * 10 ** (gain / 20)
    if generator.random() < 0.3:
        level = np.maximum.accumulate(_frames(out.astype(np.float32)))
        ridden = np.interp(np.clip(level, 0.003, 0.3), [0.003, 0.3], [1.8, 0.8])
        ridden = np.convolve(np.pad(ridden, 25, "edge"), np.ones(51) / 51, "valid")
        out[: len(ridden) * _FRAME] *= np.repeat(ridden, _FRAME)
    clipped = np.tanh(out * 1.2) / 1.2 if generator.random() < 0.2 else out
    return np.asarray(clipped, np.float32)


def _gate(generator: Generator, heard: Audio, meta: dict[str, str]) -> Audio:
    """What suppresses noise: digital zero wherever it is quiet, in pauses as behind the end."""
    quietest = float(generator.uniform(-62, -42))
    held = int(generator.integers(2, 16))
    meta["gate"] = f"{quietest:.0f} dB"
    loud = _frames(heard) >= 10 ** (quietest / 20)
    last = np.maximum.accumulate(np.where(loud, np.arange(len(loud)), -1_000))
    opened = np.arange(len(loud)) - last <= held
    out = heard.copy()
    out[: len(opened) * _FRAME] *= np.repeat(opened, _FRAME)
    return out


def _network(generator: Generator, heard: Audio, meta: dict[str, str]) -> Audio:
    """Through Opus in two of three; packets lost in one of three."""
    draw = generator.random()
    if draw > 0.65:
        meta["network"] = "clean"
        return heard
    share = float(generator.uniform(0.01, 0.1)) if draw < 0.33 else 0.0
    lost = bursts(generator, len(heard) // _FRAME, share, generator.uniform(1.0, 3.0))
    bitrate = int(generator.choice([16_000, 24_000, 32_000]))
    meta["network"] = f"opus {bitrate // 1000} kbit/s, loss {share:.0%}"
    return through_opus(np.asarray(np.clip(heard, -1, 1), np.float32), lost, bitrate)
