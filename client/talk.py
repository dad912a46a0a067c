"""`counterpoint talk FILE|mic URL`: a conversation on the command line.

Speaks a file and waits for the answers, or listens to the microphone until Ctrl-C. Captions of
both sides are printed with their times; `--save` keeps what was heard.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import wave
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from client import sound
from client.agent_events import AgentCut, AgentDone, AgentStarted
from client.conversation import Conversation
from client.errors import ConversationError
from client.events import (
    EngineState,
    ErrorEvent,
    Latency,
    PersonWords,
    SessionEnded,
    SessionStarted,
    ToolCall,
)
from client.reading import Unknown
from client.received import InLine, Lost
from client.values import Event, Settings

__all__ = ["main"]

TICK_SECONDS: Final = 0.1
_BAR: Final = 24


class Screen:
    """What is printed: captions, and one line below them that says how far it is.

    Args:
        progress: whether there is such a line; on a terminal.
    """

    def __init__(self, progress: bool) -> None:
        self._progress = progress
        self._latencies: dict[int, int] = {}

    def show(self, event: Event, conversation: Conversation) -> None:
        """Print what is worth it."""
        match event:
            case PersonWords(final=True, words=words) if words:
                at_ms = words[0].start_ms
                self.line("you", " ".join(word.text.strip() for word in words), at_ms)
            case Latency(utterance=utterance, latency_ms=latency_ms):
                self._latencies[utterance] = latency_ms
            case AgentDone() | AgentCut():
                self._agent(event, conversation)
            case SessionStarted(resumed=True):
                self.line("*", "goes on where it was", event.at_ms)
            case InLine(place=place):
                self.line("*", f"the server is full; place {place} in the line", 0)
            case Lost(why=why):
                self.line("*", f"connection lost ({why}); trying again", event.at_ms)
            case EngineState(state=state, message=message) if state != "ready":
                self.line("*", message or state, event.at_ms)
            case ErrorEvent(message=message):
                self.line("!", message, event.at_ms)
            case ToolCall(name=name):
                self.line("*", f"uses the tool {name}", event.at_ms)
            case SessionEnded(reason=reason) if reason != "hung_up":
                self.line("*", f"the server ended the conversation: {reason}", event.at_ms)
            case Unknown(why=why):
                self.line("!", f"a message could not be read: {why}", event.at_ms)

    def line(self, who: str, text: str, at_ms: int) -> None:
        """One line of captions."""
        self.wipe()
        print(f"{at_ms / 1000:7.1f} s  {who:<6} {text}", flush=True)

    def speaking(self, conversation: Conversation, total_samples: int) -> None:
        """How much of the file was spoken."""
        if self._progress and total_samples:
            left = conversation.mouth.waiting
            done = 1 - left / total_samples
            bar = "#" * round(done * _BAR)
            spoken, total = ((one / sound.RATE) for one in (total_samples - left, total_samples))
            print(
                f"\r  speaking [{bar:<{_BAR}}] {spoken:.1f} of {total:.1f} s ", end="", flush=True
            )

    def wipe(self) -> None:
        """Take the line of progress away."""
        if self._progress:
            print("\r\033[K", end="", flush=True)

    def _agent(self, event: AgentDone | AgentCut, conversation: Conversation) -> None:
        turn = conversation.utterance(event.utterance)
        if turn is None or not (turn.text or turn.said):
            return
        latency = self._latencies.pop(event.utterance, None)
        after = f"  ({latency / 1000:.2f} s)" if latency is not None else ""
        end = f" — cut by {event.by}" if isinstance(event, AgentCut) else ""
        self.line("agent", f"{turn.text}{end}{after}", turn.at_ms)


async def _talk(options: argparse.Namespace, screen: Screen) -> None:
    file = None if options.what == "mic" else options.what
    settings: Settings = {}
    if options.instructions:
        settings["instructions"] = options.instructions
    conversation = Conversation(options.url, key=options.key, settings=settings, wait=True)
    said = sound.read(file) if file is not None else np.zeros(0, np.float32)
    showing = asyncio.create_task(_show(conversation.events(), conversation, screen))
    async with contextlib.AsyncExitStack() as stack:
        if file is None:
            from client.devices import check

            check()
        if options.save:
            await stack.enter_async_context(_saved(conversation, options.save))
        await stack.enter_async_context(conversation)
        if file is None:
            from client.devices import loudspeaker, microphone

            stack.enter_context(microphone(conversation))
            await stack.enter_async_context(loudspeaker(conversation))
            screen.line("*", "speak; Ctrl-C ends", 0)
        for text in options.text:
            conversation.send_text(text)
        conversation.send_audio(said)
        patience = options.patience if file is not None else None
        waiting = asyncio.create_task(_until_quiet(conversation, len(said), patience, screen))
        done, _ = await asyncio.wait({showing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        await conversation.close()
        await showing
        for one in done:
            one.result()


async def _show(events: AsyncIterator[Event], conversation: Conversation, screen: Screen) -> None:
    async for event in events:
        screen.show(event, conversation)


async def _until_quiet(
    conversation: Conversation, total: int, patience_seconds: float | None, screen: Screen
) -> None:
    """Wait until all is spoken and nobody has said anything for a while."""
    loop = asyncio.get_running_loop()
    quiet_since, seen, open_utterances = loop.time(), 0, set[int]()
    while patience_seconds is None or loop.time() - quiet_since < patience_seconds:
        await asyncio.sleep(TICK_SECONDS)
        for event in conversation.since(seen):
            if isinstance(event, AgentStarted):
                open_utterances.add(event.utterance)
            elif isinstance(event, AgentDone | AgentCut):
                open_utterances.discard(event.utterance)
            if isinstance(event, AgentStarted | AgentDone | AgentCut | PersonWords):
                quiet_since = loop.time()
        seen = conversation.count
        if conversation.mouth.waiting or open_utterances:
            quiet_since = loop.time()
        if conversation.mouth.waiting:
            screen.speaking(conversation, total)


@contextlib.asynccontextmanager
async def _saved(conversation: Conversation, path: Path) -> AsyncIterator[None]:
    """Write what is heard to a WAV for as long as the block lasts."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, sound.RATE, 0, "NONE", ""))

        async def write() -> None:
            async for block in conversation.audio():
                file.writeframes((np.clip(block.audio, -1, 1) * 32_767).astype("<i2").tobytes())

        writing = asyncio.create_task(write())
        try:
            yield
        finally:
            # It ends with the conversation, which was closed before.
            await asyncio.wait({writing}, timeout=2.0)
            writing.cancel()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="counterpoint talk", description=__doc__)
    parser.add_argument("what", metavar="FILE|mic", help="a sound file of any kind, or `mic`")
    parser.add_argument("url", metavar="URL", help="the server, such as http://localhost:8080")
    parser.add_argument("--save", type=Path, metavar="WAV", help="write what was heard there")
    parser.add_argument(
        "--key",
        default=os.environ.get("COUNTERPOINT_KEY", ""),
        help="API key or secret; else the variable COUNTERPOINT_KEY",
    )
    parser.add_argument("--text", action="append", default=[], help="type this at the beginning")
    parser.add_argument("--instructions", default="", help="what the model should be")
    parser.add_argument(
        "--patience",
        type=float,
        default=8.0,
        metavar="SECONDS",
        help="after a file: hang up when nobody has said anything for so long (8)",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    screen = Screen(sys.stdout.isatty())
    try:
        asyncio.run(_talk(_options(arguments), screen))
    except (ConversationError, ValueError, OSError) as error:
        screen.wipe()
        print(f"counterpoint talk: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        screen.wipe()
    return 0


if __name__ == "__main__":
    sys.exit(main())
