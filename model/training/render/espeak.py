"""espeak-ng through its library: text to samples and the time of every word.

What the library says depends on all it has said before (noise, flutter, phase live on in it), and
it cannot be begun anew: a second initialisation hangs. So every sentence is spoken by a fork of a
process in which it was initialised and nothing more. One process uses it from one thread.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from model.messages import Audio, Word
from model.training.render.forked import in_a_fork

__all__ = ["EspeakSettings", "VoiceMissing", "speak"]

_SYNCHRONOUS: Final = 2
_UTF8: Final = 1
_WORD: Final = 1
_END: Final = 5
_RATE: Final = 1
_PITCH: Final = 3
_RANGE: Final = 4


class VoiceMissing(RuntimeError):
    """A synthesiser is not installed; the message names its package."""


@dataclass(frozen=True, slots=True)
class EspeakSettings:
    """A voice as the library takes it: pitch and its range 0-99, pace in words a minute."""

    voice: str
    pitch: int = 50
    pitch_range: int = 50
    pace: int = 165


_Spoken = tuple[Audio, list[tuple[int, int, int, int]]]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("identity", ctypes.c_longlong),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class _Library:
    def __init__(self) -> None:
        try:
            self._library: Any = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise VoiceMissing("espeak-ng is not installed: apt-get install espeak-ng") from error
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint,
            ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        self.rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, 0))
        self._blocks: list[Audio] = []
        self._events: list[tuple[int, int, int, int]] = []
        self._callback = _Callback(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        if samples and count:
            block = np.ctypeslib.as_array(samples, shape=(count,))
            self._blocks.append(block.astype(np.float32) / 32768.0)
        index = 0
        while events[index].type:
            event = events[index]
            if event.type in (_WORD, _END):
                self._events.append((event.type, event.position, event.length, event.sample))
            index += 1
        return 0

    def speak(self, settings: EspeakSettings, text: str) -> _Spoken:
        """The samples, and (type, character from 1, characters, sample) of every event."""
        self._blocks.clear()
        self._events.clear()
        if self._library.espeak_SetVoiceByName(settings.voice.encode()):
            raise VoiceMissing(f"espeak-ng has no voice {settings.voice!r}; install espeak-ng 1.51")
        for number, value in (
            (_RATE, settings.pace),
            (_PITCH, settings.pitch),
            (_RANGE, settings.pitch_range),
        ):
            self._library.espeak_SetParameter(number, value, 0)
        coded = text.encode() + b"\0"
        self._library.espeak_Synth(coded, len(coded), 0, 1, 0, _UTF8, None, None)
        audio = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.float32)
        return audio, list(self._events)


@cache
def _library() -> _Library:
    return _Library()


def speak(settings: EspeakSettings, text: str) -> tuple[Audio, int, tuple[Word, ...]]:
    """The sentence, its rate in Hz, and its words in seconds of it.

    A word lasts until the next begins or until its clause ends.

    Raises:
        VoiceMissing: the library is not there.
        RuntimeError: the voice is not there.
    """
    library = _library()
    audio, events = in_a_fork(lambda: library.speak(settings, text))
    marks = sorted({(sample, kind, place, length) for kind, place, length, sample in events})
    words: list[Word] = []
    for index, (sample, kind, place, length) in enumerate(marks):
        if kind != _WORD or not length:
            continue
        later = [other[0] for other in marks[index + 1 :] if other[0] > sample]
        end = later[0] if later else len(audio)
        written = text[place - 1 : place - 1 + length]
        words.append(Word(written, sample / library.rate, end / library.rate))
    return audio, library.rate, tuple(words)
