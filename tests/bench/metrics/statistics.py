"""A measured value with its interval: seeded bootstrap over clips, plain and paired."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["NO_INTERVAL", "Measure", "Rows", "bootstrap", "grouped", "mean", "paired_difference",
           "quantile", "ratio", "withheld"]  # fmt: skip

RESAMPLES: Final = 2_000

Rows = npt.NDArray[np.float64]
Statistic = Callable[[Rows], float]
"""From rows `[clips, columns]` to one number; NaN when it does not exist."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One value of a report: NaN values and intervals are written as null.

    `reason` says why a value is withheld where the key alone does not, or what was counted.
    `recordings` is how many recordings of people the n are of, which were resampled whole; 0 where
    nothing is shared between clips.
    """

    value: float
    n: int
    seed: int
    ci95: tuple[float, float]
    reason: str = ""
    recordings: int = 0

    def as_json(self) -> dict[str, object]:
        """The fixed form of issue B: value, n, seed, ci95; reason and recordings where there are
        any."""

        def finite(number: float) -> float | None:
            return round(float(number), 6) if np.isfinite(number) else None

        low, high = map(finite, self.ci95)
        interval = None if low is None or high is None else [low, high]
        fixed = {"value": finite(self.value), "n": self.n, "seed": self.seed, "ci95": interval}
        more = {"reason": self.reason, "recordings": self.recordings}
        return fixed | {name: one for name, one in more.items() if one}

    @staticmethod
    def of_json(fields: dict[str, object]) -> Measure:
        """The inverse of `as_json`."""
        interval = fields["ci95"]
        low, high = interval if isinstance(interval, list) else (np.nan, np.nan)
        value = fields["value"]
        return Measure(
            float(value) if isinstance(value, int | float) else float("nan"),
            int(str(fields["n"])),
            int(str(fields["seed"])),
            (float(low), float(high)),
            str(fields.get("reason", "")),
            int(str(fields.get("recordings", 0))),
        )


NO_INTERVAL: Final = (float("nan"), float("nan"))


def withheld(n: int, seed: int, reason: str = "") -> Measure:
    """A value that must not be published (or does not exist), with the n it would have had."""
    return Measure(float("nan"), n, seed, NO_INTERVAL, reason)


def bootstrap(
    rows: Sequence[Sequence[float]] | Rows,
    statistic: Statistic,
    seed: int,
    *,
    n: int | None = None,
    recordings: Sequence[str] = (),
) -> Measure:
    """The statistic of all rows with its percentile interval over resampled rows (= clips).

    `recordings` names for each row the recording its clip plays, empty for none: rows of one
    recording are not independent, and are drawn together.
    """
    table = np.asarray(rows, dtype=np.float64)
    if table.ndim == 1:
        table = table.reshape(len(table), -1) if table.size else table.reshape(0, 1)
    count = len(table) if n is None else n
    if not len(table):
        return withheld(count, seed)
    groups = _together(recordings or [""] * len(table))
    generator = np.random.default_rng(seed)
    drawn = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        chosen = generator.integers(0, len(groups), len(groups))
        if len(groups) < len(table):
            chosen = np.concatenate([groups[int(k)] for k in chosen])
        drawn[i] = statistic(table[chosen])
    drawn = drawn[np.isfinite(drawn)]
    interval = (np.nan, np.nan)
    if len(drawn):
        low, high = np.percentile(drawn, [2.5, 97.5])
        interval = (float(low), float(high))
    known = len(set(filter(None, recordings)))
    return Measure(statistic(table), count, seed, interval, recordings=known)


def _together(recordings: Sequence[str]) -> list[npt.NDArray[np.int_]]:
    """Numbers of the rows that are drawn together."""
    found: dict[str | int, list[int]] = {}
    for row, name in enumerate(recordings):
        found.setdefault(name or row, []).append(row)
    return [np.array(rows) for rows in found.values()]


def grouped(
    groups: Sequence[Sequence[float]],
    statistic: Statistic,
    seed: int,
    recordings: Sequence[str] = (),
) -> Measure:
    """The statistic of all values of all groups, resampled by group: n counts values.

    A group is a clip: what was measured in one call is not independent; nor is what was measured
    in several that play one recording, whose name stands in `recordings`.
    """
    names = recordings or [""] * len(groups)
    pairs = [(group, name) for group, name in zip(groups, names, strict=True) if len(group)]
    kept = [np.asarray(group, dtype=np.float64).reshape(-1, 1) for group, _ in pairs]

    def of_chosen(rows: Rows) -> float:
        return statistic(np.concatenate([kept[int(i)] for i in rows[:, 0]]))

    chosen = np.arange(len(kept), dtype=np.float64).reshape(-1, 1)
    count = sum(len(group) for group in kept)
    return bootstrap(chosen, of_chosen, seed, n=count, recordings=[name for _, name in pairs])


def mean(rows: Rows) -> float:
    """Mean of the first column."""
    return float(rows[:, 0].mean()) if len(rows) else float("nan")


def quantile(q: float) -> Statistic:
    """The `q` quantile (0-1) of the first column."""
    return lambda rows: float(np.quantile(rows[:, 0], q)) if len(rows) else float("nan")


def ratio(rows: Rows) -> float:
    """Sum of the first column over sum of the second."""
    total = rows[:, 1].sum()
    return float(rows[:, 0].sum() / total) if total else float("nan")


def paired_difference(
    ours: dict[str, float],
    theirs: dict[str, float],
    seed: int,
    recordings: Mapping[str, str] | None = None,
) -> Measure:
    """Mean of ours minus theirs over what both have, with its paired interval.

    Keys are clips, or `clip#number` for the events of one clip, which are resampled together, as
    are clips that play one of `recordings`, by clip.
    """
    groups: dict[str, list[float]] = {}
    for key in sorted(ours.keys() & theirs.keys()):
        groups.setdefault(key.split("#")[0], []).append(ours[key] - theirs[key])
    names = [(recordings or {}).get(clip, "") for clip in groups]
    return grouped(list(groups.values()), mean, seed, names)
