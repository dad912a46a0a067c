"""The jobs of the interaction model: listening, judging, answering, remembering.

Each is a generator for the JobQueue. Lanes of a stream: `ears` for partial transcriptions, `turn`
for the end of the turn, `language` for all that touches the stream's row of Language.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any, Final

from model.engine.jobs import Emit, Token, Work
from model.interaction.end_of_turn import EndOfTurnModel
from model.interaction.memory import Memory
from model.interaction.mind import EndOfTurn, Rendered, ReplyDone, Transcribed
from model.interaction.parts import Ears, Spoken, Voice
from model.interaction.phrases import Phrase, PhraseSplitter
from model.interaction.voice import append_silence
from model.messages import Audio, Word

__all__ = ["answer", "judge", "listen", "say"]

MAX_ANSWER_TOKENS: Final = 160
"""About forty seconds of speech; a longer answer is ended at its last whole phrase."""


def listen(ears: Ears, request: tuple[int, Audio, float], settled: tuple[Word, ...]) -> Work:
    """Recognise a segment's audio.

    Args:
        ears: the recogniser.
        request: the segment's number, its audio, and the audio's start in seconds of the stream.
        settled: words recognised before that audio, which stay as they are.
    """
    number, audio, start_seconds = request
    words = yield from ears.transcribe(audio)
    return Transcribed(
        number,
        settled + tuple(_shifted(word, start_seconds) for word in words),
        start_seconds + len(audio) / 16_000,
    )


def judge(model: EndOfTurnModel, audio: Audio, k: int) -> Work:
    """Ask the pretrained model whether what was heard until micro-turn `k` is a finished turn."""
    probability = yield from model.probability(audio)
    return EndOfTurn(k, probability)


def answer(
    draft: int, memory: Memory, voice: Voice, heard: Work | None, carried: str
) -> Work:
    """Recognise what was said (`heard`, a `listen` job), answer it, and render the answer.

    Words come out as soon as they are known: the transcription, then phrase by phrase.
    """
    text = carried
    if heard is not None:
        transcribed = yield from heard
        yield Emit(replace(transcribed, draft=draft))
        said = " ".join(word.text for word in transcribed.words)
        text = f"{carried} {said}".strip()
        if not said.strip():
            return ReplyDone(draft, "")
    yield from memory.ask(text)
    splitter = PhraseSplitter()
    pieces = memory.language.text_stream()
    spoken_text = ""
    for _ in range(MAX_ANSWER_TOKENS):
        token = yield Token(memory.row)
        if memory.language.is_end(token):
            break
        memory.took(token)
        for phrase in splitter.feed(pieces.feed(token)):
            spoken_text += phrase.text
            yield from _render(draft, voice, phrase)
    for phrase in splitter.flush():
        spoken_text += phrase.text
        yield from _render(draft, voice, phrase)
    return ReplyDone(draft, spoken_text)


def say(draft: int, voice: Voice, text: str) -> Work:
    """Render a set text, such as a greeting."""
    splitter = PhraseSplitter()
    for phrase in (*splitter.feed(text), *splitter.flush()):
        yield from _render(draft, voice, phrase)
    return ReplyDone(draft, text)


def _render(
    draft: int, voice: Voice, phrase: Phrase
) -> Generator[Emit | Token | None, Any, None]:
    spoken: Spoken = yield from voice.render(phrase.text)
    yield Emit(Rendered(draft, append_silence(spoken, phrase.pause_seconds)))


def _shifted(word: Word, by_seconds: float) -> Word:
    return Word(word.text, word.start_seconds + by_seconds, word.end_seconds + by_seconds)
