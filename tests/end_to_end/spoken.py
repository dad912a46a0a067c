"""Somebody who talks to the real server with the real model, and what they get to hear.

with model_server(*SMALL) as served:
    async with served.call(rate=RATE) as caller:
        talk = Talk(caller)
        await talk.begin()
        said = talk.say(audio)                    # float32 at 16 kHz
        answer = await talk.answer(said)          # heard to its end, or None
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.signal import resample_poly

from model.messages import Audio
from model.timebase import HEARING_RATE
from tests.bench.stimuli.speech import last_loud
from tests.bench.stimuli.splits import SyntheticVoice
from tests.bench.stimuli.voices import render
from tests.end_to_end.served import Served
from tests.network.caller import Caller
from tests.network.testbed import Link, TestBed

__all__ = ["CLEAR_VOICE", "RATE", "SMALL", "Answer", "Said", "Talk", "model_server", "spoken"]

RATE: Final = HEARING_RATE

SMALL: Final = ("--engine", "language=language-135m", "--engine", "answer_tokens=32")
"""The small decoder and short answers: for tests of everything but what is said."""

CLEAR_VOICE: Final = SyntheticVoice("hibari-heart", "heart", "hibari", "heart")

ANSWER_SECONDS: Final = 20.0
"""An answer that has not begun by then is none; a machine under other load is slow."""

_LOAD_SECONDS: Final = 90.0
_PORT: Final = 8000
_LOUD: Final = 0.01
_SILENCE: Final = np.zeros(RATE // 10, np.float32)

Event = dict[str, Any]


@contextlib.contextmanager
def model_server(*flags: str, link: Link | None = None) -> Iterator[Served]:
    """The real server with the real model beyond a wire; this thread joins the client's side."""
    with TestBed(link) as bed, bed.in_client():
        command = [sys.executable, "-u", "-m", "server.cli", "serve"]
        where = ("--host", bed.server_address, "--port", str(_PORT))
        crowd = ("--offers-per-window=1000", "--max-sessions-per-address=64")
        served = Served(bed.spawn_server([*command, *where, *crowd, *flags]))
        served.wait_ready(_LOAD_SECONDS)
        yield served


def spoken(text: str, voice: SyntheticVoice = CLEAR_VOICE) -> Audio:
    """The text said by a synthetic person, 16 kHz."""
    return render(voice, text)


@dataclass(frozen=True, slots=True)
class Said:
    """Something the person said or typed.

    Attributes:
        start, end: monotonic times of the first sample and of the last voiced one.
        since: how many events had come before.
    """

    start: float
    end: float
    since: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One utterance that is over.

    Attributes:
        utterance: its number.
        text: its captions as far as they were heard.
        said: all its captions.
        words_heard: how many of its words were heard.
        cut: whether it was cut off.
        began, ended: monotonic times of the events that say so.
    """

    utterance: int
    text: str
    said: str
    words_heard: int
    cut: bool
    began: float
    ended: float


class Talk:
    """One person's conversation over a connected Caller whose rate is `RATE`."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    async def begin(self) -> Event:
        """Wait until the conversation has begun; its first event."""
        await self.caller.open(10.0)
        return await self.caller.wait_for("session.started", 10.0)

    # ---- the person ------------------------------------------------------------------------

    def say(self, audio: Audio) -> Said:
        """Speak, after what is still being spoken."""
        since = len(self.caller.events)
        start = self.caller.say(np.concatenate([audio, _SILENCE]))
        return Said(start, start + last_loud(audio) / RATE, since)

    def type(self, text: str) -> Said:
        """Type."""
        now, since = asyncio.get_running_loop().time(), len(self.caller.events)
        self.caller.send({"type": "text.send", "text": text})
        return Said(now, now, since)

    async def fall_silent(self) -> None:
        """Press stop, and wait until nothing is being said."""
        self.caller.send({"type": "speech.stop"})
        await self.until(lambda: not self.open_utterances(), 5.0)

    # ---- what came -------------------------------------------------------------------------

    async def until(self, holds: Callable[[], bool], timeout_seconds: float) -> bool:
        """Wait for a condition; False when it did not come true in time."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_seconds
        while not holds():
            if loop.time() > until:
                return False
            await asyncio.sleep(0.02)
        return True

    def events(self, *kinds: str, since: int = 0) -> list[Event]:
        """What came of these types from event `since` on."""
        return [event for event in self.caller.events[since:] if event["type"] in kinds]

    def open_utterances(self) -> set[int]:
        """Utterances that began and are not over."""
        begun = {event["utterance"] for event in self.events("agent.started")}
        return begun - {event["utterance"] for event in self.events("agent.done", "agent.cut")}

    def read(self, since: int) -> bool:
        """Whether all that the person said from event `since` on was recognised for good."""
        return all(event["final"] for event in self._segments(since))

    def heard_person(self, since: int) -> str:
        """What was recognised of the person from event `since` on: the last of each segment."""
        return " ".join(word["text"] for event in self._segments(since) for word in event["words"])

    def _segments(self, since: int) -> list[Event]:
        """What was last told of each segment, in order."""
        last = {event["segment"]: event for event in self.events("person.words", since=since)}
        return [last[number] for number in sorted(last)]

    def captions(self, utterance: int) -> list[str]:
        """The words announced for an utterance, each with its leading space."""
        said = (e for e in self.events("agent.words") if e["utterance"] == utterance)
        return [word["text"] for event in said for word in event["words"]]

    def arrival(self, event: Event) -> float:
        """The monotonic time at which an event arrived."""
        at = next(i for i, other in enumerate(self.caller.events) if other is event)
        return self.caller.event_times[at]

    def began_after(self, said: Said) -> Event | None:
        """The first utterance that began once `said` was said, and is no sign of listening."""
        listens = False
        for event in self.events("floor", "agent.started", since=said.since):
            if event["type"] == "floor":
                listens = event["decision"] == "backchannel"
            elif self.arrival(event) > said.end and not listens:
                return event
        return None

    async def starts(self, said: Said, timeout_seconds: float = ANSWER_SECONDS) -> Event | None:
        """Wait for the beginning of the answer; None when none came in time."""
        left = said.end - asyncio.get_running_loop().time() + timeout_seconds
        await self.until(lambda: self.began_after(said) is not None, left)
        return self.began_after(said)

    async def answer(
        self,
        said: Said,
        timeout_seconds: float = ANSWER_SECONDS,
        enough: Callable[[str], bool] = lambda text: False,
    ) -> Answer | None:
        """Wait until the answer is over, or until its captions are `enough`: then it is stopped.

        None when there is no answer.
        """
        started = await self.starts(said, timeout_seconds)
        if started is None:
            return None
        number = started["utterance"]
        await self.until(
            lambda: number not in self.open_utterances() or enough("".join(self.captions(number))),
            90.0,
        )
        if number in self.open_utterances():
            await self.fall_silent()
        return self.utterance(number)

    def utterance(self, number: int) -> Answer:
        """An utterance that is over."""
        begun = next(e for e in self.events("agent.started") if e["utterance"] == number)
        over = next(e for e in self.events("agent.done", "agent.cut") if e["utterance"] == number)
        words = self.captions(number)
        heard = "".join(words[: over["words_heard"]]).strip()
        return Answer(
            number,
            heard,
            "".join(words).strip(),
            over["words_heard"],
            over["type"] == "agent.cut",
            self.arrival(begun),
            self.arrival(over),
        )

    def sound(self, since: float, until: float = float("inf")) -> Audio:
        """What was heard between two monotonic times, at 16 kHz."""
        frames = [frame for at, frame in self.caller.heard.frames(since) if at <= until]
        whole = np.concatenate(frames) if frames else np.zeros(0, np.float32)
        return np.asarray(resample_poly(whole, 2, 3), np.float32)

    def loud_times(self, since: float = 0.0) -> list[float]:
        """Arrival times of the frames in which something is heard."""
        frames = self.caller.heard.frames(since)
        return [at for at, frame in frames if np.abs(frame).max() > _LOUD]

    async def record(self, served: Served) -> list[Event]:
        """The turns of the conversation's record."""
        session, token = self.caller.answer["session"], self.caller.answer["resume_token"]
        status, _, text = await asyncio.to_thread(
            served.request,
            f"/api/sessions/{session}/record.json",
            headers={"Authorization": f"Bearer {token}"},
        )
        assert status == 200, text
        turns: list[Event] = json.loads(text)["turns"]
        return turns
