"""What a person intends by what they said, read off Language's own state: a linear probe.

Language reads what was said in any case, to answer it. What a middle layer then makes of the last
token before the answer tells requests of the eyes from everything else; twelve thousand weights
read it, fitted on some thousand sentences (`model/training/intents`). An answer costs nothing more
for having been judged; a row of examples of its own cost a pass before every answer, and was wrong
more often (docs/eyes.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from model.interaction.watching import Way

__all__ = ["ANSWER", "INTENTS", "SHIPPED", "Intent", "Intents", "shipped"]

SHIPPED: Final = Path(__file__).parents[1] / "weights" / "intents"


@dataclass(frozen=True, slots=True)
class Intent:
    """A kind of what a person may want.

    Attributes:
        what: `answer` like anything else, `look` and answer, `watch`, `stop` watching, or `read`.
        way: of a watch.
        kind: of a watch: the first half of its key.
    """

    what: Literal["answer", "look", "watch", "stop", "read"]
    way: Way = "comes"
    kind: str = ""


ANSWER: Final = Intent("answer")
INTENTS: Final = (
    ANSWER,
    Intent("look"),
    Intent("stop"),
    Intent("read"),
    Intent("watch", "counts", "count"),
    Intent("watch", "comes", "object"),
    Intent("watch", "goes", "object"),
    Intent("watch", "comes", "person"),
    Intent("watch", "goes", "person"),
    Intent("watch", "comes", "hand"),
    Intent("watch", "goes", "hand"),
    Intent("watch", "comes", "face"),
    Intent("watch", "goes", "face"),
    Intent("watch", "comes", "gesture"),
)
"""In the order of the probe's outputs."""


class Intents:
    """The probe of one kind of Language.

    Args:
        layer: whose output is read, from 0.
        middle, spread: of that output over what it was fitted on, `[hidden]`.
        weight: `[intents, hidden]`.
        bias: `[intents]`.

    Raises:
        ValueError: shapes do not fit each other.
    """

    def __init__(
        self, layer: int, middle: Tensor, spread: Tensor, weight: Tensor, bias: Tensor
    ) -> None:
        hidden = middle.shape[0]
        shapes = (tuple(spread.shape), tuple(weight.shape), tuple(bias.shape))
        if shapes != ((hidden,), (len(INTENTS), hidden), (len(INTENTS),)):
            raise ValueError(f"the probe's tensors do not fit each other: {shapes}")
        self.layer = layer
        self._middle, self._spread, self._weight, self._bias = middle, spread, weight, bias

    @classmethod
    def load(cls, path: Path) -> Intents:
        """Read a probe that `python -m model.training.intents` wrote.

        Raises:
            ValueError: the file is damaged, or of other intents than these.
        """
        try:
            with safe_open(path, framework="pt") as file:
                layer = int((file.metadata() or {})["layer"])
                read = [file.get_tensor(one) for one in ("middle", "spread", "weight", "bias")]
        except (SafetensorError, KeyError) as error:
            raise ValueError(f"{path} is no probe of intents: {error}") from error
        return cls(layer, *read)

    def tensors(self) -> dict[str, Tensor]:
        """What a file holds of it."""
        return {
            "middle": self._middle,
            "spread": self._spread,
            "weight": self._weight,
            "bias": self._bias,
        }

    def judge(self, thought: Tensor) -> Intent:
        """The likeliest intent, by what the layer made `[hidden]` of the last token before an
        answer; what is about as likely to be an answer is one."""
        return INTENTS[int(self.shares(thought).argmax())]

    def shares(self, thought: Tensor) -> Tensor:
        """How likely each of `INTENTS` is: `[intents]`, one in all."""
        x = (thought.float().cpu() - self._middle) / self._spread
        shares: Tensor = torch.softmax(self._weight @ x + self._bias, 0)
        return shares


def shipped(language: str) -> Intents | None:
    """The probe for a part of this name; None where none was fitted."""
    path = SHIPPED / f"{language}.safetensors"
    return Intents.load(path) if path.is_file() else None
