"""The remote audio track as numbered blocks of 16 kHz mono."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Microphone"]


class Microphone:
    """Iterate it: `async for k, block in microphone`; block is float32 `[1600]` at 16 kHz.

    k counts from 0 from the moment media is connected and follows the monotonic clock; it skips
    numbers only if the consumer was so late that blocks were thrown away (bound: 2 waiting).
    Iteration ends when the Peer is closed.
    """

    dropped_blocks: int = 0

    def __aiter__(self) -> Microphone:
        return self

    async def __anext__(self) -> tuple[int, npt.NDArray[np.float32]]:
        raise NotImplementedError
