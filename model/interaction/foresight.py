"""Several tokens of Language in one pass: what may come next is proposed, and checked.

To decode one token all weights are fetched from memory; to check three more in the same pass costs
little on a processor that computes faster than it fetches (`FORESEEING`). Proposed is what followed
when the same tokens stood in the conversation before (answers repeat much of their question), else
what the decoder is known to say often. An answer that was begun and dropped, since other words of
the person came to be known, is proposed before all else: most of its words are said again. A token
counts only if it is the one that would have been chosen anyway, so proposals decide when a token is
known, and never which.

Prompt lookup after Saxena 2023, "Prompt Lookup Decoding"; checking as in Leviathan et al. 2023,
"Fast Inference from Transformers via Speculative Decoding".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from model.nn.decoder import Decoder, Look
from model.nn.kv_cache import DecoderState, slots
from model.nn.linear import Int8
from model.nn.sampling import RECENT_TOKENS, Sampling, penalize, sample
from model.nn.whole import quickest

__all__ = ["NO_HABITS", "Foresight", "Habits", "agreed", "foresight", "proposed"]

FORESEEING: Final = {"onednn": 3}
"""Tokens proposed in a pass, by the kernel of `model.nn.whole`. 0.5B, one thread, AVX512 with
VNNI: a product of four rows takes 1.2 times as long as one of a single row. With AVX2 only it
takes 1.9 times as long: nothing is proposed there."""

EARLIER: Final = 8
"""Tokens proposed at once of an answer that was dropped, in the pass that reads what is answered
now: that has some ten tokens anyway, and each more costs some 3 ms where a pass costs 80."""

LOOKED_BACK: Final = 1024
"""Tokens of a row in which the next ones are looked for."""

FOLDER: Final = Path(__file__).parents[1] / "weights" / "habits"


@dataclass(frozen=True, slots=True)
class Habits:
    """Which token a decoder most often says behind two others, and behind one.

    `model.training.habits` counts them.
    """

    two: Mapping[tuple[int, int], int] = field(default_factory=dict)
    one: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, decoder: str) -> Habits:
        """Those of the decoder in the folder of this name; none where none were counted."""
        path = FOLDER / f"{decoder}.json"
        if not path.is_file():
            return cls()
        found = json.loads(path.read_text("utf-8"))
        return cls({(a, b): c for a, b, c in found["two"]}, dict(found["one"]))


NO_HABITS: Final = Habits()


class Foresight:
    """Tokens that are chosen and not yet said, row by row; their keys are written but for the last
    one's. They hold as long as the row is as it was: whoever changes it says `forget`.

    Args:
        decoder: on the CPU, packed for the kernel.
        state: of its rows.
        habits: see `Habits`.
        count: tokens proposed in a pass.
    """

    def __init__(self, decoder: Decoder, state: DecoderState, habits: Habits, count: int) -> None:
        self.count = count
        self._decoder = decoder
        self._state = state
        self._habits = habits
        self._chosen: list[list[int]] = [[] for _ in range(state.rows)]
        self._earlier: list[Sequence[int]] = [()] * state.rows

    def forget(self, row: int) -> None:
        """The row is another one."""
        self._chosen[row], self._earlier[row] = [], ()

    def knows(self, row: int) -> bool:
        """Whether its next token is chosen."""
        return bool(self._chosen[row])

    def keep(self, row: int, tokens: Sequence[int], earlier: Sequence[int] = ()) -> None:
        """These are chosen next, their keys are written but for the last one's; what was said
        `earlier` in their place is proposed behind them."""
        self._chosen[row], self._earlier[row] = list(tokens), tuple(earlier)

    def guess(
        self, row: int, length: int, behind: Sequence[int], earlier: Sequence[int] = ()
    ) -> list[int]:
        """What may follow the row's tokens and these behind them, where an `earlier` answer may
        have begun alike."""
        first = list(earlier[:EARLIER])
        held = [*self._latest(row, length), *behind, *first]
        return first + proposed(held, max(self.count - len(first), 0), self._habits)

    def take(self, row: int) -> int:
        """The next token; the caller appends it."""
        return self._chosen[row].pop(0)

    @torch.inference_mode()
    def look(
        self, rows: Sequence[int], lengths: Sequence[int], looks: tuple[Look, ...], how: Sampling
    ) -> None:
        """Choose at least the next token of each row, in one batched pass over the last and
        `count` more.

        Args:
            rows: all different.
            lengths: tokens in each of them.
            looks: of each row, over `count` tokens more than it holds.
            how: tokens are chosen.
        """
        pairs = list(zip(rows, lengths, strict=True))
        held = [self._latest(row, length) for row, length in pairs]
        chunks = [
            [one[-1], *proposed(one, self.count, self._habits, self._earlier[row])]
            for one, row in zip(held, rows, strict=True)
        ]
        x = self._decoder.read(
            self._state,
            torch.tensor(chunks),
            torch.tensor([length - 1 for length in lengths]),
            torch.tensor(rows),
            torch.ones(len(rows), dtype=torch.bool),
            looks,
        )
        logits = self._decoder.finish(x)
        for at, (row, length) in enumerate(pairs):
            recent, spoken = held[at][: -RECENT_TOKENS - 1 : -1], int(self._state.spoken[row])
            seed = self._state.seeds[row : row + 1]
            self._chosen[row] = agreed(
                logits[at], chunks[at][1:], recent, spoken, seed, length, how
            )

    def _latest(self, row: int, length: int) -> list[int]:
        """The row's last tokens behind its prefix, at least one, oldest first."""
        pinned = self._state.pinned[row : row + 1]
        first = min(max(length - LOOKED_BACK, int(pinned)), length - 1)
        where = slots(torch.arange(first, length).unsqueeze(0), pinned, self._state.capacity)
        ids: list[int] = self._state.tokens[row, where[0]].tolist()
        return ids


def foresight(decoder: Decoder, state: DecoderState, habits: Habits) -> Foresight | None:
    """For decoders and processors for which it is worth it."""
    packed = isinstance(decoder.head, Int8) and decoder.norm.device.type == "cpu"
    count = FORESEEING.get(quickest(), 0) if packed else 0
    return Foresight(decoder, state, habits, count) if count else None


def proposed(
    held: Sequence[int], count: int, habits: Habits, earlier: Sequence[int] = ()
) -> list[int]:
    """The `count` tokens that may follow these, at least one; looked for in an `earlier` answer in
    the same place before all else."""
    text, before = list(held), list(earlier)
    for _ in range(count):
        text.append(_next(text, habits, before))
    return text[len(held) :]


def _next(text: list[int], habits: Habits, earlier: list[int]) -> int:
    for place in (earlier, text):
        for length in (3, 2):
            if (found := _followed(place, text[-length:])) is not None:
                return found
    if len(text) > 1 and (habit := habits.two.get((text[-2], text[-1]))) is not None:
        return habit
    found = _followed(text, text[-1:])
    return found if found is not None else habits.one.get(text[-1], text[-1])


def _followed(text: list[int], last: list[int]) -> int | None:
    """What followed in a text where these tokens stood last, not at its end."""
    length = len(last)
    for end in range(len(text) - 1, length - 1, -1):
        if text[end - 1] == last[-1] and text[end - length : end] == last:
            return text[end]
    return None


def agreed(
    logits: Tensor,
    guess: Sequence[int],
    recent: Sequence[int],
    spoken: int,
    seed: Tensor,
    position: int,
    how: Sampling,
) -> list[int]:
    """The tokens that are chosen one after another, as far as the guess was right, and one more.

    Args:
        logits: `[1 + len(guess), vocab]` behind the last token and behind each of the guess.
        guess: what was read behind the last token.
        recent: latest tokens of the row, newest first.
        spoken: how many of them were sampled one after another.
        seed: of the row's noise, `[1]`.
        position: of the first token that is chosen.
        how: tokens are chosen.
    """
    found: list[int] = []
    for number in range(len(guess) + 1):
        row = logits[number : number + 1]
        if how.repetition_penalty != 1:
            latest = torch.tensor([[*reversed(found), *recent][:RECENT_TOKENS]], device=row.device)
            counts = torch.tensor([spoken + number], device=row.device)
            row = penalize(row, latest, counts, how.repetition_penalty)
        at = torch.tensor([position + number], device=row.device)
        found.append(int(sample(row, seed, at, how)[0]))
        if number == len(guess) or found[-1] != guess[number]:
            break
    return found
