"""The voice that comes with the house: hibari's small network, phrase by phrase, with word times.

The network predicts, for each phoneme, for how many 25 ms steps it lasts, but does not give these
durations out. They are one tensor inside its graph; `_with_durations` names it as a further
output, and the time of every word is the sum over its phonemes.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from model.engine.pieces import PAUSE
from model.interaction.parts import Pieces, Spoken, SpokenWord
from model.interaction.pronunciation import (
    SILENT_PHONEMES,
    Breath,
    Pronunciation,
    written_words,
)
from model.messages import Audio
from model.timebase import SPEAKING_RATE, samples, seconds

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["MAX_PHRASE_CHARACTERS", "HibariVoice", "append_silence", "cut_to_words", "with_output"]

MAX_PHRASE_CHARACTERS: Final = 400

_SHA256 = "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8"
_DURATIONS = "/Cast_32_output_0"
"""The graph's integer durations, one for each phoneme, in steps of `_STEP_SAMPLES`."""
_STEP_SAMPLES = 600

_KEPT_PHRASES = 64
_KEPT_CHARACTERS = 40
"""Short phrases said again and again ("Mm-hm.", "Okay.") are rendered once; the one not wanted
for the longest time goes first. At most some 20 MB."""

_LEAD_SECONDS = 0.035
"""How much earlier a word sounds than its durations say: measured on words after pauses, with a
standard deviation of 0.02 s."""

_MARGIN_SECONDS = 0.02
_FADE_SECONDS = 0.003
_SENTENCE_PAUSE_SECONDS = 0.25
_BREATH_PAUSE_SECONDS = 0.1
_LOUDNESS = 0.09
"""Wanted root mean square of the voiced parts; hibari's phrases differ by some decibels."""
_PEAK = 0.95

_Spans = dict[int, tuple[int, int]]


class HibariVoice:
    """A `Voice`: English, one speaker, deterministic (the same text gives the same samples)."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        pronunciation: Pronunciation,
        alphabet: dict[str, int],
    ) -> None:
        self._session = session
        self._pronunciation = pronunciation
        self._alphabet = alphabet
        self._kept: OrderedDict[str, tuple[Spoken, int]] = OrderedDict()

    @classmethod
    def load(cls, threads: int = 1) -> HibariVoice:
        """Load the voice from the installed `hibari-tts` package; needs no network.

        Args:
            threads: threads of one network run; 1 or more.

        Raises:
            RuntimeError: the installed package holds another network than the one known here.
        """
        import onnxruntime

        assets = resources.files("hibari") / "assets"
        network = (assets / "hibari.onnx").read_bytes()
        if hashlib.sha256(network).hexdigest() != _SHA256:
            raise RuntimeError(
                "The network inside the installed hibari-tts is not the one this voice was "
                "measured with. Install hibari-tts==0.2.1 (`make setup`)."
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            with_output(network, _DURATIONS), options, providers=["CPUExecutionProvider"]
        )
        alphabet: dict[str, int] = json.loads((assets / "vocab.json").read_text("utf-8"))
        voice = cls(session, Pronunciation(frozenset(alphabet)), alphabet)
        for _ in voice.render("Hello there."):  # The first run allocates and is slow.
            pass
        return voice

    def render(self, text: str) -> Pieces[Spoken]:
        """Speak one phrase of at most 400 characters.

        Pauses after the pronunciation of the phrase, and twice for each sentence in it. The audio
        is read-only: short phrases are kept and given again.

        Raises:
            ValueError: the phrase is too long.
        """
        if len(text) > MAX_PHRASE_CHARACTERS:
            raise ValueError(
                f"A phrase of {len(text)} characters is too long for the voice: split it into "
                f"phrases of at most {MAX_PHRASE_CHARACTERS}."
            )
        if text in self._kept:
            self._kept.move_to_end(text)
            spoken, pauses = self._kept[text]
            # What others had rendered before must not show in how this one comes about.
            for _ in range(pauses):
                yield PAUSE
            return spoken
        words = written_words(text)
        breaths = self._pronunciation.breaths(words)
        parts: list[Audio] = []
        spans: _Spans = {}
        place = 0
        for index, breath in enumerate(breaths):
            yield PAUSE
            audio, found = yield from self._speak(breath)
            for word, (start, end) in found.items():
                spans[word] = (spans.get(word, (place + start, 0))[0], place + end)
            parts.append(audio)
            if index + 1 < len(breaths):
                pause = _SENTENCE_PAUSE_SECONDS if breath.ends_sentence else _BREATH_PAUSE_SECONDS
                parts.append(np.zeros(samples(pause, SPEAKING_RATE), np.float32))
            place += sum(map(len, parts[-2:])) if index + 1 < len(breaths) else len(audio)
        whole = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        spoken = Spoken(_levelled(whole), _timed(words, spans))
        spoken.audio.flags.writeable = False
        if len(text) <= _KEPT_CHARACTERS:
            self._kept[text] = spoken, 2 * len(breaths)
            if len(self._kept) > _KEPT_PHRASES:
                self._kept.popitem(last=False)
        return spoken

    def _speak(self, breath: Breath) -> Pieces[tuple[Audio, _Spans]]:
        from hibari import dsp

        ids = [0, *(self._alphabet[phoneme] for phoneme in breath.phonemes), 0]
        inputs = {"ids": np.asarray([ids], np.int64), "speed": np.ones(1, np.float32)}
        *spectra, durations = self._session.run(None, inputs)
        yield PAUSE
        # Seeded: the breathy part of the voice is noise, and a replay must be bitwise.
        audio = dsp.synth(*(part[0] for part in spectra), np.random.default_rng(len(ids)))
        return cut_to_words(audio, breath, np.asarray(durations).reshape(-1))


def append_silence(spoken: Spoken, duration_seconds: float) -> Spoken:
    """The same phrase with silence after it; the times of its words stay true."""
    silence = np.zeros(samples(duration_seconds, SPEAKING_RATE), np.float32)
    return Spoken(np.concatenate([spoken.audio, silence]), spoken.words)


def cut_to_words(
    audio: Audio, breath: Breath, durations: npt.NDArray[np.int64]
) -> tuple[Audio, _Spans]:
    """What sounds, its edges faded, with start and end in samples of every word in it.

    Args:
        audio: what the network made of the breath and a pad on either side, 24 kHz.
        breath: what was said.
        durations: of the pads and phonemes, in steps of 25 ms.
    """
    first, last = _sounding(audio)
    return _faded(audio[first:last]), _word_spans(breath, durations, first, last)


def with_output(network: bytes, name: str) -> bytes:
    """An ONNX file with an inner value of less than 100 letters as its last output.

    Protocol buffers merge: a second, partial message appended to the first one adds to its
    repeated fields. So `ModelProto{graph(7){output(12){name(1)}}}` behind the file is enough.
    """

    def enclosed(number: int, payload: bytes) -> bytes:
        assert len(payload) < 128  # one byte of length
        return bytes((number << 3 | 2, len(payload))) + payload

    return network + enclosed(7, enclosed(12, enclosed(1, name.encode())))


def _word_spans(breath: Breath, durations: npt.NDArray[np.int64], first: int, last: int) -> _Spans:
    """Start and end in samples of each word that sounds, in the audio cut to `[first, last)`."""
    edges = np.concatenate([[0], np.cumsum(durations)]) * _STEP_SAMPLES
    margin = samples(_MARGIN_SECONDS, SPEAKING_RATE)
    earliest, latest = min(margin, last - first), max(last - first - margin, 0)
    edges = np.clip(edges - first - samples(_LEAD_SECONDS, SPEAKING_RATE), earliest, latest)
    sounding = [i for i in range(len(breath.phonemes)) if _sounds(breath.phonemes, i)]
    # What is heard first and last is seen in the audio itself, better than the durations know.
    edges[sounding[0] + 1], edges[sounding[-1] + 2] = earliest, latest
    spans: _Spans = {}
    for index in sounding:
        owner = breath.owners[index]
        start, end = int(edges[index + 1]), int(edges[index + 2])  # one pad before the text
        spans[owner] = (spans.get(owner, (start, 0))[0], end)
    return spans


def _sounds(phonemes: str, index: int) -> bool:
    """Whether a word is heard there: a space without a pause is the next word's beginning.

    Without this, starts are 0.05 s later than a forced alignment puts them.
    """
    if phonemes[index] == " ":
        return index > 0 and phonemes[index - 1] not in SILENT_PHONEMES
    return phonemes[index] not in SILENT_PHONEMES


def _timed(words: Sequence[str], spans: _Spans) -> tuple[SpokenWord, ...]:
    """Every written word with its time; what was not spoken has no length, where it stands."""
    timed: list[SpokenWord] = []
    place = 0
    for index, word in enumerate(words):
        start, end = spans.get(index, (place, place))
        start, end = max(start, place), max(end, place)
        timed.append(SpokenWord(word, seconds(start, SPEAKING_RATE), seconds(end, SPEAKING_RATE)))
        place = end
    return tuple(timed)


def _sounding(audio: Audio) -> tuple[int, int]:
    """First and last sample of what is louder than a breath, with a margin on both sides."""
    window = samples(0.005, SPEAKING_RATE)
    whole = audio[: len(audio) // window * window].reshape(-1, window)
    loudness = np.sqrt(np.mean(np.square(whole), axis=1))
    if not loudness.size or not loudness.max() > 0.0:
        return 0, 0
    loud = np.flatnonzero(loudness > max(loudness.max() * 0.01, 0.001))
    margin = samples(_MARGIN_SECONDS, SPEAKING_RATE)
    first = max(int(loud[0]) * window - margin, 0)
    return first, min((int(loud[-1]) + 1) * window + margin, len(audio))


def _faded(audio: Audio) -> Audio:
    length = min(samples(_FADE_SECONDS, SPEAKING_RATE), len(audio) // 2)
    ramp = np.linspace(0.0, 1.0, length, endpoint=False, dtype=np.float32)
    faded = np.array(audio, np.float32)
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded


def _levelled(audio: Audio) -> Audio:
    """Bring the phrase to the common loudness, by at most 6 dB, and keep its peaks in range."""
    loud = np.abs(audio) > 0.01
    if not loud.any():
        return audio
    loudness = float(np.sqrt(np.mean(np.square(audio[loud]))))
    gain = min(max(_LOUDNESS / loudness, 0.5), 2.0)
    return (audio * min(gain, _PEAK / float(np.abs(audio).max()))).astype(np.float32)
