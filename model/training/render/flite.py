"""flite through its libraries: text to samples and the time of every word."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, Final

import numpy as np

from model.messages import Audio, Word
from model.training.render.espeak import VoiceMissing
from model.training.render.forked import in_a_fork

__all__ = ["speak"]

_STARTS: Final = b"R:SylStructure.daughter1.daughter1.R:Segment.p.end"
_ENDS: Final = b"R:SylStructure.daughtern.daughtern.R:Segment.end"
_TOKEN: Final = b"R:Token.parent.name"


class _Wave(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_char_p),
        ("rate", ctypes.c_int),
        ("count", ctypes.c_int),
        ("channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    ]


@cache
def _library() -> Any:
    try:
        library = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
        for name in ("libflite_usenglish.so.1", "libflite_cmulex.so.1"):
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise VoiceMissing("flite is not installed: apt-get install flite") from error
    pointer = ctypes.c_void_p
    for name, arguments in (
        ("flite_synth_text", [ctypes.c_char_p, pointer]),
        ("utt_relation", [pointer, ctypes.c_char_p]),
        ("relation_head", [pointer]),
        ("item_next", [pointer]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = pointer, arguments
    library.utt_wave.restype = ctypes.POINTER(_Wave)
    library.utt_wave.argtypes = [pointer]
    library.ffeature_float.restype = ctypes.c_float
    library.ffeature_float.argtypes = [pointer, ctypes.c_char_p]
    library.ffeature_string.restype = ctypes.c_char_p
    library.ffeature_string.argtypes = [pointer, ctypes.c_char_p]
    library.delete_utterance.restype = None
    library.delete_utterance.argtypes = [pointer]
    library.flite_init()
    return library


@cache
def _voice(name: str) -> int:
    _library()
    try:
        library = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1")
    except OSError as error:
        raise VoiceMissing(f"flite has no voice {name!r}: apt-get install flite") from error
    register = getattr(library, f"register_cmu_us_{name}")
    register.restype = ctypes.c_void_p
    register.argtypes = [ctypes.c_char_p]
    return int(register(None))


def speak(voice: str, text: str) -> tuple[Audio, int, tuple[Word, ...]]:
    """The sentence, its rate in Hz, and its words in seconds of it.

    Raises:
        VoiceMissing: the library or the voice is not there.
    """
    _voice(voice)  # Registered before the fork, not in each.
    return in_a_fork(lambda: _spoken(voice, text))


def _spoken(voice: str, text: str) -> tuple[Audio, int, tuple[Word, ...]]:
    library = _library()
    utterance = library.flite_synth_text(text.encode("ascii", "ignore"), _voice(voice))
    try:
        wave = library.utt_wave(utterance).contents
        samples = np.ctypeslib.as_array(wave.samples, shape=(wave.count,))
        audio = samples.astype(np.float32) / 32768.0
        words: list[Word] = []
        item = library.relation_head(library.utt_relation(utterance, b"Word"))
        while item:
            start = library.ffeature_float(item, _STARTS)
            end = library.ffeature_float(item, _ENDS)
            token = library.ffeature_string(item, _TOKEN).decode("ascii", "ignore")
            spoken = library.ffeature_string(item, b"name").decode("ascii", "ignore")
            written = token if token.lower() == spoken else spoken
            if end > start:
                words.append(Word(written, float(start), float(end)))
            item = library.item_next(item)
        return audio, int(wave.rate), tuple(words)
    finally:
        library.delete_utterance(utterance)
