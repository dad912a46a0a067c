"""What the person lets us see: off until they say so, and off again at once when they say that.

The consent of a session lives here and nowhere else: a Camera reads packets only between two
`LookAsked`, and pictures go from it straight into the next micro-turn. No picture is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from model.messages import Picture, PicturesWanted, Seen
from model.sight import SightSource
from server.hearing import Hearing
from server.session_events import SessionEvent
from server.steering_events import LookAsked, LookChanged, LookWanted
from server.webrtc.camera import Camera, CameraState

__all__ = ["Looking"]

_MESSAGES: Final[dict[CameraState, str]] = {
    "limited": "More or larger pictures come than were asked for; only some of them are looked at.",
    "dark": "The picture is black. Is the camera covered?",
    "still": "The picture has not changed for a while.",
    "stalled": "No pictures come.",
    "unusable": "The pictures that come cannot be read.",
}
_ABSENT: Final = "This connection has no video for it; connect again with a video m-line."


class Looking:
    """One session's eyes. One event loop.

    Args:
        cameras: the client's video, as far as it was negotiated.
        hearing: where pictures go, and whose clock they share.
        emit: called with every event for the client.
    """

    def __init__(
        self,
        cameras: Mapping[SightSource, Camera],
        hearing: Hearing,
        emit: Callable[[SessionEvent], None],
    ) -> None:
        self._cameras = cameras
        self._hearing = hearing
        self._emit = emit
        self._told: dict[SightSource, CameraState] = dict.fromkeys(cameras, "off")
        for camera in cameras.values():
            camera.on_picture = self._show

    def act(self, event: LookAsked) -> None:
        """Begin or end to look, and say so."""
        camera = self._cameras.get(event.source)
        if camera is None:
            if event.on:
                self._emit(LookChanged(event.source, "absent", _ABSENT))
            return
        camera.look(event.on)
        if event.on:
            self._ask(camera)
        else:
            self._hearing.intake.unseen(event.source)
        self.tell()

    def told(self, event: Seen | PicturesWanted) -> None:
        """Take what the engine says of what it sees."""
        camera = self._cameras.get(event.source)
        if camera is None:
            return
        if isinstance(event, Seen):
            # What was made of a picture before the engine knew that it may not look is not told.
            if camera.awake.is_set():
                self._emit(self._hearing.on_session_clock(event))
        else:
            before = camera.wish
            camera.want(event.a_second)
            if camera.wish != before and camera.awake.is_set():
                self._ask(camera)

    def tell(self) -> None:
        """Tell what changed; called now and then."""
        now = asyncio.get_running_loop().time()
        for source, camera in self._cameras.items():
            state = camera.state(now)
            if state != self._told[source]:
                self._told[source] = state
                self._emit(LookChanged(source, state, _MESSAGES.get(state, "")))

    def close(self) -> None:
        """The session is over."""
        for camera in self._cameras.values():
            camera.close()

    def _show(self, picture: Picture) -> None:
        self._hearing.intake.show(picture)
        if self._told[picture.source] in ("waiting", "stalled", "unusable"):
            self.tell()

    def _ask(self, camera: Camera) -> None:
        wish = camera.wish
        self._emit(LookWanted(camera.source, wish.frames_a_second, wish.width, wish.height))
