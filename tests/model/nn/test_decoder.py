"""Our decoder against `transformers`, and against itself read in other ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from model.nn.checkpoint import load_decoder
from model.nn.decoder import Decoder
from model.nn.decoder_config import DecoderConfig
from model.nn.kv_cache import DecoderState, new_state
from model.nn.sampling import Sampling
from tests.model.nn import tiny
from tests.model.nn.tiny import Tiny

IDS = torch.randint(0, 96, (40,), generator=torch.Generator().manual_seed(1)).tolist()
TEXT = Path(__file__).parents[1] / "fixtures" / "public_domain.txt"


def reference(config: dict[str, Any], weights: dict[str, torch.Tensor]) -> Any:
    """The same decoder as `transformers` builds it."""
    keys = (
        "hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads "
        "head_dim vocab_size max_position_embeddings rms_norm_eps tie_word_embeddings"
    ).split()
    sizes: dict[str, Any] = {key: config[key] for key in keys}
    sizes["rope_parameters"] = {"rope_type": "default", "rope_theta": config["rope_theta"]}
    if config["family"] == "qwen2":
        model: Any = Qwen2ForCausalLM(Qwen2Config(**sizes))
    else:
        model = LlamaForCausalLM(LlamaConfig(**sizes))
    tied = {"lm_head.weight"} if config["tie_word_embeddings"] else set()
    found = model.load_state_dict(weights, strict=False)
    assert not found.unexpected_keys and set(found.missing_keys) <= tied
    return model.eval()


def reference_logits(model: Any, ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = model(torch.tensor([ids])).logits[0].float()
    return logits


@pytest.mark.parametrize("kind", tiny.KINDS)
@pytest.mark.parametrize("chunk", [40, 7, 1])
def test_logits_agree_with_transformers(kind: str, chunk: int, tmp_path: Path) -> None:
    made = Tiny(kind)
    decoder = load_decoder(made.save(tmp_path), weights="float32")
    state = new_state(decoder.config, 2, window=48, draft=40)
    ours = tiny.read(decoder, state, 1, IDS, chunk)
    theirs = reference_logits(reference(made.config, made.weights), IDS)
    assert theirs.std() > 0.5  # a flat reference would agree with anything
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


@pytest.mark.weights
@pytest.mark.timeout(240)
def test_real_weights_agree_with_transformers(smollm_float_folder: Path) -> None:
    config = json.loads((smollm_float_folder / "config.json").read_text())
    model = reference(config, load_file(smollm_float_folder / "model.float32.safetensors"))
    ids = tokens(smollm_float_folder)[:200]
    theirs = reference_logits(model, ids)
    decoder = load_decoder(smollm_float_folder, weights="float32")
    ours = tiny.read(decoder, new_state(decoder.config, 1, 256, 64), 0, ids, 64)
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=0)
    assert (ours.argmax(-1) == theirs.argmax(-1)).all()


def tokens(folder: Path) -> list[int]:
    from tokenizers import Tokenizer

    ids: list[int] = (
        Tokenizer.from_file(str(folder / "tokenizer.json")).encode(TEXT.read_text()).ids
    )
    return ids


def perplexity(folder: Path, weights: str) -> float:
    decoder = load_decoder(folder, weights=weights)
    ids = tokens(folder)
    logits = tiny.read(decoder, new_state(decoder.config, 1, 1024, 128), 0, ids, 128)
    loss = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:]))
    return float(loss.exp())


@pytest.mark.weights
@pytest.mark.timeout(240)
def test_int8_is_nearly_as_good_as_float32(smollm_folder: Path, smollm_float_folder: Path) -> None:
    exact = perplexity(smollm_float_folder, "float32")
    assert 3 < exact < 40
    assert perplexity(smollm_folder, "int8") <= 1.05 * exact


@pytest.mark.parametrize("kind", ["llama", "qwen2-tied"])
def test_a_slid_window_is_the_prefix_and_the_latest_tokens_in_their_places(
    kind: str, tmp_path: Path
) -> None:
    # One layer's keys and values know nothing of forgotten tokens, so a slid row must equal a
    # fresh row that reads the prefix and the window's tokens from place 0 on.
    decoder = load_decoder(Tiny(kind, layers=1).save(tmp_path), weights="float32")
    ids = torch.randint(0, 96, (150,), generator=torch.Generator().manual_seed(2)).tolist()
    window, prefix = 24, 5
    state = new_state(decoder.config, 1, window, draft=8)
    state.pinned[0] = prefix
    slid = tiny.read(decoder, state, 0, ids, 6)
    for end in (24, 25, 31, 32, 33, 60, 149, 150):
        kept = ids[:end] if end <= window else ids[:prefix] + ids[end - (window - prefix) : end]
        fresh = new_state(decoder.config, 1, window, draft=8)
        fresh.pinned[0] = prefix
        wanted = tiny.read(decoder, fresh, 0, kept, 6)[-1]
        torch.testing.assert_close(slid[end - 1], wanted, atol=1e-4, rtol=0)


def test_a_batch_over_all_slots_equals_rows_over_their_own(tmp_path: Path) -> None:
    decoder = load_decoder(Tiny("qwen2").save(tmp_path), weights="float32")
    state = new_state(decoder.config, 3, window=24, draft=8)
    for row in range(3):
        state.pinned[row] = row
        tiny.read(decoder, state, row, IDS[row : row + 4 + 15 * row], 5)
        put(state, row, IDS[row : row + 4 + 15 * row])
    rows, everyone = torch.arange(3), torch.ones(3, dtype=torch.bool)
    together = decoder.logits(state, rows, everyone)
    for row in range(3):
        alone = decoder.logits(
            state, rows[row : row + 1], everyone[:1], tiny.one_row(row, 32, slid=row == 2)
        )
        torch.testing.assert_close(together[row], alone[0], atol=1e-4, rtol=0)


def put(state: DecoderState, row: int, ids: list[int]) -> None:
    """Make `ids` the row's tokens as its ring holds them."""
    ring = state.capacity - int(state.pinned[row])
    for position, token in enumerate(ids):
        prefix = int(state.pinned[row])
        slot = position if position < prefix else prefix + (position - prefix) % ring
        state.tokens[row, slot] = token
    state.lengths[row] = len(ids)


Tensors = tuple[torch.Tensor, ...]


class _Step(torch.nn.Module):
    """One decode step with a signature that can be exported."""

    def __init__(self, decoder: Decoder, how: Sampling) -> None:
        super().__init__()
        self.decoder = decoder
        self.how = how

    def forward(self, caches: Tensors, counts: Tensors, active: torch.Tensor) -> torch.Tensor:
        keys, values = caches
        tokens, lengths, pinned, spoken, seeds = counts
        state = DecoderState(keys, values, tokens, lengths, pinned, spoken, seeds, window=24)
        return self.decoder.step(state, torch.arange(3), active, self.how)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("int8", [False, True])
def test_the_decode_step_exports(int8: bool, tmp_path: Path) -> None:
    folder = Tiny("qwen2").save(tmp_path, int8=int8)
    decoder = load_decoder(folder, weights="int8" if int8 else "float32", pack=False)
    how = Sampling(temperature=0.8, repetition_penalty=1.1)

    def inputs() -> tuple[Tensors, Tensors, torch.Tensor]:
        state = new_state(decoder.config, 3, window=24, draft=8)
        for row in range(3):
            put(state, row, IDS[row : row + 1])
        caches = (state.keys.clone(), state.values.clone())
        counts = (state.tokens, state.lengths, state.pinned, state.spoken, state.seeds)
        return caches, counts, torch.tensor([True, False, True])

    exported = torch.export.export(_Step(decoder, how), inputs()).module()
    by_export, by_us = inputs(), inputs()
    for _ in range(5):
        theirs, ours = exported(*by_export), _Step(decoder, how)(*by_us)
        assert theirs[[0, 2]].tolist() == ours[[0, 2]].tolist()
    assert by_us[1][1].tolist() == by_export[1][1].tolist() == [6, 1, 6]


def test_a_config_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    path = Tiny("llama").save(tmp_path) / "config.json"
    found = json.loads(path.read_text())
    for change, words in (
        ({"format": 2}, "format 1"),
        ({"surprise": 1}, "surprise"),
        ({"num_key_value_heads": 4}, "divide"),
    ):
        path.write_text(json.dumps(found | change))
        with pytest.raises(ValueError, match=words):
            DecoderConfig.from_file(path)
    with pytest.raises(FileNotFoundError, match="counterpoint weights fetch"):
        path.write_text(json.dumps(found))
        load_decoder(tmp_path, weights="int8")
