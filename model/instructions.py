"""Which instructions oneDNN may use: all of the processor's but AMX.

Its tiles are quick over many rows at once and a gamble over the few of a token, at least in a
virtual machine. A pass of the 0.5B, one thread, medians of nine, six processes each by turns, in
milliseconds for 1 / 4 / 16 / 64 tokens: with AMX 77-186 / 84-192 / 100-229 / 196-362, half of them
near the upper ends from their first pass to their last; with AVX-512 alone 74-106 / 86-128 /
122-164 / 252-335. What is said begins with passes of 1 to 16.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

__all__ = ["leave_out_tiles"]

_CPU: Final = Path("/proc/cpuinfo")
_BOUND: Final = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""oneDNN's own variable, and its name of old."""

_ALL_BUT_TILES: Final = "AVX512_CORE_FP16"


def leave_out_tiles(environment: MutableMapping[str, str], cpu: Path = _CPU) -> None:
    """Bound oneDNN where there is AMX, unless somebody bounds it already; to be called before
    torch is loaded, for it is read once.

    Elsewhere nothing is set: the bound would take AVX-VNNI from processors without AVX-512.
    """
    if any(name in environment for name in _BOUND):
        return
    try:
        told = cpu.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return  # not Linux
    flags = next((line for line in told.splitlines() if line.startswith("flags")), "")
    if "amx_tile" in flags.split():
        environment[_BOUND[0]] = _ALL_BUT_TILES
