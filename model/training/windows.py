"""Ears' encoder over many windows of the same length at once: what live is one window at a time.

The same weights in the same precision. All products are computed row by row, so a window's states
do not depend on its neighbours. Sums in another order make differences of some 1e-7, of which int8
makes 1 % of the states on average, a third of what a gain of one millionth makes in live's own way.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as fn

from model.nn.moonshine import Moonshine
from model.nn.moonshine_layers import (
    STEM_KERNELS,
    STEM_STRIDES,
    Dense,
    EncoderLayer,
    _rotate,
    norm,
)

__all__ = ["WindowEncoder"]


class WindowEncoder:
    """A recogniser's encoder for batches."""

    def __init__(self, network: Moonshine) -> None:
        self._network = network

    @torch.inference_mode()
    def __call__(self, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """States `[windows, frames, hidden]` of 16 kHz audio `[windows, samples]`."""
        network = self._network
        audio = torch.from_numpy(np.ascontiguousarray(windows)).to(network.device)
        x = self._stem(audio)
        count, frames, hidden = x.shape
        turns = network._turns(0, frames)
        flat = x.reshape(-1, hidden)
        for layer in network.encoder:
            flat = _layer(layer, flat, count, turns)
        states = norm(flat, network.encoder_norm).view(count, frames, hidden)
        return np.asarray(states.float().cpu().numpy())

    def _stem(self, audio: Tensor) -> Tensor:
        stem = self._network.stem
        x = torch.tanh(_convolved(stem.first, audio[..., None], 0))
        # Over all of a window, and over nothing else; in one go, which is much of the time.
        flat = x.flatten(1)
        mean = flat.mean(1)
        variance = torch.linalg.vecdot(flat, flat) / flat.shape[1] - mean * mean
        scale = torch.rsqrt(variance + 1e-5)[:, None] * stem.scale
        shift = stem.shift - mean[:, None] * scale
        x = torch.addcmul(shift[:, None], x, scale[:, None])
        x = fn.gelu(_convolved(stem.second, x, 1))
        return fn.gelu(_convolved(stem.third, x, 2))


def _convolved(dense: Dense, x: Tensor, step: int) -> Tensor:
    """One of the stem's convolutions over `[windows, frames, channels]`, as a matrix product."""
    kernel, stride = STEM_KERNELS[step], STEM_STRIDES[step]
    windows, frames, width = x.shape
    count = (frames - kernel) // stride + 1
    shape = (windows, count, kernel * width)
    seen = x.contiguous().as_strided(shape, (frames * width, stride * width, 1))
    return _product(dense, seen.reshape(windows * count, kernel * width)).view(windows, count, -1)


def _product(dense: Dense, x: Tensor) -> Tensor:
    """What `dense` makes of `[rows, in]`: the same, with fewer passes over memory."""
    if dense.scale is None:
        return dense(x)
    low, high = x.amin(-1, keepdim=True), x.amax(-1, keepdim=True)
    largest = torch.maximum(high, low.neg_()).clamp_min_(1e-12)
    product = dense.whole_sums((x * (127 / largest)).round_()) * largest
    if dense.bias is None:
        return product * dense.scale
    return torch.addcmul(dense.bias, product, dense.scale)


def _layer(layer: EncoderLayer, x: Tensor, windows: int, turns: Tensor) -> Tensor:
    """One layer over `[windows * frames, hidden]`; frames attend within their window."""
    frames = x.shape[0] // windows
    both = _product(layer.qkv, norm(x, layer.norm)).view(windows, frames, 3, layer.heads, -1)
    query, key, value = both.permute(2, 0, 3, 1, 4).unbind(0)
    mixed = fn.scaled_dot_product_attention(_rotate(query, turns), _rotate(key, turns), value)
    x = x + _product(layer.out, mixed.transpose(1, 2).reshape(x.shape[0], -1))
    return x + _product(layer.outer, fn.gelu(_product(layer.inner, norm(x, layer.inner_norm))))
