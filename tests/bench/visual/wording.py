"""How clips are asked for, and what else people say: the lists of `wording.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from tests.bench.visual.drawn import Split

__all__ = ["asking", "clips"]

FILE: Final = Path(__file__).with_name("wording.json")


@lru_cache(maxsize=1)
def _lists() -> Any:
    return json.loads(FILE.read_text("utf-8"))


def clips(split: Split) -> Mapping[str, list[str]]:
    """Requests by kind of clip; `{}` is what is watched."""
    found: Mapping[str, list[str]] = _lists()["clips"][split]
    return found


def asking(split: Split) -> Mapping[str, list[str]]:
    """Sentences by what they ask for: `watch`, `stop`, `read`, `look` or `answer`."""
    found: Mapping[str, list[str]] = _lists()["asking"][split]
    return found
