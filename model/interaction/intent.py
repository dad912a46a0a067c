"""What a person intends by what they said, read off Language's own state: a linear probe.

Language reads what was said in any case, to answer it. What two middle layers make of the words on
the way, on average, tells requests of the eyes from everything else, and whether the person gives
the words that are to be said; 36,000 weights read it, fitted on some thousand sentences
(`model/training/intents`). An answer costs nothing more for having been judged; a row of examples
of its own cost a pass before every answer, and was wrong more often (docs/eyes.md).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from model.interaction.scene import Key
from model.interaction.watching import Way

__all__ = ["ANSWER", "INTENTS", "SHIPPED", "STOP", "WHAT", "Intent", "Intents", "shipped"]

SHIPPED: Final = Path(__file__).parents[1] / "weights" / "intents"


@dataclass(frozen=True, slots=True)
class Intent:
    """A kind of what a person may want.

    Attributes:
        what: `answer` like anything else, `look` and answer, `watch`, `stop` watching, or `read`.
        way: of a watch.
        kind: of a watch: the first half of its key.
        which: the second half, where the probe tells it: the hand.
        own: of a watch: the person's own words are to be said.
    """

    what: Literal["answer", "look", "watch", "stop", "read"]
    way: Way = "comes"
    kind: str = ""
    which: str = ""
    own: bool = False

    def fits(self, way: Way, key: Key) -> bool:
        """Whether a watch may be meant."""
        same = (way, key[0]) == (self.way, self.kind)
        return same and (self.kind != "hand" or key[1] == self.which)


ANSWER: Final = Intent("answer")
STOP: Final = Intent("stop")
INTENTS: Final = (
    ANSWER,
    Intent("look"),
    STOP,
    Intent("read"),
    Intent("watch", "counts", "count"),
    Intent("watch", "comes", "object"),
    Intent("watch", "goes", "object"),
    Intent("watch", "comes", "person"),
    Intent("watch", "goes", "person"),
    *(Intent("watch", "comes", "hand", side) for side in ("", "left", "right")),
    *(Intent("watch", "goes", "hand", side) for side in ("", "left", "right")),
    Intent("watch", "comes", "face"),
    Intent("watch", "goes", "face"),
    Intent("watch", "comes", "gesture"),
)
"""In the order of the probe's outputs; behind them comes one for words of the person's own."""

WHAT: Final = ("answer", "look", "stop", "read", "watch")

LIKELY: Final = 0.3
"""Intents are likely that are at least so many times as likely as the likeliest."""

STOPS: Final = 15.0
"""Times as likely as among what the probe was fitted on is it that somebody wants an end of what
they asked for. Who asked for nothing wants no end."""

UNSHOWN: Final = 0.25
"""Times as likely is it that something is to be watched for by somebody who shows nothing, and may
have no camera. By judgement: what it was fitted on is half requests, a conversation is not."""


class Intents:
    """The probe of one kind of Language.

    Args:
        layers: whose outputs are read, from 0; see `LanguageRows.thought`.
        middle, spread: of those outputs over what it was fitted on, `[width]`.
        weight: `[intents + 1, width]`.
        bias: `[intents + 1]`.

    Raises:
        ValueError: shapes do not fit each other.
    """

    def __init__(
        self,
        layers: Sequence[int],
        middle: Tensor,
        spread: Tensor,
        weight: Tensor,
        bias: Tensor,
    ) -> None:
        width = middle.shape[0]
        shapes = (tuple(spread.shape), tuple(weight.shape), tuple(bias.shape))
        outputs = len(INTENTS) + 1
        if shapes != ((width,), (outputs, width), (outputs,)):
            raise ValueError(f"the probe's tensors do not fit each other: {shapes}")
        self.layers = tuple(layers)
        self._middle, self._spread, self._weight, self._bias = middle, spread, weight, bias

    @classmethod
    def load(cls, path: Path) -> Intents:
        """Read a probe that `python -m model.training.intents` wrote.

        Raises:
            ValueError: the file is damaged, or of other intents than these.
        """
        try:
            with safe_open(path, framework="pt") as file:
                layers = json.loads((file.metadata() or {})["layers"])
                read = [
                    file.get_tensor(one).clone() for one in ("middle", "spread", "weight", "bias")
                ]
        except (SafetensorError, KeyError) as error:
            raise ValueError(f"{path} is no probe of intents: {error}") from error
        return cls(layers, *read)

    def tensors(self) -> dict[str, Tensor]:
        """What a file holds of it."""
        return {
            "middle": self._middle,
            "spread": self._spread,
            "weight": self._weight,
            "bias": self._bias,
        }

    def judge(self, thought: Tensor, watching: bool, shown: bool = True) -> tuple[Intent, ...]:
        """The likely intents by what Language made of the words `[width]`, the likeliest first; all
        of them are the same but for what is watched for. Something is being watched, or not;
        `shown` is false where nothing is shown either."""
        shares = self.shares(thought)
        of = {what: [n for n, one in enumerate(INTENTS) if one.what == what] for what in WHAT}
        shares[of["stop"]] *= STOPS if watching else 0.0
        shares[of["watch"]] *= 1.0 if shown else UNSHOWN
        what = max(WHAT, key=lambda one: float(shares[of[one]].sum()))
        least = LIKELY * float(shares[of[what]].max())
        likely = [n for n in of[what] if float(shares[n]) >= least]
        own = what == "watch" and self.own(thought) > 0.5
        ranked = sorted(likely, key=lambda n: -float(shares[n]))
        return tuple(replace(INTENTS[n], own=own) for n in ranked)

    def shares(self, thought: Tensor) -> Tensor:
        """How likely each of `INTENTS` is: `[intents]`, one in all."""
        return torch.softmax(self._outputs(thought)[:-1], 0)

    def own(self, thought: Tensor) -> float:
        """How likely the person's own words are to be said, if something is to be watched for."""
        return float(torch.sigmoid(self._outputs(thought)[-1]))

    def _outputs(self, thought: Tensor) -> Tensor:
        x = (thought.float().cpu() - self._middle) / self._spread
        return self._weight @ x + self._bias


def shipped(language: str) -> Intents | None:
    """The probe for a part of this name; None where none was fitted."""
    path = SHIPPED / f"{language}.safetensors"
    return Intents.load(path) if path.is_file() else None
