"""What is free is what the machine has, and no more than the groups around the process leave."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from server.free_memory import free_bytes

GIB = 2**30


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with 8 GiB free."""
    write(tmp_path / "proc/meminfo", f"MemTotal: 9 kB\nMemAvailable: {8 * GIB // 1024} kB\n")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def limit(root: Path, group: str, most: str, used: int, droppable: int = 0) -> None:
    folder = root / "sys/fs/cgroup" / group
    write(folder / "memory.max", f"{most}\n")
    write(folder / "memory.current", f"{used}\n")
    write(folder / "memory.stat", f"anon 1\ninactive_file {droppable}\n")


def test_without_groups_it_is_the_machines(root: Path) -> None:
    assert free_bytes(root) == 8 * GIB


def test_a_container_has_what_its_limit_leaves(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/\n")
    limit(root, "", str(4 * GIB), 3 * GIB, droppable=GIB)
    assert free_bytes(root) == 2 * GIB


def test_the_narrowest_of_the_groups_around_a_service_counts(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/system.slice/counterpoint.service\n")
    limit(root, "system.slice/counterpoint.service", "max", GIB)
    limit(root, "system.slice", str(3 * GIB), 2 * GIB)
    assert free_bytes(root) == GIB
    limit(root, "system.slice/counterpoint.service", str(GIB), 2 * GIB)
    assert free_bytes(root) == 0


def test_a_limit_beyond_the_machine_gives_nothing_more(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/\n")
    limit(root, "", str(64 * GIB), 0)
    assert free_bytes(root) == 8 * GIB


@pytest.mark.parametrize("text", ["", "MemFree: 5 kB\n", "MemAvailable: much kB\n"])
def test_what_cannot_be_told_is_not_guessed(root: Path, text: str) -> None:
    write(root / "proc/meminfo", text)
    assert free_bytes(root) is None
    (root / "proc/meminfo").unlink()
    assert free_bytes(root) is None


def test_this_machine_has_some() -> None:
    here = free_bytes()
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert here is not None and 0 < here <= whole
