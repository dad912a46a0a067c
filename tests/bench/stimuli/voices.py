"""Sentences to audio by synthesisers that Debian and the package index ship, cached on disk."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import wave
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.signal import resample_poly

from tests.bench.stimuli.script import RATE, Audio
from tests.bench.stimuli.splits import SyntheticVoice

__all__ = ["VoiceMissing", "render"]

_CACHE: Final = Path(os.environ.get("BENCH_CACHE", Path(__file__).parents[3] / "out/bench/renders"))
_PACKAGES: Final = {
    "espeak-ng": "espeak-ng",
    "flite": "flite",
    "text2wave": "festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts",
}


class VoiceMissing(RuntimeError):
    """A synthesiser is not installed; the message names its package."""


def render(voice: SyntheticVoice, text: str) -> Audio:
    """The sentence as float32 at 16 kHz, leading and trailing silence trimmed to 20 ms.

    Raises:
        VoiceMissing: the synthesiser is not there.
    """
    name = f"{voice.engine}|{voice.option}|{voice.pitch}|{voice.speed}|{text}"
    path = _CACHE / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.npy"
    if path.is_file():
        return np.asarray(np.load(path) / 32768.0, dtype=np.float32)
    audio = _trimmed(_spoken(voice, text))
    _CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=_CACHE, suffix=".npy", delete=False) as file:
        np.save(file, np.clip(audio * 32768.0, -32768, 32767).astype(np.int16))
    os.replace(file.name, path)
    return render(voice, text)


def _spoken(voice: SyntheticVoice, text: str) -> Audio:
    if voice.engine == "hibari":
        return np.asarray(resample_poly(_hibari(voice.option)(text), 2, 3), dtype=np.float32)
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        if voice.engine == "espeak":
            _run("espeak-ng", "-v", voice.option, "-p", str(voice.pitch), "-s", str(voice.speed),
                 "-w", file.name, text)  # fmt: skip
        elif voice.engine == "flite":
            _run("flite", "-voice", voice.option, "-t", text, "-o", file.name)
        else:
            _run("text2wave", "-eval", f"({voice.option})", "-o", file.name, spoken=text)
        return _read(file.name)


def _run(program: str, *arguments: str, spoken: str = "") -> None:
    if shutil.which(program) is None:
        raise VoiceMissing(f"{program} is not installed: apt-get install {_PACKAGES[program]}")
    subprocess.run(
        [program, *arguments], input=spoken.encode(), capture_output=True, check=True, timeout=60
    )


def _read(name: str) -> Audio:
    with wave.open(name) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        rate = file.getframerate()
    audio = pcm / 32768.0
    divisor = int(np.gcd(RATE, rate))
    return np.asarray(resample_poly(audio, RATE // divisor, rate // divisor), dtype=np.float32)


def _trimmed(audio: Audio, margin_samples: int = 320) -> Audio:
    loud = np.flatnonzero(np.abs(audio) > 0.005 * max(float(np.abs(audio).max()), 1e-6))
    if not len(loud):
        return audio[:0]
    return audio[max(int(loud[0]) - margin_samples, 0) : int(loud[-1]) + margin_samples]


@cache
def _hibari(name: str) -> Any:
    from hibari import Hibari

    return Hibari(voice=name)
