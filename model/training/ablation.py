"""What each stream is worth: the same run with one of them left out, again and again.

All rows have the same steps, seed and shards. A row that is finished is kept; a row that was
stopped goes on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from model.training import evaluate
from model.training.dataset import Corpus, listing
from model.training.train import DEV, Run, train
from model.training.train_config import ABLATIONS, Training, ablated
from model.training.trainer import LISTINGS, Listings, Trainer

__all__ = ["FULL", "ablation", "table"]

FULL: Final = "full"
TABLE: Final = "ABLATION.md"
COLUMNS: Final = ("left out", "latency at 5 % of pauses taken", "at 15 %", "best B", "stop p50",
                  "yielded", "backchannel gain", "takes over speech")  # fmt: skip
NEVER: Final = 10**9
"""Steps without a new listing: all rows see the same shards."""


def ablation(
    run: Run, training: Training, seed: int, steps: int, names: Sequence[str] = tuple(ABLATIONS)
) -> bool:
    """Train and judge every row; returns whether all are finished.

    Args:
        run: its folder holds a folder for each row.
        training: of the full row.
        seed: of all rows.
        steps: of each row.
        names: what is left out, one row each, after the full one.

    Raises:
        ValueError: there are no dev shards to judge on.
    """
    if run.dev is None:
        raise ValueError("an ablation is judged on dev shards: name their folder with --dev")
    training = replace(training, rescan=NEVER)
    run.out.mkdir(parents=True, exist_ok=True)
    Listings(run.out, run.data, training).at(0)
    reports: dict[str, Any] = {}
    for name in (FULL, *names):
        changed = training if name == FULL else ablated(training, name)
        row = replace(run, out=run.out / name)
        report = row.out / "row.json"
        if not report.is_file():
            row.out.mkdir(parents=True, exist_ok=True)
            if not (row.out / LISTINGS).is_file():
                shutil.copyfile(run.out / LISTINGS, row.out / LISTINGS)
            if not train(row, changed, seed, steps):
                return False
            report.write_text(json.dumps(_judged(row, changed, seed), indent=1) + "\n", "utf-8")
        reports[name] = json.loads(report.read_text("utf-8"))
        (run.out / TABLE).write_text(table(reports, steps, training, seed), "utf-8")
    return True


def _judged(run: Run, training: Training, seed: int) -> evaluate.Report:
    assert run.dev is not None
    trainer = Trainer(training, seed, run.device)
    trainer.load(run.out)
    corpus = Corpus(run.dev)
    corpus.hold(listing(run.dev, training.memory_bytes, training.needed))
    found = evaluate.report(evaluate.judge(trainer.average, corpus.conversations()))
    (run.out / DEV).write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return found


def table(reports: Mapping[str, Any], steps: int, training: Training, seed: int) -> str:
    """The rows so far as markdown."""
    lines = [
        "# What each stream is worth",
        "",
        f"Each row: {steps} steps of {training.batch} × {training.length} micro-turns,",
        f"seed {seed}, the same shards; judged on dev. Latency: of the decision, mean, in s.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in reports.items():
        cells = (
            found["matched"]["latency_at_0.05"],
            found["matched"]["latency_at_0.15"],
            found["matched"]["best_balance"],
            found["stop"]["latency_p50_s"],
            found["stop"]["yielded"],
            found["backchannel"]["f1_gain"],
            found["wrong"]["speaking"],
        )
        shown = " | ".join("never" if cell is None else f"{cell:.2f}" for cell in cells)
        lines.append(f"| {'nothing' if name == FULL else name} | {shown} |")
    return "\n".join(lines) + "\n"
