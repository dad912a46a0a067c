"""Suite `identity`, metric 10: what our server said live, replayed alone from its journals.

Callers talk at the same time, each call a stream of its own, so neighbours come and go. Then every
journal is run through the model again in another process, alone, and compared bit by bit.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tests.bench.harness import bed
from tests.bench.metrics.machine import identity_measures
from tests.bench.metrics.statistics import Measure, withheld
from tests.bench.running import Target

__all__ = ["journalling", "measured", "replayed"]

KEYS: Final = ("identity.equal", "identity.overhead")
ROOT: Final = Path(__file__).parents[2]
PORT: Final = 8446
OVERHEAD_TURNS: Final = 600
SETTLE_SECONDS: Final = 3.0
"""After a call the engine closes its stream, and the journal writes once in a second."""


@contextlib.asynccontextmanager
async def journalling(
    target: Target, engine: Sequence[str], ours: bool
) -> AsyncIterator[tuple[Target, Path | None]]:
    """A server of ours with its journal on, and where that is.

    Args:
        target: the server that is measured.
        engine: settings of its engine, `FIELD=VALUE`; one that names a journal is measured itself.
        ours: whether the bench started it; of another server nothing can be said.
    """
    named = [setting.split("=", 1)[1] for setting in engine if setting.startswith("journal=")]
    if named or not ours:
        yield target, Path(named[-1]) if named else None
        return
    with tempfile.TemporaryDirectory() as scratch:
        command = [str(Path(sys.executable).with_name("counterpoint")), "serve"]
        command += ["--host", bed.ADDRESS, "--port", str(PORT), "--offers-per-window", "1000"]
        command += ["--max-sessions-per-address", "64"]
        for setting in (*engine, f"journal={scratch}"):
            command += ["--engine", setting]
        url = f"http://{bed.ADDRESS}:{PORT}"
        async with bed.running(command, url, ready_seconds=300.0):
            yield replace(target, url=url), Path(scratch)


async def measured(
    folder: Path | None, talk: Callable[[], Awaitable[None]], seed: int
) -> dict[str, Measure]:
    """Let callers talk, then replay what was journalled.

    Args:
        folder: of the journals; None when the server is not ours, and nothing can be said.
        talk: all calls, from the first to the last.
        seed: of the bootstrap.
    """
    if folder is None:
        return {key: withheld(0, seed) for key in KEYS}
    before = _journals(folder)
    await talk()
    await asyncio.sleep(SETTLE_SECONDS)
    files = sorted(_journals(folder) - before)
    if not files:
        return {key: withheld(0, seed) for key in KEYS}
    return _measures(await replayed(files), seed)


async def replayed(files: Sequence[Path], overhead_turns: int = OVERHEAD_TURNS) -> dict[str, Any]:
    """What `counterpoint replay` says of the files; the overhead is measured on the longest.

    Raises:
        RuntimeError: a file cannot be replayed.
    """
    longest = max(files, key=lambda path: path.stat().st_size)
    others = [str(path) for path in files if path != longest]
    found: dict[str, Any] = {}
    for given in ([*others], [str(longest), "--overhead", str(overhead_turns)]):
        if not given:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch) / "found.json"
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "model.replay", *given, "--json", str(out),
                cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=sys.stderr.fileno(),
            )  # fmt: skip
            if await process.wait() > 1:
                raise RuntimeError(f"{given[0]} cannot be replayed; see above")
            found |= json.loads(out.read_text(encoding="utf-8"))
    return found


def _journals(folder: Path) -> set[Path]:
    return set(folder.glob("*.journal"))


def _measures(found: dict[str, Any], seed: int) -> dict[str, Measure]:
    """Shares over all micro-turns of all streams."""
    pairs: list[tuple[bytes, bytes]] = []
    seconds: list[tuple[float, float]] = []
    for one in found.values():
        pairs += [(b"", b"")] * one["equal"] + [(b"", b"x")] * len(one["unequal"])
        seconds += [(fixed, alone) for fixed, alone in one.get("overhead", ())]
    return identity_measures(pairs, seconds, seed)
