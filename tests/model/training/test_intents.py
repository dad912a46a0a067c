"""Sentences the probe of intents is fitted on."""

from __future__ import annotations

from collections import Counter

import pytest

from model.interaction.intent import INTENTS
from model.training.intents.fit import owned
from model.training.intents.sentences import gather, held_out, marked


def test_the_same_seed_gives_the_same_sentences_and_another_one_others() -> None:
    assert gather(1) == gather(1)
    assert {one.text for one in gather(1)} != {one.text for one in gather(2)}


def test_there_are_sentences_of_every_intent_and_those_to_be_answered_are_the_most() -> None:
    counted = Counter(one.intent for one in gather(1))
    assert set(counted) == set(INTENTS)
    assert min(counted.values()) >= 20
    assert counted[INTENTS[0]] == max(counted.values())


def test_marks_and_capitals_tell_nothing_of_what_is_intended() -> None:
    sentences = gather(1)
    for what in {one.intent.what for one in sentences}:
        texts = [one.text for one in sentences if one.intent.what == what]
        ended = sum(text[-1] in ".!?" for text in texts) / len(texts)
        assert 0.6 < ended < 0.8, what


def test_no_template_is_fitted_on_and_held_out() -> None:
    fit_on, apart = held_out(gather(1), 1)
    assert 0.1 < len(apart) / (len(apart) + len(fit_on)) < 0.2
    assert not {one.template for one in fit_on} & {one.template for one in apart}


@pytest.mark.parametrize(
    ("said", "with_mark"),
    [
        ("Stop watching", "Stop watching."),
        ("What do you see", "What do you see?"),
        ("can you read this", "can you read this?"),
        ("When a dog comes, tell me", "When a dog comes, tell me."),
        ("Look!", "Look!"),
    ],
)
def test_every_sentence_ends_with_a_mark(said: str, with_mark: str) -> None:
    assert marked(said) == with_mark


def test_words_of_the_persons_own_are_known_of_watches_and_of_nothing_else() -> None:
    sentences = gather(1)
    own = [one for one in sentences if one.own]
    assert len(own) > 200 and all(one.intent.what == "watch" for one in own)
    assert Counter(owned(sentences).tolist()) == {
        1.0: len(own),
        0.0: sum(one.intent.what == "watch" and not one.own for one in sentences),
        -1.0: sum(one.intent.what != "watch" for one in sentences),
    }
