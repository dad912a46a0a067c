"""Recordings of people for the bench alone: those a Debian package of a speech codec ships.

Parts of longer recordings are cut at silences. Texts are the published sentences where they are
read from lists, else written down with a recogniser's help. Most are of 8 kHz.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from scipy.signal import resample_poly

from tests.bench.stimuli.script import RATE, Audio
from tests.speech.recordings import RecordingsMissing

__all__ = ["CLIPS", "Clip"]

_FOLDER: Final = Path("/usr/share/codec2")
_RAW_RATE: Final = 8_000


@dataclass(frozen=True, slots=True)
class Clip:
    """One sentence of one person: file, seconds from and to, words."""

    speaker: str
    file: str
    first: float
    last: float
    text: str

    @property
    def audio(self) -> Audio:
        """16 kHz mono float32 `[samples]`.

        Raises:
            RecordingsMissing: the package is not installed.
        """
        return _read(self.file)[round(self.first * RATE) : round(self.last * RATE)].copy()


CLIPS: Final = (
    Clip("bruce", "wav/ve9qrp.wav", 31.3, 34.6, "That's where the international airport is."),
    Clip("bruce", "wav/ve9qrp.wav", 35.3, 40.1,
         "The weather here seems quite nice, nice fall day."),
    Clip("bruce", "wav/ve9qrp.wav", 55.1, 59.8,
         "I'm transmitting about five watts into homemade Yagis."),
    Clip("bruce", "wav/ve9qrp.wav", 87.4, 96.25, "It should be encoded at about 2500 bits per "
         "second, which is very highly compressed indeed."),
    Clip("bruce", "wav/ve9qrp.wav", 96.25, 104.1, "I'm using a Logitech headphone, USB sound "
         "device headphone, to record this."),
    Clip("bruce", "wav/ve9qrp.wav", 104.3, 106.75, "And we'll see how it goes."),
    Clip("harvard", "raw/speech_orig_16k.wav", 0.0, 2.6,
         "The birch canoe slid on the smooth planks."),
    Clip("harvard", "raw/speech_orig_16k.wav", 2.65, 5.62,
         "Glue the sheet to the dark blue background."),
    Clip("harvard", "raw/speech_orig_16k.wav", 5.65, 7.9, "It's easy to tell the depth of a well."),
    Clip("harvard", "raw/speech_orig_16k.wav", 7.9, 10.8, "Four hours of steady work faced us."),
    Clip("hts1", "raw/hts1.raw", 0.0, 3.0, "The navy attacked the big task force."),
    Clip("hts1", "raw/hts1.raw", 3.0, 6.0, "The hat brim was wide and too droopy."),
    Clip("hts2", "raw/hts2.raw", 0.0, 3.0, "These days a chicken leg is a rare dish."),
    Clip("hts2", "raw/hts2.raw", 3.0, 6.0, "The juice of lemons makes fine punch."),
    Clip("forig", "raw/forig.raw", 0.0, 2.0, "Don't throw trash on the street."),
    Clip("morig", "raw/morig.raw", 0.0, 2.1, "That frog jumped through the weeds."),
    Clip("cq", "raw/cq_ref.raw", 0.0, 5.2, "Hello CQ CQ CQ calling CQ, this is KA9Q."),
    Clip("kristoff", "raw/kristoff.raw", 0.9, 5.0,
         "Hi, this is Kristoff, OZ one number one alpha Romeo Fox."),
    Clip("g3plx", "raw/g3plx.raw", 0.0, 5.7, "One two three four five, five four three two one, "
         "golf three papa lima x-ray testing."),
    Clip("big_dog", "raw/big_dog.raw", 0.0, 2.6, "The big dog left to chew on the old rag doll."),
)  # fmt: skip
"""In a fixed order; `splits.HUMANS` says who is in which split."""


@cache
def _read(name: str) -> Audio:
    path = _FOLDER / name
    if not path.is_file():
        raise RecordingsMissing(f"{path} is missing: apt-get install codec2-examples")
    if path.suffix == ".raw":
        pcm, rate = np.fromfile(path, "<i2"), _RAW_RATE
    else:
        with wave.open(str(path)) as file:
            pcm, rate = (
                np.frombuffer(file.readframes(file.getnframes()), "<i2"),
                file.getframerate(),
            )
    audio = pcm.astype(np.float64) / 32768.0
    return np.asarray(resample_poly(audio, RATE // rate, 1), dtype=np.float32)
