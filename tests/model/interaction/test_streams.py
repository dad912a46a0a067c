"""The format of Core's streams: words, pools, checks."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from model.interaction import streams
from model.interaction.core_words import WordEvent, told, typed, write
from model.messages import FloorDecision, PersonDoing, Word


def words(text: str) -> list[Word]:
    """One word every 0.3 s, from 0 on."""
    return [Word(word, 0.3 * at, 0.3 * at + 0.25) for at, word in enumerate(text.split())]


def test_classes_are_in_the_order_of_the_messages() -> None:
    assert get_args(FloorDecision) == streams.FLOORS
    assert get_args(PersonDoing) == streams.PERSON_STATES


def test_nothing_is_in_the_format_and_what_is_not_is_named() -> None:
    for columns in (streams.INPUTS, streams.LABELS):
        streams.check(streams.nothing(columns, 5), columns)
    for name, wrong, message in (
        ("person_dmel", np.full((5, 2, 80), 16, np.uint8), "person_dmel holds 16"),
        ("belief", np.full(5, np.nan, np.float16), "belief holds nan"),
        ("belief", np.zeros(5, np.float32), "belief is float32"),
        ("encoder", np.zeros((5, 288, 4), np.float16), "encoder is"),
        ("k", np.zeros(4, np.int64), "differ in length"),
        ("smell", np.zeros(5), "smell"),
    ):
        arrays = streams.nothing(streams.INPUTS, 5) | {name: wrong}
        with pytest.raises(ValueError, match=message):
            streams.check(arrays, streams.INPUTS)


def test_a_word_is_the_same_however_it_is_written() -> None:
    same = {streams.word_hash(text) for text in ("don't", "Don’t", " don't.", '"Don\'t!"')}
    assert len(same) == 1
    assert streams.word_hash("dont") not in same
    assert 0 < streams.word_hash("...") < 2**32


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("so", 0),
        ("so,", streams.WORD_CLAUSE),
        ("so...", streams.WORD_CLAUSE),
        ("so.", streams.WORD_SENTENCE),
        ('so."', streams.WORD_SENTENCE),
        ("so?", streams.WORD_SENTENCE + streams.WORD_QUESTION),
    ],
)
def test_endings_are_told(text: str, flags: int) -> None:
    assert streams.word_flags(text) == flags
    assert streams.word_flags(text, withdrawn=True) == flags + streams.WORD_WITHDRAWN


def told_texts(before: str, now: str) -> list[tuple[int, int]]:
    return [(event.hash, event.flags) for event in told(words(before), words(now))]


def test_words_are_told_once_revised_and_withdrawn() -> None:
    new, revised, gone = 0, streams.WORD_REVISED, streams.WORD_WITHDRAWN
    stop = streams.WORD_SENTENCE
    meant = streams.word_hash
    assert told_texts("", "i saw") == [(meant("i"), new), (meant("saw"), new)]
    assert told_texts("i saw", "I saw") == []
    assert told_texts("i saw", "i saw her") == [(meant("her"), new)]
    assert told_texts("i saw.", "i saw her.") == [
        (meant("saw"), revised),
        (meant("her"), new + stop),
    ]
    assert told_texts("i saw her", "eyes are") == [
        (meant("eyes"), revised),
        (meant("are"), revised),
        (meant("her"), gone),
    ]
    assert told_texts("i", "") == [(meant("i"), gone)]


def test_only_the_latest_words_of_a_micro_turn_are_written() -> None:
    arrays = streams.nothing(streams.INPUTS, 2)
    arrays["word_hash"][1] = 7
    events = told([], words("one two three four five six"))
    write(events, 20, arrays, 0)
    assert arrays["word_hash"][0].tolist() == [
        streams.word_hash(word) for word in ("three", "four", "five", "six")
    ]
    assert arrays["word_age"][0].tolist() == [12, 9, 6, 3]
    assert arrays["word_hash"][1].tolist() == [7] * 4
    write([WordEvent(9, 30, 1)], 20, arrays, 1)
    assert arrays["word_hash"][1].tolist() == [9, 0, 0, 0]
    assert arrays["word_age"][1].tolist() == [0, 0, 0, 0]
    write(typed("and what is that?", 20), 21, arrays, 1)
    assert arrays["word_flags"][1].tolist() == [32, 32, 32, 56]
    assert arrays["word_age"][1].tolist() == [1] * 4
    streams.check(arrays, streams.INPUTS)


def test_pools_are_means_counted_from_the_end() -> None:
    """Frames of 25 ms: eight, ten, eighteen and thirty-six of them, the last ones first."""
    states = np.repeat(np.arange(80, dtype=np.float32)[:, None], 288, 1)
    pools = streams.pooled(states, 0.025)
    assert pools.shape == (4, 288)
    wanted = [np.mean(range(80 - end, 80 - start)) for start, end in ((0, 8), (8, 18))]
    wanted += [np.mean(range(80 - end, 80 - start)) for start, end in ((18, 36), (36, 72))]
    assert pools[:, 0].tolist() == pytest.approx(wanted)
    short = streams.pooled(states[:5], 0.025)
    assert short[0, 0] == 2
    assert not short[1:].any()


def test_encoder_states_are_unfolded() -> None:
    refreshes = np.stack([np.full((4, 288), value, np.float16) for value in (5, 6)])
    column = streams.unfold_encoder(refreshes, np.array([-1, 0, 0, 1]))
    assert column[:, 0, 0].tolist() == [0, 5, 5, 6]
    assert column.dtype == np.float16
