"""GGUF to safetensors: numbers against the source, names and order against `transformers`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from safetensors.numpy import load_file

from model.weights.convert_llama import convert
from model.weights.errors import WeightsError
from tests.model.weights.carriers import HIDDEN, LAYERS, TOKENS, make_gguf

FAMILIES: list[Literal["llama", "qwen2"]] = ["llama", "qwen2"]


@pytest.mark.parametrize("family", FAMILIES)
def test_float32_is_the_source_bit_for_bit(
    tmp_path: Path, family: Literal["llama", "qwen2"]
) -> None:
    values = make_gguf(tmp_path / "tiny.gguf", family)
    convert(tmp_path / "tiny.gguf", tmp_path, "float32", "d" * 64)
    written = load_file(tmp_path / "model.float32.safetensors")
    assert set(written) == set(values)
    for name, value in values.items():
        np.testing.assert_array_equal(written[name], value, err_msg=name)


@pytest.mark.parametrize("family", FAMILIES)
def test_int8_is_within_half_a_step_of_the_source(
    tmp_path: Path, family: Literal["llama", "qwen2"]
) -> None:
    values = make_gguf(tmp_path / "tiny.gguf", family)
    convert(tmp_path / "tiny.gguf", tmp_path, "int8", "d" * 64)
    written = load_file(tmp_path / "model.int8.safetensors")
    for name, value in values.items():
        if value.ndim == 1:
            np.testing.assert_array_equal(written[name], value)
            continue
        scale = written[f"{name}_scale"]
        assert written[name].dtype == np.int8 and scale.dtype == np.float32
        assert scale.shape == value.shape[:1]
        error = np.abs(written[name] * scale[:, None] - value)
        assert (error <= scale[:, None] * 0.5001).all(), name
        assert (np.abs(written[name]).max(axis=1) == 127).all(), "the whole range is used"
    assert len(written) == len(values) + sum(value.ndim == 2 for value in values.values())


@pytest.mark.timeout(60)
@pytest.mark.parametrize("family", FAMILIES)
def test_transformers_reads_the_same_weights_out_of_the_file(
    tmp_path: Path, family: Literal["llama", "qwen2"]
) -> None:
    """An independent reader of GGUF agrees on names, on the order of rows and on the config."""
    from transformers import AutoModelForCausalLM

    make_gguf(tmp_path / "tiny.gguf", family)
    reference = AutoModelForCausalLM.from_pretrained(
        tmp_path, gguf_file="tiny.gguf", dtype="float32"
    )
    theirs = {name: tensor.numpy() for name, tensor in reference.state_dict().items()}
    out = tmp_path / "out"
    out.mkdir()
    convert(tmp_path / "tiny.gguf", out, "float32", "d" * 64)
    ours = load_file(out / "model.float32.safetensors")
    tied = {"lm_head.weight"} if family == "llama" else set()
    assert set(theirs) - tied == set(ours)
    for name, value in ours.items():
        np.testing.assert_allclose(theirs[name], value, atol=1e-7, err_msg=name)
    config = json.loads((out / "config.json").read_text())
    for key in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_key_value_heads"):
        assert config[key] == getattr(reference.config, key)
    assert config["rms_norm_eps"] == pytest.approx(reference.config.rms_norm_eps)


def test_config_says_what_the_decoder_needs(tmp_path: Path) -> None:
    make_gguf(tmp_path / "tiny.gguf", "qwen2")
    convert(tmp_path / "tiny.gguf", tmp_path, "int8", "d" * 64)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["family"] == "qwen2"
    assert config["attention_bias"] is True
    assert config["tie_word_embeddings"] is False
    assert config["hidden_size"] == HIDDEN
    assert config["num_hidden_layers"] == LAYERS
    assert config["vocab_size"] == len(TOKENS)
    assert config["rms_norm_eps"] == 1e-5
    assert config["end_token_ids"] == [0, 2]
    assert config["source_sha256"] == "d" * 64


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"not a model" * 100)
    with pytest.raises(WeightsError, match=r"x\.gguf is not a GGUF file"):
        convert(tmp_path / "x.gguf", tmp_path, "int8", "d" * 64)


def test_unknown_kinds_are_refused_by_name(tmp_path: Path) -> None:
    make_gguf(tmp_path / "other.gguf", "llama", architecture="mamba")
    with pytest.raises(WeightsError, match="mamba"):
        convert(tmp_path / "other.gguf", tmp_path, "int8", "d" * 64)
    make_gguf(tmp_path / "split.gguf", "llama", pre="deepseek-llm")
    with pytest.raises(WeightsError, match="deepseek-llm"):
        convert(tmp_path / "split.gguf", tmp_path, "int8", "d" * 64)
    with pytest.raises(WeightsError, match="float16"):
        convert(tmp_path / "other.gguf", tmp_path, "float16", "d" * 64)
