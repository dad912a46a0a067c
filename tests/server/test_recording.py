"""A recording holds all that was said by either, whoever's sound stalls."""

from __future__ import annotations

import io

import av
import numpy as np

from model.timebase import HEARING_RATE, SPEAKING_RATE
from server.recording import Recording

TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(SPEAKING_RATE // 50) / SPEAKING_RATE)).astype(
    np.float32
)
THEIRS = (0.3 * np.sin(2 * np.pi * 440 * np.arange(HEARING_RATE // 10) / HEARING_RATE)).astype(
    np.float32
)


def loud(recording: Recording) -> tuple[float, float]:
    """Seconds of sound of the person and of us."""
    assert recording.whole is not None
    with av.open(io.BytesIO(recording.whole), "r") as file:
        frames = [frame.to_ndarray() for frame in file.decode(audio=0)]
    both = np.concatenate([one.reshape(2, -1) if one.shape[0] == 2 else one.reshape(-1, 2).T
                           for one in frames], axis=1)  # fmt: skip
    blocks = np.abs(both[:, : both.shape[1] // 480 * 480].astype(float)).reshape(2, -1, 480)
    level = blocks.max(axis=2) / (np.abs(both).max() or 1)
    seconds = (level > 0.3).sum(axis=1) * 0.01
    return float(seconds[0]), float(seconds[1])


def frames(recording: Recording, count: int) -> None:
    for _ in range(count):
        recording.frame(TONE, len(TONE))


def test_what_was_said_last_is_in_it() -> None:
    recording = Recording()
    for _ in range(10):
        frames(recording, 5)
        recording.block(THEIRS)
    recording.close()
    theirs, ours = loud(recording)
    assert abs(theirs - 1.0) < 0.1 and abs(ours - 1.0) < 0.1


def test_ours_goes_on_where_the_persons_sound_stalls() -> None:
    recording = Recording()
    frames(recording, 100)
    for _ in range(5):
        recording.block(THEIRS)
    frames(recording, 50)
    recording.close()
    theirs, ours = loud(recording)
    assert abs(theirs - 0.5) < 0.1 and abs(ours - 3.0) < 0.15
