"""The layers of Moonshine: matrices in float or int8, attention, rotation by position.

Weights are read-only; what belongs to one utterance is in `Decoding`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as fn

from model.nn.whole import WholeProduct

__all__ = [
    "Decoding",
    "DecoderLayer",
    "Dense",
    "EncoderLayer",
    "MoonshineConfig",
    "STEM_KERNELS",
    "STEM_STRIDES",
    "Source",
    "Stem",
    "Tensors",
    "norm",
    "split_heads",
]

Tensors = Mapping[str, Tensor]

STEM_STRIDES: Final = (64, 3, 2)
"""Samples or frames between two outputs of each of the stem's convolutions."""

STEM_KERNELS: Final = (127, 7, 3)
"""Samples or frames each of the stem's convolutions looks at."""


@dataclass(frozen=True, slots=True)
class MoonshineConfig:
    """The sizes of one Moonshine; the defaults are tiny-en's.

    Attributes:
        hidden: width of the states.
        inner: width of the feed-forward layers.
        heads: attention heads, of `hidden / heads` each.
        encoder_layers: layers that read audio.
        decoder_layers: layers that write tokens.
        vocabulary: number of tokens.
        rotary_share: share of a head's width that is rotated by position.
        rotary_base: slowest rotation's base.
        first_token: every decoding starts with it.
        last_token: ends a decoding.
        rate: samples a second of the audio.
        alignment_heads: (layer, head) pairs of the decoder whose attention to the audio follows
            the words in time.
    """

    hidden: int = 288
    inner: int = 1152
    heads: int = 8
    encoder_layers: int = 6
    decoder_layers: int = 6
    vocabulary: int = 32768
    rotary_share: float = 0.9
    rotary_base: float = 10000.0
    first_token: int = 1
    last_token: int = 2
    rate: int = 16000
    alignment_heads: tuple[tuple[int, int], ...] = ()

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.hidden // self.heads

    @property
    def hop_seconds(self) -> float:
        """Time from one state of the encoder to the next."""
        first, second, third = STEM_STRIDES
        return first * second * third / self.rate

    @property
    def shortest_samples(self) -> int:
        """Audio shorter than this gives no state at all."""
        length = 1
        for kernel, stride in zip(STEM_KERNELS[::-1], STEM_STRIDES[::-1], strict=True):
            length = (length - 1) * stride + kernel
        return length


@dataclass(frozen=True, slots=True)
class Decoding:
    """One utterance being written down.

    Attributes:
        length: tokens read so far.
        keys: `[layers, heads, capacity, head_width]`; only the first `length` count, so going
            back to fewer tokens is `replace(state, length=fewer)`.
        values: the same shape.
        audio_keys: `[layers, heads, frames, head_width]`, from the encoder's states.
        audio_values: the same shape.
    """

    length: int
    keys: Tensor
    values: Tensor
    audio_keys: Tensor
    audio_values: Tensor

    @property
    def capacity(self) -> int:
        """The most tokens this decoding can read."""
        return self.keys.shape[2]


class Dense:
    """`x @ weight.T + bias` for `x` `[rows, in]`, with float or int8 weights.

    int8 keeps a scale for every output and makes one for every row of `x`, so a row's result
    does not depend on its neighbours.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, int8: bool) -> None:
        self.bias = bias
        self.scale: Tensor | None = None
        self.weight = weight
        self._product: WholeProduct | None = None
        if int8:
            largest = weight.abs().amax(dim=1).clamp_min(1e-12)
            self.weight = (weight * (127 / largest)[:, None]).round().to(torch.int8)
            self.scale = largest / (127 * 127)
            self._product = WholeProduct(self.weight, many=True)

    def __call__(self, x: Tensor) -> Tensor:
        if self.scale is None or self._product is None:
            return fn.linear(x, self.weight, self.bias)
        # Not the infinity norm: over many rows it takes 20 to 40 times as long.
        largest = x.abs().amax(dim=-1, keepdim=True).clamp_min(1e-12)
        product = self.whole_sums((x * (127 / largest)).round_()) * largest
        if self.bias is None:
            return product * self.scale
        return torch.addcmul(self.bias, product, self.scale)

    def whole_sums(self, whole: Tensor) -> Tensor:
        """Sums of whole numbers `[rows, in]` times the int8 weights, unscaled `[rows, out]`."""
        assert self._product is not None
        return self._product(whole)

    def rows(self, index: Tensor) -> Tensor:
        """Rows of the weight as float: an embedding."""
        if self.scale is None:
            return self.weight[index]
        return self.weight[index] * (self.scale[index] * 127)[:, None]


class Source:
    """Takes tensors by name and builds layers of them."""

    def __init__(self, tensors: Tensors, device: torch.device, int8: bool) -> None:
        self.tensors = tensors
        self.device = device
        self.int8 = int8

    def tensor(self, name: str) -> Tensor:
        """One tensor as float32 on the device; a stored uint8 matrix is dequantised."""
        if name not in self.tensors:
            raise ValueError(f"the weights of the ears lack {name!r}: convert them again")
        value = self.tensors[name].to(self.device)
        if value.dtype == torch.uint8:
            zero_point = self.tensors[f"{name}.zero_point"].to(self.device)
            scale = self.tensors[f"{name}.scale"].to(self.device)
            return (value.float() - zero_point.float()) * scale
        return value.float()

    def dense(self, *names: str) -> Dense:
        """The matrices `names` one under the other, as one layer."""
        weight = torch.cat([self.tensor(name) for name in names])
        bias = f"{names[0]}.bias"
        return Dense(weight, self.tensor(bias) if bias in self.tensors else None, self.int8)

    def convolution(self, name: str, int8: bool) -> Dense:
        """A convolution `[out, channels, kernel]` as a matrix over windows, see `Stem`."""
        weight = self.tensor(f"{name}.weight").transpose(1, 2).flatten(1).contiguous()
        bias = f"{name}.bias"
        return Dense(weight, self.tensor(bias) if bias in self.tensors else None, int8)


class Stem:
    """Three convolutions: audio to the first states, one for every 384 samples.

    They are matrix products over windows, `[frames, channels]` in and out, so that int8 serves
    them too; the first, on the audio itself, stays float.
    """

    def __init__(self, source: Source) -> None:
        self.first, self.second, self.third = (
            source.convolution(f"encoder.conv{n}", int8=n > 1 and source.int8) for n in (1, 2, 3)
        )
        self.scale = source.tensor("encoder.groupnorm.weight")
        self.shift = source.tensor("encoder.groupnorm.bias")

    @torch.inference_mode()
    def __call__(self, x: Tensor, step: int) -> Tensor:
        """Step 0, 1 or 2 of three; step 0 takes audio `[samples]`, each the one before's result."""
        if step == 0:
            x = torch.tanh(self.first(_windows(x[:, None], 0)))
            variance, mean = torch.var_mean(x, correction=0)
            return (x - mean) * torch.rsqrt(variance + 1e-5) * self.scale + self.shift
        return fn.gelu((self.second if step == 1 else self.third)(_windows(x, step)))


class EncoderLayer:
    def __init__(self, source: Source, prefix: str, config: MoonshineConfig) -> None:
        attention = f"{prefix}.self_attn"
        self.heads = config.heads
        self.norm = source.tensor(f"{prefix}.input_layernorm.weight")
        self.qkv = source.dense(*(f"{attention}.{x}_proj" for x in "qkv"))
        self.out = source.dense(f"{attention}.o_proj")
        self.inner_norm = source.tensor(f"{prefix}.post_attention_layernorm.weight")
        self.inner = source.dense(f"{prefix}.mlp.fc1")
        self.outer = source.dense(f"{prefix}.mlp.fc2")

    def __call__(self, x: Tensor, turns: Tensor) -> Tensor:
        query, key, value = split_heads(self.qkv(norm(x, self.norm)), 3, self.heads)
        mixed = fn.scaled_dot_product_attention(
            _rotate(query, turns)[None], _rotate(key, turns)[None], value[None]
        )[0]
        x = x + self.out(_join(mixed))
        return x + self.outer(fn.gelu(self.inner(norm(x, self.inner_norm))))


class DecoderLayer:
    def __init__(self, source: Source, prefix: str, config: MoonshineConfig) -> None:
        self.heads = config.heads
        self.norm = source.tensor(f"{prefix}.input_layernorm.weight")
        self.qkv = source.dense(*(f"{prefix}.self_attn.{x}_proj" for x in "qkv"))
        self.out = source.dense(f"{prefix}.self_attn.o_proj")
        self.audio_norm = source.tensor(f"{prefix}.post_attention_layernorm.weight")
        self.audio_query = source.dense(f"{prefix}.encoder_attn.q_proj")
        self.audio_out = source.dense(f"{prefix}.encoder_attn.o_proj")
        self.inner_norm = source.tensor(f"{prefix}.final_layernorm.weight")
        self.inner = source.dense(f"{prefix}.mlp.fc1")
        self.outer = source.dense(f"{prefix}.mlp.fc2")

    def __call__(
        self, x: Tensor, turns: Tensor, mask: Tensor | None, state: Decoding, layer: int
    ) -> tuple[Tensor, Tensor]:
        """New states `[tokens, hidden]` and the attention to audio `[heads, tokens, frames]`."""
        query, key, value = split_heads(self.qkv(norm(x, self.norm)), 3, self.heads)
        end = state.length + x.shape[0]
        keys, values = state.keys[layer, :, :end], state.values[layer, :, :end]
        keys[:, state.length :] = _rotate(key, turns)
        values[:, state.length :] = value
        mixed, _ = _attend(_rotate(query, turns), keys, values, mask)
        x = x + self.out(_join(mixed))
        (query,) = split_heads(self.audio_query(norm(x, self.audio_norm)), 1, self.heads)
        mixed, attention = _attend(query, state.audio_keys[layer], state.audio_values[layer], None)
        x = x + self.audio_out(_join(mixed))
        inner, gate = self.inner(norm(x, self.inner_norm)).chunk(2, dim=-1)
        return x + self.outer(fn.silu(gate) * inner), attention


def _windows(x: Tensor, step: int) -> Tensor:
    """The windows of one of the stem's convolutions over contiguous `x` `[frames, channels]`."""
    kernel, stride, width = STEM_KERNELS[step], STEM_STRIDES[step], x.shape[1]
    count = (x.shape[0] - kernel) // stride + 1
    return x.contiguous().as_strided((count, kernel * width), (stride * width, 1))


def norm(x: Tensor, weight: Tensor) -> Tensor:
    return fn.layer_norm(x, weight.shape, weight)


def split_heads(x: Tensor, parts: int, heads: int) -> tuple[Tensor, ...]:
    """`[rows, parts * heads * width]` to `parts` of `[heads, rows, width]`."""
    return x.view(x.shape[0], parts, heads, -1).permute(1, 2, 0, 3).unbind(0)


def _join(x: Tensor) -> Tensor:
    """`[heads, rows, width]` to `[rows, heads * width]`."""
    return x.transpose(0, 1).reshape(x.shape[1], -1)


def _rotate(x: Tensor, turns: Tensor) -> Tensor:
    """Rotate neighbouring pairs of the first columns of `x` `[heads, rows, width]`."""
    width = 2 * turns.shape[1]
    pairs = torch.view_as_complex(x[..., :width].reshape(*x.shape[:-1], -1, 2))
    return torch.cat((torch.view_as_real(pairs * turns).flatten(-2), x[..., width:]), dim=-1)


def _attend(
    query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Mixed values `[heads, rows, width]` and the weights `[heads, rows, keys]` of the mixture."""
    scores = query @ keys.transpose(1, 2) * query.shape[-1] ** -0.5
    weights = torch.softmax(scores if mask is None else scores + mask, dim=-1)
    return weights @ values, weights
