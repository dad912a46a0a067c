"""What each stream is worth: the same run with one of them left out, again and again.

All rows have the same steps, seed and shards. A row that is finished is kept; a row that was
stopped goes on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from model.training import evaluate
from model.training.dataset import Corpus, listing
from model.training.shards import recipe_of
from model.training.train import DEV, Run, train
from model.training.train_config import ABLATIONS, Training, ablated, as_json
from model.training.trainer import LISTINGS, Listings, Trainer, read_listings

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
        ValueError: there are no dev shards to judge on; or a row is there that was made of other
            steps, seed, training or data.
    """
    if run.dev is None:
        raise ValueError("an ablation is judged on dev shards: name their folder with --dev")
    about = {"steps": steps, "seed": seed, "data": recipe_of(run.data), "dev": recipe_of(run.dev)}
    training = replace(training, rescan=NEVER)
    run.out.mkdir(parents=True, exist_ok=True)
    Listings(run.out, run.data, training).at(0)
    reports: dict[str, Any] = {}
    for name in (FULL, *names):
        changed = training if name == FULL else ablated(training, name)
        row = replace(run, out=run.out / name)
        made = {**about, "training": as_json(changed)}
        report = row.out / "row.json"
        if not report.is_file():
            row.out.mkdir(parents=True, exist_ok=True)
            if not read_listings(row.out):
                shutil.copyfile(run.out / LISTINGS, row.out / LISTINGS)
            if not train(row, changed, seed, steps):
                return False
            found = {**made, "report": _judged(row, changed, seed)}
            report.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        reports[name] = _row(report, made)
        (run.out / TABLE).write_text(table(reports, steps, training, seed), "utf-8")
    return True


def _row(path: Path, made: Mapping[str, Any]) -> evaluate.Report:
    """The report of a row that is finished; ValueError if it was not made like this."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if others := [name for name in made if found.get(name) != made[name]]:
        raise ValueError(f"{path} is a row of other {', '.join(others)}: give the ablation another "
                         "folder with --out")  # fmt: skip
    report: evaluate.Report = found["report"]
    return report


def _judged(run: Run, training: Training, seed: int) -> evaluate.Report:
    assert run.dev is not None
    trainer = Trainer(training, seed, run.device)
    trainer.load(run.out)
    corpus = Corpus(run.dev)
    corpus.hold(listing(run.dev, training.memory_bytes, training.needed))
    # A head that nobody taught says nothing about when silence begins.
    projects = training.loss.projection > 0
    talks = evaluate.judge(trainer.average, corpus.conversations(), projects=projects)
    found = evaluate.report(talks)
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
