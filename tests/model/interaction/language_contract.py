"""What any replacement of Language must do; call `check_language` with two rows of it, empty."""

from __future__ import annotations

from typing import Any

import pytest

from model.engine.pieces import finished
from model.interaction.parts import LanguagePart, Pieces

__all__ = ["check_language"]


def run(work: Pieces[Any]) -> Any:
    """All pieces of an append, or of what gives something."""
    return finished(work)


def primed(language: LanguagePart, row: int, text: str) -> list[int]:
    """The row reset and asked `text`; the ids it was given."""
    language.reset(row)
    ids = language.chat_prefix("You are a friendly voice.")
    ids = ids + language.person_turn(text) + language.agent_open()
    run(language.append(row, ids))
    return ids


def reply(language: LanguagePart, row: int, most: int = 12) -> list[int]:
    """The tokens of an answer, without its end."""
    tokens: list[int] = []
    for _ in range(most):
        token = language.next_tokens([row])[0]
        if language.is_end(token):
            break
        tokens.append(token)
    return tokens


def check_language(language: LanguagePart) -> None:
    """Every promise of `LanguagePart`."""
    _text_is_kept(language)
    _a_row_holds_what_it_was_given(language)
    _going_back_is_as_if_it_never_happened(language)
    _an_abandoned_append_never_happened(language)
    _what_goes_before_a_choice_is_read_with_it(language)
    _a_reply_begins_in_the_pass_that_reads_the_question(language)
    _rows_do_not_see_each_other(language)
    _a_fork_is_a_copy(language)
    _a_beginning_is_the_same_every_time(language)
    _misuse_is_refused(language)


def _a_beginning_is_the_same_every_time(language: LanguagePart) -> None:
    prefix = language.chat_prefix("You are a friendly voice.")
    rest = language.person_turn("What is the capital of France?") + language.agent_open()
    answers = []
    for row, other in ((0, "Be brief."), (1, ""), (0, ""), (1, "Be rude.")):
        run(language.begin(row, prefix))
        assert language.length(row) == len(prefix)
        run(language.append(row, rest))
        answers.append(reply(language, row))
        if other:  # a conversation that begins otherwise changes nothing for the next one
            run(language.begin(1 - row, language.chat_prefix(other)))
    assert answers == [answers[0]] * 4


def _text_is_kept(language: LanguagePart) -> None:
    for text in ("Hello there, what is 3.5 plus 4?", "Ünïcödé — “quotes” 🙂", " leading space"):
        ids = language.encode(text)
        assert language.decode(ids) == text
        stream = language.text_stream()
        assert "".join([*(stream.push(token) for token in ids), stream.end()]) == text
        assert not any(language.is_end(token) for token in ids)


def _a_row_holds_what_it_was_given(language: LanguagePart) -> None:
    ids = primed(language, 0, "What is the capital of France?")
    assert language.length(0) == len(ids)
    assert language.held(0) == ids
    token = language.next_tokens([0])[0]
    assert language.held(0) == [*ids, token]
    language.reset(0)
    assert language.held(0) == []


def _going_back_is_as_if_it_never_happened(language: LanguagePart) -> None:
    ids = primed(language, 0, "Name a colour.")
    first = reply(language, 0)
    assert first, "no answer at all"
    language.truncate(0, len(ids))
    assert reply(language, 0) == first
    language.truncate(0, len(ids))
    run(language.append(0, language.agent_close(cut=True)))
    assert language.length(0) > len(ids)


def _an_abandoned_append_never_happened(language: LanguagePart) -> None:
    ids = primed(language, 0, "Name a colour.")
    whole = reply(language, 0)
    language.truncate(0, len(ids))
    work = language.append(0, language.person_turn("something else entirely " * 20))
    next(work)
    work.close()
    assert language.length(0) == len(ids)
    assert reply(language, 0) == whole


def _what_goes_before_a_choice_is_read_with_it(language: LanguagePart) -> None:
    ids = primed(language, 0, "Name a colour.")
    more = language.encode("Of all the colours that there are " * 12 + "my own is")
    chosen: list[list[int]] = []
    for apart in (True, False):
        language.truncate(0, len(ids))
        if apart:
            run(language.append(0, more))
        run(language.choose(0, lambda token: token > 300, behind=() if apart else more))
        run(language.choose(0, lambda token: True))
        chosen.append(language.held(0)[len(ids) + len(more) :])
    assert len(more) > 64 and len(chosen[0]) == 2
    assert chosen[0] == chosen[1]
    likely = chosen[0][0]
    other = likely + 1
    for ahead, expected in (((), likely), ((1_000.0,), other)):
        language.truncate(0, len(ids))
        run(language.choose(0, lambda token: token > 300, [other], more, ahead))
        assert language.held(0)[-1] == expected


def _a_reply_begins_in_the_pass_that_reads_the_question(language: LanguagePart) -> None:
    for question in ("What is the capital of France?", "Tell me about the sea, please. " * 20):
        ids = primed(language, 0, "Name a colour.")
        turn = [*language.person_turn(question), *language.agent_open()]
        run(language.append(0, turn))
        apart = [language.next_tokens([0])[0] for _ in range(6)]
        language.truncate(0, len(ids))
        together = [run(language.begin_reply(0, turn))]
        assert language.length(0) == len(ids) + len(turn) + 1
        assert [*together, *(language.next_tokens([0])[0] for _ in range(5))] == apart


def _rows_do_not_see_each_other(language: LanguagePart) -> None:
    primed(language, 0, "What is two plus two?")
    alone = reply(language, 0, most=4)
    primed(language, 0, "What is two plus two?")
    primed(language, 1, "Tell me about the sea.")
    together = [language.next_tokens([1, 0])[1] for _ in range(len(alone))]
    assert together == alone


def _a_fork_is_a_copy(language: LanguagePart) -> None:
    ids = primed(language, 0, "Name an animal.")
    language.fork(0, 1)
    assert language.held(1) == ids
    assert reply(language, 1) == reply(language, 0)


def _misuse_is_refused(language: LanguagePart) -> None:
    ids = primed(language, 0, "Hello.")
    with pytest.raises(ValueError):
        language.truncate(0, len(ids) + 5)
    with pytest.raises(ValueError):
        language.chat_prefix("word " * 5000)
    language.pin(0, 4)
    language.reset(0)
    assert language.length(0) == 0
