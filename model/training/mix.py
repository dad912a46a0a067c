"""`python -m model.training.mix FOLDER … --out DIR`: shards of several folders as one.

Splits are rendered into folders of their own; a run reads one. Here one is made of links to the
shards that have been through all passes. Made again, it takes in what was rendered since, behind
what it holds: a shard keeps its number, so that a run on it goes on.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from model.training import shards
from model.training.dataset import Listed, check, listing

__all__ = ["main", "mix"]

_ALIKE: Final = ("recipe", "refresh")
"""What all folders must have in common; everything else is named one beside the other."""

_ALL_BYTES: Final = 1 << 62
"""How much is held at once is for the run to say."""


def mix(folders: Sequence[Path], out: Path) -> int:
    """Link the shards of `folders`, in turns, into `out`; returns how many are new there.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: two are of different recipes, one has no whole shard, or `out` holds others.
    """
    recipes = [shards.recipe_of(folder) for folder in folders]
    found = [listing(folder, _ALL_BYTES) for folder in folders]
    for folder, listed in zip(folders, found, strict=True):
        check(folder, listed)
    shards.check_recipe(out, _mixed(recipes))
    there = shards.shard_indices(out)
    known = {shards.part_path(out, index, "rows").resolve() for index in there}
    following = there[-1] + 1 if there else 0
    added = 0
    for folder, (index, others) in _in_turns(folders, found):
        if shards.part_path(folder, index, "rows").resolve() in known:
            continue
        # Rows come last: a shard that is there is there with all that it has.
        for part in ("sound", "encoder", *others, "rows"):
            source = shards.part_path(folder.resolve(), index, part)
            target = shards.part_path(out, following + added, part)
            target.unlink(missing_ok=True)
            target.symlink_to(os.path.relpath(source, out.resolve()))
        added += 1
    return added


def _mixed(recipes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in sorted({name for recipe in recipes for name in recipe}):
        values = [recipe.get(name) for recipe in recipes]
        if all(value == values[0] for value in values):
            made[name] = values[0]
        elif name in _ALIKE:
            raise ValueError(f"{name} is {' and '.join(map(str, values))}: mix what is made alike")
        else:
            made[name] = " + ".join(map(str, values))
    return made


def _in_turns(
    folders: Sequence[Path], found: Sequence[Sequence[Listed]]
) -> Iterator[tuple[Path, Listed]]:
    """So spread that the first part of the whole has as much of each as the whole has."""
    places = [
        ((number + 0.5) / len(every), folder, listed)
        for folder, every in zip(folders, found, strict=True)
        for number, listed in enumerate(every)
    ]
    for _, folder, listed in sorted(places):
        yield folder, listed


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m model.training.mix", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="that hold shards of one recipe")
    parser.add_argument("--out", type=Path, required=True, help="folder of the links")
    chosen = parser.parse_args(arguments)
    try:
        added = mix(chosen.folders, chosen.out)
    except (ValueError, FileNotFoundError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    total = len(shards.shard_indices(chosen.out))
    sys.stdout.write(f"{added} shards are new in {chosen.out}, {total} in all\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
