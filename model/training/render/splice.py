"""Pauses put into whole renders, so that nothing but the words and their melody tells.

A sentence is rendered whole; between two of its words, at the quietest place there, it is opened
and filled with more of its own quiet, its edges faded as a voice fades. The room, the noise floor
and the codec come over everything afterwards, and the ends of finished turns are treated alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from model.messages import Audio, Word
from model.timebase import HEARING_RATE, samples, seconds
from model.training.render.speech import Utterance

__all__ = ["closed", "one_after_another", "quiet_tail", "with_pauses"]

Generator = np.random.Generator
_GRAIN: Final = HEARING_RATE // 100
_SOURCE: Final = 640
_SEARCH_SECONDS: Final = 0.05
_FADE_SECONDS: Final = (0.006, 0.03)
_CLOSING_SECONDS: Final = (2.5, 3.0)
_UNDER_LOUD_DB: Final = 40.0
"""Filling is quieter than that under the loud part of what is said. A voice is at most 32 dB under
it (`parts.voiced_spans`), so that filling is never taken for one if the loud part is measured in
what is said: of a short word with its closing, it would be the closing."""


def one_after_another(
    generator: Generator, sentences: Sequence[Utterance]
) -> tuple[Audio, tuple[Word, ...], list[tuple[int, int]]]:
    """Sentences of a story with 0.25 to 0.9 s of their own quiet between them.

    Returns:
        The audio up to the end of the last sentence, its words, and in samples what is quiet behind
        each sentence, the last included.
    """
    audios: list[Audio] = []
    words: list[Word] = []
    gaps: list[tuple[int, int]] = []
    at = 0
    for said in sentences:
        shift = seconds(at, HEARING_RATE)
        words += [Word(w.text, w.start_seconds + shift, w.end_seconds + shift) for w in said.words]
        gap = quiet_tail(generator, said.audio, generator.uniform(0.25, 0.9))
        audios += [said.audio, gap]
        at += len(said.audio)
        gaps.append((at, at + len(gap)))
        at += len(gap)
    return np.concatenate(audios[:-1]), tuple(words), gaps


def with_pauses(
    generator: Generator, said: Utterance, places: Sequence[tuple[int, float]]
) -> tuple[Utterance, tuple[tuple[int, int], ...]]:
    """The utterance with pauses in it.

    Args:
        generator: draws the filling.
        said: a whole render.
        places: (number of the word after which, seconds), by word; none after the last word.

    Returns:
        The longer utterance, its later words moved, and each pause's span in samples of it.
    """
    parts: list[Audio] = []
    words = list(said.words)
    spans: list[tuple[int, int]] = []
    done, added = 0, 0
    for after, length in places:
        seam = _seam(said.audio, said.words[after], said.words[after + 1])
        left, right = said.audio[done:seam], said.audio[seam:]
        filling = _filling(generator, said.audio, seam, samples(length, HEARING_RATE))
        parts += [_faded(generator, left, end=True), filling]
        done = seam
        spans.append((seam + added, seam + added + len(filling)))
        added += len(filling)
        shift = added / HEARING_RATE
        original = said.words[after + 1 :]
        words[after + 1 :] = [
            replace(w, start_seconds=w.start_seconds + shift, end_seconds=w.end_seconds + shift)
            for w in original
        ]
        ended = min(words[after].end_seconds, spans[-1][0] / HEARING_RATE)
        words[after] = replace(words[after], end_seconds=ended)
        opened = _faded(generator, right, end=False)
        said = replace(said, audio=np.concatenate([said.audio[:seam], opened]))
    parts.append(said.audio[done:])
    return Utterance(np.concatenate(parts), tuple(words)), tuple(spans)


def closed(generator: Generator, audio: Audio) -> Audio:
    """Something said, with the quiet behind it that pauses are filled with, for longer than any
    pause lasts."""
    tail = quiet_tail(generator, audio, float(generator.uniform(*_CLOSING_SECONDS)))
    return np.concatenate([audio, tail])


def quiet_tail(generator: Generator, audio: Audio, seconds: float) -> Audio:
    """What a finished turn is followed by: the same filling, as loud, that pauses have.

    Not of its very end: synthesisers fade it to digital silence, and that the quiet is gone would
    tell an end from a pause. It fades away itself at last, which is later than any pause is long.
    """
    count = samples(seconds, HEARING_RATE)
    if len(audio) < 2 * _SOURCE:
        return np.zeros(count, np.float32)
    middle = audio[len(audio) // 10 : -len(audio) // 10]
    power = np.convolve(np.square(middle), np.ones(_SOURCE, np.float32), "valid")
    place = int(np.argmin(power)) if len(power) else 0
    filled = _filling(generator, audio, len(audio) // 10 + place + _SOURCE // 2, count)
    return _faded(generator, filled, end=True)


def _seam(audio: Audio, before: Word, after: Word) -> int:
    """The middle of the quietest 10 ms between two words."""
    first = samples(min(before.end_seconds, after.start_seconds) - _SEARCH_SECONDS, HEARING_RATE)
    last = samples(max(before.end_seconds, after.start_seconds) + _SEARCH_SECONDS, HEARING_RATE)
    first = max(first, _GRAIN)
    last = min(max(last, first + 2 * _GRAIN), len(audio) - _GRAIN)
    power = np.convolve(np.square(audio[first:last]), np.ones(_GRAIN, np.float32), "valid")
    if not len(power):
        return min(max(first, 0), len(audio))
    return first + int(np.argmin(power)) + _GRAIN // 2


def _filling(generator: Generator, audio: Audio, seam: int, count: int) -> Audio:
    """`count` samples of the utterance's own quiet: grains of 10 ms at equal power.

    Never louder than the quietest twentieth of the utterance: between two words that run together
    the seam itself is voiced.
    """
    first = max(seam - _SOURCE // 2, 0)
    source = audio[first : first + _SOURCE]
    if len(source) < _GRAIN:
        return np.zeros(count, np.float32)
    hop = _GRAIN // 2
    starts = generator.integers(0, len(source) - _GRAIN + 1, count // hop + 3)
    signs = generator.choice(np.array([-1.0, 1.0], np.float32), len(starts))
    window = np.sqrt(np.hanning(_GRAIN + 1)[:_GRAIN]).astype(np.float32)
    filled = np.zeros(count + 4 * _GRAIN, np.float32)
    for index, (start, sign) in enumerate(zip(starts, signs, strict=True)):
        at = index * hop
        filled[at : at + _GRAIN] += sign * window * source[start : start + _GRAIN]
    filled = filled[_GRAIN : _GRAIN + count]
    frames = audio[: len(audio) // _GRAIN * _GRAIN].reshape(-1, _GRAIN)
    levels = np.sqrt(np.mean(np.square(frames), axis=1))
    usual, high = (float(np.quantile(levels, share)) for share in (0.05, 0.95))
    quiet = min(usual, high * 10 ** (-_UNDER_LOUD_DB / 20))
    loud = float(np.sqrt(np.mean(np.square(filled)))) if count else 0.0
    return filled * np.float32(min(1.0, quiet / max(loud, 1e-9)))


def _faded(generator: Generator, audio: Audio, end: bool) -> Audio:
    """Fades only what needs it: a seam in the middle of sound, as long as a closing mouth takes."""
    length = min(samples(generator.uniform(*_FADE_SECONDS), HEARING_RATE), len(audio))
    ramp = np.sqrt(np.linspace(0.0, 1.0, length, endpoint=False, dtype=np.float32))
    faded = audio.copy()
    if end and length:
        faded[-length:] *= ramp[::-1]
    elif length:
        faded[:length] *= ramp
    return faded
