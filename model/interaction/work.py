"""The jobs of the interaction model: listening, answering, remembering.

Each is a generator for the JobQueue. Lanes of a stream: `ears` for partial transcriptions,
`language` for all that touches the stream's row of Language; the floor part has its own.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from model.engine.jobs import Emit, Priority, Token, Work
from model.interaction import calling, seeing
from model.interaction.backchannels import Backchannels
from model.interaction.ears import listen as hear
from model.interaction.floor_port import FloorPart
from model.interaction.intent import Intent
from model.interaction.memory import Memory
from model.interaction.mind import Asks, ReadText, Rendered, ReplyDone, Requested, Transcribed
from model.interaction.parts import Ears, Pieces, Spoken, Voice
from model.interaction.phrases import Phrase, PhraseSplitter
from model.interaction.requesting import Request
from model.interaction.seeing import Sighted, SightParts
from model.interaction.segment import Segment
from model.interaction.voice import append_silence
from model.interaction.wishes import Correction, Outcome, Prefix, Untold
from model.messages import OpenStream, Remembered
from model.orders import ToolSpec

__all__ = [
    "AHEAD_WORDS",
    "APART",
    "UNSPEAKABLE",
    "Asked",
    "Parts",
    "answer",
    "go_on",
    "listen",
    "prime",
    "read_ahead",
    "remember",
    "say",
    "settle",
]

log = logging.getLogger(__name__)

APART: Final = frozenset({"ears", "encoder", "belief", "turn"})
"""Lanes of what listens. They touch no row of Language and keep nothing in the recogniser, whose
passes are read-only; the small decoder that believes is the lane's own. So they go beside an answer
that is being made: on one thread, of three tenths of a second a recognition took 0.12 s of it."""

UNSPEAKABLE: Final = "I have an answer, but I cannot say it aloud."

AHEAD_WORDS: Final = 3
"""New words of the person after which Language reads on while they speak: a token read takes a
sixth of the time of one that is decoded, and what is read then delays no answer."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a row's jobs work with; shared by all rows but for `memories`, one a row."""

    ears: Ears
    voice: Voice
    memories: Sequence[Memory]
    floor: FloorPart
    answer_tokens: int
    backchannels: Backchannels | None = None
    sight: SightParts | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer answers.

    Attributes:
        heard: a `listen` job for what is being said; None when nothing is.
        carried: words of the person that are known.
        outcomes: what tools gave.
        tools: what may be asked for.
        tool_choice: which of them; see `wishes.tool_choice`.
        sighted: what is seen; None without eyes.
    """

    heard: Work | None
    carried: str
    outcomes: tuple[Outcome, ...] = ()
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "none"
    sighted: Sighted | None = None


def prime(parts: Parts, row: int, opening: OpenStream) -> Work:
    """Be ready for a conversation that begins, or goes on."""
    if parts.sight is not None:
        parts.sight.requests[row].forget()
    yield from parts.memories[row].prime(opening.settings.instructions, opening.turns)


def listen(ears: Ears, number: int, segment: Segment, draft: int = 0) -> Work:
    """Recognise all open audio of segment `number`, for a draft or as a partial (0)."""
    heard = yield from hear(ears, segment)
    return Transcribed(number, segment, heard, draft)


def read_ahead(parts: Parts, row: int, text: str, judged: bool) -> Work:
    """Read what the person has said so far, before anything is drafted: to be answered, and where
    it will be `judged` and no intent can be told, as what may be a request, too."""
    if judged and parts.sight is not None and parts.sight.intents is None:
        yield from parts.sight.requests[row].read_ahead(text)
    yield from parts.memories[row].read_ahead(text)


def answer(draft: int, parts: Parts, row: int, asked: Asked) -> Work:
    """Recognise what was said, answer it or ask for a tool, and render the answer.

    Words come out as soon as they are known: the transcription, then phrase by phrase.
    """
    text = asked.carried
    if asked.heard is not None:
        transcribed: Transcribed = yield from asked.heard
        yield Emit(transcribed, then=Priority.SPEECH)
        said = " ".join(word.text for word in transcribed.heard.words)
        text = f"{text} {said}".strip()
        if not text:
            return ReplyDone(draft, "")
    memory = parts.memories[row]
    beside, about, first = "", False, -1
    seen = asked.sighted if text and not asked.outcomes else None
    if seen is not None and not seen.nothing:
        request, first = yield from _requested(parts, memory, text, seen)
        if request is not None and request.what != "look":
            spoken = yield from _promise(draft, parts, memory, text, request, seen)
            return ReplyDone(draft, spoken)
        about = request is not None
        # Who was just told of what is seen may ask on: "and now?"
        beside = seen.line if about or memory.was_about else ""
    if asked.tool_choice != "none":
        called = yield from calling.called(memory, text, asked.tools, asked.tool_choice)
        if called is not None:
            yield Emit(Asks(draft, called))
            return ReplyDone(draft, "")
    if first < 0 or beside or asked.tool_choice != "none":
        first = yield from memory.answer(text, asked.outcomes, beside, about)
    if seen is not None and seen.nothing:
        watch = yield from _awaited(parts, memory, text)
        if watch is not None:
            return ReplyDone(draft, (yield from _promise(draft, parts, memory, text, watch, seen)))
    spoken, silent, limited = yield from _speak(draft, parts, memory, first)
    if silent:
        # A piece of code, or another alphabet: silence would be no answer.
        excuse = f" {UNSPEAKABLE}" if spoken else UNSPEAKABLE
        yield from _render(draft, parts.voice, Phrase(excuse, 0.0))
        spoken += excuse
    return ReplyDone(draft, spoken, limited)


def go_on(draft: int, parts: Parts, row: int, text: str) -> Work:
    """Decode on behind an answer that was cut for nothing, and behind `text`, which is said again;
    render what comes."""
    memory = parts.memories[row]
    try:
        token = yield from memory.go_on(text)
        if token < 0:
            return ReplyDone(draft, text)
        spoken, _, limited = yield from _speak(draft, parts, memory, token, begun=True)
        if not text and not spoken:
            yield from memory.rejoin("", cut=False)  # All had been said.
    except Exception:
        yield from memory.read_again()
        raise
    return ReplyDone(draft, text + spoken, limited)


def _requested(
    parts: Parts, memory: Memory, text: str, sighted: Sighted
) -> Generator[Any, Any, tuple[Request | None, int]]:
    """What the person requests of the eyes; and the first token of an answer that sees nothing,
    where one was begun to find out, else -1."""
    assert parts.sight is not None
    intents: tuple[Intent, ...] = ()
    first = -1
    if parts.sight.intents is not None:
        first = yield from memory.answer(text)
        intents = parts.sight.intents.judge(memory.thought(text), sighted.watching)
    request = yield from parts.sight.requests[memory.row].ask(text, intents)
    what = "" if request is None else request.what
    nothing = what == "stop" and not sighted.watching
    unseen = what == "look" and sighted.picture is None
    return (None if nothing or unseen else request), first


def _awaited(parts: Parts, memory: Memory, text: str) -> Generator[Any, Any, Request | None]:
    """The watch that a person who shows nothing asks for, to begin when the camera comes on. Told
    by what was just read to answer, so behind tools; without a probe, which would cost a pass, not
    at all."""
    assert parts.sight is not None
    if parts.sight.intents is None:
        return None
    intents = parts.sight.intents.judge(memory.thought(text), watching=False, shown=False)
    if intents[0].what != "watch":
        return None
    request = yield from parts.sight.requests[memory.row].ask(text, intents)
    return request if request is not None and request.what == "watch" else None


def _promise(
    draft: int, parts: Parts, memory: Memory, text: str, request: Request, sighted: Sighted
) -> Work:
    """Do what was requested and say what is done; returns what is said."""
    assert parts.sight is not None
    found: ReadText | None = None
    if request.what == "read" and sighted.picture is not None:
        found = yield from seeing.read(parts.sight, sighted.picture)
    yield Emit(Requested(draft, request, found))
    yield from memory.ask(text)
    splitter = PhraseSplitter()
    said = seeing.promise(request, sighted, found.lines if found else ())
    for phrase in (*splitter.feed(said), *splitter.flush()):
        yield from _render(draft, parts.voice, phrase)
    return said


def _speak(draft: int, parts: Parts, memory: Memory, token: int, begun: bool = False) -> Work:
    """Decode an answer whose first token is this, and render it phrase by phrase; returns the text
    that is spoken, whether what was written cannot be heard, and whether it reached its limit. One
    that was `begun` already goes on."""
    splitter = PhraseSplitter(begun)
    pieces = memory.language.text_stream()
    spoken_text = written = ""
    sounded, limited, ending = False, False, splitter.flush
    for number in range(parts.answer_tokens):
        if number:
            token = yield Token(memory.row)
        if memory.language.is_end(token):
            break
        memory.took(token)
        written += (more := pieces.push(token))
        for phrase in (*splitter.feed(more), *splitter.hasten()):
            spoken_text += phrase.text
            sounded |= yield from _render(draft, parts.voice, phrase)
    else:
        log.info("an answer reached its limit of %d tokens", parts.answer_tokens)
        limited, ending = True, splitter.break_off
    written += (more := pieces.end())
    for phrase in (*splitter.feed(more), *ending()):
        spoken_text += phrase.text
        sounded |= yield from _render(draft, parts.voice, phrase)
    return spoken_text, bool(written.strip()) and not sounded, limited


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


def remember(memory: Memory, untold: Sequence[Untold]) -> Work:
    """Write into Language's row what waited for it, and report what was corrected."""
    for what in untold:
        text = ""
        try:
            match what:
                case Correction(utterance, heard):
                    text = yield from memory.correct(utterance, heard)
                case Prefix(instructions):
                    yield from memory.begin_anew(instructions)
                case _:
                    yield from memory.record(what)
        except Exception:
            log.exception("what a client ordered could not be remembered; reading all again")
            yield from memory.read_again()
        if isinstance(what, Correction):
            yield Emit(Remembered(what.utterance, text, cut=True))


def _render(draft: int, voice: Voice, phrase: Phrase) -> Work:
    """Render a phrase; whether there is anything to hear of it."""
    spoken: Spoken = yield from voice.render(phrase.text)
    yield Emit(Rendered(draft, append_silence(spoken, phrase.pause_seconds)))
    return bool(len(spoken.audio))
