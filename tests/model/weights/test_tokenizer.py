"""The tokenizers made from GGUF files cut text as `transformers` does."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from model.weights import store

pytestmark = [pytest.mark.weights, pytest.mark.timeout(90)]

TEXTS = [
    "Hello there, how are you?",
    "It's 12345 o'clock; I'd've gone 3.14 times, we'll see, DON'T.",
    "naïve café — Ångström ß “quoted” … №",
    "  leading and   many   spaces\n\n\tand tabs \r\n x ",
    "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
    "日本語のテキスト 한국어 العربية Ελληνικά",
    "🙂👩\u200d👩\u200d👧 emoji\u00a0nbsp",
    "def f(x):\n    return x**2  # comment <|endoftext|>",
    "e\u0301 combining",
    "",
    "a" * 300,
]


def random_texts(count: int) -> list[str]:
    """Text nobody would write: all kinds of characters in any order."""
    rng = random.Random(5)
    kinds: list[Sequence[int]] = [range(32, 127), range(32, 127), range(0xA1, 0x250)]
    kinds += [range(0x4E00, 0x4F00), range(0x1F600, 0x1F640), [9, 10, 13, 32, 32]]
    return ["".join(chr(rng.choice(rng.choice(kinds))) for _ in range(40)) for _ in range(count)]


def ours(part: str) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(store.folder(part) / "tokenizer.json"))


def test_smollm2_cuts_as_transformers_reading_the_same_file(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    # A folder without our tokenizer.json, which transformers would read instead.
    [source] = store.folder("language-135m").glob("*.gguf")
    (tmp_path / source.name).symlink_to(source)
    reference = AutoTokenizer.from_pretrained(tmp_path, gguf_file=source.name)
    tokenizer = ours("language-135m")
    # transformers leaves out the rule that goes with this file's kind ("smollm": numbers are
    # split off, digit by digit, before words are), so texts that show it are compared below.
    texts = TEXTS + [t for t in random_texts(400) if not any(c.isnumeric() for c in t)]
    assert len(texts) > 50
    for text in texts:
        ids = tokenizer.encode(text).ids
        assert ids == reference(text)["input_ids"], text
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_smollm2_takes_every_digit_alone() -> None:
    tokens = ours("language-135m").encode("in  2024\n7 x²").tokens
    assert tokens == ["in", "ĠĠ", "2", "0", "2", "4", "Ċ", "7", "Ġx", "Â²"]


def test_qwen2_cuts_as_transformers_own_tokenizer() -> None:
    """`Qwen2Tokenizer` has the model's rules in code; the words come from the file."""
    import gguf
    from transformers import Qwen2Tokenizer

    [source] = store.folder("language-0.5b").glob("*.gguf")
    reader = gguf.GGUFReader(source)

    def field(name: str) -> Any:
        found = reader.get_field(f"tokenizer.ggml.{name}")
        assert found is not None
        return found.contents()

    tokens = field("tokens")
    # Its signature says strings; the library below it takes pairs only.
    merges: Any = [tuple(merge.split(" ")) for merge in field("merges")]
    reference = Qwen2Tokenizer(
        vocab={token: place for place, token in enumerate(tokens)},
        merges=merges,
        additional_special_tokens=["<|im_start|>", "<|im_end|>"],
    )
    tokenizer = ours("language-0.5b")
    for text in TEXTS + random_texts(300):
        assert tokenizer.encode(text).ids == reference(text)["input_ids"], text
    assert tokenizer.token_to_id("<|im_end|>") == 151645
