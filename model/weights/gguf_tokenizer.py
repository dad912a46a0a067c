"""Build a `tokenizers` tokenizer from the vocabulary and merges inside a GGUF file.

GGUF names the splitting rule ("smollm", "qwen2") instead of carrying it; the two rules below are
those of the models' own tokenizers, and tests compare them with `transformers` on many strings.
"""

from __future__ import annotations

from typing import Any, Final

from model.weights.errors import WeightsError

__all__ = ["byte_level_tokenizer"]

QWEN2_WORDS: Final = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CONTROL: Final = 3
USER_DEFINED: Final = 4


def byte_level_tokenizer(rule: str, tokens: list[str], kinds: list[int], merges: list[str]) -> Any:
    """Return a `tokenizers.Tokenizer`.

    Args:
        rule: `tokenizer.ggml.pre` of the GGUF: "smollm" or "qwen2".
        tokens: the vocabulary; a token's id is its place.
        kinds: GGUF's token types, one for each token; control tokens become special.
        merges: the merges, "left right" in order of rank.

    Raises:
        WeightsError: the splitting rule is one this conversion does not know.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
    from tokenizers import pre_tokenizers as pre

    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
    vocabulary = {token: place for place, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    if rule == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
        words = pre.Split(Regex(QWEN2_WORDS), behavior="isolated")
        split = [words, pre.ByteLevel(add_prefix_space=False, use_regex=False)]
    elif rule == "smollm":
        split = [pre.Digits(individual_digits=True), pre.ByteLevel(add_prefix_space=False)]
    else:
        raise WeightsError(
            f"the file's tokenizer splits text by the rule {rule!r}, known are 'qwen2' and "
            "'smollm': add the rule to model/weights/gguf_tokenizer.py"
        )
    tokenizer.pre_tokenizer = pre.Sequence(split)
    tokenizer.decoder = decoders.ByteLevel()
    for token, kind in zip(tokens, kinds, strict=True):
        if kind in (CONTROL, USER_DEFINED):
            special = kind == CONTROL
            tokenizer.add_tokens([AddedToken(token, special=special, normalized=False)])
    return tokenizer
