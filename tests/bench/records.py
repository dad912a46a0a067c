"""What one clip leaves behind, as one line of JSON; and the shard file that holds the lines.

A shard is written clip by clip. A run that was killed reads it back and plays only what is
missing; a shard of another commit, seed or split is refused. Every sitting adds a line of its own
before its first clip.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from tests.bench.files import as_lines, replace_text, whole_lines
from tests.bench.metrics.activity import ClipLog, HeardWord, Interval, Label, Utterance

__all__ = ["Record", "Shard", "ShardMismatch", "log_from_json", "log_to_json"]

MOST_FAILURES: Final = 3
"""Of one clip with one target over a whole run; then it is not tried again."""


def log_to_json(log: ClipLog) -> dict[str, Any]:
    """A log as plain lists, times to 0.1 ms."""

    def rounded(value: Any) -> Any:
        if isinstance(value, float):
            return round(value, 4) if value != float("inf") else None
        if isinstance(value, Mapping):
            return {key: rounded(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [rounded(item) for item in value]
        return value

    return {name: rounded(value) for name, value in asdict(log).items()}


def log_from_json(fields: Mapping[str, Any]) -> ClipLog:
    """The inverse of `log_to_json`."""

    def utterance(one: Mapping[str, Any]) -> Utterance:
        words = tuple(HeardWord(**word) for word in one["words"])
        ended = float("inf") if one["ended"] is None else float(one["ended"])
        return Utterance(
            float(one["started"]), words, one["finished"], ended, int(one["words_heard"])
        )

    return ClipLog(
        clip=fields["clip"],
        half=fields["half"],
        speaker=fields["speaker"],
        person=tuple(Interval(**one) for one in fields["person"]),
        agent=tuple(Interval(**one) for one in fields["agent"]),
        labels=tuple(Label(**one) for one in fields["labels"]),
        utterances=tuple(utterance(one) for one in fields["utterances"]),
        length=float(fields["length"]),
    )


@dataclass(frozen=True, slots=True)
class Record:
    """One clip played to one target.

    Attributes:
        target: prefix of its keys: empty for the server measured, `null.always_yield.`, ….
        suite: which suite's stimulus it was.
        log: None when the call failed.
        failure: why it failed.
        recognised: (said, recognised by the agent).
        spoken: (announced by the agent, recognised of its audio by another recogniser).
        cuts: (words the agent says were heard, words that were) for each cut utterance.
        floor: (time, decision) events.
        client: the harness' own health: late_p99, jitter, drift, lost, connect, vad.
        scene: noise and room.
        load: of the machine.
        parts: what the server says it is made of.
        tried: why calls came to nothing before this one, or with it.
    """

    target: str
    suite: str
    clip: str
    log: ClipLog | None = None
    failure: str = ""
    recognised: tuple[tuple[str, str], ...] = ()
    spoken: tuple[tuple[str, str], ...] = ()
    cuts: tuple[tuple[int, int], ...] = ()
    floor: tuple[tuple[float, str], ...] = ()
    client: Mapping[str, float] = field(default_factory=dict)
    scene: str = ""
    load: float = 0.0
    parts: Mapping[str, str] = field(default_factory=dict)
    tried: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For one line."""
        plain = {
            name: getattr(self, name)
            for name in ("target", "suite", "clip", "failure", "recognised", "spoken", "cuts",
                         "floor", "scene", "load", "tried")
        }  # fmt: skip
        log = log_to_json(self.log) if self.log is not None else None
        return plain | {"log": log, "client": dict(self.client), "parts": dict(self.parts)}

    @staticmethod
    def of_json(fields: Mapping[str, Any]) -> Record:
        """The inverse of `as_json`."""
        tuples: dict[str, Any] = {
            name: tuple(tuple(one) for one in fields[name])
            for name in ("recognised", "spoken", "cuts", "floor")
        }
        names = ("target", "suite", "clip", "failure", "scene", "load", "client", "parts")
        plain: dict[str, Any] = {name: fields[name] for name in names}
        log = log_from_json(fields["log"]) if fields["log"] is not None else None
        # Clips of before this was written down have none.
        return Record(**plain, **tuples, log=log, tried=tuple(fields.get("tried", ())))


class ShardMismatch(ValueError):
    """The file belongs to another run."""


class Shard:
    """An append-only file of records and sittings; its first line says which run it belongs to.

    `sittings` holds what each sitting said of itself, this one's too once it has begun.

    Args:
        path: of the file, made when it is not there.
        head: commit, seed, split and whatever else must be equal to go on with it.

    Raises:
        ShardMismatch: it holds clips of another run.
    """

    def __init__(self, path: Path, head: Mapping[str, Any]) -> None:
        self.path = path
        self.sittings: list[dict[str, Any]] = []
        self._settled: dict[tuple[str, str], Record] = {}
        self._sat: dict[tuple[str, str], int] = {}
        self._failures: Counter[tuple[str, str]] = Counter()
        ours = json.loads(json.dumps(dict(head)))
        theirs, *lines = whole_lines(path) or [ours]
        if theirs != ours:
            if any("clip" in line for line in lines):
                changed = sorted(k for k in theirs | ours if theirs.get(k) != ours.get(k))
                raise ShardMismatch(
                    f"{path} was begun with another {', '.join(changed)}; finish it there, name "
                    "another --json, or drop it with --fresh"
                )
            lines = []
        for line in lines:
            if "sitting" in line:
                self.sittings.append(line["sitting"])
            else:
                self._take(Record.of_json(line))
        # Without what a kill cut off, whose clip is played again.
        text = as_lines([ours, *lines])
        if not path.exists() or path.read_text() != text:
            replace_text(path, text)

    @property
    def records(self) -> list[Record]:
        """One of each clip and target: the last that did not fail, else the last."""
        return list(self._settled.values())

    def sitting_of(self, record: Record) -> int | None:
        """In which of `sittings` a record was made; None of what nobody played."""
        made = self._sat.get((record.target, record.clip), -1)
        return made if made >= 0 else None

    def has(self, target: str, clip: str) -> bool:
        """Whether this clip was played to this target, or failed too often to be tried again."""
        record = self._settled.get((target, clip))
        if record is None:
            return False
        return not record.failure or self._failures[target, clip] >= MOST_FAILURES

    def add(self, record: Record) -> None:
        """Append and flush."""
        self._take(record)
        self._append(record.as_json())

    def sit(self, sitting: Mapping[str, Any]) -> None:
        """Append what a sitting says of itself."""
        self.sittings.append(dict(sitting))
        self._append({"sitting": dict(sitting)})

    def _take(self, record: Record) -> None:
        key = record.target, record.clip
        self._failures[key] += bool(record.failure)
        known = self._settled.get(key)
        if known is not None and known.failure:
            record = replace(record, tried=(*known.tried, *record.tried))
        if known is None or known.failure or not record.failure:
            self._settled[key] = record
            self._sat[key] = len(self.sittings) - 1

    def _append(self, fields: Mapping[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(as_lines([fields]))
