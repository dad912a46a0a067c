"""This project's recogniser, language model and voice for asyncio, shared by all calls.

Each part has one thread of its own, so that all three can work at the same time; within a part
work is done in order of asking. Calls that wait for a token at the same time get it from one
batched step, as from a server of language models.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import numpy as np
import torch

from model.config import EngineConfig
from model.engine.pieces import finished
from model.interaction.choice import choose, choose_threads
from model.interaction.ears import MoonshineEars, listen
from model.interaction.language import Language
from model.interaction.parts import BeyondWindow, Pieces
from model.interaction.phrases import Phrase, PhraseSplitter
from model.interaction.segment import Segment
from model.interaction.voice import HibariVoice, append_silence
from model.timebase import HEARING_RATE
from model.weights.store import named

__all__ = ["Dialogue", "Message", "NoRow", "SharedParts"]

MOST_TOKENS: Final = 1536
"""Of a conversation that is read; with the answer it stays inside the window of 2048."""

Message = Mapping[str, str]
"""`role`: system, developer, user or assistant; `content`: plain text."""

Result = TypeVar("Result")


class NoRow(Exception):
    """All rows of the language model are taken: try again when a call has ended."""


class SharedParts:
    """The three parts, loaded once.

    Args:
        config: the settings our own engine takes; `weights`, `language`, `device`, `threads`,
            `rows`, `seed` and `answer_tokens` count here.
    """

    def __init__(self, config: EngineConfig) -> None:
        store = named(config.weights)
        device = "cuda" if config.device == "auto" and torch.cuda.is_available() else config.device
        device = "cpu" if device == "auto" else device
        name = choose(store, device) if config.language == "auto" else config.language
        self.language_name = name
        self.answer_tokens = config.answer_tokens
        self.language = Language.load(store / name, config.rows, device, seed=config.seed)
        with torch.inference_mode():
            threads = config.threads or choose_threads(self.language)
        self._ears = MoonshineEars.load(store / "ears", device)
        self._voice = HibariVoice.load(threads=1)
        self._free = list(range(config.rows))
        self._waiting: dict[Dialogue, asyncio.Future[int]] = {}
        self._stepping: asyncio.Task[None] | None = None

        def thread(part: str) -> ThreadPoolExecutor:
            # torch counts its threads for the thread that says so.
            return ThreadPoolExecutor(1, part, torch.set_num_threads, (threads,))

        self._threads = {part: thread(part) for part in ("ears", "language", "voice")}

    async def warm_up(self) -> None:
        """Use each part once: the first time is slow everywhere, and no call should pay for it."""
        noise = np.random.default_rng(0).normal(0.0, 1000.0, HEARING_RATE).astype(np.int16)
        await self.transcribe(noise.tobytes())
        dialogue = self.begin()
        await dialogue.prime()
        text = "".join([t async for t in dialogue.reply([{"role": "user", "content": "Hello."}])])
        self.end(dialogue)
        for phrase in (*PhraseSplitter().feed(text + " "), *PhraseSplitter().feed("Hello. ")):
            await self.render(phrase)

    async def run(self, part: str, work: Callable[[], Result]) -> Result:
        """Do `work` in the thread of `part`: ears, language or voice."""
        return await asyncio.get_running_loop().run_in_executor(self._threads[part], work)

    async def transcribe(self, pcm: bytes) -> str:
        """The words in 16 kHz 16-bit mono samples; empty when none were said."""
        audio = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768.0

        def work() -> str:
            heard = finished(listen(self._ears, Segment.begin(audio, 0.0)))
            return " ".join(word.text for word in heard.words)

        return await self.run("ears", work)

    async def render(self, phrase: Phrase) -> bytes:
        """24 kHz 16-bit mono samples of one phrase and the pause after it."""

        def work() -> bytes:
            spoken = append_silence(finished(self._voice.render(phrase.text)), phrase.pause_seconds)
            return (np.clip(spoken.audio, -1.0, 1.0) * 32767.0).astype(np.int16).tobytes()

        return await self.run("voice", work)

    def begin(self) -> Dialogue:
        """A dialogue with a row of its own; give it back with `end`.

        Raises:
            NoRow: as many go on as there are rows.
        """
        if not self._free:
            raise NoRow(f"all {self.language.rows} rows are taken; start with --engine rows=N")
        return Dialogue(self, self._free.pop(0))

    def end(self, dialogue: Dialogue) -> None:
        """Give the row back."""
        self._free.append(dialogue.row)

    async def next_token(self, dialogue: Dialogue) -> int:
        """Sample one token for the dialogue, together with all others that wait."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[dialogue] = future
        if self._stepping is None or self._stepping.done():
            self._stepping = asyncio.create_task(self._steps())
        return await future

    async def _steps(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, {}
            asking = [dialogue for dialogue, future in waiting.items() if not future.done()]
            try:
                tokens = await self.run("language", lambda asking=asking: self._sample(asking))  # type: ignore[misc]
            except Exception as error:
                for future in waiting.values():
                    if not future.done():
                        future.set_exception(error)
                continue
            for dialogue, token in zip(asking, tokens, strict=True):
                if not waiting[dialogue].done():
                    waiting[dialogue].set_result(token)
            await asyncio.sleep(0)  # Those that were answered may ask again.

    def _sample(self, asking: Sequence[Dialogue]) -> list[int]:
        tokens = self.language.next_tokens([dialogue.row for dialogue in asking])
        for dialogue, token in zip(asking, tokens, strict=True):
            dialogue.held.append(token)
        return tokens


class Dialogue:
    """One call's row of the language model, with what it holds: a prefix is never read twice.

    Attributes:
        row: the row.
        held: ids of the tokens in it; touched by the thread of the language model only.
    """

    def __init__(self, parts: SharedParts, row: int) -> None:
        self.row = row
        self.held: list[int] = []
        self._parts = parts
        self._language = parts.language
        self._prefix = parts.language.chat_prefix()

    async def prime(self) -> None:
        """Read the instructions, as our own server does when a call begins."""
        await self._parts.run("language", lambda: self._language.reset(self.row))
        await self._read(self._prefix)

    async def reply(self, messages: Sequence[Message]) -> AsyncIterator[str]:
        """Answer the messages: pieces of text as they are sampled.

        Whoever stops asking stops the work within a piece of about 25 ms.
        """
        await self._read(self._ids(messages))
        stream = self._language.text_stream()
        for _ in range(self._parts.answer_tokens):
            token = await self._parts.next_token(self)
            if self._language.is_end(token):
                break
            if text := stream.push(token):
                yield text
        if text := stream.end():
            yield text

    def _ids(self, messages: Sequence[Message]) -> list[int]:
        """The instructions and as many of the last messages as fit."""
        opening = self._language.agent_open()
        turns: list[list[int]] = []
        left = MOST_TOKENS - len(self._prefix) - len(opening)
        for message in reversed(messages):
            turn = self._turn(message)
            left -= len(turn)
            if left < 0:
                break
            turns.insert(0, turn)
        return [*self._prefix, *(token for turn in turns for token in turn), *opening]

    def _turn(self, message: Message) -> list[int]:
        text = message["content"]
        if message["role"] == "user":
            return self._language.person_turn(text)
        if message["role"] == "assistant":
            said = self._language.encode(text.strip())
            return [*self._language.agent_open(), *said, *self._language.agent_close(cut=False)]
        return self._language.note(text)

    async def _read(self, ids: list[int]) -> None:
        pieces = await self._parts.run("language", lambda: self._begin_reading(ids))

        def step() -> bool:
            return next(pieces, self) is self

        while not await self._parts.run("language", step):
            pass

    def _begin_reading(self, ids: list[int]) -> Pieces[None]:
        """Go back to what the row and `ids` have in common, then read the rest."""
        same = 0
        for held, wanted in zip(self.held, ids, strict=False):
            if held != wanted:
                break
            same += 1
        try:
            self._language.truncate(self.row, same)
        except BeyondWindow:
            self._language.reset(self.row)
            same = 0
        self.held = ids[:same]
        return self._append(ids[same:])

    def _append(self, rest: list[int]) -> Pieces[None]:
        yield from self._language.append(self.row, rest)
        self.held += rest
