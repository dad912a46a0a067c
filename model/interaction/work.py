"""The jobs of the interaction model: listening, answering, remembering.

Each is a generator for the JobQueue. Lanes of a stream: `ears` for partial transcriptions,
`language` for all that touches the stream's row of Language; the floor part has its own.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from model.engine.jobs import Emit, Token, Work
from model.interaction.backchannels import Backchannels
from model.interaction.ears import listen as hear
from model.interaction.floor_port import FloorPart
from model.interaction.memory import Memory
from model.interaction.mind import Rendered, ReplyDone, Transcribed
from model.interaction.parts import Ears, Pieces, Spoken, Voice
from model.interaction.phrases import Phrase, PhraseSplitter
from model.interaction.segment import Segment
from model.interaction.voice import append_silence
from model.messages import Remembered

__all__ = ["Parts", "answer", "listen", "say", "settle"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a row's jobs work with; shared by all rows but for `memories`, one a row."""

    ears: Ears
    voice: Voice
    memories: Sequence[Memory]
    floor: FloorPart
    answer_tokens: int
    backchannels: Backchannels | None = None


def listen(ears: Ears, number: int, segment: Segment, draft: int = 0) -> Work:
    """Recognise all open audio of segment `number`, for a draft or as a partial (0)."""
    heard = yield from hear(ears, segment)
    return Transcribed(number, segment, heard, draft)


def answer(draft: int, parts: Parts, row: int, heard: Work | None, carried: str) -> Work:
    """Recognise what was said (`heard`, a `listen` job), answer it, and render the answer.

    Words come out as soon as they are known: the transcription, then phrase by phrase.
    """
    text = carried
    if heard is not None:
        transcribed: Transcribed = yield from heard
        yield Emit(transcribed)
        said = " ".join(word.text for word in transcribed.heard.words)
        text = f"{carried} {said}".strip()
        if not text:
            return ReplyDone(draft, "")
    memory = parts.memories[row]
    yield from memory.ask(text)
    splitter = PhraseSplitter()
    pieces = memory.language.text_stream()
    spoken_text = ""
    for _ in range(parts.answer_tokens):
        token = yield Token(memory.row)
        if memory.language.is_end(token):
            break
        memory.took(token)
        for phrase in splitter.feed(pieces.push(token)):
            spoken_text += phrase.text
            yield from _render(draft, parts.voice, phrase)
    for phrase in (*splitter.feed(pieces.end()), *splitter.flush()):
        spoken_text += phrase.text
        yield from _render(draft, parts.voice, phrase)
    return ReplyDone(draft, spoken_text)


def say(draft: int, voice: Voice, text: str) -> Work:
    """Render a set text, such as a greeting."""
    splitter = PhraseSplitter()
    for phrase in (*splitter.feed(text), *splitter.flush()):
        yield from _render(draft, voice, phrase)
    return ReplyDone(draft, text)


def settle(utterance: int, cut: bool, memory: Memory, remembering: Pieces[str]) -> Work:
    """Commit an utterance to Language's memory and report what the row now holds of it."""
    try:
        text = yield from remembering
    except Exception:
        # The row is half-written; the turns are known as text, so it is written again.
        log.exception("an utterance could not be committed; reading the conversation again")
        text = yield from memory.read_again()
    return Remembered(utterance, text, cut)


def _render(draft: int, voice: Voice, phrase: Phrase) -> Work:
    spoken: Spoken = yield from voice.render(phrase.text)
    yield Emit(Rendered(draft, append_silence(spoken, phrase.pause_seconds)))
