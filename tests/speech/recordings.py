"""Real people's speech for tests: recordings that packages ship, with what is said in them.

None of it is in this repository. Texts are those the packages publish, where they do; those of the
clips that come without one were written down by a recogniser and compared with the known work
they are read from. Nobody has listened to them all.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler

from model.messages import Audio
from model.timebase import HEARING_RATE, samples, seconds
from model.weights.errors import WeightsError
from model.weights.store import folder

__all__ = [
    "Recording",
    "RecordingsMissing",
    "human_recordings",
    "long_reading",
    "read_audio",
    "write_wav",
]


class RecordingsMissing(RuntimeError):
    """A package with recordings is not there; the message says which."""


@dataclass(frozen=True)
class Recording:
    """One person saying one thing.

    Attributes:
        name: unique and stable.
        path: the file it comes from.
        text: what is said, as it is written.
        speaker: who says it; equal for recordings of one person.
        licence: under which terms it may be used.
    """

    name: str
    path: Path
    text: str
    speaker: str
    licence: str
    part_seconds: tuple[float, float] | None = None

    @property
    def audio(self) -> Audio:
        """16 kHz mono float32 `[samples]`."""
        whole = read_audio(self.path)
        if self.part_seconds is None:
            return whole
        first, last = (samples(place, HEARING_RATE) for place in self.part_seconds)
        return whole[first:last]

    @property
    def duration_seconds(self) -> float:
        """How long it is."""
        return seconds(len(self.audio), HEARING_RATE)


_SPHINX: Final = Path("/usr/share/pocketsphinx/test/data")
_PROMPTS: Final = Path("/usr/share/asterisk/sounds/en_US_f_Allison")

_SPHINX_LICENCE: Final = "BSD-2-Clause (pocketsphinx); the readings from LibriVox, public domain"
_PROMPTS_LICENCE: Final = "CC-BY-SA-3.0 (Allison Smith, asterisk-core-sounds)"
_WHEEL_LICENCE: Final = "MIT (moonshine-voice 0.0.73)"

_AUSTEN: Final = {
    "0870": "And Mr. John Dashwood had then leisure to consider how much there might be prudently "
    "in his power to do for them.",
    "0880": "He was not an ill-disposed young man,",
    "0890": "unless to be rather cold-hearted and rather selfish is to be ill-disposed.",
    "0920": "Had he married a more amiable woman, he might have been made still more respectable "
    "than he was.",
    "0930": "He might even have been made amiable himself.",
}
_CARDS: Final = {
    "001": "ten of clubs",
    "002": "four queen of clubs",
    "003": "seven of clubs",
    "004": "five five",
    "005": "eight of spades four of clubs seven of hearts",
}
_COMMANDS: Final = {
    "goforward": "Go forward ten meters.",
    "something": "Go somewhere and do something.",
}
_PROMPT_TEXTS: Final = {
    "conf-onlyone": "There is currently one other participant in the conference.",
    "cannot-complete-as-dialed": "Your call cannot be completed as dialed.",
    "check-number-dial-again": "Please check the number and dial again.",
    "queue-youarenext": "Your call is now first in line and will be answered by the next "
    "available representative.",
    "vm-nobox": "You cannot reply to this message because the sender does not have a mailbox.",
    "demo-nogo": "I am afraid I was unable to create a connection to the Digium demonstration "
    "Asterisk server. You may find some helpful debugging information on the Asterisk console.",
    "privacy-prompt": "Please enter your phone number, starting with the area code.",
    "vm-tmpexists": "There is a temporary greeting, which overrides your standard greetings.",
    "vm-whichbox": "To leave a message, please enter a mailbox number.",
    "feature-not-avail-line": "That feature is not available on this line.",
    "vm-sorry": "I'm sorry, I did not understand your response.",
    "dir-nomatch": "No directory entries match your search.",
}
_TWO_CITIES: Final = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the "
    "age of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the "
    "season of light, it was the season of darkness, it was the spring of hope, it was the winter "
    "of despair, we had everything before us, we had nothing before us, we were all going direct "
    "to heaven, we were all going direct the other way. In short, the period was so far like the "
    "present period, that some of its noisiest authorities insisted on its being received, for "
    "good or for evil, in the superlative degree of comparison only."
)
_READINGS: Final = {
    "beckett": "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.",
    "clone-test": "I do, I think that America do it very well.",
}


def human_recordings() -> list[Recording]:
    """Short recordings (1 to 12 s) of six speakers or more, read from files that are there.

    Raises:
        RecordingsMissing: one of the packages is not installed.
    """
    austen = "librivox/sense_and_sensibility_01_austen_64kb-"
    found = [
        Recording(f"austen-{n}", _SPHINX / f"{austen}{n}.wav", text, "austen", _SPHINX_LICENCE)
        for n, text in _AUSTEN.items()
    ]
    found += [
        Recording(f"cards-{n}", _SPHINX / f"cards/{n}.wav", text, "cards", _SPHINX_LICENCE)
        for n, text in _CARDS.items()
    ]
    found += [
        Recording(name, _SPHINX / f"{name}.raw", text, "commands", _SPHINX_LICENCE)
        for name, text in _COMMANDS.items()
    ]
    found += [
        Recording(name, _PROMPTS / f"{name}.g722", text, "allison", _PROMPTS_LICENCE)
        for name, text in _PROMPT_TEXTS.items()
    ]
    found += [
        Recording(name, _fetched() / f"{name}.wav", text, name, _WHEEL_LICENCE)
        for name, text in _READINGS.items()
    ]
    return [_present(recording) for recording in found]


def long_reading() -> Recording:
    """44 seconds of one reader, with few pauses.

    Raises:
        RecordingsMissing: the recordings are not fetched.
    """
    path = _fetched() / "two_cities.wav"
    return _present(Recording("two_cities", path, _TWO_CITIES, "two_cities", _WHEEL_LICENCE))


def read_audio(path: Path) -> Audio:
    """A sound file as 16 kHz mono float32 `[samples]`; `.raw` holds bare int16 at 16 kHz."""
    return _read(path).copy()


@cache
def _read(path: Path) -> Audio:
    if path.suffix == ".raw":
        return _floats(np.fromfile(path, np.int16))
    resampler = AudioResampler("s16", "mono", HEARING_RATE)
    blocks = []
    with av.open(str(path), format="g722" if path.suffix == ".g722" else None) as container:
        for frame in container.decode(audio=0):
            blocks += resampler.resample(frame)
    blocks += resampler.resample(None)
    return _floats(np.concatenate([block.to_ndarray()[0] for block in blocks]))


def _floats(values: npt.NDArray[np.int16]) -> Audio:
    return values.astype(np.float32) / np.float32(32768)


def _fetched() -> Path:
    try:
        return folder("recordings")
    except WeightsError as error:
        raise RecordingsMissing(str(error)) from error


def _present(recording: Recording) -> Recording:
    if recording.path.is_file():
        return recording
    for packaged, remedy in (
        (_SPHINX, "apt-get install pocketsphinx-testdata"),
        (_PROMPTS, "apt-get install asterisk-core-sounds-en-g722"),
    ):
        if recording.path.is_relative_to(packaged):
            raise RecordingsMissing(f"{recording.path} is missing: {remedy}")
    raise RecordingsMissing(f"{recording.path} is missing")


def write_wav(path: Path, audio: Audio, rate: int = HEARING_RATE) -> None:
    """Mono float32 in [-1, 1] as a WAV of 16 bits, for browsers to play."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(audio, -1, 1) * 32_767).astype("<i2").tobytes())
