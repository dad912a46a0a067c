"""A decoder of the Llama family (SmolLM2, Llama, Qwen2): one pass over rows of a `DecoderState`.

RMSNorm, rotary positions, grouped-query attention, SwiGLU. A pass is cut open between layers
(`begin`, `layer`, `finish`), so that a long text can be read in small pieces of work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.nn.decoder_config import DecoderConfig
from model.nn.kv_cache import DecoderState, slots, visible
from model.nn.linear import Float, Int8, Rows
from model.nn.rotary import inverse_frequencies, rotate, turns
from model.nn.sampling import RECENT_TOKENS, Sampling, penalize, sample

__all__ = ["Decoder", "Layer", "Look", "Reading"]

Matrix = Float | Int8


@dataclass(frozen=True, slots=True)
class Look:
    """Rows that attend together: a slice of the batch and a view of as many rows of the cache.

    Attributes:
        batch: the rows' place in the batch.
        rows: the rows' place in the cache.
        span: how many slots are looked at; all tokens so far lie before it.
        slid: whether a token may be so far on that its window has left the start.
    """

    batch: slice
    rows: slice
    span: int
    slid: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What every layer of one pass needs to know.

    Attributes:
        rows: the rows read into, int64 `[batch]`.
        active: rows that may change, bool `[batch]`.
        slots: where the tokens go, `[batch, T]`.
        turn: cosine and sine of true positions, each `[batch, T, 1, head_dim]`.
        place: the same of places in the window, for the prefix; `None` while none has slid.
        looks: which rows attend together.
        unseen: per look, slots that are not visible `[batch, 1, group * T, span]`.
        prefix: per look, slots of the prefix `[batch, 1, 1, span]`.
    """

    rows: Tensor
    active: Tensor
    slots: Tensor
    turn: tuple[Tensor, Tensor]
    place: tuple[Tensor, Tensor] | None
    looks: tuple[Look, ...]
    unseen: tuple[Tensor, ...]
    prefix: tuple[Tensor, ...]


class Layer(nn.Module):
    """One decoder layer; its matrices are fused where they share an input."""

    attention_norm: Tensor
    mlp_norm: Tensor

    def __init__(self, norms: tuple[Tensor, Tensor], matrices: Sequence[Matrix]) -> None:
        super().__init__()
        self.register_buffer("attention_norm", norms[0])
        self.register_buffer("mlp_norm", norms[1])
        self.query_key_value, self.out, self.gate_up, self.down = matrices


class Decoder(nn.Module):
    """The weights of a decoder and its passes; all memory is in the `DecoderState` passed in."""

    norm: Tensor
    frequencies: Tensor

    def __init__(
        self,
        config: DecoderConfig,
        embedding: Rows,
        layers: Sequence[Layer],
        norm: Tensor,
        head: Matrix,
        rope_factors: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.embedding = embedding
        self.layers = nn.ModuleList(layers)
        self.register_buffer("norm", norm)
        self.head = head
        frequencies = inverse_frequencies(config.head_dim, config.rope_theta, rope_factors)
        self.register_buffer("frequencies", frequencies.to(norm.device))

    def begin(
        self,
        state: DecoderState,
        tokens: Tensor,
        starts: Tensor,
        rows: Tensor,
        active: Tensor,
        looks: tuple[Look, ...] | None = None,
    ) -> tuple[Tensor, Reading]:
        """Prepare a pass.

        Args:
            state: the memory; nothing of it changes here.
            tokens: ids `[batch, T]`; T at most the draft, so that no query loses its window.
            starts: position of each row's first token, `[batch]`.
            rows: rows of the state, `[batch]`, all different.
            active: rows that may change, bool `[batch]`.
            looks: which rows attend together; without it all rows of the state do, over all slots,
                and the batch is the state's rows in order.

        Returns:
            The tokens' vectors `[batch, T, hidden]`, and what the layers need to know.
        """
        steps = torch.arange(tokens.shape[1], device=tokens.device)
        positions = starts.unsqueeze(1) + steps
        pinned = state.pinned[rows]
        capacity, window = state.capacity, state.window
        if looks is None:
            everyone = slice(0, state.rows)
            looks = (Look(everyone, everyone, capacity, True),)
        unseen, prefix = [], []
        for look in looks:
            own = pinned[look.batch]
            mask = visible(positions[look.batch], own, look.span, capacity, window)
            unseen.append(~mask.repeat(1, self.config.group, 1).unsqueeze(1))
            slot = torch.arange(look.span, device=tokens.device)
            prefix.append((slot < own.unsqueeze(1)).view(-1, 1, 1, look.span))
        slid = any(look.slid for look in looks)
        reading = Reading(
            rows=rows,
            active=active,
            slots=slots(positions, pinned, capacity),
            turn=turns(positions, self.frequencies),
            place=turns(positions.clamp(max=window - 1), self.frequencies) if slid else None,
            looks=looks,
            unseen=tuple(unseen),
            prefix=tuple(prefix),
        )
        return self.embedding(tokens), reading

    def layer(self, number: int, x: Tensor, state: DecoderState, reading: Reading) -> Tensor:
        """One layer over `[batch, T, hidden]`; writes its keys and values into the state."""
        layer = self._layer(number)
        x = x + self._attention(number, self._normed(x, layer.attention_norm), state, reading)
        gate, up = layer.gate_up(self._normed(x, layer.mlp_norm)).chunk(2, -1)
        return x + layer.down(nn.functional.silu(gate) * up)

    def finish(self, x: Tensor) -> Tensor:
        """Float32 logits `[…, vocab]` of the last layer's `[…, hidden]`."""
        return self.head(self._normed(x, self.norm)).float()

    def read(
        self,
        state: DecoderState,
        tokens: Tensor,
        starts: Tensor,
        rows: Tensor,
        active: Tensor,
        looks: tuple[Look, ...] | None = None,
    ) -> Tensor:
        """A whole pass, arguments as in `begin`; `[batch, T, hidden]` for `finish`."""
        x, reading = self.begin(state, tokens, starts, rows, active, looks)
        for number in range(len(self.layers)):
            x = self.layer(number, x, state, reading)
        return x

    def logits(
        self,
        state: DecoderState,
        rows: Tensor,
        active: Tensor,
        looks: tuple[Look, ...] | None = None,
    ) -> Tensor:
        """Read the pending token of each row; float32 logits `[batch, vocab]` of the next one.

        Only keys and values of the pending tokens are written: calling it twice changes nothing.
        """
        last = (state.lengths[rows] - 1).clamp(min=0)
        pending = _tokens_at(state, rows, last.unsqueeze(1))
        x = self.read(state, pending, last, rows, active, looks)
        return self.finish(x[:, -1])

    def step(
        self,
        state: DecoderState,
        rows: Tensor,
        active: Tensor,
        how: Sampling,
        looks: tuple[Look, ...] | None = None,
    ) -> Tensor:
        """Sample one token for each active row, append it, and return all `[batch]`.

        Shapes depend on no value and nothing waits for the device. An inactive row keeps every
        bit; what is returned for it means nothing.
        """
        logits = self.logits(state, rows, active, looks)
        lengths, spoken = state.lengths[rows], state.spoken[rows]
        if how.repetition_penalty != 1:
            back = torch.arange(1, RECENT_TOKENS + 1, device=rows.device)
            recent = _tokens_at(state, rows, (lengths.unsqueeze(1) - back).clamp(min=0))
            logits = penalize(logits, recent, spoken, how.repetition_penalty)
        tokens = sample(logits, state.seeds[rows], lengths, how)
        slot = slots(lengths.unsqueeze(1), state.pinned[rows], state.capacity).squeeze(1)
        state.tokens[rows, slot] = torch.where(active, tokens, state.tokens[rows, slot])
        state.lengths[rows] = lengths + active
        state.spoken[rows] = spoken + active
        return tokens

    def _layer(self, number: int) -> Layer:
        layer = self.layers[number]
        assert isinstance(layer, Layer)
        return layer

    def _normed(self, x: Tensor, weight: Tensor) -> Tensor:
        y = x.float()
        y = y * torch.rsqrt(y.square().mean(-1, keepdim=True) + self.config.rms_norm_eps)
        return weight * y.to(x.dtype)

    def _attention(self, number: int, x: Tensor, state: DecoderState, reading: Reading) -> Tensor:
        """Write keys and values of `[batch, T, hidden]`, then attend to what is visible."""
        config, layer = self.config, self._layer(number)
        heads, key_heads, width = (
            config.num_attention_heads,
            config.num_key_value_heads,
            config.head_dim,
        )
        both = layer.query_key_value(x).view(*x.shape[:2], heads + 2 * key_heads, width)
        turned = rotate(both[:, :, : heads + key_heads], *reading.turn)
        _write(state.keys[number], turned[:, :, heads:], reading)
        _write(state.values[number], both[:, :, heads + key_heads :], reading)
        query, placed = self._folded(turned[:, :, :heads]), None
        if reading.place is not None:
            placed = self._folded(rotate(both[:, :, :heads], *reading.place))
        parts = []
        for look, unseen, prefix in zip(reading.looks, reading.unseen, reading.prefix, strict=True):
            keys = state.keys[number, look.rows, :, : look.span].transpose(2, 3)
            scores = query[look.batch] @ keys
            if look.slid and placed is not None:
                scores = torch.where(prefix, placed[look.batch] @ keys, scores)
            weights = scores.float().masked_fill(unseen, -torch.inf).softmax(-1).to(x.dtype)
            parts.append(weights @ state.values[number, look.rows, :, : look.span])
        mixed = parts[0] if len(parts) == 1 else torch.cat(parts)
        mixed = mixed.view(x.shape[0], heads, x.shape[1], width).transpose(1, 2)
        return layer.out(mixed.reshape(*x.shape[:2], heads * width))

    def _folded(self, query: Tensor) -> Tensor:
        """`[batch, T, heads, dim]`, scaled, to `[batch, kv_heads, group * T, dim]`."""
        batch, _, _, width = query.shape
        scaled = query.transpose(1, 2) * width**-0.5
        return scaled.reshape(batch, self.config.num_key_value_heads, -1, width)


def _tokens_at(state: DecoderState, rows: Tensor, positions: Tensor) -> Tensor:
    """Ids of the tokens at `positions` `[batch, n]`."""
    return state.tokens[rows.unsqueeze(1), slots(positions, state.pinned[rows], state.capacity)]


def _write(cache: Tensor, new: Tensor, reading: Reading) -> None:
    """Put `[batch, T, kv_heads, head_dim]` into one layer's cache; inactive rows keep theirs."""
    where = (reading.rows.unsqueeze(1), slice(None), reading.slots)
    keep = reading.active.view(-1, 1, 1, 1)
    cache[where] = torch.where(keep, new.to(cache.dtype), cache[where])
