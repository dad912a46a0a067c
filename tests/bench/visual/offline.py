"""Eyes alone on the frames of clips, with the time that looks and the way take, and no server.

`python -m tests.bench.visual.offline --n 10 --seed 1 --split dev` prints the `visual.told_…` keys.
For working on Eyes; what counts is measured over the wire by `counterpoint bench visual`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import torch

from model.engine.pieces import finished
from model.interaction import looking
from model.interaction.eyes import Eyes
from model.interaction.looked import Looked, Network
from model.interaction.looking import Looking
from model.interaction.scene import Key
from model.interaction.stillness import changed, thumbnail
from model.sight import Picture
from model.timebase import HEARING_RATE, MICRO_TURN_SECONDS
from model.weights import store
from tests.bench.metrics.visual import Announcement, VisualLog, visual_measures
from tests.bench.visual.policies import NULLS, performed
from tests.bench.visual.script import VisualScript, Wanted, make_script

__all__ = ["Told", "key_of", "main", "watch"]

WAY_SECONDS: Final = 0.15
"""From taking a picture to the micro-turn that can look at it."""

LOOK_MICRO_TURNS: Final[dict[Network, int]] = {"body": 1, "faces": 1, "hands": 1, "things": 2}
PICTURE_SECONDS: Final = 0.2
REST_SECONDS: Final = 4.0
"""Of the scene at rest before the action, of which a watch begins half way."""

TAIL_SECONDS: Final = 3.0


@dataclass
class Told:
    """What a clip gave: its log, and every event for whoever wants to know why."""

    log: VisualLog
    events: list[tuple[float, str]] = field(default_factory=list)
    looks: list[Looked] = field(default_factory=list)


def key_of(wanted: Wanted) -> Key:
    """As the part that watches names it."""
    return (wanted.kind, wanted.which)


def watch(eyes: Eyes, script: VisualScript) -> Told:
    """Show the clip to Eyes, which watch for what is wanted from two seconds before the action."""
    seen = Looking()
    told: list[Announcement] = []
    found = Told(VisualLog(script.clip, "event", 0.0, 0.0, ()))
    pending: tuple[int, Looked] | None = None
    next_picture = -REST_SECONDS
    last = round((REST_SECONDS + script.seconds + TAIL_SECONDS) / MICRO_TURN_SECONDS)
    for k in range(last):
        now = k * MICRO_TURN_SECONDS - REST_SECONDS
        if k == round(REST_SECONDS / 2 / MICRO_TURN_SECONDS):
            seen = looking.watched(seen, script.wanted.way, key_of(script.wanted))
        pictures = []
        if now - WAY_SECONDS >= next_picture:
            # The newest frame that a camera of this rate has taken by then.
            taken = int((now - WAY_SECONDS + REST_SECONDS) * script.rate) / script.rate
            pixels = script.paint(taken - REST_SECONDS)
            pictures = [Picture("camera", round(taken * HEARING_RATE), pixels)]
            next_picture = max(next_picture + PICTURE_SECONDS, taken - REST_SECONDS)
        seen = looking.shown(seen, pictures, k, thumbnail)
        if pending is not None and k >= pending[0]:
            seen, events, fired = looking.entered(seen, pending[1])
            pending = None
            found.events += [(round(now, 2), f"{one.what}: {one.label}") for one in events]
            told += [Announcement(now, one.count) for one in fired]
        due = looking.due(seen, k, changed)
        if due is not None:
            picture, networks = due
            looked = finished(eyes.look(picture, networks, looking.around(seen)))
            found.looks.append(looked)
            seen = looking.began(seen, networks, k)
            pending = (k + sum(LOOK_MICRO_TURNS[one] for one in networks), looked)
    said = tuple(one for one in told if one.at >= 0)
    ended = script.seconds + TAIL_SECONDS
    found.log = VisualLog(script.clip, script.measured, 0.0, ended, script.moments, said, said)
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Watch clips and print what the metrics say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--split", choices=["dev"], default="dev", help="dev only, on purpose")
    options = parser.parse_args(words)
    torch.set_num_threads(1)
    eyes = Eyes.load(store.folder("eyes"))
    logs = []
    for index in range(options.first, options.first + options.n):
        script = make_script(options.split, options.seed, index)
        told = watch(eyes, script)
        logs.append(told.log)
        numbers = [one.number or round(one.at, 1) for one in told.log.told]
        moments = [round(one, 1) for one in script.moments]
        print(
            f"{script.clip} {script.wanted.which!r} {script.rate:.0f}/s {script.size[0]} "
            f"wanted {len(moments) if script.kind == 'count' else moments} told {numbers}",
            flush=True,
        )
        if script.kind != "count":
            print("   ", [one for one in told.events if one[0] > 0])
    every = {"eyes": logs} | {n: [performed(g, p) for g in logs] for n, p in NULLS.items()}
    for name, some in every.items():
        measures = visual_measures(some, options.seed)
        told_keys = {k: m.as_json() for k, m in measures.items() if "told" in k}
        print(name, json.dumps(told_keys))
    return 0


if __name__ == "__main__":
    sys.exit(main())
