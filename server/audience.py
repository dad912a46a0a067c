"""Those who listen in on a session: they hear what is said in it, and can say nothing.

While nobody listens there is no audience and nothing of this runs. While somebody does, every frame
on its way to the person is handed to each listener too, with the person's own voice mixed in for
those who asked for it; a listener that is slow loses frames, and nobody else does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np

from model.messages import Audio
from model.timebase import HEARING_RATE, SPEAKING_FRAME_SAMPLES, SPEAKING_RATE
from server.port import Port
from server.session_events import Listeners
from server.socket_sound import Resampler, pcm
from server.webrtc.speaker import Frame, FrameSource

__all__ = ["MAX_LISTENERS", "Audience", "Listened", "Listener", "can_hear_person"]

MAX_LISTENERS: Final = 4
"""At one session."""

# Frames in hand before a listener is given the first, and the most that may wait: the oldest are
# thrown away, so that a stall is not heard for ever.
_IN_HAND: Final = 2
_MAX_WAITING: Final = 10


class Listened(Protocol):
    """A session, as far as it is listened to."""

    @property
    def speaking(self) -> FrameSource:
        """What is said in it."""

    @property
    def port(self) -> Port:
        """The person's end."""

    def tell(self, event: Listeners) -> None:
        """Let the person know."""


class Listener:
    """One who listens: the source of their speaker.

    Args:
        hears_person: whether the person's voice is mixed in.
    """

    def __init__(self, hears_person: bool = False) -> None:
        self.hears_person = hears_person
        self._waiting: deque[Frame | None] = deque(maxlen=_MAX_WAITING)
        self._flowing = False

    def give(self, frame: Frame | None) -> None:
        """The next 20 ms; None for silence."""
        self._waiting.append(frame)

    def next_frame(self) -> Frame | None:
        """What is heard next."""
        if not self._flowing:
            self._flowing = len(self._waiting) >= _IN_HAND
        if not self._flowing or not self._waiting:
            self._flowing = False
            return None
        return self._waiting.popleft()


class Audience:
    """The listeners of one session; stands between its voice and its mouth while there are any.

    Args:
        session: that is listened to.
        on_empty: called when the last one left.
    """

    def __init__(self, session: Listened, on_empty: Callable[[], None] = lambda: None) -> None:
        self.session = session
        self._on_empty = on_empty
        self._listeners: list[Listener] = []
        self._person: deque[Audio] = deque(maxlen=_MAX_WAITING)
        self._faster: Resampler | None = None
        self._rest = np.zeros(0, np.float32)

    def __len__(self) -> int:
        return len(self._listeners)

    def join(self, listener: Listener) -> None:
        """Let one listen. The session's mouth must be open."""
        self._listeners.append(listener)
        self.session.port.speaker.source = self
        self._changed()

    def leave(self, listener: Listener) -> None:
        """One listens no more; twice if you like."""
        if listener not in self._listeners:
            return
        self._listeners.remove(listener)
        if not self._listeners and self.session.port.speaker.source is self:
            self.session.port.speaker.source = self.session.speaking
        self._changed()
        if not self._listeners:
            self._on_empty()

    def next_frame(self) -> Frame | None:
        """The session's next 20 ms, unchanged, and a copy for everybody."""
        frame = self.session.speaking.next_frame()
        both = self._with_person(frame)
        for one in self._listeners:
            one.give(both if one.hears_person else frame)
        return frame

    def hear(self, sound: Audio) -> None:
        """The person's sound at 16 kHz, as it comes."""
        if self._faster is None:
            self._faster = Resampler(HEARING_RATE, SPEAKING_RATE)
        faster = self._faster(pcm(sound)).astype(np.float32) / 32_768.0
        self._rest = np.concatenate([self._rest, faster])
        while len(self._rest) >= SPEAKING_FRAME_SAMPLES:
            self._person.append(self._rest[:SPEAKING_FRAME_SAMPLES])
            self._rest = self._rest[SPEAKING_FRAME_SAMPLES:]

    def _with_person(self, frame: Frame | None) -> Frame | None:
        if not self._person:
            return frame
        person = self._person.popleft()
        if frame is None:
            return person
        ours = frame.astype(np.float32) / (32_768 if frame.dtype == np.int16 else 1)
        return np.asarray(np.clip(person + ours, -1.0, 1.0), np.float32)

    def _changed(self) -> None:
        hear_person = any(one.hears_person for one in self._listeners)
        if can_hear_person(self.session):
            microphone: Any = self.session.port.microphone
            microphone.on_sound = self.hear if hear_person else None
        if not hear_person:
            self._person.clear()
            self._faster = None
        self.session.tell(Listeners(len(self._listeners), hear_person))


def can_hear_person(session: Listened) -> bool:
    """Whether the person's sound can be had: it comes over WebRTC and is not muted for us."""
    return hasattr(session.port.microphone, "on_sound")
