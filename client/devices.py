"""This machine's microphone and loudspeaker, by the package `sounddevice` (an extra).

    with microphone(conversation):
        async with loudspeaker(conversation):
            ...

Use headphones: nothing here takes the loudspeaker's sound out of the microphone's.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import numpy as np

from client.conversation import Conversation
from client.errors import NoDevice
from client.sound import FRAME, RATE, Audio

__all__ = ["check", "loudspeaker", "microphone"]

MAX_PLAYED_FRAMES: Final = 25
"""Half a second that waits to be played; then the oldest is dropped."""

LATE_FRAMES: Final = 6
"""From here on what cannot be heard is left out, until what waits is short again."""

INAUDIBLE: Final = 1e-4

Device = int | str | None


def _sounddevice() -> Any:
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: the package is there, PortAudio is not
        raise NoDevice(
            f"Microphone and loudspeaker need sounddevice and PortAudio ({error}): `pip install"
            " 'counterpoint[microphone]'`, and on Debian `apt install libportaudio2`."
        ) from error
    return sounddevice


def check() -> None:
    """Raise NoDevice where there can be no microphone."""
    _sounddevice()


@contextlib.contextmanager
def _open(kind: str, **options: Any) -> Iterator[None]:
    devices = _sounddevice()
    try:
        stream = getattr(devices, kind)(
            samplerate=RATE, channels=1, blocksize=FRAME, dtype="float32", **options
        )
        stream.start()
    except devices.PortAudioError as error:
        raise NoDevice(f"The device cannot be used: {error}. Choose another one.") from error
    try:
        yield
    finally:
        stream.close()


@contextlib.contextmanager
def microphone(conversation: Conversation, device: Device = None) -> Iterator[None]:
    """Speak by a microphone for as long as the block lasts; raises NoDevice."""
    loop = asyncio.get_running_loop()

    def heard(samples: Any, frames: int, times: Any, status: Any) -> None:
        loop.call_soon_threadsafe(conversation.mouth.hear_live, samples[:, 0].copy())

    with _open("InputStream", device=device, callback=heard):
        yield


@contextlib.asynccontextmanager
async def loudspeaker(conversation: Conversation, device: Device = None) -> AsyncIterator[None]:
    """Hear the agent for as long as the block lasts; raises NoDevice."""
    waiting: deque[Audio] = deque(maxlen=MAX_PLAYED_FRAMES)
    lock = threading.Lock()

    def play(samples: Any, frames: int, times: Any, status: Any) -> None:
        with lock:
            part = waiting.popleft() if waiting else np.zeros(frames, np.float32)
        samples[:] = 0
        samples[: len(part), 0] = part[:frames]

    async def listen() -> None:
        async for block in conversation.audio():
            with lock:
                # What came in a burst is caught up with where nothing is heard.
                late = len(waiting) > LATE_FRAMES
                if not (late and np.abs(block.audio).max(initial=0.0) < INAUDIBLE):
                    waiting.append(block.audio)

    listening = asyncio.create_task(listen())
    try:
        with _open("OutputStream", device=device, callback=play):
            yield
    finally:
        listening.cancel()
