"""One run of Core's training: a folder that holds all of it, and a loop that can be stopped.

run.json         what is trained: configuration, seed, steps, how the data is made, commit
listings.jsonl   which shards were in force from which step on
state.pt         weights, their average, the optimiser, the step
curve.jsonl      losses and dev metrics
curve.svg        the same as a picture
dev.json         the last report on dev
best.pt          averaged weights of the report that was best (`best.py`)
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import torch

from model.nn.core_network import WEIGHTS, load_core
from model.training import best, evaluate, shards
from model.training.curve import Curve
from model.training.dataset import Corpus, Listed, Whole, listing
from model.training.train_config import Training, as_json, recorded
from model.training.trainer import STATE, Listings, Trainer, read_listings

__all__ = ["Run", "begin", "measured_steps", "read_run", "train"]

RUN: Final = "run.json"
DEV: Final = "dev.json"
LOG_STEPS: Final = 20
TIMED_STEPS: Final = 6
MICRO_TURNS_IN_A_SHARD: Final = 5000
POLL_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 1200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Where a run lives and how often it does what; none of it changes the weights.

    Attributes:
        data: folder of training shards; a run that was begun goes on with shards made alike.
        dev: folder of dev shards, or None for no dev metrics.
        out: the run's own folder.
        device: as torch names it.
        save_minutes: between checkpoints.
        stop_minutes: after which this piece of the run ends.
        dev_steps: between dev reports.
        dev_conversations: that dev reports look at while training goes on.
        begin_with: folder of an exported checkpoint whose weights the first step begins with; None
            for drawn ones. Its digest is written down in `run.json`; it is read until the run has a
            checkpoint of its own, and then no more.
        repeats: how often data may be seen, on average, before training waits for more; it waits
            for a while only. For folders that are still being filled.
    """

    data: Path
    dev: Path | None
    out: Path
    device: str = "cpu"
    save_minutes: float = 5.0
    stop_minutes: float = float("inf")
    dev_steps: int = 500
    dev_conversations: int = 64
    repeats: float = float("inf")
    begin_with: Path | None = None


def begin(run: Run, training: Training, seed: int, steps: int) -> int:
    """Write down what the run is, or see that it is the one the folder holds.

    Returns:
        The steps of the run.

    Raises:
        ValueError: the folder holds another run, or one on data made otherwise, or one that begins
            otherwise; or its budget is to be changed too late.
    """
    run.out.mkdir(parents=True, exist_ok=True)
    path = run.out / RUN
    known: dict[str, Any] = {}
    if path.is_file():
        before, known = read_run(run.out)
        if (known["seed"], before) != (seed, training):
            raise ValueError(f"{run.out} holds a run of another seed or configuration: "
                             "choose another folder")  # fmt: skip
        _begins_alike(run, known)
        if known["steps"] != steps:
            _may_change(run.out, training, known["steps"], steps)
        wanted = {**known, "steps": steps}
    else:
        wanted = {"seed": seed, "steps": steps, "training": as_json(training), **_beginning(run),
                  "commit": _commit(), "torch": torch.__version__,
                  "threads": torch.get_num_threads()}  # fmt: skip
    wanted["data"] = _data(run, known.get("data", {}))
    if wanted != known:
        passing = path.with_suffix(".part")
        passing.write_text(json.dumps(wanted, indent=1) + "\n", "utf-8")
        passing.replace(path)
    return steps


def _beginning(run: Run) -> dict[str, str]:
    """Which weights the first step begins with, nothing for drawn ones."""
    if run.begin_with is None:
        return {}
    return {"begun_with": sha256((run.begin_with / WEIGHTS).read_bytes()).hexdigest()}


def _begins_alike(run: Run, known: Mapping[str, Any]) -> None:
    """See that a run without a checkpoint of its own begins as it was begun."""
    if (run.out / STATE).is_file():
        return
    wanted, given = known.get("begun_with"), _beginning(run).get("begun_with")
    if wanted == given:
        return
    begins = (f"the weights {wanted[:12]}…: name their folder with --begin-with" if wanted else
              "drawn weights: leave out --begin-with")  # fmt: skip
    raise ValueError(f"the run in {run.out} has no checkpoint yet and begins with {begins}, or "
                     "choose another folder with --out")  # fmt: skip


def _data(run: Run, before: Mapping[str, Any]) -> dict[str, Any]:
    """How the shards are made, once more: other passes may have been added to it.

    Raises:
        ValueError: they are made otherwise than those that the run has seen.
    """
    now = shards.recipe_of(run.data)
    others = {name: value for name, value in before.items() if now.get(name) != value}
    if others and read_listings(run.out):
        raise ValueError(
            f"{run.data} does not hold the shards that the run in {run.out} was begun on "
            f"({others}): name their folder with --data, or another one with --out"
        )
    return now


def read_run(out: Path) -> tuple[Training, dict[str, Any]]:
    """The training of a run's folder, and all that is written about it."""
    path = out / RUN
    if not path.is_file():
        raise FileNotFoundError(f"{out} holds no run: start one with `counterpoint train core`")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return recorded(found["training"], str(path)), found


def measured_steps(run: Run, training: Training, seed: int, minutes: float) -> int:
    """How many steps the minutes are worth on this machine now; the run's steps if it has begun."""
    if (run.out / RUN).is_file():
        return int(read_run(run.out)[1]["steps"])
    corpus = Corpus(run.data)
    corpus.hold(listing(run.data, training.memory_bytes, training.needed))
    trial = Trainer(training, seed, run.device)
    times = []
    for _ in range(TIMED_STEPS):
        began = time.monotonic()
        trial.advance(corpus, 10**6)
        times.append(time.monotonic() - began)
    return max(int(minutes * 60 / sorted(times)[TIMED_STEPS // 2]), 1)


def train(run: Run, training: Training, seed: int, steps: int) -> bool:
    """Train until the budget is used or the piece is over; goes on from what the folder holds.

    Returns:
        Whether the run is finished.
    """
    steps = begin(run, training, seed, steps)
    trainer = Trainer(training, seed, run.device)
    known = trainer.load(run.out)
    if not known and run.begin_with is not None:
        trainer.begin_with(load_core(run.begin_with, run.device))
    corpus = Corpus(run.data)
    curve = Curve(run.out, trainer.step, steps)
    dev: list[Whole] = []
    began = saved = time.monotonic()
    with _stoppable() as stopped:
        waiting = _Waiting(run, training, stopped)
        listings = Listings(run.out, run.data, training, waiting)
        corpus.hold(listings.at(trainer.step - trainer.step % training.rescan))
        if training.onsets and not known:
            _tell(f"what begins over our voice: loss {trainer.listen(corpus):.3f}")
        while trainer.step < steps:
            if trainer.step % training.rescan == 0:
                corpus.hold(listings.at(trainer.step))
            losses, norm = trainer.advance(corpus, steps)
            curve.add(losses, norm, training.batch * training.length)
            if trainer.step % LOG_STEPS == 0 or trainer.step == steps:
                _tell(curve.write(trainer.step, corpus.micro_turns))
            if run.dev and (trainer.step % run.dev_steps == 0 or trainer.step == steps):
                dev = _look(run, trainer, curve, dev)
            now = time.monotonic()
            over = bool(stopped) or now - began > run.stop_minutes * 60
            if over or now - saved > run.save_minutes * 60 or trainer.step == steps:
                trainer.save(run.out)
                curve.draw()
                saved = time.monotonic()
            if over:
                break
    return trainer.step >= steps


class _Waiting:
    """Whether to wait for more shards before the steps up to the next listing."""

    def __init__(self, run: Run, training: Training, stopped: list[int]) -> None:
        self._run, self._training, self._stopped = run, training, stopped
        self._size = 0
        self._grew = time.monotonic()

    def __call__(self, step: int, listed: Sequence[Listed]) -> float:
        if len(listed) != self._size:
            self._size, self._grew = len(listed), time.monotonic()
        training = self._training
        seen = (step + training.rescan) * training.batch * training.length
        there = len(listed) * MICRO_TURNS_IN_A_SHARD
        patient = time.monotonic() - self._grew < PATIENCE_SECONDS
        return (
            POLL_SECONDS
            if seen > self._run.repeats * there and patient and not self._stopped
            else 0.0
        )


def _look(run: Run, trainer: Trainer, curve: Curve, dev: list[Whole]) -> list[Whole]:
    """Report on dev; returns the conversations looked at, to be kept."""
    assert run.dev is not None
    try:
        if len(dev) < run.dev_conversations:
            corpus = Corpus(run.dev)
            corpus.hold(listing(run.dev, trainer.training.memory_bytes, trainer.training.needed))
            dev = corpus.conversations(run.dev_conversations)
        projects = trainer.training.loss.projection > 0
        found = evaluate.report(evaluate.judge(trainer.average, dev, projects=projects))
    except (ValueError, OSError) as error:  # Dev may still be made, or be made anew.
        _tell(f"no report on dev: {error}")
        return dev
    (run.out / DEV).write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    curve.look(trainer.step, found)
    kept = best.keep(run.out, trainer.step, found, trainer.average)
    _tell(f"dev: {evaluate.summary(found)}{'; the best so far' if kept else ''}")
    return dev


def _may_change(out: Path, training: Training, before: int, after: int) -> None:
    """A budget may be changed until the rate has begun to fall, in either schedule."""
    trainer = Trainer(training, 0)
    done = trainer.step if trainer.load(out) else 0
    level = int(min(before, after) * (1 - training.cooling))
    if done > level:
        raise ValueError(
            f"{out} has done {done} of {before} steps: its budget can be changed only before "
            f"the rate falls, which is at step {level}"
        )


@contextmanager
def _stoppable() -> Iterator[list[int]]:
    """A list that is no longer empty once the process was asked to end."""
    asked: list[int] = []
    before = {
        number: signal.signal(number, lambda got, _: asked.append(got))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _commit() -> str:
    here = Path(__file__).parent
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
