"""A growing segment: what stays open, what is settled, and that settled words stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.engine.pieces import finished
from model.interaction.ears import listen
from model.interaction.parts import Pieces
from model.interaction.segment import (
    LONGEST_SECONDS,
    MUST_SETTLE_SECONDS,
    SETTLE_SECONDS,
    UNSETTLED_SECONDS,
    Segment,
    stable_prefix,
)
from model.messages import Audio, Word
from model.timebase import HEARING_BLOCK_SAMPLES, HEARING_RATE, samples, seconds


def speech(*spans: tuple[float, float], duration_seconds: float) -> Audio:
    """Loud in the spans, almost silent elsewhere."""
    length = samples(duration_seconds, HEARING_RATE)
    audio = np.random.default_rng(5).standard_normal(length).astype(np.float32)
    level = np.full(length, 0.0003, np.float32)
    for first, last in spans:
        level[samples(first, HEARING_RATE) : samples(last, HEARING_RATE)] = 0.1
    return audio * level


def words_at(*spans: tuple[float, float]) -> tuple[Word, ...]:
    return tuple(Word(f"w{i}", first, last) for i, (first, last) in enumerate(spans))


def test_nothing_is_settled_while_the_audio_is_short() -> None:
    spans = [(0.3, 1.0), (2.0, 3.0), (4.0, 5.0)]
    segment = Segment.begin(speech(*spans, duration_seconds=SETTLE_SECONDS), 10.0)
    segment = segment.recognised(words_at(*spans), segment)
    assert segment.settled == ()
    assert [word.start_seconds for word in segment.words] == [10.3, 12.0, 14.0]
    assert segment.end_seconds == 16.0


def test_words_before_the_last_clear_pause_are_settled() -> None:
    spans = [(0.3, 1.0), (1.0, 2.0), (3.0, 4.0), (4.02, 5.0), (6.0, 7.0)]
    segment = Segment.begin(speech(*spans, duration_seconds=7.2), 100.0)
    later = segment.recognised(words_at(*spans), segment)
    assert [word.text for word in later.settled] == ["w0", "w1", "w2", "w3"]
    assert [word.text for word in later.open_words] == ["w4"]
    assert 105.0 < later.start_seconds < 106.0
    assert later.end_seconds == pytest.approx(segment.end_seconds)
    assert len(later.audio) == samples(segment.end_seconds - later.start_seconds, HEARING_RATE)


def test_the_newest_words_are_not_settled() -> None:
    spans = [(0.3, 3.0), (3.02, 5.5)]
    segment = Segment.begin(speech(*spans, duration_seconds=6.5), 0.0)
    assert segment.recognised(words_at(*spans), segment).settled == ()


def test_without_a_pause_a_word_boundary_must_do() -> None:
    spans = [(i * 0.5, i * 0.5 + 0.48) for i in range(23)]
    segment = Segment.begin(speech((0.0, 11.5), duration_seconds=11.5), 0.0)
    later = segment.recognised(words_at(*spans), segment)
    assert later.settled
    assert later.words == segment.recognised(words_at(*spans), segment).words
    assert later.words == words_at(*spans)
    assert later.start_seconds > 5.0
    assert len(later.audio) < samples(MUST_SETTLE_SECONDS, HEARING_RATE)
    assert abs(later.start_seconds - later.settled[-1].end_seconds) < 0.1


def test_noise_without_words_is_let_go() -> None:
    segment = Segment.begin(speech((0.0, 11.0), duration_seconds=11.0), 0.0)
    later = segment.recognised((), segment)
    assert later.words == ()
    assert later.end_seconds - later.start_seconds <= UNSETTLED_SECONDS + 0.1


def test_audio_that_ran_ahead_is_read_in_turn() -> None:
    """30 s before the first answer: the recogniser gets 12 s at a time, nothing is skipped."""
    spans = [(i + 0.2, i + 0.8) for i in range(30)]
    segment = Segment.begin(speech(*spans, duration_seconds=30.0), 0.0)
    rounds = 0
    while True:
        assert len(segment.audio) <= samples(LONGEST_SECONDS, HEARING_RATE)
        start, behind = segment.start_seconds, segment.is_behind
        end = start + seconds(len(segment.audio), HEARING_RATE)
        inside = [(a - start, b - start) for a, b in spans if start <= a + 0.01 and b <= end]
        found = tuple(Word(f"{a + start:.1f}", a, b) for a, b in inside)
        segment = segment.recognised(found, segment)
        rounds += 1
        if not behind:
            break
    assert rounds <= 6
    assert [word.text for word in segment.words] == [f"{a:.1f}" for a, _ in spans]


def test_an_answer_to_audio_long_gone_changes_nothing() -> None:
    spans = [(0.3, 2.0), (3.0, 4.0), (6.0, 7.0)]
    asked = Segment.begin(speech(*spans, duration_seconds=7.5), 0.0)
    later = asked.recognised(words_at(*spans), asked)
    assert later.settled
    assert later.recognised(words_at((0.1, 0.2)), asked) == later


def test_blocks_that_came_meanwhile_are_kept() -> None:
    spans = [(0.3, 2.0), (3.0, 4.0), (6.0, 7.0)]
    asked = Segment.begin(speech(*spans, duration_seconds=7.5), 0.0)
    block = np.full(HEARING_BLOCK_SAMPLES, 0.25, np.float32)
    now = asked.add(block).recognised(words_at(*spans), asked)
    assert now.settled
    assert now.end_seconds == pytest.approx(7.6)
    assert np.array_equal(now.audio[-HEARING_BLOCK_SAMPLES:], block)
    assert asked.words == ()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_settled_words_never_change(data: st.DataObject) -> None:
    """Whatever a recogniser answers, settled words stay, audio is bounded, time does not jump."""
    segment = Segment.begin(np.zeros(4_800, np.float32), 3.0)
    total, random = 4_800, np.random.default_rng(5)
    for _ in range(data.draw(st.integers(1, 12))):
        asked = segment
        for _ in range(data.draw(st.integers(0, 30))):
            level = data.draw(st.sampled_from([0.0, 0.0003, 0.1]))
            segment = segment.add((random.standard_normal(1_600) * level).astype(np.float32))
            total += 1_600
        duration = seconds(len(asked.audio), HEARING_RATE)
        edges = sorted(data.draw(st.lists(st.floats(0, duration), max_size=12)))
        spans = list(zip(edges[::2], edges[1::2], strict=False))
        before = segment.settled
        segment = segment.recognised(words_at(*spans), asked)
        assert segment.settled[: len(before)] == before
        assert len(segment.audio) <= samples(LONGEST_SECONDS, HEARING_RATE)
        assert segment.end_seconds == pytest.approx(3.0 + seconds(total, HEARING_RATE))


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        ("", "", 0),
        ("go", "go on", 1),
        ("Yes. I", "yes, I do", 2),
        ("I went to the.", "I went to the store", 4),
        ("a b c", "a x c", 1),
        ("don't", "dont", 1),
    ],
)
def test_stable_prefix(before: str, after: str, count: int) -> None:
    old, new = (
        tuple(Word(text, i, i + 1) for i, text in enumerate(line.split()))
        for line in (before, after)
    )
    assert stable_prefix(old, new) == count


@dataclass
class Unsure:
    """Ears that give one hypothesis after another."""

    texts: list[str]
    max_seconds: float = 30.0

    def transcribe(self, audio: Audio, guess: Sequence[Word] = ()) -> Pieces[tuple[Word, ...]]:
        yield None
        words = self.texts.pop(0).split()
        return tuple(Word(word, 0.1 * at, 0.1 * at + 0.1) for at, word in enumerate(words))


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("It is a horse.", "", "It is a horse."),
        ("You so.", "", ""),
        ("It is a horse.", "Yes.", "Yes."),
        ("", "", ""),
    ],
)
def test_several_words_are_not_withdrawn_for_nothing(first: str, second: str, kept: str) -> None:
    ears = Unsure([first, second])
    segment = Segment.begin(np.zeros(16_000, np.float32), 2.0)
    heard = finished(listen(cast(Any, ears), segment))
    again = finished(listen(cast(Any, ears), heard.add(np.zeros(1_600, np.float32))))
    assert " ".join(word.text for word in again.words) == kept
    if kept == first and kept:
        assert again.words[0].start_seconds == pytest.approx(2.0)
