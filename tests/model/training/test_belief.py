"""Streams `belief` and `message`: one definition, read piece by piece as live or all at once in
training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from model.interaction import streams
from model.interaction.belief import (
    EVEN,
    PART_WORDS,
    Belief,
    Opinion,
    ending_tokens,
    plain,
    spread,
)
from model.interaction.parts import Pieces
from model.training.belief import Told, believed, columns, told_of
from model.weights import store

WHOLE = ("I would like to know when the shop closes", "Can you tell me where the key is",
         "The heater in the corner is making a strange sound")  # fmt: skip
PARTS = (
    "I would like to know when the",
    "Can you tell me where the",
    "The heater in the corner is",
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def loaded() -> Belief:
    return Belief.load(store.folder("language-135m"), 4, "cpu")


@pytest.fixture
def belief(loaded: Belief) -> Belief:
    for row in range(loaded.rows):
        loaded.reset(row)
    return loaded


def opinions(pieces: Pieces[list[Opinion]]) -> list[Opinion]:
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            found: list[Opinion] = done.value
            return found


def run(pieces: Pieces[list[Opinion]]) -> list[float]:
    return [one.finished for one in opinions(pieces)]


def test_what_stands_behind_the_last_word_is_no_opinion_of_the_persons() -> None:
    assert plain(["Well,", "I", "think."]) == plain(["Well,", "I", "think..."]) == "Well, I think"
    assert plain(["..."]) == plain([]) == ""


def test_of_a_long_turn_the_last_parts_are_judged_and_begin_where_they_began() -> None:
    words = [f"w{i}" for i in range(400)]
    for count in range(1, 400, 13):
        text = plain(words[:count]).split()
        assert text[-1] == words[count - 1] and len(text) < 2 * PART_WORDS
        assert int(text[0][1:]) % PART_WORDS == 0


def test_only_what_ends_an_utterance_counts() -> None:
    vocabulary = {".": 0, "?": 1, '."': 2, "...": 3, ".com": 4, ",": 5, "Ċ": 6, "Ġand": 7, "<e>": 9}
    assert ending_tokens(vocabulary, [9]) == [0, 1, 2, 6, 9]


def test_a_belief_is_spread_in_order() -> None:
    beliefs = [spread(share) for share in (0.0, 0.001, EVEN, 0.5, 1.0)]
    assert beliefs == sorted(beliefs) and beliefs[0] == 0.0 and beliefs[2] == 0.5
    with pytest.raises(ValueError, match="no share"):
        spread(1.5)


def test_a_whole_thought_is_believed_more_than_its_beginning(belief: Belief) -> None:
    whole, part = run(belief.judge(range(3), WHOLE)), run(belief.judge(range(3), PARTS))
    assert all(one > other + 0.1 for one, other in zip(whole, part, strict=True)), (whole, part)


def test_a_question_is_believed_to_be_all_and_how_a_story_begins_is_not(belief: Belief) -> None:
    asked = ("What does a badger eat in winter", "Could you tell me how tall that tower is")
    told = ("My grandmother once lost her ring in the snow", "Last week our cat ran away")
    whole = [one.message for one in opinions(belief.judge(range(4), (*asked, *told)))]
    assert min(whole[:2]) > max(whole[2:]) + 0.2, whole
    alone = [opinions(belief.judge([3], [text]))[0].message for text in (*asked, *told)]
    assert alone == pytest.approx(whole, abs=0.06)


def test_word_by_word_revised_or_at_once_it_is_the_same(belief: Belief) -> None:
    words = WHOLE[0].split()
    for count in (1, 2, 5, 4, 8, len(words)):
        heard = [*words[: count - 1], "wren"] if count == 5 else words[:count]
        step = run(belief.judge([2], [" ".join(heard)]))
    # Rounding to int8 makes small differences larger: not the last digit, but the belief.
    assert step == pytest.approx(run(belief.judge([0], [WHOLE[0]])), abs=0.03)
    together = run(belief.judge([0, 1, 2, 3], [*PARTS, WHOLE[0]]))
    apart = [run(belief.judge([row], [text]))[0] for row, text in ((3, PARTS[0]), (1, PARTS[1]))]
    assert together[:2] == pytest.approx(apart, abs=0.03)


def test_a_reset_row_gives_bitwise_what_a_new_one_gives(belief: Belief) -> None:
    first = run(belief.judge([1], [PARTS[0]]))
    run(belief.judge([1], [WHOLE[0]]))
    belief.reset(1)
    assert run(belief.judge([1], [PARTS[0]])) == first
    # Whoever is asked again need not read again.
    assert list(belief.judge([1], [PARTS[0]])) == []


def test_an_abandoned_judgement_never_happened(belief: Belief) -> None:
    wanted = run(belief.judge([0], [PARTS[1]]))
    pieces = belief.judge([0], [WHOLE[2]])
    for _ in range(7):
        next(pieces)
    pieces.close()
    assert run(belief.judge([0], [PARTS[1]])) == pytest.approx(wanted, abs=0.03)


def test_very_long_texts_are_read_as_far_as_there_is_room(belief: Belief) -> None:
    odd = "xq zj " * 300
    beliefs = run(belief.judge([0, 1], [odd, WHOLE[0]]))
    assert all(0.0 <= one <= 1.0 for one in beliefs)
    assert beliefs[1] == pytest.approx(run(belief.judge([2], [WHOLE[0]]))[0], abs=0.03)


def test_senseless_requests_are_refused(belief: Belief) -> None:
    for rows, texts in (([0, 0], ["a", "b"]), ([0], [""]), ([0, 1], ["a"])):
        with pytest.raises(ValueError, match="every row, once"):
            run(belief.judge(rows, texts))


def test_a_judgement_enters_after_its_words_and_leaves_with_the_segment() -> None:
    told = [Told(5, 0, False, "one"), Told(8, 0, False, "one two"), Told(20, 0, True, "one two"),
            Told(30, 1, False, ""), Told(33, 1, False, "three")]  # fmt: skip
    known = {"one": Opinion(0.25, 0.5), "one two": Opinion(0.5, 0.125), "three": Opinion(0.75, 1)}
    made = columns(told, 40, known, np.random.default_rng(0))
    streams.check(made, {name: streams.INPUTS[name] for name in made})
    assert made["belief_age"][:6].tolist() == [-1] * 6 and (made["belief_age"][20:34] == -1).all()
    first = int(np.flatnonzero(made["belief_age"] >= 0)[0])
    assert first in (6, 7) and made["belief_age"][first] == first - 5
    assert made["belief"][8] == 0.25 and made["belief"][10:20].tolist() == [0.5] * 10
    assert made["belief"][38] == 0.75 and made["belief_age"][38] == 5
    assert made["message"][10:20].tolist() == [0.125] * 10 and made["message"][38] == 1
    assert not made["message"][20:34].any()


def test_segments_of_a_shard_are_judged_together_as_alone(belief: Belief) -> None:
    segments = [["I would", "I would like", "I would like tea"], ["Stop"],
                ["So then", "So then what"], ["If you"], ["If you say", "If only"]]  # fmt: skip
    known = believed(belief, segments)
    assert known.keys() == {text for texts in segments for text in texts}
    for row in range(belief.rows):
        belief.reset(row)
    for text in ("I would like tea", "If only"):
        # Read on from other words, without AVX-512: .047 apart, as rounding to int8 has it.
        assert known[text] == pytest.approx(opinions(belief.judge([3], [text]))[0], abs=0.06)


def test_hypotheses_are_read_from_what_a_shard_keeps() -> None:
    facts = {"told": [{"k": 3, "segment": 0, "final": False, "text": "Well, I see."}]}
    assert told_of(facts) == [Told(3, 0, False, "Well, I see")]
