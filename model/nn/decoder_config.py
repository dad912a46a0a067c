"""The shape of a Llama-family decoder, read from a converted part's `config.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

__all__ = ["DecoderConfig"]

# In the file for its readers' sake, of no use to the decoder.
_IGNORED = {"format", "family", "name", "source_sha256", "max_position_embeddings", "pad_token_id"}


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """Sizes and constants of one decoder; names as in `config.json` of format 1.

    Attributes:
        hidden_size: width of the residual stream.
        intermediate_size: width inside SwiGLU.
        num_hidden_layers: decoder layers.
        num_attention_heads: query heads.
        num_key_value_heads: key and value heads; divides the query heads.
        head_dim: width of one head, even.
        vocab_size: rows of the embedding and of the output matrix.
        rope_theta: base of the rotary frequencies.
        rms_norm_eps: added to the mean square.
        attention_bias: q, k and v have a bias (Qwen2).
        tie_word_embeddings: the embedding is the output matrix.
        eos_token_id: the id that ends a reply.
        end_token_ids: all ids that end a reply.
        bos_token_id: an id some models want first; none of ChatML's does.
        rope_scaling: `None`, or `{"factors": True}`: `rope_factors` is among the weights.
    """

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    vocab_size: int
    rope_theta: float
    rms_norm_eps: float
    attention_bias: bool
    tie_word_embeddings: bool
    eos_token_id: int
    end_token_ids: tuple[int, ...]
    bos_token_id: int | None = None
    rope_scaling: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Check what the arithmetic relies on."""
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError("num_key_value_heads must divide num_attention_heads")
        if self.head_dim % 2:
            raise ValueError("head_dim must be even: rotary positions turn pairs of numbers")

    @classmethod
    def from_file(cls, path: Path) -> DecoderConfig:
        """Read `config.json`; raises ValueError that names what is missing or unknown."""
        found = json.loads(path.read_text(encoding="utf-8"))
        if found.get("format") != 1:
            raise ValueError(f"{path} is not of format 1: convert the part again")
        kept = {key: value for key, value in found.items() if key not in _IGNORED}
        names = {field.name for field in fields(cls)}
        if kept.keys() - names:
            raise ValueError(f"{path} has unknown keys {sorted(kept.keys() - names)}")
        needed = names - {"bos_token_id", "rope_scaling"}
        if needed - kept.keys():
            raise ValueError(f"{path} lacks {sorted(needed - kept.keys())}: convert the part again")
        kept["end_token_ids"] = tuple(kept["end_token_ids"])
        return cls(**kept)

    @property
    def group(self) -> int:
        """Query heads that share one key head."""
        return self.num_attention_heads // self.num_key_value_heads
