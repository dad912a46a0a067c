"""What a decoder makes of words: the same however they were read, whoever else is there."""

from __future__ import annotations

import pytest
import torch

from model.engine.pieces import finished
from model.interaction.language import Language
from model.interaction.memory import Memory
from model.interaction.thoughts import KEPT_TOKENS, Thoughts
from model.weights import store

SAID = "Please tell me when somebody comes in."


@pytest.fixture(scope="module")
def language() -> Language:
    language = Language.load(store.folder("language-135m"), rows=2)
    language.thoughts.layers = (3, 11)
    return language


@pytest.mark.timeout(60)
def test_what_is_thought_does_not_hang_on_how_it_was_read(language: Language) -> None:
    one, other = Memory(language, 0), Memory(language, 1)
    with torch.inference_mode():
        for memory in (one, other):
            finished(memory.prime("Answer briefly.", ()))
        finished(one.answer(SAID))
        at_once = one.thought(SAID)
        for words in ("Please tell", "Please tell me when", "Please tell me when some"):
            finished(other.read_ahead(words))
        finished(one.answer("What is the capital of France?"))
        finished(other.answer(SAID))
        # Without AVX-512 what is read in pieces is summed otherwise, which rounding to int8 makes
        # more of: some numbers are .06 apart.
        assert torch.allclose(other.thought(SAID), at_once, rtol=0.05, atol=0.25)
        elsewhere = one.thought("What is the capital of France?")
    assert at_once.shape == (2 * 576,)
    assert (elsewhere - at_once).abs().max() > 10, "of other words it is far off"


@pytest.mark.timeout(60)
def test_of_a_long_speech_the_end_is_thought_of(language: Language) -> None:
    memory = Memory(language, 0)
    with torch.inference_mode():
        finished(memory.prime("Answer briefly.", ()))
        ends = []
        for story in ("cats and dogs " * 60, "cars and trains " * 900):
            finished(memory.answer(story + SAID))
            ends.append(memory.thought(story + SAID))
    assert all(torch.isfinite(one).all() for one in ends)


def test_what_was_kept_without_gradients_is_written_over_with_them() -> None:
    thoughts = Thoughts()
    thoughts.layers = (2,)
    for value in (1.0, 2.0):
        with torch.inference_mode(value == 1.0):
            thoughts.take(0, 2, 0, torch.full((1, 4), value))
    assert thoughts.mean(0, 0, 1).tolist() == [2.0] * 4


def test_what_is_not_kept_is_refused() -> None:
    thoughts = Thoughts()
    thoughts.layers = (2,)
    thoughts.take(0, 1, 0, torch.ones(3, 4))
    with pytest.raises(KeyError):
        thoughts.mean(0, 0, 2)
    thoughts.take(0, 2, KEPT_TOKENS - 1, torch.arange(8.0).view(2, 4))
    assert thoughts.mean(0, KEPT_TOKENS - 1, KEPT_TOKENS + 1).tolist() == [2.0, 3.0, 4.0, 5.0]
    for end in (0, KEPT_TOKENS + 1):
        with pytest.raises(ValueError, match="kept"):
            thoughts.mean(0, 0, end)
