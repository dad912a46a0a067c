"""One call that holds an event of each of metrics 1 to 4, so that a call's length buys more.

In order: in one clip of five something that asks for nothing, into silence; a turn with a pause
in its middle; over the answer to it an interruption that asks for something long; and in the
other four clips of five something that asks for nothing over that answer. The interruption is
a turn too, where it is to be answered; every event is counted by its own metric only, and resampled
together with the others of its call.

What comes later does not hang on how well what came before was done: where the agent says
nothing, it is asked once more, without a label, and the interruption falls on that answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tests.bench.stimuli.scene import EVENTS, Scene, bystander, paused, whole
from tests.bench.stimuli.script import Cue, Mark, Piece, Script
from tests.bench.stimuli.speech import Said, synthetic

__all__ = ["SILENCERS", "talk"]

TAIL_SECONDS: Final = 5.6
# Later than any answer that counts (5 s), so that asking again cannot be mistaken for the cause.
_ASK_AGAIN_SECONDS: Final = 5.1
# The window in which what asks for nothing must not be answered, and a moment.
_QUIET_SECONDS: Final = 2.2

SILENCERS: Final = frozenset({"Alright alright, that will do.", "Please be silent for a second."})
"""Interruptions of the wording behind which nothing is owed: no turns, whoever answers them."""


def _interruption(scene: Scene, *, brief: bool) -> Said:
    """What asks for something long, in a third of the clips after a word to break in with.

    Where nothing is to fall on its answer it may ask for little: the word alone.
    """
    said, db = scene.sentence("interruptions"), scene.level(1.0)
    if not brief:
        text = scene.sentence("long_prompts")
        said = f"{said} {text}" if scene.generator.random() < 1 / 3 else text
    return synthetic(scene.voice, said, db)


def _opening(scene: Scene, alone: Piece | None) -> Piece:
    said = paused(scene)
    pauses = tuple(Mark("pause", start, end) for start, end in said.pauses)
    cue = Cue("clock", 0.5)
    if alone is not None:
        # Should it have been answered: let the answer come to its end.
        cue = Cue("agent_silent", 0.5, 20.0, after_seconds=_QUIET_SECONDS)
    return scene.piece(said, cue, (*pauses, Mark("turn", *whole(said), said.text)))


def talk(scene: Scene, clip: str) -> Script:
    """The clip of that name; its number decides what asks for nothing in it."""
    number = int(clip.rsplit("-", 1)[1])
    kind = EVENTS[number % len(EVENTS)]
    # Not the number: the kinds would always fall alike.
    alone = None
    if scene.generator.random() < 0.2:
        alone = bystander(scene, kind, Cue("clock", 0.5))
    opening = _opening(scene, alone)
    again = scene.piece(
        scene.say("long_prompts"),
        Cue("agent_silent", 1.0, 20.0, after_seconds=_ASK_AGAIN_SECONDS, optional=True),
        (),
    )
    said = _interruption(scene, brief=alone is not None)
    span = whole(said)
    # Soon: an answer that ends by itself within a second of the onset tells nothing (three in ten
    # at 0.7 to 1.3 s). Not sooner: a "mm-hm" or "I see" lasts half a second, and is no answer.
    over = Cue("agent_speaks", float(scene.generator.uniform(0.6, 0.9)), 9.0)
    turn = () if said.text in SILENCERS else (Mark("turn", *span, said.text),)
    barge = scene.piece(said, over, (Mark("interruption", *span), *turn))
    pieces: tuple[Piece, ...] = (opening, again, barge)
    if alone is not None:
        pieces = (alone, *pieces)
    else:
        late = float(scene.generator.uniform(0.8, 1.7))
        cue = Cue("agent_speaks", late, 9.0, after_seconds=1.5)
        pieces = (*pieces, bystander(scene, kind, cue))
    return replace(scene.script(clip, "talk", pieces, TAIL_SECONDS), ends="decided")
