"""A remote video track as pictures: few, small, the newest, and none unless somebody looks."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from model.messages import Picture
from model.sight import MAX_PICTURE_PIXELS, SightSource
from model.timebase import HEARING_RATE, seconds
from server.webrtc.decoding import Decoded, FrameDecoder, shared_thread
from server.webrtc.frames import EncodedFrame
from server.webrtc.ration import MAX_FRAMES_A_SECOND, WISHES, Ration, Wish
from server.webrtc.sync import Alignment, SenderClock

__all__ = ["Camera", "CameraState", "Wish"]

logger = logging.getLogger(__name__)

CameraState = Literal[
    "off", "waiting", "looking", "limited", "dark", "still", "stalled", "unusable"
]
"""off: nobody looks. waiting: for the first picture. looking: pictures come. limited: so many or
such large frames come that only key frames are read. dark: nothing but black. still: the same
picture for long (cameras only). stalled: no frames come. unusable: frames come that cannot be
decoded."""

MAX_PENDING: Final = 8
"""Frames that wait for the decoder; with one more all are thrown away, up to the next key frame."""

_LEAST_FRAMES_A_SECOND: Final = 0.2
_STALLED_SECONDS: Final = 3.0
_STALLED_FRAMES: Final = 4
_WAITING_SECONDS: Final = 5.0
_DARK: Final = 6.0
_DARK_SECONDS: Final = 2.0
_STILL_SECONDS: Final = 15.0


@dataclass(slots=True)
class _Course:
    """Since somebody looks: when what happened last, on the loop's clock."""

    since: float = 0.0
    picture: float | None = None
    failed: float = float("-inf")
    dark_since: float | None = None
    same_since: float = 0.0
    mark: int | None = None

    def took(self, decoded: Decoded, now: float) -> None:
        """A picture is here."""
        self.picture = now
        if decoded.light >= _DARK:
            self.dark_since = None
        elif self.dark_since is None:
            self.dark_since = now
        if decoded.mark != self.mark:
            self.mark, self.same_since = decoded.mark, now


class Camera:
    """One of a Peer's two pre-negotiated video m-lines; a `FrameSink`. Event loop only.

    While nobody looks packets are thrown away before they are read, and nothing is kept.

    Attributes:
        source: camera or screen.
        on_picture: called with every picture.
        awake: set while somebody looks.
        wish: what the sender should be asked for.
        decoded_frames: how many frames were given to the decoder.
    """

    def __init__(self, source: SightSource, alignment: Alignment) -> None:
        self.source: SightSource = source
        self.on_picture: Callable[[Picture], None] = lambda _: None
        self.awake = asyncio.Event()
        self.wish: Wish = WISHES[source]
        self.decoded_frames = 0
        self._alignment = alignment
        self._decoder = FrameDecoder()
        self._ration = Ration(self.wish.frames_a_second)
        self._course = _Course()
        self._pending: deque[tuple[EncodedFrame, int]] = deque()
        self._needs_key = True
        self._work: asyncio.Task[None] | None = None

    # ---- the Session's side

    def look(self, on: bool) -> None:
        """Begin or end to look; what was underway is forgotten."""
        if on == self.awake.is_set():
            return
        self._pending.clear()
        # A decoder keeps the last frames: with it they go.
        self._decoder = FrameDecoder()
        self._course = _Course(since=asyncio.get_running_loop().time())
        self._needs_key = True
        self._alignment.reset()
        if on:
            self.awake.set()
        else:
            self.awake.clear()

    def want(self, frames_a_second: float) -> None:
        """How many pictures a second are wanted from now on; at most five."""
        rate = min(MAX_FRAMES_A_SECOND, max(_LEAST_FRAMES_A_SECOND, frames_a_second))
        self.wish = replace(self.wish, frames_a_second=rate)
        self._ration.want(rate)

    def state(self, now: float) -> CameraState:
        """What can be said of it at a time of the loop's clock."""
        course = self._course
        if not self.awake.is_set():
            return "off"
        # A slow sender is not a stalled one.
        patience = max(_STALLED_SECONDS, _STALLED_FRAMES / self.wish.frames_a_second)
        if course.picture is None or now - course.picture > patience:
            if now - course.failed < patience:
                return "unusable"
            waits = course.picture is None and now - course.since < _WAITING_SECONDS
            return "waiting" if waits else "stalled"
        if course.dark_since is not None and now - course.dark_since >= _DARK_SECONDS:
            return "dark"
        if self.source == "camera" and now - course.same_since >= _STILL_SECONDS:
            return "still"
        return "limited" if self._ration.keys_only else "looking"

    def close(self) -> None:
        """End for good."""
        self.look(False)
        self.on_picture = lambda _: None
        if self._work is not None:
            self._work.cancel()

    # ---- the receiver's side

    @property
    def wants_key(self) -> bool:
        """Whether a frame that depends on no other is needed."""
        if self._ration.keys_only:
            return self._ration.wants_key(asyncio.get_running_loop().time())
        return self._needs_key

    def restart(self) -> None:
        """Another stream begins: another track, or another sender."""
        self._alignment.reset()
        self._needs_key = True

    def push(self, frame: EncodedFrame, clock: SenderClock) -> None:
        """A whole frame has come, in order."""
        if not self.awake.is_set():
            return
        sample = self._alignment.sample(frame.timestamp, clock)
        if frame.size != (0, 0):
            self._ration.sized(*frame.size)
        now = asyncio.get_running_loop().time()
        self._ration.came(now)
        if self._needs_key and not frame.key:
            return
        self._needs_key = not self._ration.decodes(frame.key, now) or self._overflows(frame)
        if self._needs_key:
            return
        self._pending.append((frame, sample))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._decode_pending())

    def _overflows(self, frame: EncodedFrame) -> bool:
        """The newest wins: a key frame replaces what waits, another one that is too many breaks."""
        if frame.key or len(self._pending) >= MAX_PENDING:
            self._pending.clear()
            return not frame.key
        return False

    async def _decode_pending(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pending:
            frames = [frame for frame, _ in self._pending]
            sample = self._pending[-1][1]
            self._pending.clear()
            self.decoded_frames += len(frames)
            used = self._ration.uses(seconds(sample, HEARING_RATE))
            most = min(self.wish.width * self.wish.height, MAX_PICTURE_PIXELS) if used else 0
            decoder = self._decoder
            decoded = await loop.run_in_executor(shared_thread(), decoder.decode, frames, most)
            if decoder is self._decoder and self.awake.is_set():
                self._took(decoded, sample, loop.time())

    def _took(self, decoded: Decoded, sample: int, now: float) -> None:
        if decoded.failed:
            self._course.failed = now
            self._needs_key = True
            self._pending.clear()
        if decoded.size != (0, 0):
            self._ration.sized(*decoded.size)
        if decoded.pixels is None:
            return
        self._course.took(decoded, now)
        try:
            self.on_picture(Picture(self.source, sample, decoded.pixels))
        except Exception:
            logger.exception("a picture could not be taken on")
