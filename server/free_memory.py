"""How much memory this process may still take: of the machine, and of the groups it runs in.

A container (`docker run --memory`) or a service (`MemoryMax=`) is stopped at its group's limit,
however much the machine has left. Only control groups of version 2 are read.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

__all__ = ["free_bytes"]

_ROOT: Final = Path("/")


def free_bytes(root: Path = _ROOT) -> int | None:
    """Bytes that can be had, what can be dropped counted as free; None where it cannot be told.

    Args:
        root: where `proc` and `sys` are.
    """
    machine = _of_machine(root / "proc/meminfo")
    return None if machine is None else max(min([machine, *_of_groups(root)]), 0)


def _of_machine(path: Path) -> int | None:
    for line in _read(path).splitlines():
        name, _, size = line.partition(":")
        kibibytes = size.removesuffix("kB").strip()
        if name == "MemAvailable" and kibibytes.isdigit():
            return int(kibibytes) * 1024
    return None


def _of_groups(root: Path) -> list[int]:
    """What is left in the process's group and in each around it that has a limit."""
    lines = _read(root / "proc/self/cgroup").splitlines()
    # In a container the path may be that of the machine: then only the container's own is there.
    paths = [PurePosixPath(line[3:]) for line in lines if line.startswith("0::/")] or [
        PurePosixPath("/")
    ]
    groups = root / "sys/fs/cgroup"
    left: list[int] = []
    for one in (paths[0], *paths[0].parents):
        folder = groups / one.relative_to("/")
        most, used = (_read(folder / name).strip() for name in ("memory.max", "memory.current"))
        if most.isdigit() and used.isdigit():
            left.append(int(most) - int(used) + _droppable(folder))
    return left


def _droppable(folder: Path) -> int:
    """Files that are kept in memory and not used lately."""
    for line in _read(folder / "memory.stat").splitlines():
        name, _, size = line.partition(" ")
        if name == "inactive_file" and size.isdigit():
            return int(size)
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
