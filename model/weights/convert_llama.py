"""GGUF of the Llama family to safetensors, config.json and tokenizer.json.

The format is described in README.md beside this file. One tensor is in memory at a time, and of
a large one only some thousand rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.weights.errors import WeightsError
from model.weights.gguf_tokenizer import byte_level_tokenizer
from model.weights.safetensors_writer import write_safetensors

__all__ = ["DTYPES", "FORMAT", "convert", "outputs"]

FORMAT: Final = 1
"""Raised when what is written changes; parts made by an older one are made again."""

DTYPES: Final = ("int8", "float32")
ROWS_AT_ONCE: Final = 4096

OUTSIDE: Final = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
    "rope_freqs.weight": "rope_factors",
}
INSIDE: Final = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


@dataclass(frozen=True, slots=True)
class _Source:
    """One tensor of the GGUF under its new name, with the rows in the order to write."""

    name: str
    tensor: Any
    shape: tuple[int, ...]
    row_order: npt.NDArray[np.intp] | None

    def chunks(self) -> Iterator[npt.NDArray[np.float32]]:
        """Dequantised rows, `ROWS_AT_ONCE` at a time; a vector comes whole."""
        from gguf import dequantize

        if len(self.shape) == 1:
            values = dequantize(self.tensor.data, self.tensor.tensor_type).reshape(self.shape)
            yield values if self.row_order is None else values[self.row_order]
            return
        for start in range(0, self.shape[0], ROWS_AT_ONCE):
            here: Any = slice(start, start + ROWS_AT_ONCE)
            if self.row_order is not None:
                here = self.row_order[here]
            rows = dequantize(self.tensor.data[here], self.tensor.tensor_type)
            yield rows.reshape(-1, self.shape[1]).astype(np.float32, copy=False)


def outputs(dtype: str) -> tuple[str, ...]:
    """Names of the files one conversion to `dtype` writes."""
    return ("config.json", "tokenizer.json", f"model.{dtype}.safetensors")


def convert(gguf_path: Path, out_folder: Path, dtype: str, source_sha256: str) -> None:
    """Write config.json, tokenizer.json and model.<dtype>.safetensors into `out_folder`.

    Args:
        gguf_path: a GGUF file of the architecture "llama" or "qwen2".
        out_folder: an existing folder.
        dtype: "int8" (per-row scales) or "float32".
        source_sha256: digest of the GGUF, kept in the outputs.

    Raises:
        WeightsError: the file is no GGUF, or of another architecture or tokenizer.
        OSError: the disk refused; the caller removes the folder.
    """
    from gguf import GGUFReader

    if dtype not in DTYPES:
        raise WeightsError(f"weights can be converted to {' or '.join(DTYPES)}, not {dtype!r}")
    try:
        reader = GGUFReader(gguf_path)
        config = _config(reader, source_sha256)
        sources = _sources(reader, config)
    except (ValueError, KeyError, IndexError) as error:
        raise WeightsError(
            f"{gguf_path.name} is not a GGUF file this conversion understands ({error}): "
            "delete it and run `counterpoint weights fetch` again"
        ) from error
    _write_tokenizer(reader, out_folder / "tokenizer.json")
    metadata = {"format": str(FORMAT), "dtype": dtype, "source_sha256": source_sha256}
    path = out_folder / f"model.{dtype}.safetensors"
    if dtype == "float32":
        shapes = {source.name: ("F32", source.shape) for source in sources}
        values = (chunk for source in sources for chunk in source.chunks())
        write_safetensors(path, shapes, values, metadata)
    else:
        write_safetensors(path, _int8_shapes(sources), _int8_chunks(sources), metadata)
    # Last, because a folder with a config is taken for whole.
    (out_folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def _field(reader: Any, name: str, otherwise: Any = None) -> Any:
    field = reader.get_field(name)
    if field is not None:
        return field.contents()
    return otherwise


def _config(reader: Any, source_sha256: str) -> dict[str, Any]:
    family = _field(reader, "general.architecture")
    if family not in ("llama", "qwen2"):
        raise WeightsError(f"known architectures are llama and qwen2, this file's is {family!r}")

    def of(name: str, otherwise: Any = None) -> Any:
        value = _field(reader, f"{family}.{name}", otherwise)
        if value is None:
            raise KeyError(f"{family}.{name} is missing")
        return value

    tensors = {tensor.name for tensor in reader.tensors}
    heads = int(of("attention.head_count"))
    hidden = int(of("embedding_length"))
    tokens = _field(reader, "tokenizer.ggml.tokens")
    end = int(_field(reader, "tokenizer.ggml.eos_token_id"))
    ends = [place for place, t in enumerate(tokens) if t in ("<|im_end|>", "<|endoftext|>")]
    return {
        "format": FORMAT,
        "family": family,
        "name": _field(reader, "general.name", ""),
        "hidden_size": hidden,
        "intermediate_size": int(of("feed_forward_length")),
        "num_hidden_layers": int(of("block_count")),
        "num_attention_heads": heads,
        "num_key_value_heads": int(of("attention.head_count_kv", heads)),
        "head_dim": int(of("attention.key_length", hidden // heads)),
        "vocab_size": len(tokens),
        "max_position_embeddings": int(of("context_length")),
        "rope_theta": float(of("rope.freq_base", 10000.0)),
        # GGUF keeps float32; 1e-05 reads back as 9.9999997e-06 without the rounding.
        "rms_norm_eps": float(f"{of('attention.layer_norm_rms_epsilon'):.6g}"),
        "rope_scaling": {"factors": True} if "rope_freqs.weight" in tensors else None,
        "attention_bias": "blk.0.attn_q.bias" in tensors,
        "tie_word_embeddings": "output.weight" not in tensors,
        "bos_token_id": _field(reader, "tokenizer.ggml.bos_token_id"),
        "eos_token_id": end,
        "pad_token_id": _field(reader, "tokenizer.ggml.padding_token_id"),
        "end_token_ids": sorted({end, *ends}),
        "source_sha256": source_sha256,
    }


def _new_name(name: str) -> str:
    if name in OUTSIDE:
        return OUTSIDE[name]
    block, layer, part, kind = name.split(".")
    if block != "blk" or part not in INSIDE:
        raise KeyError(f"unknown tensor {name}")
    return f"model.layers.{int(layer)}.{INSIDE[part]}.{kind}"


def _row_order(name: str, rows: int, config: dict[str, Any]) -> npt.NDArray[np.intp] | None:
    """llama.cpp stores Llama's q and k with the two halves of a head interleaved; undo that."""
    if config["family"] != "llama" or ".attn_q." not in name and ".attn_k." not in name:
        return None
    heads = config["num_attention_heads" if ".attn_q." in name else "num_key_value_heads"]
    order = np.arange(rows).reshape(heads, rows // heads // 2, 2)
    return order.swapaxes(1, 2).reshape(-1)


def _sources(reader: Any, config: dict[str, Any]) -> list[_Source]:
    found = []
    for tensor in reader.tensors:
        shape = tuple(int(size) for size in reversed(tensor.shape))
        order = _row_order(tensor.name, shape[0], config)
        found.append(_Source(_new_name(tensor.name), tensor, shape, order))
    return found


def _int8_shapes(sources: list[_Source]) -> dict[str, tuple[str, tuple[int, ...]]]:
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {}
    for source in sources:
        if len(source.shape) == 2:
            shapes[source.name] = ("I8", source.shape)
            shapes[f"{source.name}_scale"] = ("F32", source.shape[:1])
        else:
            shapes[source.name] = ("F32", source.shape)
    return shapes


def _int8_chunks(sources: list[_Source]) -> Iterator[npt.NDArray[Any]]:
    for source in sources:
        if len(source.shape) == 1:
            yield from source.chunks()
            continue
        scales = []
        for rows in source.chunks():
            peak = np.abs(rows).max(axis=1)
            scale = np.where(peak > 0, peak / np.float32(127), np.float32(1)).astype(np.float32)
            rows /= scale[:, None]
            np.rint(rows, out=rows)
            np.clip(rows, -127, 127, out=rows)
            scales.append(scale)
            yield rows.astype(np.int8)
        yield np.concatenate(scales)


def _write_tokenizer(reader: Any, path: Path) -> None:
    model = _field(reader, "tokenizer.ggml.model")
    if model != "gpt2":
        raise WeightsError(f"known tokenizers are byte-level BPE ('gpt2'), this one is {model!r}")
    byte_level_tokenizer(
        _field(reader, "tokenizer.ggml.pre", ""),
        _field(reader, "tokenizer.ggml.tokens"),
        _field(reader, "tokenizer.ggml.token_type"),
        _field(reader, "tokenizer.ggml.merges"),
    ).save(str(path))
