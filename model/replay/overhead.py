"""What fixed shapes cost: the same stream with all rows and with its own alone, side by side."""

from __future__ import annotations

from model.engine.engine import InteractionModel
from model.engine.journal_file import JournalReader
from model.replay.again import Again, Lost

__all__ = ["overhead"]


def overhead(
    journal: JournalReader, fixed: InteractionModel, alone: InteractionModel, most_turns: int
) -> list[tuple[float, float]]:
    """Seconds of each micro-turn, its step and its jobs: with fixed shapes, and with the smallest.

    Both run the same entries in turn, the first of the two by turns, so that a machine that gets
    busier favours none. Other shapes may give other bits: where the smaller model is lost, it ends.

    Args:
        journal: a stream.
        fixed: the model with as many rows as it was journalled with.
        alone: the model with one row.
        most_turns: how many micro-turns are timed.
    """
    runs = Again(fixed), Again(alone, row=0)
    pairs: list[tuple[float, float]] = []
    try:
        for entry in journal:
            order = (0, 1) if len(pairs) % 2 else (1, 0)
            took = [0.0, 0.0]
            for which in order:
                step = runs[which].feed(entry)
                took[which] = sum(step.seconds) if step is not None else 0.0
            if any(took):
                pairs.append((took[0], took[1]))
            if len(pairs) == most_turns:
                break
    except Lost:
        pass
    finally:
        for run in runs:
            run.close()
    return pairs
