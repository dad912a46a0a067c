"""The jobs of the interaction model: listening, judging, answering, remembering.

Each is a generator for the JobQueue. Lanes of a stream: `ears` for partial transcriptions, `turn`
for the end of the turn, `language` for all that touches the stream's row of Language.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from model.engine.jobs import Emit, Token, Work
from model.interaction.ears import listen as hear
from model.interaction.end_of_turn import EndOfTurnModel
from model.interaction.memory import Memory
from model.interaction.mind import EndOfTurn, Rendered, ReplyDone, Transcribed
from model.interaction.parts import Ears, Spoken, Voice
from model.interaction.phrases import Phrase, PhraseSplitter
from model.interaction.segment import Segment
from model.interaction.voice import append_silence
from model.messages import Audio

__all__ = ["answer", "judge", "listen", "say"]

MAX_ANSWER_TOKENS: Final = 160
"""About forty seconds of speech; a longer answer is ended at its last whole phrase."""


def listen(ears: Ears, number: int, segment: Segment, draft: int = 0) -> Work:
    """Recognise all open audio of segment `number`, for a draft or as a partial (0)."""
    heard = yield from hear(ears, segment)
    return Transcribed(number, segment, heard, draft)


def judge(model: EndOfTurnModel, audio: Audio, k: int) -> Work:
    """Ask the pretrained model whether what was heard until micro-turn `k` is a finished turn."""
    probability = yield from model.probability(audio)
    return EndOfTurn(k, probability)


def answer(draft: int, memory: Memory, voice: Voice, heard: Work | None, carried: str) -> Work:
    """Recognise what was said (`heard`, a `listen` job), answer it, and render the answer.

    Words come out as soon as they are known: the transcription, then phrase by phrase.
    """
    text = carried
    if heard is not None:
        transcribed: Transcribed = yield from heard
        yield Emit(transcribed)
        said = " ".join(word.text for word in transcribed.heard.words)
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
        for phrase in splitter.feed(pieces.push(token)):
            spoken_text += phrase.text
            yield from _render(draft, voice, phrase)
    for phrase in (*splitter.feed(pieces.end()), *splitter.flush()):
        spoken_text += phrase.text
        yield from _render(draft, voice, phrase)
    return ReplyDone(draft, spoken_text)


def say(draft: int, voice: Voice, text: str) -> Work:
    """Render a set text, such as a greeting."""
    splitter = PhraseSplitter()
    for phrase in (*splitter.feed(text), *splitter.flush()):
        yield from _render(draft, voice, phrase)
    return ReplyDone(draft, text)


def _render(draft: int, voice: Voice, phrase: Phrase) -> Generator[Emit | Token | None, Any, None]:
    spoken: Spoken = yield from voice.render(phrase.text)
    yield Emit(Rendered(draft, append_silence(spoken, phrase.pause_seconds)))
