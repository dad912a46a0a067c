"""A person's voice for one conversation, and what it says: samples and true times of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cache, lru_cache
from math import gcd
from typing import Any, Final

import numpy as np
from scipy.signal import resample_poly

from model.engine.pieces import finished
from model.messages import Audio, Word
from model.timebase import HEARING_RATE, SPEAKING_RATE
from model.training.render import espeak, flite
from model.training.render.cast import VOICES, Split, TrainingVoice
from model.training.render.kokoro import Kokoro

__all__ = ["Persona", "Utterance", "draw_persona", "own_phrases", "own_voice", "say"]

Generator = np.random.Generator
_MARGIN_SECONDS: Final = 0.02
_LOUD: Final = 0.004
_LIVELINESS: Final = (0.6, 1.5)
_UNVOICED_HERTZ: Final = 40.0
"""Below this hibari makes no pulses."""

_LOWEST_HERTZ: Final = 48.0


@dataclass(frozen=True, slots=True)
class Persona:
    """One person of one conversation: a voice with its pitch, pace and size drawn."""

    voice: TrainingVoice
    stretch: float
    pitch: float
    pace: float
    liveliness: float = 1.0
    """What the melody's distances from its middle are multiplied by; flite has none."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something said: float32 `[samples]`, and its words in seconds of it.

    A person's is at 16 kHz, our own at 24 kHz. The texts of the words are the written ones,
    punctuation included.
    """

    audio: Audio
    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """What is said, as it is written."""
        return " ".join(word.text for word in self.words)


def draw_persona(generator: Generator, split: Split, not_persons: Sequence[str] = ()) -> Persona:
    """A person of the split, none of those named."""
    known = [voice for voice in VOICES[split] if voice.person not in not_persons]
    weights = np.array([voice.weight for voice in known])
    voice = known[int(generator.choice(len(known), p=weights / weights.sum()))]
    return Persona(
        voice,
        round(float(generator.uniform(*voice.stretch)), 2),
        round(float(generator.uniform(*voice.pitch)), 2),
        round(float(generator.uniform(*voice.pace)), 2),
        round(float(generator.uniform(*_LIVELINESS)), 1),
    )


@lru_cache(maxsize=256)
def say(persona: Persona, text: str) -> Utterance:
    """The sentence, cut to what sounds with 20 ms around it; the same text gives the same samples.

    Raises:
        VoiceMissing: the synthesiser is not there.
    """
    engine = persona.voice.engine
    if engine == "hibari":
        return _by_hibari(persona, text)
    if engine == "kokoro":
        return _by_kokoro(persona, text)
    if engine == "flite":
        audio, rate, words = flite.speak(persona.voice.option, text)
        # A change of rate moves pitch, formants and pace together: another, larger or smaller
        # person; what is drawn as pace is a part of it.
        stretch = persona.stretch
    else:
        settings = espeak.EspeakSettings(
            persona.voice.option,
            int(persona.pitch),
            int(50 * persona.liveliness),
            int(persona.pace * persona.stretch),
        )
        audio, rate, words = espeak.speak(settings, text)
        stretch = persona.stretch
    audio, words = _resampled(audio, words, rate, stretch)
    return _trimmed(audio, _written(text, words, len(audio)))


@lru_cache(maxsize=256)
def own_voice(text: str) -> Utterance:
    """A phrase in the voice of the house, at 24 kHz."""
    spoken = finished(_house().render(text))
    audio = np.asarray(spoken.audio, np.float32)
    words = [Word(w.text.strip(), w.start_seconds, w.end_seconds) for w in spoken.words]
    return Utterance(audio, tuple(word for word in words if word.text))


def own_phrases(generator: Generator, lines: Sequence[str]) -> Utterance:
    """Phrases of ours, one at least. They follow each other closely; now and then the next one is
    not ready in time."""
    audios: list[Audio] = []
    words: list[Word] = []
    at = 0
    for line in lines:
        said = own_voice(line)
        shift = at / SPEAKING_RATE
        words += [Word(w.text, w.start_seconds + shift, w.end_seconds + shift) for w in said.words]
        rest = 0.25 if generator.random() < 0.93 else generator.uniform(0.3, 0.8)
        audios += [said.audio, np.zeros(round(rest * SPEAKING_RATE), np.float32)]
        at += len(audios[-2]) + len(audios[-1])
    return Utterance(np.concatenate(audios[:-1]), tuple(words))


def _by_hibari(persona: Persona, text: str) -> Utterance:
    spoken = finished(_hibari(persona).render(text))
    audio = np.asarray(resample_poly(spoken.audio, 2, 3), np.float32)
    words = [Word(w.text.strip(), w.start_seconds, w.end_seconds) for w in spoken.words]
    return Utterance(audio, tuple(word for word in words if word.text))


def _by_kokoro(persona: Persona, text: str) -> Utterance:
    voice = persona.voice
    speaker = _kokoro(voice.option, voice.other, persona.pitch, persona.pace * persona.stretch)
    spoken = finished(speaker.render(text))
    heard = [Word(w.text.strip(), w.start_seconds, w.end_seconds) for w in spoken.words]
    audio, words = _resampled(spoken.audio, heard, SPEAKING_RATE, persona.stretch)
    return Utterance(audio, tuple(word for word in words if word.text))


def _resampled(
    audio: Audio, words: Sequence[Word], rate: int, stretch: float
) -> tuple[Audio, tuple[Word, ...]]:
    """At 16 kHz, `stretch` times as long (and as low)."""
    up, down = round(HEARING_RATE * stretch / 50), round(rate / 50)
    divisor = gcd(up, down)
    longer = resample_poly(audio, up // divisor, down // divisor).astype(np.float32)
    factor = len(longer) / HEARING_RATE / max(len(audio) / rate, 1e-9)
    moved = (Word(w.text, w.start_seconds * factor, w.end_seconds * factor) for w in words)
    return longer, tuple(moved)


def _bare(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _written(text: str, spoken: Sequence[Word], length: int) -> tuple[Word, ...]:
    """The written words with the times of the spoken ones.

    Runs that differ ("it's" spoken as two words) share the time of the run by their letters.
    """
    written = text.split()
    matcher = SequenceMatcher(
        None, [_bare(word) for word in written], [_bare(word.text) for word in spoken], False
    )
    timed: list[Word] = []
    for kind, first, last, left, right in matcher.get_opcodes():
        if kind == "equal":
            pairs = zip(written[first:last], spoken[left:right], strict=True)
            timed += [replace(sound, text=word) for word, sound in pairs]
            continue
        if first == last:
            continue
        before = timed[-1].end_seconds if timed else 0.0
        start = spoken[left].start_seconds if left < right else before
        end = spoken[right - 1].end_seconds if left < right else start
        end = min(end, length / HEARING_RATE)
        sizes = np.cumsum([0] + [max(len(word), 1) for word in written[first:last]])
        edges = start + (end - start) * sizes / sizes[-1]
        timed += [
            Word(word, float(edges[i]), float(edges[i + 1]))
            for i, word in enumerate(written[first:last])
        ]
    return tuple(timed)


def _trimmed(audio: Audio, words: tuple[Word, ...]) -> Utterance:
    peak = float(np.abs(audio).max()) if len(audio) else 0.0
    loud = np.flatnonzero(np.abs(audio) > max(_LOUD * peak, 1e-5))
    if not len(loud):
        return Utterance(audio[:0], ())
    margin = round(_MARGIN_SECONDS * HEARING_RATE)
    first = max(int(loud[0]) - margin, 0)
    last = min(int(loud[-1]) + margin, len(audio))
    if words:  # Some voices hiss before and after their words.
        first = max(first, round((words[0].start_seconds - 0.04) * HEARING_RATE))
        last = min(last, round((words[-1].end_seconds + 0.15) * HEARING_RATE))
    by, longest = first / HEARING_RATE, (last - first) / HEARING_RATE
    moved = tuple(
        Word(w.text, max(w.start_seconds - by, 0.0), min(max(w.end_seconds - by, 0.0), longest))
        for w in words
    )
    return Utterance(audio[first:last], moved)


class _Morphed:
    """hibari's network with its spectra warped, its pitch moved and its pace changed.

    The length of the vocal tract is relative to the voice's own: formants fall as it grows.
    """

    def __init__(self, session: Any, persona: Persona) -> None:
        self._session = session
        self._stretch = persona.stretch
        self._pitch = persona.pitch
        self._pace = persona.pace
        self._liveliness = persona.liveliness

    def run(self, names: None, inputs: Mapping[str, Any]) -> list[Any]:
        """As `onnxruntime.InferenceSession.run`."""
        speed = np.full_like(inputs["speed"], self._pace)
        *spectra, f0, durations = self._session.run(names, {**inputs, "speed": speed})
        if self._stretch != 1.0:
            spectra = [self._warped(part) for part in spectra]
        return [*spectra, self._sung(np.asarray(f0, np.float32)), durations]

    def _sung(self, f0: Any) -> Any:
        """The melody moved, and stretched about its middle."""
        voiced = f0 > _UNVOICED_HERTZ
        if not voiced.any():
            return f0
        middle = np.exp(np.log(f0[voiced]).mean())
        moved = middle * (np.maximum(f0, 1.0) / middle) ** self._liveliness
        sung = np.where(voiced, np.maximum(moved * self._pitch, _LOWEST_HERTZ), 0.0)
        return sung.astype(np.float32)

    def _warped(self, part: Any) -> Any:
        bins = part.shape[1]
        places = np.arange(bins) * self._stretch
        below = np.minimum(places.astype(np.int64), bins - 2)
        share = np.clip(places - below, 0.0, 1.0).astype(np.float32)[None, :, None]
        return part[:, below] * (1 - share) + part[:, below + 1] * share


@cache
def _house() -> Any:
    from model.interaction.voice import HibariVoice

    return HibariVoice.load(threads=1)


@lru_cache(maxsize=4)
def _hibari(persona: Persona) -> Any:
    from model.interaction.voice import HibariVoice

    house = _house()
    session: Any = _Morphed(house._session, persona)
    return HibariVoice(session, house._pronunciation, house._alphabet)


@lru_cache(maxsize=4)
def _kokoro(voice: str, other: str, share: float, pace: float) -> Kokoro:
    return Kokoro(voice, other, share, pace)
