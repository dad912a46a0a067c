"""The shape of Core's network: frozen, strict, written beside its weights as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

__all__ = ["FORMAT", "STREAMS", "CoreConfig"]

FORMAT: Final = 1

STREAMS: Final = (
    "person_dmel",
    "person_bands",
    "person_prosody",
    "own_dmel",
    "own_prosody",
    "encoder",
    "words",
    "queued",
    "belief",
    "message",
    "picture",
    "clock",
)
"""Everything Core can read, in the order in which it is summed. `person_bands` is not: what
`core_onsets` makes of it is added to the odds of a yield."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreConfig:
    """Sizes of one network.

    Attributes:
        width: of the residual stream.
        inner: width inside SwiGLU.
        layers: transformer layers.
        heads: attention heads; `width / heads` is even.
        window: micro-turns that a token sees, itself included; 256 are 25.6 s.
        sound_width: width of a dMel frame's embedding.
        word_width: width of a word's embedding.
        word_rows: rows of the words' table; a word has two of them.
        streams: what is read; leave one out to see what it is worth.
        streams_version: of the format of `model.interaction.streams`.
        period: positions repeat after so many micro-turns; more than twice the window.
        yield_weight: what the transformer's log-odds of a yield weigh where the second expert
            (`core_onsets`) is there.
        onsets_weight: what those of the second expert weigh beside them.
    """

    width: int = 256
    inner: int = 512
    layers: int = 5
    heads: int = 4
    window: int = 256
    sound_width: int = 128
    word_width: int = 64
    word_rows: int = 4096
    streams: tuple[str, ...] = tuple(name for name in STREAMS if name != "picture")
    streams_version: int = 1
    period: int = 4096
    yield_weight: float = 1.0
    onsets_weight: float = 2.0

    def __post_init__(self) -> None:
        """Raise ValueError for what the arithmetic cannot do."""
        if self.width % self.heads or self.width // self.heads % 2:
            raise ValueError("width must be an even multiple of heads")
        if self.period <= 2 * self.window or self.window < 2:
            raise ValueError("window must be at least 2 and period more than twice the window")
        if min(self.layers, self.inner, self.sound_width, self.word_width, self.word_rows) < 1:
            raise ValueError("sizes must be at least 1")
        if min(self.yield_weight, self.onsets_weight) < 0.0:
            raise ValueError("yield_weight and onsets_weight must not be negative")
        if unknown := [name for name in self.streams if name not in STREAMS]:
            raise ValueError(f"unknown streams {unknown}; known are {STREAMS}")
        if not self.streams or len(set(self.streams)) < len(self.streams):
            raise ValueError("streams must name each stream at most once, and at least one")

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads

    def without(self, *streams: str) -> CoreConfig:
        """The same network with some streams left out."""
        left = tuple(name for name in self.streams if name not in streams)
        return CoreConfig(**{**self._as_dict(), "streams": left})

    @classmethod
    def from_file(cls, path: Path) -> CoreConfig:
        """Read `config.json`; raises ValueError that names what is missing or unknown."""
        found = json.loads(path.read_text(encoding="utf-8"))
        if found.pop("format", None) != FORMAT:
            raise ValueError(f"{path} is not of format {FORMAT}: train Core again")
        names = {field.name for field in fields(cls)}
        if wrong := sorted(found.keys() ^ names):
            raise ValueError(f"{path} has unknown or missing keys {wrong}")
        found["streams"] = tuple(found["streams"])
        return cls(**found)

    def write(self, path: Path) -> None:
        """Write `config.json`."""
        text = json.dumps({"format": FORMAT, **self._as_dict()}, indent=2)
        path.write_text(text + "\n", encoding="utf-8")

    def _as_dict(self) -> dict[str, Any]:
        return asdict(self)
