"""The probe of intents: its file, what it refuses, and the one that is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from model.interaction import watching
from model.interaction.intent import ANSWER, INTENTS, SHIPPED, STOP, Intent, Intents, shipped
from model.training.intents.fit import fitted, saved

HIDDEN = 6
OUTPUTS = len(INTENTS) + 1


def a_probe() -> Intents:
    dice = torch.Generator().manual_seed(3)
    shape = (OUTPUTS, HIDDEN)
    return Intents(
        (1, 2),
        torch.randn(HIDDEN, generator=dice),
        torch.rand(HIDDEN, generator=dice) + 0.5,
        torch.randn(shape, generator=dice),
        torch.randn(OUTPUTS, generator=dice),
    )


def test_a_probe_is_the_same_after_it_was_written_and_read(tmp_path: Path) -> None:
    probe = a_probe()
    saved(probe, tmp_path / "probe.safetensors", {"data": "x"})
    again = Intents.load(tmp_path / "probe.safetensors")
    state = torch.linspace(-1, 1, HIDDEN)
    assert again.layers == (1, 2)
    assert torch.equal(again.shares(state), probe.shares(state))
    assert float(probe.shares(state).sum()) == pytest.approx(1)


def test_what_is_fitted_tells_apart_what_can_be_told_apart() -> None:
    dice = torch.Generator().manual_seed(1)
    places = torch.arange(len(INTENTS)).repeat(20)
    middles = torch.randn(len(INTENTS), 32, generator=dice) * 3
    states = middles[places] + torch.randn(len(places), 32, generator=dice) * 0.3
    owns = torch.full((len(places),), -1.0)
    probe = fitted(states, places, owns.index_fill(0, torch.arange(2), 0.0), (1,), decay=1e-3)
    assert [probe.judge(one, watching=True)[0] for one in middles] == list(INTENTS)


def test_whose_words_are_to_be_said_is_told_of_watches_only() -> None:
    dice = torch.Generator().manual_seed(2)
    watch, answer = INTENTS.index(Intent("watch", "comes", "object")), INTENTS.index(ANSWER)
    places = torch.tensor([watch, watch, answer]).repeat(30)
    middles = torch.randn(3, 32, generator=dice) * 3
    states = middles.repeat(30, 1) + torch.randn(len(places), 32, generator=dice) * 0.3
    probe = fitted(states, places, torch.tensor([0.0, 1.0, -1.0]).repeat(30), (1,), decay=1e-3)
    ours, own, other = (probe.judge(one, watching=False)[0] for one in middles)
    assert ours == Intent("watch", "comes", "object", own=False)
    assert own == Intent("watch", "comes", "object", own=True)
    assert other == ANSWER


def test_who_asked_for_nothing_wants_no_end_of_it() -> None:
    size = OUTPUTS
    spread = torch.ones(size)
    probe = Intents((1,), torch.zeros(size), spread, torch.eye(size) * 9, torch.zeros(size))
    stop = torch.zeros(size)
    stop[INTENTS.index(STOP)] = 1.0
    assert probe.judge(stop, watching=True) == (STOP,)
    assert probe.judge(stop, watching=False) != (STOP,)


def test_who_shows_nothing_must_be_surer_to_want_something_watched() -> None:
    size = OUTPUTS
    probe = Intents((1,), torch.zeros(size), torch.ones(size), torch.eye(size), torch.zeros(size))
    state = torch.full((size,), -9.0)
    watch = Intent("watch", "comes", "object")
    state[INTENTS.index(watch)], state[INTENTS.index(ANSWER)] = 1.0, 0.0
    assert probe.judge(state, watching=False) == (watch,)
    assert probe.judge(state, watching=False, shown=False) == (ANSWER,)
    state[INTENTS.index(watch)] = 2.0
    assert probe.judge(state, watching=False, shown=False) == (watch,)


def test_intents_about_as_likely_are_judged_together_and_others_not() -> None:
    size = OUTPUTS
    spread = torch.ones(size)
    probe = Intents((1,), torch.zeros(size), spread, torch.eye(size), torch.zeros(size))
    state = torch.zeros(size)
    comes, goes = Intent("watch", "comes", "object"), Intent("watch", "goes", "object")
    state[INTENTS.index(comes)], state[INTENTS.index(goes)] = 8.0, 7.5
    assert probe.judge(state, watching=False) == (comes, goes)
    state[INTENTS.index(goes)] = 6.0
    assert probe.judge(state, watching=False) == (comes,)
    state[0] = 9.0
    assert probe.judge(state, watching=False) == (ANSWER,)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "probe.safetensors"
    path.write_bytes(b"\0" * 20)
    with pytest.raises(ValueError, match="no probe"):
        Intents.load(path)
    tensors = a_probe().tensors()
    save_file(tensors, path)
    with pytest.raises(ValueError, match="no probe"):
        Intents.load(path)
    save_file(tensors | {"bias": torch.zeros(3)}, path, {"layers": "[1, 2]"})
    with pytest.raises(ValueError, match="do not fit"):
        Intents.load(path)


def test_every_watch_has_an_intent_and_every_intent_a_watch() -> None:
    watches = set(watching.choices().values())
    meant = [one for one in INTENTS if one.what == "watch"]
    assert all(any(one.fits(*watch) for watch in watches) for one in meant)
    assert all(sum(one.fits(*watch) for one in meant) == 1 for watch in watches)
    assert INTENTS[0] is ANSWER


def test_one_is_shipped_for_the_usual_language_and_none_for_an_unknown_one() -> None:
    probe = shipped("language-0.5b")
    assert probe is not None and probe.layers == (7, 11)
    assert shipped("language-of-tomorrow") is None
    assert sum(one.stat().st_size for one in SHIPPED.iterdir()) < 1 << 20
