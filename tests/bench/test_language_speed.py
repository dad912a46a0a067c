"""Speed and int8 loss of Language; prints one line of JSON each. Run with `-m bench -s`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from model.interaction.language import Language
from model.nn.checkpoint import load_decoder
from model.nn.kv_cache import new_state
from model.weights import store
from model.weights.convert_llama import convert
from tests.model.nn import tiny

pytestmark = [pytest.mark.bench, pytest.mark.weights, pytest.mark.timeout(900)]

TEXT = Path(__file__).parents[1] / "model" / "fixtures" / "public_domain.txt"


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Whatever was set comes back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def average(work: Callable[[], object], times: int) -> float:
    """Seconds a run: tokens come in bunches, whose passes cost what their first one waits for."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times


def best(work: Callable[[], object], times: int) -> float:
    """The shortest of some runs, in seconds: other work on the machine only ever adds."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


@pytest.mark.parametrize("part", ["language-135m", "language-0.5b"])
@pytest.mark.parametrize("count", [1, 2])
def test_speed(part: str, count: int) -> None:
    began = time.perf_counter()
    language = Language.load(store.folder(part), 8, "cpu", threads=count)
    found = {"load_seconds": time.perf_counter() - began}
    ids = language.encode(TEXT.read_text())[:257]

    def prefill() -> None:
        language.reset(0)
        for _ in language.append(0, ids):
            pass

    found["prefill_tokens_per_second"] = 256 / best(prefill, 4)
    for row in range(1, 8):
        language.fork(0, row)
    for batch in (1, 2, 4, 8):
        seconds = average(partial(language.next_tokens, range(batch)), 24)
        found[f"decode_{batch}_tokens_per_second"] = batch / seconds
    found["fork_seconds"] = best(lambda: language.fork(0, 1), 3)
    rounded = {key: round(value, 4) for key, value in found.items()}
    print(json.dumps({"part": part, "threads": count} | rounded))
    assert found["decode_4_tokens_per_second"] > found["decode_1_tokens_per_second"]


def test_int8_loss_of_the_default_part(tmp_path: Path) -> None:
    part = store.folder("language-0.5b")
    convert(next(part.glob("*.gguf")), tmp_path, "float32", "")
    ids = Tokenizer.from_file(str(part / "tokenizer.json")).encode(TEXT.read_text()).ids
    torch.set_num_threads(1)
    perplexity = {}
    for folder, weights in ((part, "int8"), (tmp_path, "float32")):
        decoder = load_decoder(folder, weights=weights)
        logits = tiny.read(decoder, new_state(decoder.config, 1, 1024, 128), 0, ids, 128)
        loss = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:]))
        perplexity[weights] = float(loss.exp())
    print(json.dumps({"part": "language-0.5b", "perplexity": perplexity}))
    assert perplexity["int8"] <= 1.05 * perplexity["float32"]
