"""Which decoder a machine keeps up with, measured once and remembered beside the weights; and with
how many threads it is quickest, measured at every start."""

from __future__ import annotations

import json
import logging
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import torch

from model.interaction.language import Language

__all__ = ["NEEDED_TOKENS_A_SECOND", "choose", "choose_threads", "measured_speed"]

log = logging.getLogger(__name__)

BEST_FIRST: Final = ("language-1.5b", "language-0.5b")

NEEDED_TOKENS_A_SECOND: Final = 16.0
"""Speech needs four tokens a second; the first phrase of an answer, some eight tokens, should not
take longer than half a second."""

MEASURED_TOKENS: Final = 12
REMEMBERED: Final = "speed.json"

MOST_THREADS: Final = 4
TRIED_TOKENS: Final = 4
CLEARLY: Final = 1.2
"""So much quicker several threads have to be. With 0.5B on two cores with AVX2 a token took 84 to
92 ms with one thread and 81 to 95 with two where both cores were free, 80 to 104 and 83 to 240
beside work of a third of the weight: two that wait for each other are as slow as the slower one."""


def choose(store: Path, device: str) -> str:
    """The best decoder that is in `store` and fast enough here; else the smallest of the two."""
    for name in BEST_FIRST[:-1]:
        if not (store / name / "config.json").is_file():
            continue
        speed = _remembered(store / name, device) or _measure(store / name, device)
        if speed >= NEEDED_TOKENS_A_SECOND:
            return name
        log.info("%s makes %.1f tokens a second here, too few for speech", name, speed)
    return BEST_FIRST[-1]


def measured_speed(language: Language) -> float:
    """Tokens a second of one row, after a warm-up."""
    for _ in language.append(0, language.chat_prefix("You are a friendly voice.")):
        pass
    language.next_tokens([0])
    began = time.perf_counter()
    for _ in range(MEASURED_TOKENS):
        language.next_tokens([0])
    return MEASURED_TOKENS / (time.perf_counter() - began)


def choose_threads(language: Language, clock: Callable[[], float] = time.perf_counter) -> int:
    """How many torch threads decode quickest at this moment: one per core that this process may
    use, at most `MOST_THREADS`, where that is clearly quicker than a single one."""
    most = min(_cores(), MOST_THREADS)
    if most == 1:
        return 1
    ids = language.encode("Good morning.")
    for _ in language.append(0, ids):
        pass
    took = {1: 0.0, most: 0.0}
    for turn in range(TRIED_TOKENS + 1):
        for threads in took:
            torch.set_num_threads(threads)
            began = clock()
            language.next_tokens([0])
            if turn:  # The first is a warm-up.
                took[threads] += clock() - began
    language.reset(0)
    return most if took[1] > CLEARLY * took[most] else 1


def _cores() -> int:
    """Those that this process may run on, where the system tells."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


def _machine(device: str) -> str:
    processor = platform.processor() or platform.machine()
    return f"{processor} {os.cpu_count()} {device} {torch.__version__}"


def _remembered(folder: Path, device: str) -> float:
    try:
        known = json.loads((folder / REMEMBERED).read_text("utf-8"))
        return float(known.get(_machine(device), 0.0))
    except (OSError, ValueError, AttributeError):
        return 0.0


def _measure(folder: Path, device: str) -> float:
    speed = measured_speed(Language.load(folder, rows=1, device=device))
    try:
        text = json.dumps({_machine(device): round(speed, 1)})
        (folder / REMEMBERED).write_text(text, "utf-8")
    except OSError:
        log.warning(
            "the speed of %s could not be remembered: it is measured at every start", folder
        )
    return speed
