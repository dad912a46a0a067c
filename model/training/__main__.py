"""`counterpoint train …`: train Core, see what its streams are worth, judge and export it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

__all__ = ["main"]

BY_HAND: Final = ("take", "yielding", "hesitating", "backchannel", "draft", "overdue")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="counterpoint train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _runs(commands.add_parser("core", help="train, or go on"), _core)
    _runs(commands.add_parser("ablation", help="train without each stream in turn"), _ablation)
    _export_arguments(commands.add_parser("export", help="write a checkpoint that can be loaded"))
    _expert_arguments(commands.add_parser("expert", help="teach a checkpoint's second expert on"))
    _join_arguments(commands.add_parser("join", help="make one checkpoint of several"))
    _choose_arguments(commands.add_parser("choose", help="set where a checkpoint acts"))
    _failure_arguments(commands.add_parser("failures", help="show which events of dev go wrong"))
    chosen = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(chosen.threads)
    action: Callable[[argparse.Namespace], int] = chosen.action
    try:
        return action(chosen)
    except (ValueError, FileNotFoundError) as error:
        sys.stderr.write(f"counterpoint train: {error}\n")
        return 2


def _runs(parser: argparse.ArgumentParser, action: Callable[[Any], int]) -> None:
    """The arguments of a run; a run that was stopped goes on when it is started again."""
    parser.set_defaults(action=action)
    parser.add_argument("--data", type=Path, required=True, help="folder of training shards")
    parser.add_argument("--dev", type=Path, help="folder of dev shards")
    parser.add_argument("--out", type=Path, required=True, help="the run's own folder")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--steps", type=int, help="steps in all")
    budget.add_argument("--minutes", type=float, help="as many steps as fit, measured at the start")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--config", type=Path, help="JSON that changes the default training, or "
                        "a checkpoint's recipe.json")  # fmt: skip
    parser.add_argument("--save-minutes", type=float, default=5.0, help="between checkpoints")
    parser.add_argument("--stop-minutes", type=float, default=float("inf"),
                        help="end this piece of the run after so long")  # fmt: skip
    parser.add_argument("--dev-steps", type=int, default=500, help="between reports on dev")
    parser.add_argument("--dev-conversations", type=int, default=64)
    parser.add_argument("--repeats", type=float, default=float("inf"),
                        help="wait for more shards rather than see these more often")  # fmt: skip
    if action is _core:
        parser.add_argument(
            "--begin-with",
            type=Path,
            help="folder of a checkpoint to go on from, on other data; "
            "to be named until the run has a checkpoint of its own",
        )
        parser.add_argument("--ablate", help="leave out a stream: encoder, dmel, own, …")


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_export)
    parser.add_argument("--run", type=Path, required=True, help="a run's folder")
    parser.add_argument("--dev", type=Path, required=True, help="folder of dev shards")
    parser.add_argument("--out", type=Path, required=True, help="where the checkpoint is to be")
    parser.add_argument("--best", action="store_true",
                        help="the weights that dev liked best, not the last")  # fmt: skip
    parser.add_argument("--and", type=Path, action="append", default=[], dest="others",
                        help="another run from the same beginning, for a mean")  # fmt: skip
    parser.add_argument("--half", action="store_true", help="store float16")
    parser.add_argument("--most-wrong", type=float, help="share of pauses that may be taken")
    parser.add_argument("--note", default="", help="what else is to be known, for the card")
    parser.add_argument("--threads", type=int, default=1)


def _expert_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_expert)
    parser.add_argument("--core", type=Path, required=True, help="a checkpoint's folder")
    parser.add_argument("--data", type=Path, action="append", required=True,
                        help="folder of training shards; may be given more than once")  # fmt: skip
    parser.add_argument("--dev", type=Path, help="folder of dev shards")
    parser.add_argument("--out", type=Path, required=True, help="where the checkpoint is to be")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)


def _join_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_join)
    parser.add_argument("--part", action="append", required=True, metavar="WEIGHT:FOLDER",
                        help="a checkpoint and what it counts; once for each")  # fmt: skip
    parser.add_argument("--onsets", type=Path, help="whose second expert; the first part's")
    parser.add_argument("--yield-weight", type=float, help="of the transformer's odds of a yield")
    parser.add_argument("--onsets-weight", type=float, help="of the second expert's")
    parser.add_argument("--out", type=Path, required=True, help="where the checkpoint is to be")
    parser.add_argument("--half", action="store_true", help="store float16")
    parser.add_argument("--threads", type=int, default=1)


def _choose_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_choose)
    parser.add_argument("--core", type=Path, required=True, help="a checkpoint's folder")
    parser.add_argument("--dev", type=Path, action="append", required=True,
                        help="folder of dev shards; may be given more than once")  # fmt: skip
    for name in BY_HAND:
        parser.add_argument(f"--{name}", type=float, help="by hand, instead of by dev")
    parser.add_argument("--most-wrong", type=float, help="share of pauses that may be taken")
    parser.add_argument("--note", default="", help="what else is to be known, for the card")
    parser.add_argument("--threads", type=int, default=1)


def _failure_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_failures)
    parser.add_argument("--run", type=Path, required=True, help="a run's folder")
    parser.add_argument("--dev", type=Path, required=True, help="folder of dev shards")
    parser.add_argument("--most", type=int, default=6, help="events shown of each kind")
    parser.add_argument("--threads", type=int, default=1)


def _core(chosen: argparse.Namespace) -> int:
    from model.training.train import train
    from model.training.train_config import ablated

    run, training, steps = _begun(chosen, lambda made: (
        ablated(made, chosen.ablate) if chosen.ablate else made
    ))  # fmt: skip
    finished = train(run, training, chosen.seed, steps)
    sys.stdout.write("finished\n" if finished else "stopped; start it again to go on\n")
    return 0


def _ablation(chosen: argparse.Namespace) -> int:
    from model.training.ablation import ablation

    run, training, steps = _begun(chosen, lambda made: made)
    finished = ablation(run, training, chosen.seed, steps)
    sys.stdout.write("finished\n" if finished else "stopped; start it again to go on\n")
    return 0


def _begun(chosen: argparse.Namespace, change: Callable[[Any], Any]) -> tuple[Any, Any, int]:
    """The run, its training and its steps, as the arguments say."""
    from dataclasses import replace

    from model.training.train import Run, measured_steps
    from model.training.train_config import training_from

    run = Run(
        data=chosen.data, dev=chosen.dev, out=chosen.out, device=chosen.device,
        save_minutes=chosen.save_minutes, stop_minutes=chosen.stop_minutes,
        dev_steps=chosen.dev_steps, dev_conversations=chosen.dev_conversations,
        repeats=chosen.repeats, begin_with=getattr(chosen, "begin_with", None),
    )  # fmt: skip
    training = change(training_from(chosen.config))
    if chosen.steps is not None:
        return run, training, chosen.steps
    first = run if chosen.command == "core" else replace(run, out=run.out / "full")
    return run, training, measured_steps(first, training, chosen.seed, chosen.minutes)


def _export(chosen: argparse.Namespace) -> int:
    from model.training import evaluate
    from model.training.export import export

    most = evaluate.MOST_WRONG if chosen.most_wrong is None else chosen.most_wrong
    found = export(chosen.run, chosen.dev, chosen.out, chosen.half, most, note=chosen.note,
                   last=not chosen.best, others=chosen.others)  # fmt: skip
    shown = {name: value for name, value in found.items() if not name.endswith("_curve")}
    sys.stdout.write(json.dumps(shown, indent=1) + "\n")
    return 0


def _expert(chosen: argparse.Namespace) -> int:
    from model.training.expert import teach_expert

    found = teach_expert(
        chosen.core, chosen.data, chosen.dev, chosen.out, chosen.steps, chosen.seed
    )
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 0


def _join(chosen: argparse.Namespace) -> int:
    from model.training.joining import join, part_of

    given = {"yield_weight": chosen.yield_weight, "onsets_weight": chosen.onsets_weight}
    experts = {name: value for name, value in given.items() if value is not None}
    join([part_of(text) for text in chosen.part], chosen.out, chosen.onsets, experts, chosen.half)
    return 0


def _choose(chosen: argparse.Namespace) -> int:
    from model.training import evaluate
    from model.training.choosing import choose

    most = evaluate.MOST_WRONG if chosen.most_wrong is None else chosen.most_wrong
    by_hand = {name: getattr(chosen, name) for name in BY_HAND if getattr(chosen, name) is not None}
    found = choose(chosen.core, chosen.dev, by_hand, most, chosen.note)
    for name, one in found.items():
        sys.stdout.write(f"{name or 'all together'}: {evaluate.summary(one)}\n")
    sys.stdout.write(f"acts from {found['']['point']}\n")
    return 0


def _failures(chosen: argparse.Namespace) -> int:
    from model.training import evaluate
    from model.training.dataset import Corpus, listing
    from model.training.failures import failures
    from model.training.train import read_run
    from model.training.trainer import Trainer

    training, about = read_run(chosen.run)
    trainer = Trainer(training, int(about["seed"]))
    if not trainer.load(chosen.run):
        raise FileNotFoundError(f"{chosen.run} has no checkpoint yet: wait for its first")
    corpus = Corpus(chosen.dev)
    corpus.hold(listing(chosen.dev, training.memory_bytes, training.needed))
    wholes = corpus.conversations()
    talks = evaluate.judge(trainer.average, wholes, projects=training.loss.projection > 0)
    point = evaluate.choose(talks)
    sys.stdout.write(f"step {trainer.step}: {evaluate.summary(evaluate.report(talks, point))}\n")
    for line in failures(talks, wholes, point, chosen.most):
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
