"""An independent recogniser for tests: Whisper tiny.en, by faster-whisper."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from model.messages import Audio, Word
from model.weights.store import folder

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

__all__ = ["transcribe", "transcribe_conversation", "transcribe_words"]


def transcribe(audio16k: Audio) -> str:
    """What is said in 16 kHz mono float32 `[samples]`; empty for silence.

    Raises:
        WeightsError: the recogniser is not fetched.
    """
    segments, _ = _model().transcribe(audio16k, language="en", beam_size=5, without_timestamps=True)
    return " ".join(segment.text.strip() for segment in segments)


def transcribe_conversation(audio16k: Audio) -> str:
    """What is said in a recording of several turns, each heard by itself.

    Of `The story of a young man who was not an ill-`, cut, and the same again after 2.9 s, both
    plainly there, Whisper wrote only the first when it was given both at once.
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    found = get_speech_timestamps(
        audio16k, VadOptions(min_silence_duration_ms=1_000, speech_pad_ms=200)
    )
    return " ".join(transcribe(audio16k[one["start"] : one["end"]]) for one in found)


def transcribe_words(audio16k: Audio) -> tuple[Word, ...]:
    """The same with word times, which are true to some 0.1 s."""
    segments, _ = _model().transcribe(audio16k, language="en", beam_size=5, word_timestamps=True)
    return tuple(
        Word(word.word.strip(), float(word.start), float(word.end))
        for segment in segments
        for word in segment.words or ()
    )


@cache
def _model() -> WhisperModel:
    from faster_whisper import WhisperModel

    place = str(folder("check-ears"))
    return WhisperModel(
        place, device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True
    )
