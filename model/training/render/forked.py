"""Work done in a fork: libraries that keep hidden state, or share one, begin alike every time.

Synthesisers draw noise from the C library's one generator, and threads of other libraries in the
process draw from it, too (seen: one utterance in some hundred differed). A fork has one thread and
a generator begun anew; nothing it changes comes back but its result. It costs some milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import pickle
from collections.abc import Callable
from typing import TypeVar

__all__ = ["in_a_fork"]

Result = TypeVar("Result")


def in_a_fork(work: Callable[[], Result]) -> Result:
    """What `work` returns, computed in a child process.

    Raises:
        RuntimeError: the child died or `work` raised; its message is in the text.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            ctypes.CDLL(None).srand(1)
            try:
                answer = pickle.dumps((True, work()))
            except Exception as error:
                answer = pickle.dumps((False, str(error)))
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(answer)
        finally:
            # Nothing of the parent's may be ended or flushed by the child.
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        raise RuntimeError("a synthesiser ended its process: run it by itself to see why")
    done, result = pickle.loads(answer)
    if not done:
        raise RuntimeError(result)
    value: Result = result
    return value
