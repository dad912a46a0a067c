"""What Core's probabilities about the floor are worth where they are acted on, live and on dev.

Pure; for one micro-turn or many.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.interaction import streams

__all__ = ["weighed"]

Numbers = npt.NDArray[Any]

LISTEN, TAKE, YIELD, BACKCHANNEL = (
    streams.FLOORS.index(name) for name in ("listen", "take", "yield", "backchannel")
)
SPEAKING, FINISHED = (streams.PERSON_STATES.index(name) for name in ("speaking", "finished"))

_LEAST: Final = 1e-6


def weighed(floor: Numbers, person: Numbers, ours: npt.NDArray[np.bool_] | bool) -> Numbers:
    """The floor's probabilities as they are acted on `[…, 5]`.

    While our voice is sent, listening to a person who speaks is a yield as well: where our next
    phrase is late nothing of us sounds, and Core hears us listen. While it is not there is nothing
    to yield, and what was given to that is the others' in their proportions: the second expert
    (`core_onsets`), who says what begins over our voice, has learnt nothing of other moments, and
    behind a short question its last second is full of somebody who begins. A sign of listening is
    nothing where an answer is likelier, or that the person has finished: who asks, hears that we
    listen, and waits, is not answered.

    Args:
        floor: probabilities `[…, 5]` in the order of `streams.FLOORS`.
        person: probabilities `[…, 6]` in the order of `streams.PERSON_STATES`.
        ours: whether our voice is sent, `[…]`.
    """
    speaks = np.asarray(ours)
    rest = np.maximum(1.0 - floor[..., YIELD], _LEAST)
    made = np.where(speaks[..., None], floor, floor / rest[..., None])
    giving_way = floor[..., YIELD] + floor[..., LISTEN] * person[..., SPEAKING]
    made[..., YIELD] = np.where(speaks, giving_way, 0.0)
    ends = np.maximum(made[..., TAKE], person[..., FINISHED])
    given = made[..., BACKCHANNEL]
    made[..., BACKCHANNEL] = np.where(given > ends, given, 0.0)
    return made
