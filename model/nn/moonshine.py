"""Moonshine, a speech recogniser, in plain torch: audio to states, states and tokens to tokens.

One utterance at a time, so no tensor carries a batch dimension. Weights are shared by all
callers; what belongs to one utterance is in `Decoding`, which goes in and comes out.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import torch
from torch import Tensor

from model.nn.moonshine_layers import (
    STEM_STRIDES,
    DecoderLayer,
    Decoding,
    EncoderLayer,
    MoonshineConfig,
    Source,
    Stem,
    Tensors,
    norm,
    split_heads,
)

__all__ = ["Decoding", "Moonshine", "MoonshineConfig", "Tensors"]


class Moonshine:
    """The network. Stateless: may be used for many utterances in turn, and by several threads at
    once.

    Args:
        config: its sizes.
        tensors: its weights by name, float or uint8 with `.scale` and `.zero_point`.
        device: where it computes.
        int8: multiply in int8 (CPU only) instead of float32.
    """

    def __init__(
        self, config: MoonshineConfig, tensors: Tensors, device: torch.device, int8: bool
    ) -> None:
        source = Source(tensors, device, int8)
        self.config = config
        self.device = device
        self.stem = Stem(source)
        self.encoder = [
            EncoderLayer(source, f"encoder.layers.{i}", config)
            for i in range(config.encoder_layers)
        ]
        self.encoder_norm = source.tensor("encoder.layer_norm.weight")
        layers = [f"decoder.layers.{i}" for i in range(config.decoder_layers)]
        self.decoder = [DecoderLayer(source, prefix, config) for prefix in layers]
        self.audio_keys_values = source.dense(
            *(f"{prefix}.encoder_attn.{x}_proj" for x in "kv" for prefix in layers)
        )
        self.decoder_norm = source.tensor("decoder.norm.weight")
        self.embedding = source.dense("decoder.embed_tokens")
        width = int(config.head_width * config.rotary_share)
        exponents = torch.arange(0, width, 2, device=device).float() / width
        self.frequencies = config.rotary_base**-exponents

    def encode(self, audio: Tensor) -> Generator[None, None, Tensor]:
        """The states of `audio`, in pieces: one for each step of the stem and each layer.

        Args:
            audio: float32 `[samples]` at `config.rate`, at least `config.shortest_samples`.

        Returns:
            `[frames, hidden]`; frame `i` starts at `i * config.hop_seconds`.
        """
        x = audio
        for step in range(len(STEM_STRIDES)):
            x = self.stem(x, step)
            yield
        turns = self._turns(0, x.shape[0])
        for layer in self.encoder:
            with torch.inference_mode():
                x = layer(x, turns)
            yield
        with torch.inference_mode():
            return norm(x, self.encoder_norm)

    @torch.inference_mode()
    def start(self, states: Tensor, capacity: int) -> Decoding:
        """A decoding of `states` `[frames, hidden]` that has read nothing.

        It can read at most `capacity` tokens.
        """
        config = self.config
        layers = config.decoder_layers
        parts = split_heads(self.audio_keys_values(states), 2 * layers, config.heads)
        room = (layers, config.heads, capacity, config.head_width)
        return Decoding(
            length=0,
            keys=states.new_zeros(room),
            values=states.new_zeros(room),
            audio_keys=torch.stack(parts[:layers]),
            audio_values=torch.stack(parts[layers:]),
        )

    @torch.inference_mode()
    def read(self, tokens: Tensor, state: Decoding) -> tuple[Tensor, Tensor, Decoding]:
        """Read `tokens` `[count]` (int64) after what `state` has read.

        Writes into `state`'s buffers beyond its length; `state` itself stays valid.

        Returns:
            Logits `[count, vocabulary]` of the token after each; the attention to the audio
            `[layers, heads, count, frames]`; the state after them.

        Raises:
            ValueError: there is no room for so many tokens.
        """
        count = tokens.shape[0]
        end = state.length + count
        if end > state.capacity:
            raise ValueError(f"{end} tokens do not fit in a decoding of {state.capacity}")
        x = self.embedding.rows(tokens)
        turns = self._turns(state.length, count)
        mask = None
        if count > 1:
            mask = torch.full((count, end), float("-inf"), device=x.device).triu(state.length + 1)
        attention = []
        for i, layer in enumerate(self.decoder):
            x, weights = layer(x, turns, mask, state, i)
            attention.append(weights)
        logits = self.embedding(norm(x, self.decoder_norm))
        return logits, torch.stack(attention), replace(state, length=end)

    @torch.inference_mode()
    def _turns(self, start: int, count: int) -> Tensor:
        """Rotations of the positions from `start` on, complex `[count, rotated / 2]`."""
        positions = torch.arange(start, start + count, device=self.device).float()
        angles = positions[:, None] * self.frequencies
        return torch.polar(torch.ones_like(angles), angles)
