"""A decoder from a converted part: `config.json` and `model.<dtype>.safetensors` of format 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from model.nn.decoder import Decoder, Layer, Matrix
from model.nn.decoder_config import DecoderConfig
from model.nn.linear import Float, Int8, Rows

__all__ = ["load_decoder"]

Take = Callable[[str], Tensor]

_FINE_WIDTH = 640
"""Decoders up to this width read what RMSNorm gives with 15 bits: in SmolLM2 135M a few of its
values are hundreds of times the others. Perplexity against float32 1.013 with it, else 1.043 to
1.055 by the processor (roundings fall another way). Of Qwen2.5 0.5B it is 1.012 without."""


def load_decoder(
    folder: Path,
    device: str | torch.device = "cpu",
    weights: str = "int8",
    pack: bool = True,
) -> Decoder:
    """Load a decoder.

    Args:
        folder: a converted part.
        device: "cpu" computes in int8 or float32 as the file is; anything else unpacks the
            weights to bfloat16 (float16 where the device has no bfloat16).
        weights: "int8" or "float32", the file to read.
        pack: reorder int8 weights for this processor (cannot be exported then).

    Raises:
        FileNotFoundError: the part is not there or not converted.
        ValueError: the file is not of format 1 or lacks a tensor.
    """
    config = DecoderConfig.from_file(folder / "config.json")
    path = folder / f"model.{weights}.safetensors"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run `counterpoint weights fetch`")
    dtype = _floating_dtype(torch.device(device))
    with safe_open(path, framework="pt") as file:
        names = set(file.keys())

        def take(name: str) -> Tensor:
            if name not in names:
                raise ValueError(f"{path} has no {name}: convert the part again")
            return file.get_tensor(name)

        return _Builder(config, take, names, torch.device(device), dtype, pack).decoder()


def _floating_dtype(device: torch.device) -> torch.dtype:
    if device.type == "cpu":
        return torch.float32
    if device.type == "cuda" and not torch.cuda.is_bf16_supported():
        return torch.float16
    return torch.bfloat16


class _Builder:
    """Makes the modules of one decoder from named tensors."""

    def __init__(
        self,
        config: DecoderConfig,
        take: Take,
        names: set[str],
        device: torch.device,
        dtype: torch.dtype,
        pack: bool,
    ) -> None:
        self._config = config
        self._take = take
        self._names = names
        self._device = device
        self._dtype = dtype
        self._pack = pack

    def decoder(self) -> Decoder:
        """The whole decoder."""
        config = self._config
        head = "model.embed_tokens" if config.tie_word_embeddings else "lm_head"
        return Decoder(
            config,
            embedding=self._rows("model.embed_tokens"),
            layers=[self._layer(number) for number in range(config.num_hidden_layers)],
            norm=self._vector("model.norm.weight"),
            head=self._matrix([head]),
            rope_factors=self._take("rope_factors") if config.rope_scaling else None,
        ).requires_grad_(False)

    def _layer(self, number: int) -> Layer:
        at = f"model.layers.{number}."
        heads = [f"{at}self_attn.{name}_proj" for name in ("q", "k", "v")]
        config = self._config
        fine = config.hidden_size <= _FINE_WIDTH
        return Layer(
            (
                self._vector(f"{at}input_layernorm.weight"),
                self._vector(f"{at}post_attention_layernorm.weight"),
            ),
            [
                self._matrix(heads, bias=config.attention_bias, fine=fine),
                self._matrix([f"{at}self_attn.o_proj"]),
                self._matrix([f"{at}mlp.gate_proj", f"{at}mlp.up_proj"], fine=fine),
                self._matrix([f"{at}mlp.down_proj"]),
            ],
        )

    def _vector(self, name: str) -> Tensor:
        return self._take(name).to(self._device, self._dtype, copy=True)

    def _rows(self, name: str) -> Rows:
        weight = self._take(f"{name}.weight")
        if f"{name}.weight_scale" not in self._names:
            return Rows(weight.to(self._device, self._dtype, copy=True))
        scale = self._take(f"{name}.weight_scale")
        if self._device.type == "cpu":
            return Rows(weight.clone(), scale.clone())
        return Rows((weight.float() * scale.unsqueeze(1)).to(self._device, self._dtype))

    def _matrix(self, names: Sequence[str], bias: bool = False, fine: bool = False) -> Matrix:
        """One matrix of all that share an input, below one another."""
        weight = torch.cat([self._take(f"{name}.weight") for name in names])
        offsets = torch.cat([self._vector(f"{name}.bias") for name in names]) if bias else None
        if f"{names[0]}.weight_scale" not in self._names:
            return Float(weight.to(self._device, self._dtype), offsets)
        scale = torch.cat([self._take(f"{name}.weight_scale") for name in names])
        if self._device.type != "cpu":
            plain = weight.float() * scale.unsqueeze(1)
            return Float(plain.to(self._device, self._dtype), offsets)
        matrix = Int8(weight, scale, offsets, fine)
        if self._pack:
            matrix.pack()
        return matrix
