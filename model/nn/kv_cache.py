"""Rows of a decoder's memory: a ring of keys and values per row, behind a pinned prefix.

A row holds tokens 0 … length - 1. Its first `pinned` tokens keep their slots for ever; the others
share a ring that holds the window and, on top, the longest draft, so that forgetting a draft
uncovers nothing that was overwritten. A token at position t sees the prefix and the latest tokens,
together at most `window` of them.

Rotary positions stay right while the window slides because attention only feels differences:
keys are stored turned to their true position; against the ring a query is turned to its true
position too, against the prefix to its *place in the window*. That equals turning all unrotated
keys by their place in every step, without doing so (2,304 keys in 24 layers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from model.nn.decoder_config import DecoderConfig

__all__ = [
    "DecoderState",
    "copy_of_row",
    "fill_row",
    "first_visible",
    "fork_row",
    "new_state",
    "oldest_kept",
    "reset_row",
    "slots",
    "visible",
]


@dataclass
class DecoderState:
    """All that a decoder remembers. Its owner passes it in; the tensors are updated in place.

    The last token of a row is *pending*: it is in `tokens` and counted in `lengths`, but its key
    and value are only written by the step that reads it. So a row cut anywhere can go on.

    Attributes:
        keys: `[layers, rows, kv_heads, capacity, head_dim]`, turned to true positions.
        values: like keys.
        tokens: ids by slot, int64 `[rows, capacity]`.
        lengths: tokens in each row, int64 `[rows]`.
        pinned: length of each row's prefix, int64 `[rows]`.
        spoken: how many of a row's latest tokens were sampled one after another, int64 `[rows]`.
        seeds: seed of each row's noise, int64 `[rows]`, in [0, 2**32).
        window: how many tokens a token sees, itself included; `capacity - window` is the draft.
    """

    keys: Tensor
    values: Tensor
    tokens: Tensor
    lengths: Tensor
    pinned: Tensor
    spoken: Tensor
    seeds: Tensor
    window: int

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.keys.shape[1]

    @property
    def capacity(self) -> int:
        """Slots of a row."""
        return self.keys.shape[3]


def new_state(
    config: DecoderConfig,
    rows: int,
    window: int = 2048,
    draft: int = 256,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> DecoderState:
    """An empty state.

    On the CPU its pages are only taken from the system when they are first written, so an idle
    row costs nothing.
    """
    if rows < 1 or window < 2 or draft < 1:
        raise ValueError("a state needs at least one row, a window of two tokens and a draft of 1")
    heads, width = config.num_key_value_heads, config.head_dim
    shape = (config.num_hidden_layers, rows, heads, window + draft, width)

    def cache() -> Tensor:
        if torch.device(device).type == "cpu" and dtype == torch.float32:
            return torch.from_numpy(np.zeros(shape, np.float32))
        return torch.zeros(shape, device=device, dtype=dtype)

    def counts(*size: int) -> Tensor:
        return torch.zeros(size, device=device, dtype=torch.int64)

    return DecoderState(
        keys=cache(),
        values=cache(),
        tokens=counts(rows, window + draft),
        lengths=counts(rows),
        pinned=counts(rows),
        spoken=counts(rows),
        seeds=counts(rows),
        window=window,
    )


def slots(positions: Tensor, pinned: Tensor, capacity: int) -> Tensor:
    """Slots of positions `[batch, T]` in rows whose prefixes are `pinned` `[batch]`."""
    prefix = pinned.unsqueeze(1)
    ring = torch.remainder(positions - prefix, capacity - prefix) + prefix
    return torch.where(positions < prefix, positions, ring)


def visible(positions: Tensor, pinned: Tensor, span: int, capacity: int, window: int) -> Tensor:
    """Which of the first `span` slots the tokens at consecutive `positions` see.

    Args:
        positions: `[batch, T]`; the last of each row is the newest token written.
        pinned: prefix lengths `[batch]`.
        span: slots looked at; the caller knows that no token beyond them is in the window.
        capacity: slots of a row.
        window: see `DecoderState`.

    Returns:
        bool `[batch, T, span]`.
    """
    slot = torch.arange(span, device=positions.device).view(1, 1, span)
    prefix = pinned.view(-1, 1, 1)
    newest = positions[:, -1:]
    newest_slot = slots(newest, pinned, capacity).unsqueeze(2)
    held = newest.unsqueeze(2) - torch.remainder(newest_slot - slot, capacity - prefix)
    query = positions.unsqueeze(2)
    in_ring = (slot >= prefix) & (held >= prefix) & (held > query - (window - prefix))
    held = torch.where(slot < prefix, slot, held)
    return (in_ring | (slot < prefix)) & (held <= query)


def oldest_kept(written: int, pinned: int, capacity: int) -> int:
    """The first position after the prefix that is still in a ring written up to `written`."""
    return max(pinned, written - (capacity - pinned))


def first_visible(length: int, pinned: int, window: int) -> int:
    """The first position after the prefix that the last of `length` tokens sees."""
    return max(pinned, length - (window - pinned))


def reset_row(state: DecoderState, row: int, used: int) -> None:
    """Empty a row and zero its first `used` slots, so that not even a NaN outlives it."""
    used = min(used, state.capacity)
    state.keys[:, row, :, :used] = 0
    state.values[:, row, :, :used] = 0
    for counts in (state.tokens, state.lengths, state.pinned, state.spoken, state.seeds):
        counts[row] = 0


def fork_row(state: DecoderState, source: int, target: int, used: int) -> None:
    """Copy a row, the first `used` slots of its caches: those that either row ever wrote."""
    used = min(used, state.capacity)
    for cache in (state.keys, state.values):
        cache[:, target, :, :used] = cache[:, source, :, :used]
    for counts in (state.tokens, state.lengths, state.pinned, state.spoken, state.seeds):
        counts[target] = counts[source]


def copy_of_row(state: DecoderState, row: int, length: int) -> dict[str, Tensor]:
    """The `length` tokens of an unpinned row, its keys and its values, copied.

    Raises:
        ValueError: it has slid, and what it held at first is overwritten.
    """
    if length > state.capacity:
        raise ValueError(f"row {row} has slid: what it held at first is overwritten")
    return {
        "tokens": state.tokens[row, :length].clone(),
        "keys": state.keys[:, row, :, :length].clone(),
        "values": state.values[:, row, :, :length].clone(),
    }


def fill_row(state: DecoderState, row: int, copy: Mapping[str, Tensor]) -> int:
    """Fill an empty row with a copy of another; how many tokens it holds then.

    Raises:
        KeyError: something is missing in the copy.
        ValueError: it is of another decoder, or larger than a row.
    """
    length = len(copy["tokens"])
    places = {
        "tokens": state.tokens[row, :length],
        "keys": state.keys[:, row, :, :length],
        "values": state.values[:, row, :, :length],
    }
    for name, place in places.items():
        if copy[name].shape != place.shape or copy[name].dtype != place.dtype:
            raise ValueError(f"the {name} are not of this decoder")
    for name, place in places.items():
        place.copy_(copy[name])
    state.lengths[row] = length
    return length
