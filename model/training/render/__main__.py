"""`python -m model.training.render --hours H --out DIR --workers N`: render shards, or go on."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

from model.training import shards
from model.training.render.cast import SPLITS
from model.training.render.shard import recipe, render_shard

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Render until the folder holds the hours wanted; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m model.training.render", description=__doc__)
    parser.add_argument("--hours", type=float, required=True, help="of conversation, in all")
    parser.add_argument("--out", type=Path, required=True, help="folder of the shards")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--split", choices=SPLITS, default="train")
    chosen = parser.parse_args(arguments)
    try:
        shards.check_recipe(chosen.out, recipe(chosen.seed, chosen.split))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    _render(chosen)
    return 0


def _render(chosen: argparse.Namespace) -> None:
    """Shards in order, `workers` at a time, until they hold enough."""
    wanted, done, following = chosen.hours * 3600, 0.0, 0
    fresh = 0.0
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(chosen.workers, mp_context=context) as pool:
        running: dict[Future[float], bool] = {}
        while True:
            # A shard holds about 9 minutes; what is under way counts as that much.
            while len(running) < chosen.workers and done + 540 * len(running) < wanted:
                there = shards.has_part(chosen.out, following, "rows")
                job = pool.submit(render_shard, chosen.out, chosen.seed, following, chosen.split)
                running[job] = there
                following += 1
            if not running:
                return
            for job in wait(running, return_when=FIRST_COMPLETED).done:
                was_there = running.pop(job)
                length = job.result()
                done += length
                fresh += 0.0 if was_there else length
                _tell(done, fresh, wanted, time.monotonic() - began)


def _tell(done: float, fresh: float, wanted: float, took: float) -> None:
    pace = fresh / max(took, 1e-9)
    left = max(wanted - done, 0.0) / pace / 60 if pace else 0.0
    sys.stdout.write(
        f"{done / 3600:.2f} of {wanted / 3600:.2f} h, {pace:.0f} x real time, {left:.0f} min left\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
