"""Moonshine against two independent implementations: transformers, and the graph it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from model.interaction.vocabulary import Vocabulary
from model.nn.moonshine import Moonshine, MoonshineConfig
from model.weights.convert_moonshine import convert, read_pieces
from model.weights.store import folder
from tests.speech.recordings import human_recordings

SMALL = MoonshineConfig(
    hidden=64, inner=96, heads=4, encoder_layers=2, decoder_layers=2, vocabulary=50
)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def reference() -> torch.nn.Module:
    """A small random Moonshine of transformers."""
    from transformers import MoonshineConfig as TheirConfig
    from transformers import MoonshineForConditionalGeneration

    torch.manual_seed(0)
    config = TheirConfig(
        vocab_size=SMALL.vocabulary,
        hidden_size=SMALL.hidden,
        intermediate_size=SMALL.inner,
        encoder_num_hidden_layers=SMALL.encoder_layers,
        decoder_num_hidden_layers=SMALL.decoder_layers,
        encoder_num_attention_heads=SMALL.heads,
        decoder_num_attention_heads=SMALL.heads,
        initializer_range=0.2,
    )
    network: torch.nn.Module = MoonshineForConditionalGeneration(config)
    network.train(False)
    return network


@cache
def ours(int8: bool = False) -> Moonshine:
    tensors = {}
    for name, value in reference().state_dict().items():
        name = name.removeprefix("model.")
        is_matrix = value.dim() == 2
        tensors[name.removesuffix(".weight") if is_matrix else name] = value
    return Moonshine(SMALL, tensors, CPU, int8)


def waveform(seconds: float, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    return torch.randn(int(seconds * 16_000)) * 0.1


def encoded(network: Moonshine, audio: Tensor) -> Tensor:
    pieces = network.encode(audio)
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            states: Tensor = end.value
            return states


@pytest.mark.timeout(90)  # On a busy machine importing transformers alone takes 20 s.
def test_equals_transformers() -> None:
    """States and logits within 1e-4 in float32."""
    audio = waveform(1.3)
    tokens = torch.tensor([1, 7, 3, 44, 20, 9])
    with torch.inference_mode():
        theirs = reference()(input_values=audio[None], decoder_input_ids=tokens[None])
    states = encoded(ours(), audio)
    assert torch.allclose(states, theirs.encoder_last_hidden_state[0], atol=1e-4)
    logits, _, _ = ours().read(tokens, ours().start(states, 10))
    assert torch.allclose(logits, theirs.logits[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("cut", [[1] * 6, [2, 4], [3, 1, 2]])
def test_token_by_token_equals_at_once(cut: list[int]) -> None:
    tokens = torch.tensor([1, 7, 3, 44, 20, 9])
    start = ours().start(encoded(ours(), waveform(0.8)), 10)
    whole, attention, _ = ours().read(tokens, start)
    state, logits, rows = ours().start(encoded(ours(), waveform(0.8)), 10), [], []
    for part in torch.split(tokens, cut):
        found, row, state = ours().read(part, state)
        logits.append(found)
        rows.append(row)
    assert state.length == 6
    assert torch.allclose(torch.cat(logits), whole, atol=1e-4)
    assert torch.allclose(torch.cat(rows, dim=2), attention, atol=1e-5)


def test_going_back_forgets() -> None:
    """Tokens beyond the length leave no trace, and a state that was read from stays valid."""
    state = ours().start(encoded(ours(), waveform(0.8)), 10)
    _, _, read = ours().read(torch.tensor([1, 7, 3]), state)
    wanted, _, _ = ours().read(torch.tensor([5]), read)
    _, _, ahead = ours().read(torch.tensor([9, 9, 9]), read)
    again, _, _ = ours().read(torch.tensor([5]), replace(ahead, length=3))
    assert torch.equal(wanted, again)


def test_attention_is_a_share_of_the_audio() -> None:
    states = encoded(ours(), waveform(0.8))
    _, attention, _ = ours().read(torch.tensor([1, 7]), ours().start(states, 4))
    assert attention.shape == (SMALL.decoder_layers, SMALL.heads, 2, states.shape[0])
    assert torch.allclose(attention.sum(-1), torch.ones(()), atol=1e-5)


def test_int8_is_near_and_rows_do_not_touch_each_other() -> None:
    exact, coarse = ours(), ours(int8=True)
    tokens = torch.tensor([1, 7, 3, 44])
    states = encoded(coarse, waveform(1.0))
    error = (states - encoded(exact, waveform(1.0))).norm() / states.norm()
    assert error < 0.05
    logits, _, _ = coarse.read(tokens, coarse.start(states, 8))
    one, _, _ = coarse.read(tokens[:1], coarse.start(states, 8))
    assert torch.allclose(logits[0], one[0], atol=1e-4)


def test_too_many_tokens() -> None:
    state = ours().start(encoded(ours(), waveform(0.5)), 3)
    with pytest.raises(ValueError, match="do not fit"):
        ours().read(torch.tensor([1, 2, 3, 4]), state)


def test_shortest_audio() -> None:
    """One state of the shortest audio; a missing weight is named."""
    assert encoded(ours(), torch.zeros(SMALL.shortest_samples)).shape == (1, SMALL.hidden)
    with pytest.raises(ValueError, match=r"conv1\.weight"):
        Moonshine(SMALL, {}, CPU, int8=False)


# ---- the pretrained network --------------------------------------------------------------------


@cache
def pretrained(int8: bool) -> Moonshine:
    tensors = load_file(folder("ears") / "model.safetensors")
    return Moonshine(MoonshineConfig(), tensors, CPU, int8)


@pytest.mark.weights
@pytest.mark.parametrize("int8", [False, True])
def test_equals_the_graph_it_came_from(int8: bool) -> None:
    """Within the noise of the graph's own int8 activations, which has other rounding."""
    import onnxruntime

    recording = next(r for r in human_recordings() if r.name == "something")
    audio = recording.audio
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    raw = folder("ears")
    encoder = onnxruntime.InferenceSession(str(raw / "encoder_model.ort"), options)
    mask = np.ones((1, len(audio)), np.int64)
    (theirs,) = encoder.run(None, {"input_values": audio[None], "attention_mask": mask})
    states = encoded(pretrained(int8), torch.from_numpy(audio))
    error = np.linalg.norm(states.numpy() - theirs[0]) / np.linalg.norm(theirs)
    tokens = [1, *Vocabulary(pieces()).tokens(recording.text)]
    expected = graph_logits(raw, options, theirs, tokens)
    network = pretrained(int8)
    start = network.start(torch.from_numpy(theirs[0]), 20)
    logits, _, _ = network.read(torch.tensor(tokens), start)
    away = np.linalg.norm(logits.numpy() - expected) / np.linalg.norm(expected)
    print(f"states {error:.4f}, logits {away:.4f}")
    assert error < 0.15
    assert away < 0.1
    assert logits.argmax(-1).tolist() == expected.argmax(-1).tolist() == [*tokens[1:], 2]


def graph_logits(raw: Path, options: object, states: np.ndarray, tokens: list[int]) -> np.ndarray:
    """The decoder graph's logits `[tokens, vocabulary]`, read at once without a cache."""
    import onnxruntime

    decoder = onnxruntime.InferenceSession(str(raw / "decoder_model_merged.ort"), options)
    feeds = {
        "input_ids": np.asarray([tokens], np.int64),
        "encoder_hidden_states": states,
        "encoder_attention_mask": np.ones((1, states.shape[1] * 384 + 1000), np.int64),
        "use_cache_branch": np.zeros(1, np.bool_),
    }
    for wanted in decoder.get_inputs():
        if wanted.name.startswith("past_key_values"):
            feeds[wanted.name] = np.zeros((0, 8, 1, 36), np.float32)
    names = [wanted.name for wanted in decoder.get_inputs()]
    (logits,) = decoder.run(["logits"], {n: v for n, v in feeds.items() if n in names})
    return np.asarray(logits[0])


def pieces() -> list[str]:
    stored: list[str] = json.loads((folder("ears") / "pieces.json").read_text(encoding="utf-8"))
    return stored


@pytest.mark.weights
def test_vocabulary_there_and_back() -> None:
    vocabulary = Vocabulary(pieces())
    for text in ("He was not an ill-disposed young man.", "It's 5:30, isn't it?", "naïve"):
        tokens = vocabulary.tokens(text)
        assert "".join(vocabulary.text(token) for token in tokens) == " " + text
    assert vocabulary.text(1) == vocabulary.text(2) == ""
    assert vocabulary.tokens("") == []
    assert max(vocabulary.tokens("日本語 \u0000 \u2581"), default=0) < len(pieces())


def test_pieces_of_a_broken_file() -> None:
    assert read_pieces(b"\x05<unk>\x03<s>\x04</s>\x01A") == ["<unk>", "<s>", "</s>", "<0x41>"]
    with pytest.raises(ValueError, match="fetch"):
        read_pieces(b"\x05<un")


def test_conversion_of_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        convert(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
