"""What rows of a decoder hold, and how they are cut, copied and emptied. Knows tokens, no text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from model.interaction.foresight import NO_HABITS, Habits, foresight
from model.interaction.parts import BeyondWindow
from model.interaction.thoughts import Thoughts
from model.nn.decoder import Decoder, Look
from model.nn.kv_cache import (
    DecoderState,
    copy_of_row,
    fill_row,
    first_visible,
    fork_row,
    oldest_kept,
    reset_row,
    slots,
)
from model.nn.sampling import Sampling

__all__ = ["DEFAULT_SAMPLING", "RowMemory"]

DEFAULT_SAMPLING: Final = Sampling(temperature=0.0, repetition_penalty=1.05)
"""The likeliest token: small models wander at higher temperatures; the penalty ends loops."""

_SPAN_STEP: Final = 256


class RowMemory:
    """The rows' tokens and mirrors; who reads and chooses is `LanguageRows`.

    Attributes:
        thoughts: what some layers make of what is read.
    """

    def __init__(
        self,
        decoder: Decoder,
        state: DecoderState,
        sampling: Sampling = DEFAULT_SAMPLING,
        seed: int = 0,
        spare: bool = False,
        habits: Habits = NO_HABITS,
    ) -> None:
        # The state's last row, where it is spare, keeps the prefix that was read last.
        self.rows = state.rows - spare
        self._spare = spare
        self._prefix: tuple[int, ...] = ()
        self.sampling = sampling
        self._decoder = decoder
        self._state = state
        self._seed = seed
        # Mirrors of what the state holds, so that no question waits for the device; `_written`
        # is one past the last position ever written since the row was empty.
        self._lengths = [0] * state.rows
        self._written = [0] * state.rows
        self._pinned = [0] * state.rows
        self._foresight = foresight(decoder, state, habits)
        self.thoughts = Thoughts()
        state.seeds.fill_(seed)

    def length(self, row: int) -> int:
        """Committed tokens in the row."""
        return self._lengths[row]

    def held(self, row: int) -> list[int]:
        """The token ids that the row still sees, oldest first."""
        length, pinned = self._lengths[row], self._pinned[row]
        first = max(first_visible(length, pinned, self._state.window), pinned)
        places = [[*range(min(pinned, length)), *range(first, length)]]
        at = torch.tensor(places, dtype=torch.int64)
        where = slots(at.to(self._device), self._state.pinned[row : row + 1], self._state.capacity)
        ids: list[int] = self._state.tokens[row, where[0]].tolist()
        return ids

    def snapshot(self, row: int) -> dict[str, Tensor]:
        """Copies of the tokens of a row and of what they left in it.

        Raises:
            ValueError: the row has slid.
        """
        return copy_of_row(self._state, row, self._lengths[row])

    def restore(self, row: int, snapshot: Mapping[str, Tensor]) -> None:
        """Make a row what another was when its snapshot was taken, save for its pins; raises
        KeyError or ValueError for what is no snapshot of this decoder."""
        self.reset(row)
        length = fill_row(self._state, row, snapshot)
        self._lengths[row] = self._written[row] = length

    def pin(self, row: int, length: int) -> None:
        """Keep the first `length` tokens of the row visible for ever.

        Raises:
            ValueError: the row is shorter, has already slid, or half of the window would go.
        """
        if length > self._lengths[row] or length > self._state.window // 2:
            raise ValueError("pin at most what the row holds and half of the window")
        if self._written[row] > self._state.capacity:
            raise ValueError("pin the prefix before the row outgrows its window")
        self._set_pinned(row, length)

    def seed(self, row: int, seed: int) -> None:
        """Set the row's noise, an int in [0, 2**32); a reset sets it back."""
        self._forget(row)
        self._state.seeds[row] = seed

    def truncate(self, row: int, length: int) -> None:
        """Forget all tokens from `length` on.

        Raises:
            ValueError: the row is shorter than that.
            BeyondWindow: part of the window at `length` is overwritten. Going back by up to
                `draft` tokens from the longest the row ever was always works.
        """
        if not 0 <= length <= self._lengths[row]:
            raise ValueError(f"row {row} holds {self._lengths[row]} tokens, not {length}")
        if length <= self._pinned[row]:
            self._set_pinned(row, length)
            self._written[row] = length
        kept = oldest_kept(self._written[row], self._pinned[row], self._state.capacity)
        if first_visible(length, self._pinned[row], self._state.window) < kept:
            raise BeyondWindow(
                f"row {row} cannot go back to {length}: tokens before {kept} are overwritten; "
                "reset it and read the text again"
            )
        self._forget(row)
        if length < self._lengths[row]:
            self._lengths[row] = length
            self._state.lengths[row] = length
            self._state.spoken[row] = 0

    def fork(self, source: int, target: int) -> None:
        """Make row `target` a copy of row `source`."""
        if source == target:
            return
        used = max(self._written[source], self._written[target])
        fork_row(self._state, source, target, used)
        self._forget(target)
        for mirror in (self._lengths, self._written, self._pinned):
            mirror[target] = mirror[source]

    def reset(self, row: int) -> None:
        """Empty the row."""
        reset_row(self._state, row, self._written[row])
        self._state.seeds[row] = self._seed
        self._forget(row)
        for mirror in (self._lengths, self._written, self._pinned):
            mirror[row] = 0

    # ---- inside --------------------------------------------------------------------------------

    @property
    def _device(self) -> torch.device:
        return self._state.lengths.device

    def _say(self, row: int, token: int) -> int:
        """Append a token that was chosen; returns it."""
        # Not `_put`: what is foreseen behind it holds.
        self._write(row, self._lengths[row], [token])
        self._lengths[row] += 1
        self._state.lengths[row] += 1
        self._state.spoken[row] += 1
        return token

    def _forget(self, row: int) -> None:
        """What was foreseen of the row no longer holds."""
        if self._foresight is not None:
            self._foresight.forget(row)

    def _look(self, row: int, at: int, end: int) -> Look:
        """One row, place `at` of a batch, that holds `end` tokens."""
        state = self._state
        span = min(-(-end // _SPAN_STEP) * _SPAN_STEP, state.capacity)
        return Look(slice(at, at + 1), slice(row, row + 1), span, end > state.window)

    def _put(self, row: int, position: int, ids: list[int]) -> None:
        """Write ids at positions, beyond the row's length or what stands there already."""
        self._forget(row)
        self._write(row, position, ids)

    def _write(self, row: int, position: int, ids: list[int]) -> None:
        self._written[row] = max(self._written[row], position + len(ids))
        at = torch.arange(position, position + len(ids), device=self._device).unsqueeze(0)
        where = slots(at, self._state.pinned[row : row + 1], self._state.capacity)
        self._state.tokens[row, where[0]] = self._tensor(ids)

    def _last_token(self, row: int) -> int:
        at = self._tensor([[self._lengths[row] - 1]])
        where = slots(at, self._state.pinned[row : row + 1], self._state.capacity)
        return int(self._state.tokens[row, where[0, 0]])

    def _set_pinned(self, row: int, length: int) -> None:
        self._pinned[row] = length
        self._state.pinned[row] = length

    def _tensor(self, ints: Sequence[int] | Sequence[Sequence[int]]) -> Tensor:
        return torch.tensor(ints, dtype=torch.int64, device=self._device)
