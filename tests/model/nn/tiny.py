"""Small random decoders in our own format, and ways to read texts with a decoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from model.nn.decoder import Decoder, Look
from model.nn.kv_cache import DecoderState
from model.nn.linear import quantize_rows

__all__ = ["KINDS", "Tiny", "one_row", "read"]

KINDS = ("llama", "llama-tied", "qwen2", "qwen2-tied")


class Tiny:
    """Sizes and random weights of one kind, with grouped-query attention."""

    def __init__(self, kind: str, layers: int = 3) -> None:
        self.config: dict[str, Any] = {
            "family": kind.removesuffix("-tied"),
            "hidden_size": 96,
            "intermediate_size": 160,
            "num_hidden_layers": layers,
            "num_attention_heads": 6,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "vocab_size": 96,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10_000.0,
            "max_position_embeddings": 512,
            "tie_word_embeddings": kind.endswith("tied"),
        }
        self.weights = self._weights(kind.startswith("qwen2"))

    def _weights(self, biases: bool) -> dict[str, Tensor]:
        random = torch.Generator().manual_seed(0)
        sizes = {"q": (96, 96), "k": (32, 96), "v": (32, 96), "o": (96, 96)}
        shapes = {f"self_attn.{name}_proj.weight": shape for name, shape in sizes.items()}
        shapes |= {"mlp.gate_proj.weight": (160, 96), "mlp.up_proj.weight": (160, 96)}
        shapes |= {"mlp.down_proj.weight": (96, 160)}
        made = {"model.embed_tokens.weight": 0.2 * torch.randn(96, 96, generator=random)}
        if not self.config["tie_word_embeddings"]:
            made["lm_head.weight"] = 0.2 * torch.randn(96, 96, generator=random)
        norms = ["model.norm.weight"]
        for number in range(self.config["num_hidden_layers"]):
            at = f"model.layers.{number}."
            for name, shape in shapes.items():
                made[at + name] = 0.2 * torch.randn(shape, generator=random)
            norms += [f"{at}input_layernorm.weight", f"{at}post_attention_layernorm.weight"]
            for name in ("q", "k", "v") if biases else ():
                bias = 0.5 * torch.randn(sizes[name][0], generator=random)
                made[f"{at}self_attn.{name}_proj.bias"] = bias
        return made | {name: 0.5 + torch.rand(96, generator=random) for name in norms}

    def save(self, folder: Path, int8: bool = False) -> Path:
        """Write `config.json` and the weights as a converted part has them."""
        written = self.config | {
            "format": 1,
            "name": "tiny",
            "rope_scaling": None,
            "attention_bias": self.config["family"] == "qwen2",
            "bos_token_id": None,
            "eos_token_id": 2,
            "pad_token_id": None,
            "end_token_ids": [2],
            "source_sha256": "",
        }
        (folder / "config.json").write_text(json.dumps(written))
        weights: dict[str, Tensor] = {}
        for name, tensor in self.weights.items():
            weights[name] = tensor
            if int8 and tensor.dim() == 2:
                whole, scale = quantize_rows(tensor)
                weights[name] = whole.to(torch.int8)
                weights[f"{name}_scale"] = scale.squeeze(1).contiguous()
        save_file(weights, folder / f"model.{'int8' if int8 else 'float32'}.safetensors")
        return folder


def one_row(row: int, span: int, slid: bool = False) -> tuple[Look, ...]:
    """A batch of one row that attends to its first `span` slots."""
    return (Look(slice(0, 1), slice(row, row + 1), span, slid),)


def read(
    decoder: Decoder, state: DecoderState, row: int, ids: list[int], chunk: int, start: int = 0
) -> Tensor:
    """Logits `[tokens, vocab]` of a text read into one row in chunks."""
    parts = []
    for at in range(0, len(ids), chunk):
        piece = torch.tensor([ids[at : at + chunk]])
        x = decoder.read(
            state,
            piece,
            torch.tensor([start + at]),
            torch.tensor([row]),
            torch.ones(1, dtype=torch.bool),
            one_row(row, state.capacity, start + at + piece.shape[1] > state.window),
        )
        parts.append(decoder.finish(x)[0])
    return torch.cat(parts)
