"""Settings of the engine process: frozen, strict, one docstring per field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

__all__ = ["EngineConfig", "UnknownSetting"]

MODELS: Final = ("counterpoint", "echo")
LANGUAGES: Final = ("auto", "language-0.5b", "language-1.5b", "language-135m")


class UnknownSetting(ValueError):
    """A setting has a name nobody knows or a value outside its choices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """What an engine process is started with; crosses the process boundary once."""

    model: str = "counterpoint"
    """`counterpoint`, or `echo`: says back what it hears, loads nothing, for tests of the rest."""

    rows: int = 4
    """How many streams one engine serves at a time, 1 to 64."""

    weights: str = ""
    """Folder that holds the converted pretrained parts; empty for `weights` of the checkout."""

    language: str = "auto"
    """Which decoder: `auto` takes the best one this machine was measured to keep up with."""

    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:N`."""

    threads: int = 0
    """Torch threads of one job; 0 tries at the start whether one per core, at most 4, is clearly
    quicker than a single one."""

    niceness: int = 5
    """Added to the process's niceness, 0 to 19: the server's audio goes first. The thread that
    answers is 5 below it (`worker.JOBS_NICENESS`)."""

    answer_tokens: int = 160
    """Most tokens of one answer, 16 to 1024; 160 are about forty seconds of speech."""

    seed: int = 0
    """Seed of everything that is sampled."""

    floor: str = "{}"
    """Overrides of the floor's settings as a JSON object; the benchmark sweeps them."""

    core: str = "rules"
    """Who has the floor: `rules`; `shipped`, the checkpoint of Core in `model/weights/core`, to be
    tried (its card there says how far it is); the folder of another checkpoint; or
    `MODULE:FUNCTION`, which makes another floor (`MakesFloor`), as the bench's baselines are."""

    belief: str = "auto"
    """`auto` lets a Core that reads Language's belief have it when the part `language-135m` was
    fetched; `off` does not, to see what it is worth."""

    eyes: str = "auto"
    """`auto` sees when the part `eyes` was fetched; `off` does not look at pictures at all."""

    journal: str = ""
    """Folder for a journal of every stream, with all that was heard as sound, so that it can be
    replayed; empty keeps none. Who turns it on must tell people."""

    journal_megabytes: int = 4096
    """Most that the journals take together, the oldest are deleted first; an hour takes 200."""

    journal_pictures: int = 0
    """1: the journal holds what was seen too; 0: only that something was, and when. A stream that
    saw something is replayed to the bit only with its pictures."""

    def __post_init__(self) -> None:
        """Raise UnknownSetting for a value outside its range."""
        if self.model not in MODELS:
            raise UnknownSetting(f"model must be one of {MODELS}, not {self.model!r}")
        if self.language not in LANGUAGES:
            raise UnknownSetting(f"language must be one of {LANGUAGES}, not {self.language!r}")
        for name in ("belief", "eyes"):
            if getattr(self, name) not in ("auto", "off"):
                raise UnknownSetting(f"{name} must be auto or off, not {getattr(self, name)!r}")
        if self.threads < 0:
            raise UnknownSetting(f"threads must not be negative, not {self.threads}")
        if not 1 <= self.rows <= 64:
            raise UnknownSetting(f"rows must be 1 to 64, not {self.rows}")
        if not 16 <= self.answer_tokens <= 1024:
            raise UnknownSetting(f"answer_tokens must be 16 to 1024, not {self.answer_tokens}")
        if self.journal_megabytes < 1:
            raise UnknownSetting(f"journal_megabytes must be above 0, not {self.journal_megabytes}")
        if self.journal_pictures not in (0, 1):
            raise UnknownSetting(f"journal_pictures must be 0 or 1, not {self.journal_pictures!r}")
        if not 0 <= self.niceness <= 19:
            raise UnknownSetting(f"niceness must be 0 to 19, not {self.niceness}")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> EngineConfig:
        """Settings by name; raises UnknownSetting for a name that is not a field."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise UnknownSetting(f"unknown engine settings {unknown}; known are {sorted(known)}")
        return cls(**{name: _of_type(name, value) for name, value in values.items()})


def _of_type(name: str, value: Any) -> Any:
    """A setting's value; a folder or the like may look like a number."""
    wanted = type(getattr(EngineConfig(), name))
    if wanted is str and type(value) is int:
        return str(value)
    if type(value) is not wanted:
        kind = "a whole number" if wanted is int else "text"
        raise UnknownSetting(f"{name} must be {kind}, not {value!r}")
    return value
