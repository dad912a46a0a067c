"""What every Ears must keep, whatever is behind it. A test module calls `check_ears`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.interaction.parts import Ears, Pieces
from model.messages import Audio, Word
from model.timebase import HEARING_RATE, samples, seconds
from tests.speech.wer import Errors, count_errors

__all__ = ["check_ears", "errors_of", "noises", "recognised", "said"]


def recognised(pieces: Pieces[tuple[Word, ...]]) -> tuple[Word, ...]:
    """Run a transcription to its end."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            words: tuple[Word, ...] = end.value
            return words


def said(words: Sequence[Word]) -> str:
    """The words as a text."""
    return " ".join(word.text for word in words)


def check_ears(ears: Ears, speech: Audio, text: str) -> None:
    """Everything the protocol promises, shown on one recording of `text`.

    Args:
        ears: what is tested.
        speech: 2 to 8 s of somebody saying `text`.
        text: at least four words.
    """
    words = recognised(ears.transcribe(speech))
    _check_words(words, speech)
    assert count_errors(text, said(words)).rate <= 0.25
    _check_nothing_kept(ears, speech, words)
    _check_in_pieces(ears, speech)
    _check_guesses(ears, speech, words)
    _check_lengths(ears, speech)
    for name, noise in noises().items():
        assert recognised(ears.transcribe(noise)) == (), name


def noises() -> dict[str, Audio]:
    """Sounds that nobody makes with words, by name; reproducible."""
    random = np.random.default_rng(7)
    two_seconds = samples(2.0, HEARING_RATE)
    time = np.arange(two_seconds) / HEARING_RATE
    white = random.standard_normal(two_seconds)
    swell = np.sin(np.linspace(0, np.pi, two_seconds)) ** 2
    hum = sum(np.sin(2 * np.pi * 50 * n * time) / n for n in (1, 2, 3, 5))
    clicks = np.where(random.random(two_seconds) < 0.0005, 1.0, 0.0)
    found = {
        "nothing": np.zeros(0),
        "one sample": np.full(1, 0.5),
        "too short": 0.1 * white[: samples(0.05, HEARING_RATE)],
        "silence": np.zeros(two_seconds),
        "constant": np.full(two_seconds, 0.3),
        "room": 0.0005 * white,
        "loud noise": 0.1 * white,
        "breath": 0.05 * swell * _coloured(white, 0.3),
        "rumble": 0.1 * _coloured(white, 0.5),
        "hum": 0.1 * np.asarray(hum),
        "tone": 0.2 * np.sin(2 * np.pi * 440 * time),
        "clicks": 0.5 * clicks,
    }
    return {name: np.asarray(noise, np.float32) for name, noise in found.items()}


def _coloured(white: np.ndarray, power: float) -> np.ndarray:
    spectrum = np.fft.rfft(white)
    spectrum[1:] /= np.arange(1, len(spectrum)) ** power
    noise = np.fft.irfft(spectrum, len(white))
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def _check_words(words: Sequence[Word], audio: Audio) -> None:
    """Words have text and no space in it, and stand in order within the audio."""
    duration = seconds(len(audio), HEARING_RATE)
    place = 0.0
    for word in words:
        assert word.text and not any(letter.isspace() for letter in word.text)
        assert place - 1e-6 <= word.start_seconds < word.end_seconds <= duration + 0.1, word
        place = word.start_seconds


def _check_nothing_kept(ears: Ears, speech: Audio, words: Sequence[Word]) -> None:
    """The same audio gives the same words, whatever was heard or abandoned in between."""
    before = speech.copy()
    abandoned = ears.transcribe(speech[len(speech) // 2 :])
    next(abandoned)
    other = ears.transcribe(speech[: len(speech) // 2])
    next(other)
    abandoned.close()
    assert tuple(words) == recognised(ears.transcribe(speech))
    assert np.array_equal(before, speech)
    recognised(other)


def _check_in_pieces(ears: Ears, speech: Audio) -> None:
    """Two transcriptions whose pieces alternate do not disturb each other."""
    half = speech[: len(speech) // 2]
    expected = recognised(ears.transcribe(speech)), recognised(ears.transcribe(half))
    running = {0: ears.transcribe(speech), 1: ears.transcribe(half)}
    found: dict[int, tuple[Word, ...]] = {}
    pieces = 0
    while running:
        for number in list(running):
            try:
                next(running[number])
                pieces += 1
            except StopIteration as end:
                found[number] = end.value
                del running[number]
    assert (found[0], found[1]) == expected
    assert pieces >= 4, "the work has to be cut into pieces"


def _check_guesses(ears: Ears, speech: Audio, words: Sequence[Word]) -> None:
    """A guess, right, half right or absurd, does not change what is heard."""
    absurd = tuple(Word(text, 0.0, 0.1) for text in ("Zebras", "дом", "\u2581", "", "!!", "xyzzy"))
    earlier = recognised(ears.transcribe(speech[: len(speech) * 2 // 3]))
    long = tuple(words) * 40
    for guess in (words, words[: len(words) // 2], earlier, absurd, long):
        again = recognised(ears.transcribe(speech, guess))
        assert said(again) == said(words), said(guess)
        for one, other in zip(words, again, strict=True):
            assert abs(one.end_seconds - other.end_seconds) < 0.1


def _check_lengths(ears: Ears, speech: Audio) -> None:
    """The longest audio is taken; longer audio is refused with a reason."""
    longest = samples(ears.max_seconds, HEARING_RATE)
    whole = np.resize(speech, longest)
    assert recognised(ears.transcribe(whole))
    try:
        recognised(ears.transcribe(np.resize(speech, longest + 1)))
    except ValueError as error:
        assert "cut" in str(error)
    else:
        raise AssertionError("audio longer than max_seconds was taken")


def errors_of(ears: Ears, audio: Audio, text: str) -> Errors:
    """Word errors of one recording."""
    return count_errors(text, said(recognised(ears.transcribe(audio))))
