"""`counterpoint replay FILE…`: recorded streams through the same model again.

Says how many micro-turns are equal to the bit, and where the first difference is. `--html` draws
what came in, what the model made of it, and what it did.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace as changed_to
from pathlib import Path
from typing import Any

from model.build import build, changed
from model.config import EngineConfig, UnknownSetting
from model.engine.engine import InteractionModel
from model.engine.journal_file import JournalError, JournalReader
from model.replay.overhead import overhead
from model.replay.picture import Drawing
from model.replay.verdict import Verdict, replay

__all__ = ["configured", "loaded", "main"]


def main(words: Sequence[str] | None = None) -> int:
    """Replay; 0 when all is equal, 1 when something differs, 2 for what cannot be replayed."""
    options = _arguments(words)
    found: dict[str, Any] = {}
    known: tuple[EngineConfig, InteractionModel] | None = None
    try:
        for path in options.files:
            journal = JournalReader(path)
            config = configured(journal.head, options.weights)
            if known is None or known[0] != config:
                known = config, loaded(config)
            verdict = _one(journal, known[1], options.html)
            told = verdict.as_json()
            told["changed"] = _changed(journal.head, config)
            if options.overhead:
                alone = loaded(changed_to(config, rows=1))
                told["overhead"] = overhead(journal, known[1], alone, options.overhead)
            found[str(path)] = told
            _say(path, verdict, told)
    except (OSError, JournalError, UnknownSetting, ValueError) as error:
        sys.stderr.write(f"counterpoint replay: {error}\n")
        return 2
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(any(one["equal"] < one["turns"] for one in found.values()))


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="counterpoint replay", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="journals of streams")
    parser.add_argument("--html", type=Path, metavar="OUT", help="a picture of one FILE")
    parser.add_argument("--json", type=Path, metavar="OUT", help="what was found, for programs")
    parser.add_argument("--weights", type=Path, help="folder of the weights, if not the recorded")
    parser.add_argument(
        "--overhead", type=int, default=0, metavar="N",
        help="time N micro-turns with all rows against one row alone (loads the model twice)",
    )  # fmt: skip
    options = parser.parse_args(words)
    if options.html is not None and len(options.files) != 1:
        parser.error("--html draws one FILE")
    return options


def configured(head: Mapping[str, Any], weights: Path | None) -> EngineConfig:
    """The engine that wrote a journal with this head, with other weights where some are named."""
    recorded = {**head.get("engine", {}), "journal": "", "niceness": 0}
    if weights is not None:
        recorded["weights"] = str(weights)
    return EngineConfig.from_mapping(recorded)


def loaded(config: EngineConfig) -> InteractionModel:
    """Its model."""
    if config.model == "echo":
        from model.engine.echo import EchoModel

        return EchoModel(config.rows)
    from model.interaction.load import load

    return load(config)[0]


def _changed(head: Mapping[str, Any], config: EngineConfig) -> list[str]:
    return changed(head, build(config, str(head.get("device", "")), head.get("parts", {})))


def _one(journal: JournalReader, model: InteractionModel, html: Path | None) -> Verdict:
    if html is None:
        return replay(model, journal)[0]
    drawing = Drawing()
    verdict, again = replay(model, journal, drawing.add)
    title = f"{journal.path.name}: {journal.head.get('parts', {}).get('language', '')}"
    html.write_text(drawing.page(title, verdict.lines(), again.lanes), encoding="utf-8")
    return verdict


def _say(path: Path, verdict: Verdict, told: Mapping[str, Any]) -> None:
    lines = [str(path), *verdict.lines()]
    if verdict.unequal and told["changed"]:
        lines += ["not as it was recorded:", *told["changed"]]
    if pairs := told.get("overhead"):
        fixed, alone = (sum(pair[i] for pair in pairs) for i in (0, 1))
        lines.append(f"fixed shapes cost {fixed / alone - 1:+.1%} over {len(pairs)} micro-turns")
    sys.stdout.write("\n  ".join(lines) + "\n")
