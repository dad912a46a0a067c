"""What Core's network reads and gives: tuples of tensors, all with the same leading dimensions.

Names, shapes and meanings of the inputs are those of `model.interaction.streams`; there may be any
number of leading dimensions: `[rows]` in a step, `[batch, micro-turns]` in training.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["CoreInputs", "CoreOutputs"]


class CoreInputs(NamedTuple):
    """One token per micro-turn. Hashes are int64 here: torch cannot divide uint32."""

    person_dmel: Tensor
    person_prosody: Tensor
    own_dmel: Tensor
    own_prosody: Tensor
    encoder: Tensor
    encoder_age: Tensor
    word_hash: Tensor
    word_age: Tensor
    word_flags: Tensor
    queued: Tensor
    belief: Tensor
    message: Tensor
    belief_age: Tensor
    picture: Tensor
    picture_age: Tensor
    k: Tensor


class CoreOutputs(NamedTuple):
    """Logits.

    Attributes:
        floor: listen, take, hold, yield, backchannel `[…, 5]`, to be softmaxed.
        person: speaking, pausing, finished, acknowledging, elsewhere, silent `[…, 6]`, likewise.
        projection: the person's and our voice in four windows ahead `[…, 2, 4]`, each to go
            through a sigmoid.
    """

    floor: Tensor
    person: Tensor
    projection: Tensor
