"""What is promised in seconds, on a machine that stands still for one now and then.

Where all ends of a test are in one process, its loop's clock stands still with the machine:

    def pytest_asyncio_loop_factories(config, item):  # in a conftest.py
        return {"steady": SteadyLoop}

    blocked(asyncio.get_running_loop(), 0.3)  # a stall that is the fault under test, and counts

Where other processes take part, what failed while this one stood still is tried again:

    @undisturbed
    async def test_who_is_told_within_a_second() -> None: ...
"""

from __future__ import annotations

import asyncio
import functools
import selectors
import threading
import time
import warnings
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, ParamSpec

__all__ = ["SteadyLoop", "blocked", "undisturbed"]

P = ParamSpec("P")

_NAP_SECONDS: Final = 0.01
_LONGEST_SECONDS: Final = 0.05
"""Between two looks at the clock, with what runs between them; what is more nobody let us have."""

_STALL_SECONDS: Final = 0.1
_TRIES: Final = 4


class _Napping(selectors.DefaultSelector):
    """Never waits long, so that a long time between two looks at the clock is a stall."""

    def select(self, timeout: float | None = None) -> list[Any]:
        """What is ready, within a moment."""
        return super().select(_NAP_SECONDS if timeout is None else min(timeout, _NAP_SECONDS))


class SteadyLoop(asyncio.SelectorEventLoop):
    """A loop whose clock stands still while the machine does."""

    def __init__(self) -> None:
        self._looked_at = time.monotonic()
        self._stood_seconds = 0.0
        super().__init__(_Napping())

    def time(self) -> float:
        """Monotonic seconds without those in which nothing ran."""
        now = time.monotonic()
        self._stood_seconds += max(0.0, now - self._looked_at - _LONGEST_SECONDS)
        self._looked_at = now
        return now - self._stood_seconds


def blocked(loop: asyncio.AbstractEventLoop, duration_seconds: float) -> None:
    """Run nothing else for so long, of which a `SteadyLoop` counts all."""
    until = loop.time() + duration_seconds
    while (left := until - loop.time()) > 0:
        time.sleep(min(left, _NAP_SECONDS))


class _Stalls:
    """Notes the longest time in which a thread of this process did not run when it was due."""

    def __init__(self) -> None:
        self.longest_seconds = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stalls", daemon=True)

    def __enter__(self) -> _Stalls:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        last = time.monotonic()
        while not self._over.wait(_NAP_SECONDS):
            now = time.monotonic()
            self.longest_seconds = max(self.longest_seconds, now - last - _NAP_SECONDS)
            last = now


def undisturbed(test: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
    """Try again, a few times, a test that failed while the machine stood still: it says nothing."""

    @functools.wraps(test)
    async def tried(*args: P.args, **kwargs: P.kwargs) -> None:
        for left in reversed(range(_TRIES)):
            with _Stalls() as stalls:
                try:
                    await test(*args, **kwargs)
                except (AssertionError, TimeoutError):
                    if not left or stalls.longest_seconds < _STALL_SECONDS:
                        raise
                    still = f"the machine stood still for {stalls.longest_seconds:.2f} s"
                    told = f"{test.__name__} is tried again: {still}"
                    warnings.warn(told, stacklevel=2)  # the summary tells it
                else:
                    return

    return tried
