"""`python -m model.training.make --hours H --out DIR`: render and encode, shard by shard.

One process renders ahead, this one follows with the passes of `encode`, so that training may begin
with what there is. Audio, 290 MB an hour, is deleted when all passes over it are done. Can be
stopped and started again at any time, with more hours, too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Final

from model.training import shards
from model.training.encode import PASSES, Passes
from model.training.render.cast import SPLITS
from model.training.render.shard import recipe, render_shard

__all__ = ["main"]

_AHEAD: Final = 2
"""Shards rendered before their turn comes: what is on disk besides stays small."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make data until the folder holds the hours wanted; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m model.training.make", description=__doc__)
    parser.add_argument("--hours", type=float, required=True, help="of conversation, in all")
    parser.add_argument("--out", type=Path, required=True, help="folder of the shards")
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep-audio", action="store_true", help="also once it is encoded")
    parser.add_argument("--threads", type=int, default=1, help="of the passes")
    parser.add_argument("--refresh", type=int, default=2, help="as of `encode`: 4 is twice as fast")
    chosen = parser.parse_args(arguments)
    try:
        wanted = recipe(chosen.seed, chosen.split) | {"refresh": chosen.refresh}
        shards.check_recipe(chosen.out, wanted)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    import torch

    torch.set_num_threads(chosen.threads)
    # Told to end, it ends in order: the renderer with it, and nothing half-written stays.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    passes = Passes(refresh=chosen.refresh)
    began, fresh, done = time.monotonic(), 0.0, 0.0
    for index, length in _rendered(chosen):
        made = _encoded(chosen.out, index, passes, chosen.keep_audio)
        done += length
        if made:
            fresh += length
            _tell(index, made, done, fresh / (time.monotonic() - began))
    return 0


def _rendered(chosen: argparse.Namespace) -> Iterator[tuple[int, float]]:
    """Shards in order with the seconds they hold, until they are enough."""
    wanted, done, following = chosen.hours * 3600, 0.0, 0
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(1, mp_context=context)
    ahead: list[tuple[int, Future[float]]] = []
    try:
        while True:
            # A shard holds about 9 minutes; what is under way counts as that much.
            while len(ahead) < _AHEAD and done + 540 * len(ahead) < wanted:
                job = pool.submit(render_shard, chosen.out, chosen.seed, following, chosen.split)
                ahead.append((following, job))
                following += 1
            if not ahead:
                return
            index, job = ahead.pop(0)
            length = job.result()
            done += length
            yield index, length
    finally:
        pool.shutdown(cancel_futures=True)


def _encoded(folder: Path, index: int, passes: Passes, keep_audio: bool) -> dict[str, float]:
    """Make what the shard lacks; returns the pace of every pass that was run."""
    paces = {
        part: passes.run(folder, index, part)
        for part in PASSES
        if not shards.has_part(folder, index, part)
    }
    if not keep_audio:
        shards.part_path(folder, index, "audio").unlink(missing_ok=True)
    return paces


def _tell(index: int, made: dict[str, float], done: float, pace: float) -> None:
    passes = ", ".join(f"{part} {x:.0f} x" for part, x in made.items())
    sys.stdout.write(
        f"shard {index}: {passes}; {done / 3600:.2f} h there, {pace:.1f} x real time in all\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
