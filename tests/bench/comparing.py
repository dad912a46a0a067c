"""`counterpoint bench compare A.json B.json`: do two runs with one seed agree?

Two values agree when their 95 % intervals meet; one that only one of the runs withholds does not
agree. A share of exactly 0 or 1 has an interval of no width; it is taken to reach three n-ths
inwards (the rule of three).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["Verdict", "compare", "interval_of", "main"]

_NOT_COMPARED: Final = ("capacity.", "tick.", "load_", "identity.overhead")
"""Of the machine's state at the time, without an interval."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One key of both runs: its values, NaN for one withheld, and whether their intervals meet."""

    key: str
    one: float
    other: float
    agrees: bool


def interval_of(measure: Mapping[str, Any]) -> tuple[float, float] | None:
    """The interval of a measure as JSON; None for a withheld value."""
    if measure["value"] is None or measure["ci95"] is None:
        return None
    low, high = (float(end) for end in measure["ci95"])
    reach = 3.0 / max(int(measure["n"]), 3)
    if low == high == 0.0:
        return 0.0, reach
    if low == high == 1.0:
        return 1.0 - reach, 1.0
    return low, high


def _left_out(key: str) -> bool:
    """Nulls are the same by construction, and the machine has no interval."""
    if key.startswith("null."):
        return True
    bare = key.split(".", 2)[2] if key.startswith(("rival.", "baseline.")) else key
    return bare.startswith(_NOT_COMPARED)


def compare(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Verdict]:
    """A verdict for every key that both results have and one has a value for.

    Raises:
        ValueError: the runs differ in suite, split or seed.
    """
    for name in ("suite", "split", "seed"):
        if one["run"][name] != other["run"][name]:
            raise ValueError(
                f"the runs differ in {name}: {one['run'][name]} and {other['run'][name]}"
            )
    found: list[Verdict] = []
    for key in sorted(one["measures"].keys() & other["measures"].keys()):
        first, second = one["measures"][key], other["measures"][key]
        mine, theirs = interval_of(first), interval_of(second)
        if _left_out(key):
            continue
        if (first["value"] is None) != (second["value"] is None):
            found.append(Verdict(key, _value(first), _value(second), agrees=False))
        if mine is None or theirs is None:
            continue
        meets = mine[0] <= theirs[1] and theirs[0] <= mine[1]
        found.append(Verdict(key, float(first["value"]), float(second["value"]), meets))
    return found


def _value(measure: Mapping[str, Any]) -> float:
    return float("nan") if measure["value"] is None else float(measure["value"])


def main(words: Sequence[str]) -> int:
    """Print the verdicts; 0 when all agree, 1 when one does not, 2 for runs of two kinds."""
    parser = argparse.ArgumentParser(prog="counterpoint bench compare", description=__doc__)
    parser.add_argument("one", type=Path)
    parser.add_argument("other", type=Path)
    options = parser.parse_args(words)
    try:
        one, other = (json.loads(path.read_text()) for path in (options.one, options.other))
        found = compare(one, other)
    except (OSError, ValueError, KeyError) as error:
        print(f"counterpoint bench compare: {error}", file=sys.stderr)
        return 2
    for verdict in found:
        mark = "" if verdict.agrees else "  DIFFERS"
        print(f"{verdict.key:48} {verdict.one:9.4g} {verdict.other:9.4g}{mark}")
    agree = sum(verdict.agrees for verdict in found)
    print(f"{agree} of {len(found)} agree within their intervals")
    return 0 if found and agree == len(found) else 1
