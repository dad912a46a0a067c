"""A conversation with a Counterpoint server: speak, listen, steer.

    async with connect("http://localhost:8080") as conversation:
        await conversation.speak("question.wav")
        async for event in conversation.events():
            match event:
                case PersonWords(final=True) | AgentWords():
                    print(event.words)
                case AgentDone():
                    break

It belongs to one event loop. When the connection is lost it is made again by itself, and the
conversation goes on where it was; `Lost` and `SessionStarted(resumed=True)` tell of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar

import numpy.typing as npt

from client import requests, sound
from client.connection import Connection, State
from client.declaring import Function, Tool
from client.ending import Ending
from client.errors import ConversationError, NotConnected, Refused, Unreachable
from client.events import SessionEnded, SessionStarted, SettingsChanged
from client.feed import Feed
from client.history import HeardTurn, History
from client.mouth import Mouth
from client.reading import read_event
from client.received import Block, InLine, Received
from client.requests import Policy, Role
from client.signalling import Key, Signalling
from client.sound import FRAME_SECONDS, RATE, Audio
from client.tools import Toolbox
from client.values import Event, Settings
from client.wanted import Wanted

__all__ = ["Conversation", "connect"]

BEGIN_SECONDS: Final = 30.0
GOODBYE_SECONDS: Final = 1.0

AnyEvent = TypeVar("AnyEvent", bound=Event)


class Conversation:
    """See the module's text, and `connect` for the arguments."""

    def __init__(
        self,
        url: str,
        *,
        key: Key = "",
        settings: Settings | None = None,
        tools: Iterable[Tool | Function] = (),
        resume: str = "",
        ice_servers: Iterable[Mapping[str, str]] = (),
        wait: bool = False,
    ) -> None:
        self.mouth = Mouth()
        self._history = History()
        self._tools = Toolbox(tools, self._send_if_live)
        self._wanted = Wanted(settings or {}, self._tools.declared)
        self._resume = resume
        self._signalling = Signalling(url, key, wait)
        servers = tuple(dict(one) for one in ice_servers)
        offered = self._wanted.offered
        self._connection = Connection(self._signalling, self.mouth, offered, self, servers)
        self._received = Received()
        self._ending = Ending()

    async def __aenter__(self) -> Conversation:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    # ---- its course

    async def open(self) -> None:
        """Begin; afterwards both sides can talk. `async with` does it.

        Raises:
            Unreachable: nobody answers there, or no sound can come from there.
            Refused: the server said no, and why.
        """
        await self._connection.open(self._resume)
        try:
            await self.wait_for(SessionStarted, BEGIN_SECONDS, since=0)
        except TimeoutError:
            await self.close()
            raise Unreachable("The server answered, but the conversation did not begin.") from None
        if self._connection.error is not None:
            await self.close()
            raise self._connection.error

    async def close(self) -> None:
        """Hang up; safe to call twice. The history and the record can be read afterwards."""
        if self.state == "live":
            ended = asyncio.ensure_future(self.wait_for(SessionEnded, GOODBYE_SECONDS))
            self._send_if_live(requests.END)
            await asyncio.wait({ended})
            ended.exception()
        self._tools.stop()
        await self._connection.close()

    @property
    def state(self) -> State:
        """`new`, `connecting`, `live`, `reconnecting` or `ended`."""
        return self._connection.state

    @property
    def session(self) -> str:
        """The session's name at the server; "" before it began."""
        return self._connection.answer.session

    @property
    def resume_token(self) -> str:
        """What opens the record, and, given as `resume`, goes on with the conversation later."""
        return self._connection.answer.token

    @property
    def count(self) -> int:
        """Events so far, for `wait_for(since=…)`."""
        return self._received.count

    # ---- speaking

    async def speak(self, what: npt.ArrayLike | str | Path, rate: int = RATE) -> None:
        """Say sound, after what is still being said, and wait until it is said.

        Args:
            what: a file of any kind FFmpeg knows, or samples as `send_audio` takes them.
            rate: of samples.

        Raises:
            BadAudio: it is no sound.
            NotConnected: the conversation ended meanwhile.
        """
        if isinstance(what, str | Path):
            end = self.mouth.say(await asyncio.to_thread(sound.read, what))
        else:
            end = self.mouth.say(sound.prepare(what, rate))
        while self.mouth.spoken < end:
            if self.state in ("new", "ended"):
                raise NotConnected("Not all was said: there is no conversation.")
            await asyncio.sleep(FRAME_SECONDS)

    def send_audio(self, samples: npt.ArrayLike, rate: int = RATE) -> float:
        """Say sound without waiting; in how many seconds it will be said.

        Args:
            samples: `[samples]` or `[samples, channels]`; floats in [-1, 1], int16 or int32.
            rate: samples a second.

        Raises:
            BadAudio: it is no sound.
            TooMuch: a quarter of an hour waits already.
        """
        return (self.mouth.say(sound.prepare(samples, rate)) - self.mouth.spoken) / RATE

    def send_text(self, text: str) -> None:
        """Type. This and all below: NotConnected while there is no connection, ValueError for
        what the server would refuse."""
        self._send(requests.text(text))

    # ---- steering

    def say(
        self, text: str, *, policy: Policy = "when_free", priority: int = 0, name: str = ""
    ) -> None:
        """Have the agent say this; `AgentSaying` tells what became of it, by `name`."""
        self._send(requests.say(text, policy, priority, name))

    def append(self, text: str, role: Role = "knowledge") -> None:
        """Something the agent should know; it is not answered."""
        self._send(requests.append(text, role))

    def answer(self) -> None:
        """Answer what is there, now."""
        self._send(requests.ANSWER)

    def cancel(self) -> None:
        """Stop the answer under way or in the making."""
        self._send(requests.CANCEL)

    def truncate(self, utterance: int, heard_ms: int) -> None:
        """Of an utterance only so much was heard."""
        self._send(requests.truncate(utterance, heard_ms))
        self._history.truncate(utterance, heard_ms)

    def hold(self) -> None:
        """Be silent, in the midst of a word too, and go on listening."""
        self._send(requests.HOLD)

    def resume(self) -> None:
        """Go on where `hold` stopped."""
        self._send(requests.RESUME)

    def stop(self) -> None:
        """Fall silent, as when the person presses stop."""
        self._send(requests.STOP)

    def commit(self) -> None:
        """With `manual_turns`: the person's turn ends here."""
        self._send(requests.COMMIT)

    def clear(self) -> None:
        """Forget what the person said since the last turn."""
        self._send(requests.CLEAR)

    async def update(self, settings: Settings, timeout_seconds: float = 5.0) -> SettingsChanged:
        """Change settings; those from now on. What is not named stays. Instructions that do not fit
        the model's memory are refused a moment later; see `docs/client.md`.

        Raises:
            Refused: the server does not take them, and why.
            TimeoutError: no answer came.
        """
        request = self._wanted.update(settings)
        self._send(request)
        name = request["event_id"]
        told = await self.wait_for(
            Event, timeout_seconds, where=lambda one: getattr(one, "event_id", None) == name
        )
        if not isinstance(told, SettingsChanged):
            raise Refused(getattr(told, "message", ""), 400, getattr(told, "code", ""))
        return told

    # ---- hearing

    def events(self) -> Feed[Event]:
        """All that the server tells from now on, to be iterated over.

        It ends with the conversation, and raises the error that ended it, if one did.
        """
        return self._received.listen_to_events()

    def audio(self) -> Feed[Block]:
        """All that is heard from now on, silence included, to be iterated over; see `events`."""
        return self._received.listen_to_audio()

    async def wait_for(
        self,
        kind: type[AnyEvent],
        timeout_seconds: float = 30.0,
        *,
        where: Callable[[AnyEvent], bool] = lambda event: True,
        since: int | None = None,
    ) -> AnyEvent:
        """The first event of a kind for which `where` holds.

        Args:
            kind: its class.
            timeout_seconds: how long at most.
            where: a further condition.
            since: from which event on, as `count` was earlier; from now on unless said.

        Raises:
            TimeoutError: none came in time.
            NotConnected: the conversation ended first.
        """
        at = self.count if since is None else since
        received = self._received
        try:
            async with asyncio.timeout(timeout_seconds):
                while True:
                    for event in received.since(at):
                        if isinstance(event, kind) and where(event):
                            return event
                    at = received.count
                    if self.state == "ended":
                        raise NotConnected(f"The conversation ended before any {kind.__name__}.")
                    await received.more()
        except TimeoutError:
            raise TimeoutError(f"no {kind.__name__} came in {timeout_seconds:g} s") from None

    @property
    def history(self) -> tuple[HeardTurn, ...]:
        """What was said and heard so far, as the server's record has it."""
        return self._history.turns

    def utterance(self, number: int) -> HeardTurn | None:
        """One of the agent's turns, heard or not; None for one that is not known."""
        return self._history.utterance(number)

    def since(self, count: int) -> Iterator[Event]:
        """Events from number `count` on, of the last 10,000."""
        return self._received.since(count)

    async def record(self) -> dict[str, Any]:
        """The server's record, also after the end; raises Unreachable or Refused."""
        return await self._signalling.record(self.session, self.resume_token)

    async def forget(self) -> None:
        """End it and have the server forget the record; raises Unreachable or Refused."""
        await self._signalling.forget(self.session, self.resume_token)

    # ---- told by the connection

    def on_message(self, text: str) -> None:
        """A message of the server."""
        event = read_event(text)
        self._history.hear(event)
        self._wanted.hear(event)
        self._received.event(event)
        self._tools.hear(event)
        if self._ending.hear(event):
            self._connection.over(self._ending.error)

    def on_audio(self, audio: Audio) -> None:
        """Sound of the server."""
        self._received.sound(audio)

    def on_place(self, place: int) -> None:
        """We stand in line."""
        self._received.event(InLine(seq=-1, at_ms=0, place=place))

    def on_lost(self, why: str) -> None:
        """The connection is being made again."""
        self._tools.stop()
        self._received.lost(why)

    def on_end(self, error: ConversationError | None) -> None:
        """It is over."""
        self._tools.stop()
        self._received.end(error)

    def _send(self, request: requests.Request) -> None:
        self._connection.send(requests.encode(request))

    def _send_if_live(self, request: requests.Request) -> None:
        if self.state == "live":
            self._send(request)


connect = Conversation
