"""`python -m model.training.calls gather|judge`: checkpoints on what Core heard in real calls.

Rendered dev misjudges where to act: it cuts an interruption where its script stops us, live one
lasts and grows certain. A run of the bench's dev split writes journals (`--engine journal=DIR`);
`gather` replays them and keeps what Core heard, with the labels of each clip, and `judge` lets any
checkpoint hear it. It does not act: what it would have heard of its own other doing is not known.
A decision that our own answer came before counts as 0.35 s behind that answer; what was cut short,
by a stop of ours or our own end, before a decision could be told is left out.

    counterpoint bench floor --n 20 --split dev --engine core=shipped --engine journal=J --json D
    python -m model.training.calls gather J D.shard.jsonl --out out/core/calls
    python -m model.training.calls judge out/core/calls --core model/weights/core --core OTHER
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.config import EngineConfig
from model.engine.engine import InteractionModel
from model.engine.journal_file import JournalError, JournalReader
from model.interaction import core as core_module
from model.interaction import streams
from model.interaction.core import OperatingPoint
from model.replay.again import Again, Lost
from model.training.hesitating import silent_after
from model.training.operating_point import NEVER_SECONDS, Trace
from model.weights.errors import WeightsError

__all__ = ["Call", "Events", "decided", "gather", "judged", "lag_of", "main", "read", "write"]

TAKE, YIELD = streams.FLOORS.index("take"), streams.FLOORS.index("yield")
IGNORED: Final = ("backchannel", "vocal_tic", "not_directed")
YIELD_TURNS: Final = 20
FALSE_STOP_TURNS: Final = 10
ANSWER_TURNS: Final = 31
BEHIND_SECONDS: Final = 0.35
MOST_LAG: Final = 300
"""Hundredths of a second by which a clip's clock and its stream's may differ."""

LEAST_LIKENESS: Final = 0.25
TAKES: Final = (0.5, 0.7, 0.8, 0.85, 0.88, 0.9, 0.92, 0.94, 0.96)
YIELDS: Final = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)

AHEAD_CLIPS: Final = 6
"""Clips after the last one that a stream is looked for in: calls that failed left none."""

Columns = dict[str, npt.NDArray[Any]]
Given = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], Columns]
"""Of a micro-turn: the microphone, our voice, and what else Core was told."""


@dataclass(frozen=True)
class Call:
    """What Core heard in one call.

    Attributes:
        clip: the bench's name of it.
        half: `synthetic` or `human`.
        columns: of `streams.INPUTS`, `[T, …]`.
        ours: micro-turns in which our voice sounds or waits to.
        labels: `(kind, first micro-turn, last micro-turn)`.
    """

    clip: str
    half: str
    columns: Columns
    ours: npt.NDArray[np.bool_]
    labels: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Events:
    """Traces of a checkpoint's probabilities through events.

    Attributes:
        interruptions: to yield, from their onset on while our voice goes on, for two seconds; and
            whether it went on for so long.
        ignored: likewise by kind, from the onset to a second behind the end.
        ends: half, to take from the last voiced micro-turn on, and how many micro-turns later we
            answered.
        pauses: half, to take, of all in it.
    """

    interruptions: list[tuple[Trace, bool]]
    ignored: dict[str, list[tuple[Trace, bool]]]
    ends: list[tuple[str, Trace, int]]
    pauses: list[tuple[str, Trace]]


def lag_of(
    audio: npt.NDArray[np.float32], spans: Sequence[Mapping[str, float]]
) -> tuple[float, float]:
    """Seconds from a clip's clock to its stream's, and how alike level and speech are then.

    Args:
        audio: the microphone, 16 kHz.
        spans: where the clip's person speaks, seconds.
    """
    frames = audio[: len(audio) // 160 * 160].reshape(-1, 160)
    level = np.log10(np.sqrt(np.mean(np.square(frames), axis=1)) + 1e-4)
    level = (level - level.mean()) / (level.std() + 1e-9)
    spoken = np.zeros(len(level) + 2 * MOST_LAG, np.float64)
    for span in spans:
        first, last = (MOST_LAG + int(span[name] * 100) for name in ("start", "end"))
        spoken[first:last] = 1.0
    best = (0.0, -1.0)
    for shift in range(2 * MOST_LAG):
        part = spoken[shift : shift + len(level)]
        if part.std() > 0:
            alike = float(np.mean((part - part.mean()) / part.std() * level))
            best = max(best, ((MOST_LAG - shift) / 100, alike), key=lambda one: one[1])
    return best


def gather(journals: Path, shard: Path) -> Iterator[Call]:
    """The calls of a run, in the order in which they were made. Those that fit no clip, and streams
    that cannot be replayed or that Core did not hear, are left out with a line about them. A clip
    that was played again comes again: the last is the one whose labels these are.

    Raises:
        FileNotFoundError: there are no journals.
    """
    played = map(json.loads, shard.read_text("utf-8").splitlines())
    records = [one for one in played if one.get("log") and not one["target"]]
    paths = sorted(journals.glob("*.journal"), key=lambda path: path.stat().st_mtime)
    if not paths:
        raise FileNotFoundError(f"{journals} holds no journals: run the bench with journal=DIR")
    last = 0
    for path, (audio, columns) in _heard(paths):
        window = records[last : last + AHEAD_CLIPS]
        found = [(*lag_of(audio, one["log"]["person"]), n) for n, one in enumerate(window)]
        lag, alike, number = max(found, key=lambda one: one[1], default=(0.0, 0.0, 0))
        if alike < LEAST_LIKENESS:
            sys.stderr.write(f"{path.name} is none of the next clips\n")
            continue
        log = records[last := last + number]["log"]
        labels = tuple(
            (one["kind"], int((one["start"] + lag) * 10), int((one["end"] + lag) * 10))
            for one in log["labels"]
        )
        sounds = columns.pop("sounds") | (columns["queued"][:, 1] > 0)
        yield Call(f"{shard.stem}-{log['clip']}", log["half"], columns, sounds, labels)


def _heard(paths: Sequence[Path]) -> Iterator[tuple[Path, tuple[npt.NDArray[np.float32], Columns]]]:
    """Of each journal the microphone and all that Core was given."""
    from model.replay.cli import configured, loaded

    given: list[Given] = []
    step = core_module.Core.step

    def listening(self: Any, audio: Any, own: Any, known: Any, memory: Any, active: Any) -> Any:
        (at,) = np.flatnonzero(active)
        own_part = {name: column[at].copy() for name, column in known.items()}
        given.append((audio[at].copy(), own[at].copy(), own_part))
        return step(self, audio, own, known, memory, active)

    known: tuple[EngineConfig, InteractionModel] | None = None
    core_module.Core.step = listening  # type: ignore[method-assign]
    try:
        for path in paths:
            journal = JournalReader(path)
            config = configured(journal.head, None)
            if known is None or known[0] != config:
                known = config, loaded(config)
            given.clear()
            if (why := _replayed(known[1], journal)) or not given:
                sys.stderr.write(f"{path.name}: {why or 'Core heard nothing in it'}\n")
                continue
            yield path, _columns(given)
    finally:
        core_module.Core.step = step  # type: ignore[method-assign]


def _replayed(model: InteractionModel, journal: JournalReader) -> str:
    """Replay a stream; why that failed, or nothing."""
    again = Again(model)
    try:
        for entry in journal:
            again.feed(entry)
    except Lost as error:
        return f"cannot be replayed by this code: {error}"
    finally:
        again.close()
    return ""


def _columns(given: Sequence[Given]) -> tuple[npt.NDArray[np.float32], Columns]:
    audio, own = (np.concatenate([one[part] for one in given]) for part in (0, 1))
    columns: Columns = {name: np.stack([one[2][name] for one in given]) for name in given[0][2]}
    columns |= core_module.sound_columns(audio, own)
    power = np.mean(np.square(own.reshape(len(given), -1)), axis=1)
    return audio, columns | {"sounds": power > 1e-8}


def write(call: Call, folder: Path) -> None:
    """Keep a call."""
    folder.mkdir(parents=True, exist_ok=True)
    about = json.dumps({"clip": call.clip, "half": call.half, "labels": call.labels})
    np.savez_compressed(folder / f"{call.clip}.npz", about=np.array(about), ours=call.ours,
                        **call.columns)  # type: ignore[arg-type]  # fmt: skip


def read(folder: Path) -> list[Call]:
    """All calls of a folder; raises FileNotFoundError where there are none."""
    made = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as kept:
            about = json.loads(str(kept["about"]))
            columns = {name: kept[name] for name in kept.files if name not in ("about", "ours")}
            labels = tuple((kind, first, last) for kind, first, last in about["labels"])
            made.append(Call(about["clip"], about["half"], columns, kept["ours"], labels))
    if not made:
        raise FileNotFoundError(f"{folder} holds no calls: `gather` them first")
    return made


def judged(network: Any, calls: Sequence[Call], overdue: float) -> Events:
    """What a network thinks in the events of all calls."""
    from model.training.dataset import Whole
    from model.training.evaluate import judge

    made = Events([], {kind: [] for kind in IGNORED}, [], [])
    for call in calls:
        labels = {"floor": np.where(call.ours, streams.FLOORS.index("hold"), 0)}
        (found,) = judge(network, [Whole(call.columns, labels, {})], overdue)
        _sorted_in(made, call, found.floor)
    return made


def _sorted_in(made: Events, call: Call, floor: npt.NDArray[np.float32]) -> None:
    yielding = np.where(call.ours, floor[:, YIELD], 0.0)
    take = np.where(call.ours, 0.0, floor[:, TAKE])
    for kind, first, last in call.labels:
        if not 0 < first <= last < len(floor) - 1:
            continue
        on = bool(call.ours[first - 1 : first + 1].all())
        if kind == "interruption" and on:
            made.interruptions.append(_while_ours(yielding, call.ours, first, first + YIELD_TURNS))
        elif kind in IGNORED and on:
            until = last + FALSE_STOP_TURNS
            made.ignored[kind].append(_while_ours(yielding, call.ours, first, until))
        elif kind == "turn" and not call.ours[last : last + 2].any():
            answer = np.flatnonzero(call.ours[last : last + ANSWER_TURNS])
            until = int(answer[0]) if len(answer) else ANSWER_TURNS
            made.ends.append((call.half, take[last : last + until], until))
        elif kind == "pause" and not call.ours[first]:
            made.pauses.append((call.half, take[first:last]))


def _while_ours(
    yielding: Trace, ours: npt.NDArray[np.bool_], first: int, until: int
) -> tuple[Trace, bool]:
    """A trace up to where our voice ends, and whether it lasted for all of it."""
    silent = np.flatnonzero(~ours[first:until])
    end = first + int(silent[0]) if len(silent) else until
    return yielding[first:end], end == until <= len(ours)


def _stops(events: Sequence[tuple[Trace, bool]], point: OperatingPoint) -> list[float]:
    """Seconds until we stop, infinite where we do not; without those that do not tell."""
    found = ((silent_after(trace, point)[0], whole) for trace, whole in events)
    return [after for after, whole in found if whole or np.isfinite(after)]


def decided(events: Events, half: str, threshold: float) -> tuple[float, float]:
    """Mean seconds to the decision behind turns of one half, and the share of its pauses taken."""
    after = []
    for one, trace, until in events.ends:
        if one == half:
            reached = np.flatnonzero(trace >= threshold)
            late = min(until * 0.1 + BEHIND_SECONDS, NEVER_SECONDS)
            after.append(reached[0] * 0.1 + 0.05 if len(reached) else late)
    taken = [trace.max(initial=0.0) >= threshold for one, trace in events.pauses if one == half]
    return float(np.mean(after)), float(np.mean(taken)) if taken else 0.0


def _yields(events: Events, threshold: float) -> tuple[float, float, float, dict[str, float]]:
    """B, the share yielded, the median seconds to it, and what is talked through, by kind."""
    point = OperatingPoint(yielding=threshold)
    after = np.array(_stops(events.interruptions, point))
    stops = {kind: _stops(some, point) for kind, some in events.ignored.items()}
    kept = {kind: float(np.mean(np.isinf(some))) for kind, some in stops.items() if some}
    share = float(np.mean(np.isfinite(after))) if len(after) else float("nan")
    balance = (share + float(np.mean(list(kept.values() or [np.nan])))) / 2
    return balance, share, float(np.median(after)) if len(after) else float("nan"), kept


def _tell(name: str, events: Events) -> None:
    counts = ", ".join(f"{len(traces)} {kind}" for kind, traces in events.ignored.items())
    lines = [f"{name}: {len(events.interruptions)} interruptions, {counts}"]
    for threshold in YIELDS:
        balance, share, p50, kept = _yields(events, threshold)
        told = "".join(f", {kind} {value:.2f}" for kind, value in kept.items())
        found = f"B {balance:.2f}, yielded {share:.2f}, p50 {p50:.2f} s"
        lines.append(f"  yield {threshold:.3g}: {found}{told}")
    for half in sorted({half for half, *_ in events.ends}):
        rows = [(t, *decided(events, half, t)) for t in TAKES]
        some = "; ".join(f"{t:.2f}: {after:.2f} s, {taken:.2f}" for t, after, taken in rows)
        count = [sum(one[0] == half for one in of) for of in (events.ends, events.pauses)]
        lines.append(f"  take, {half}, {count[0]} turns, {count[1]} pauses: {some}")
    sys.stdout.write("\n".join(lines) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Gather or judge; returns the exit status."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("model.training.calls", None, __doc__, formatter_class=raw)
    commands = parser.add_subparsers(dest="command", required=True)
    gathers = commands.add_parser("gather", help="keep what Core heard in the calls of a bench run")
    gathers.add_argument("journals", type=Path)
    gathers.add_argument("shard", type=Path, help="of the same run")
    gathers.add_argument("--out", type=Path, required=True)
    judges = commands.add_parser("judge", help="let checkpoints hear them")
    judges.add_argument("calls", type=Path)
    judges.add_argument("--core", type=Path, action="append", required=True)
    chosen = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(1)
    try:
        if chosen.command == "gather":
            for call in gather(chosen.journals, chosen.shard):
                write(call, chosen.out)
                sys.stdout.write(f"{call.clip}: {len(call.ours)} micro-turns\n")
            return 0
        from model.nn.core_network import load_core

        calls = read(chosen.calls)
        for folder in chosen.core:
            network, overdue = load_core(folder), OperatingPoint().overdue
            _tell(str(folder), judged(network, calls, overdue))
    except (OSError, ValueError, JournalError, WeightsError) as error:
        sys.stderr.write(f"calls: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
