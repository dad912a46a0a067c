"""Small random decoders, made by `transformers` and saved in our own format."""

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

__all__ = ["KINDS", "make", "one_row", "read", "save"]

KINDS = ("llama", "llama-tied", "qwen2", "qwen2-tied")


def make(kind: str, layers: int = 3, seed: int = 0) -> Any:
    """A `transformers` model with random weights and grouped-query attention."""
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(seed)
    sizes: dict[str, Any] = {
        "hidden_size": 96,
        "intermediate_size": 160,
        "num_hidden_layers": layers,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "vocab_size": 96,
        "rms_norm_eps": 1e-5,
        "max_position_embeddings": 512,
        "tie_word_embeddings": kind.endswith("tied"),
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
        "initializer_range": 0.2,
    }
    if kind.startswith("llama"):
        model: Any = LlamaForCausalLM(LlamaConfig(**sizes))
    else:
        model = Qwen2ForCausalLM(Qwen2Config(**sizes))
        for layer in model.model.layers:
            for name in ("q_proj", "k_proj", "v_proj"):
                torch.nn.init.normal_(getattr(layer.self_attn, name).bias, std=0.5)
    for name, parameter in model.named_parameters():
        if "norm" in name:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    return model.eval()


def save(model: Any, folder: Path, int8: bool = False) -> Path:
    """Write `config.json` and the weights as a converted part has them."""
    config = model.config
    qwen2 = config.model_type == "qwen2"
    keys = (
        "hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads "
        "head_dim vocab_size max_position_embeddings rms_norm_eps tie_word_embeddings"
    ).split()
    written = {key: getattr(config, key) for key in keys} | {
        "format": 1,
        "family": config.model_type,
        "name": "tiny",
        "rope_theta": 10_000.0,
        "rope_scaling": None,
        "attention_bias": qwen2,
        "bos_token_id": None,
        "eos_token_id": 2,
        "pad_token_id": None,
        "end_token_ids": [2],
        "source_sha256": "",
    }
    (folder / "config.json").write_text(json.dumps(written))
    weights: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        if int8 and tensor.dim() == 2:
            whole, scale = quantize_rows(tensor)
            weights[name] = whole.to(torch.int8)
            weights[f"{name}_scale"] = scale.squeeze(1).contiguous()
        else:
            weights[name] = tensor.clone()
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
