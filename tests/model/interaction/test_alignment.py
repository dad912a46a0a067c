"""From attention to word times."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from model.interaction.alignment import place_tokens, words_of

HOP_SECONDS = 0.024


def held(attention: np.ndarray, starts: list[int]) -> float:
    """Attention that the tokens hold when they start there."""
    ends = [*starts[1:], attention.shape[1]]
    return float(
        sum(attention[i, a:b].sum() for i, (a, b) in enumerate(zip(starts, ends, strict=True)))
    )


@pytest.mark.parametrize("seed", range(8))
def test_places_hold_the_most_attention(seed: int) -> None:
    """As much as the best of all ways to share the frames out, tried one by one."""
    random = np.random.default_rng(seed)
    tokens, frames = int(random.integers(1, 5)), int(random.integers(5, 10))
    attention = random.random((tokens, frames)).astype(np.float32)
    starts = place_tokens(attention)
    assert starts[0] == 0
    assert all(a < b for a, b in itertools.pairwise(starts))
    best = max(
        held(attention, [0, *rest]) for rest in itertools.combinations(range(1, frames), tokens - 1)
    )
    assert held(attention, starts) == pytest.approx(best, rel=1e-5)


def test_more_tokens_than_frames() -> None:
    starts = place_tokens(np.ones((7, 3), np.float32))
    assert len(starts) == 7
    assert starts == sorted(starts)
    assert starts[-1] < 3


def test_words_are_joined_and_trimmed() -> None:
    audio = np.zeros(32_000, np.float32)
    audio[8_000:14_000] = 0.1  # 0.5 to 0.875 s
    audio[20_000:27_000] = 0.1  # 1.25 to 1.69 s
    starts = [0, 25, 45, 60, 83]
    pieces = [" Good", "by", "e.", " You"]
    words = words_of(pieces, starts, audio, HOP_SECONDS)
    assert [word.text for word in words] == ["Goodbye.", "You"]
    assert words[0].start_seconds == pytest.approx(0.5, abs=0.02)
    assert words[0].end_seconds == pytest.approx(0.875, abs=0.02)
    assert words[1].end_seconds == pytest.approx(1.69, abs=0.02)


def test_a_noise_after_a_long_silence_is_not_the_words() -> None:
    audio = np.zeros(32_000, np.float32)
    audio[8_000:16_000] = 0.1  # 0.5 to 1 s
    audio[24_000:25_000] = 0.1  # a click at 1.5 s
    (word,) = words_of([" Well."], [0, 83], audio, HOP_SECONDS)
    assert word.end_seconds == pytest.approx(1.0, abs=0.02)


def test_words_without_sound_keep_their_place() -> None:
    (word,) = words_of([" Well."], [10, 20], np.zeros(16_000, np.float32), HOP_SECONDS)
    assert word.start_seconds == pytest.approx(0.24)
    assert word.end_seconds == pytest.approx(0.48)
