"""Crops are what was rendered; what is drawn depends on nothing but the seed and the listing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.interaction import streams
from model.training import shards
from model.training.augment import NOTHING, Augmentation, augment
from model.training.dataset import Corpus, Crop, listing
from model.training.trainer import make_batch
from tests.model.training.tiny_shards import (
    FINISHED,
    HOLD,
    LISTEN,
    SILENT,
    SPEAKING,
    TAKE,
    TINY,
    write_shard,
)

PLENTY = 10**9


def corpus(folder: Path, count: int = 2) -> Corpus:
    for index in range(count):
        write_shard(folder, index)
    made = Corpus(folder)
    made.hold(listing(folder, PLENTY))
    return made


def test_whole_conversations_and_crops_equal_what_is_stored(tmp_path: Path) -> None:
    held = corpus(tmp_path)
    wanted = [one for index in (0, 1) for one in shards.read_conversations(tmp_path, index)]
    found = held.conversations()
    assert len(found) == len(wanted) == 4
    assert held.micro_turns == sum(len(inputs["k"]) for inputs, _, _ in wanted)
    for one, (inputs, labels, facts) in zip(found, wanted, strict=True):
        streams.check(one.inputs, streams.INPUTS)
        streams.check(one.labels, streams.LABELS)
        assert one.facts == facts
        for name, column in {**inputs, **labels}.items():
            assert np.array_equal({**one.inputs, **one.labels}[name], column), name
    inputs, labels, _ = wanted[3]
    size = len(inputs["k"])
    crop = held._held[(1, ("belief", "teach"))].crop(1, size - 10, 25)
    cut = crop.unfolded()
    streams.check(cut, streams.INPUTS)
    for name in cut:
        assert np.array_equal(cut[name][:10], inputs[name][-10:]), name
    assert crop.labels["live"].tolist() == [True] * 10 + [False] * 15
    assert (cut["word_hash"][10:] == 0).all() and (cut["encoder_age"][10:] == -1).all()


def test_shards_still_being_made_and_those_beyond_the_bound_are_left_out(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"model\.training\.encode"):
        Corpus(tmp_path).hold(listing(tmp_path, PLENTY))
    for index in range(3):
        write_shard(tmp_path, index)
    shards.part_path(tmp_path, 1, "belief").unlink()
    found = listing(tmp_path, PLENTY)
    assert [index for index, _ in found] == [0, 2]
    size = sum(path.stat().st_size for path in tmp_path.glob("shard-00000.*"))
    assert listing(tmp_path, size + 1) == found[:1]


def test_parts_that_came_after_the_listing_are_not_read(tmp_path: Path) -> None:
    held = corpus(tmp_path, 1)
    before = listing(tmp_path, PLENTY)
    size = held.micro_turns
    picture = {"picture": np.ones((size, streams.PICTURE_WIDTH), np.float16),
               "picture_age": np.zeros(size, np.int16)}  # fmt: skip
    shards.write_part(tmp_path, 0, "picture", picture)
    late = Corpus(tmp_path)
    late.hold(before)
    assert (late.conversations()[0].inputs["picture_age"] == -1).all()
    held.hold(listing(tmp_path, PLENTY))
    assert (held.conversations()[0].inputs["picture_age"] == 0).all()


def test_a_batch_follows_from_seed_and_step(tmp_path: Path) -> None:
    held, again = corpus(tmp_path), Corpus(tmp_path)
    again.hold(listing(tmp_path, PLENTY))
    device = torch.device("cpu")
    training = replace(TINY, augmentation=Augmentation())
    first = make_batch(held, training, 3, 7, device)
    for made, wanted in zip(make_batch(again, training, 3, 7, device), first, strict=True):
        for one, other in zip(made, wanted, strict=True):
            assert torch.equal(one, other)
    others = [make_batch(held, training, *where, device) for where in ((3, 8), (4, 7))]
    assert all(not torch.equal(one[0].k, first[0].k) for one in others)
    inputs, labels, heard = first
    assert inputs.encoder.shape == (2, 40, 4, 288) and labels.projection.shape == (2, 40, 2, 4)
    assert heard.states.shape == (2, 40, 288) and heard.known.shape == (2, 40)


def test_the_first_micro_turns_of_a_later_crop_are_not_taught(tmp_path: Path) -> None:
    held = corpus(tmp_path)
    generator = np.random.default_rng(1)
    for _ in range(40):
        crop = held.draw(generator, 20, 0.5, 6)
        begun = crop.inputs["k"][0] > 0
        assert crop.labels["live"].tolist() == [not begun] * 6 + [True] * 14


def test_a_crop_may_begin_while_the_person_speaks_and_knows_nothing_of_before(
    tmp_path: Path,
) -> None:
    held = corpus(tmp_path)
    generator = np.random.default_rng(2)
    begins = set()
    for _ in range(40):
        crop = held.draw(generator, 20, 0.0, 6, amid=1.0)
        begins.add(int(crop.inputs["k"][0]))
        assert crop.labels["person"][0] == SPEAKING and crop.labels["live"][0]
        since = np.arange(20)
        assert (crop.inputs["word_age"] <= since[:, None]).all()
        for name in ("encoder_age", "belief_age"):
            assert (crop.inputs[name] <= since).all()
        assert ((crop.refresh < 0) == (crop.inputs["encoder_age"] < 0)).all()
    assert len(begins) > 8
    likewise = [np.random.default_rng(3) for _ in range(2)]
    for one, amid in zip(likewise, (0.0, 0.5), strict=True):
        held.draw(one, 20, 0.5, 6, amid)
    assert likewise[0].random() == likewise[1].random()


def drawn(folder: Path, **how: float) -> tuple[streams.Arrays, streams.Arrays]:
    """A whole conversation before and after."""
    write_shard(folder, 0)
    held = Corpus(folder)
    held.hold(listing(folder, PLENTY))
    shard = held._held[(0, ("belief", "teach"))]
    crops: list[Crop] = [shard.crop(0, 0, 60) for _ in range(2)]
    changed = {name: type(getattr(NOTHING, name))(value) for name, value in how.items()}
    augment(crops[1], replace(NOTHING, **changed), np.random.default_rng(5))
    made = crops[1].unfolded()
    streams.check(made, streams.INPUTS)
    return crops[0].unfolded(), made


@pytest.mark.parametrize(
    ("how", "columns"),
    [
        ({}, ()),
        ({"no_encoder": 1.0}, ("encoder", "encoder_age")),
        ({"no_words": 1.0}, ("word_hash", "word_age", "word_flags", "belief", "belief_age")),
        ({"no_marks": 1.0}, ("word_flags",)),
        ({"no_belief": 1.0}, ("belief", "belief_age")),
        ({"clock": 1.0}, ("k",)),
        ({"noisy_bin": 0.5}, ("person_dmel",)),
        ({"unknown_word": 1.0}, ("word_hash",)),
        ({"encoder_stall": 1.0}, ("encoder", "encoder_age")),
        ({"late_encoder": 40}, ("encoder", "encoder_age")),
        ({"late_words": 40}, ("word_hash", "word_age", "word_flags", "belief", "belief_age")),
        ({"late_belief": 40}, ("belief", "belief_age")),
        ({"encoder_rests": 1.0}, ("encoder", "encoder_age")),
        ({"level": 15}, ("person_dmel", "person_prosody")),
        ({"not_rendered": 1.0}, ("queued",)),
        ({"warp": 0.3}, ("person_dmel",)),
        ({"tilt": 6}, ("person_dmel",)),
        ({"masked_bands": 60}, ("person_dmel",)),
        ({"no_bands": 1.0}, ("person_dmel",)),
        ({"pitch": 0.5}, ("person_prosody",)),
        ({"encoder_noise": 0.5}, ("encoder",)),
        ({"encoder_gone": 0.5}, ("encoder",)),
    ],
)
def test_augmentation_changes_what_it_says(
    tmp_path: Path, how: dict[str, float], columns: tuple[str, ...]
) -> None:
    before, after = drawn(tmp_path, **how)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == set(columns)


def test_late_words_and_states_are_older_when_they_come(tmp_path: Path) -> None:
    before, after = drawn(tmp_path, late_words=40, late_encoder=40)
    late = next(n for n in range(1, 41) if np.array_equal(
        after["word_hash"][n:], before["word_hash"][:-n]))  # fmt: skip
    there = after["word_hash"][late:] > 0
    assert np.array_equal(after["word_age"][late:][there], before["word_age"][:-late][there] + late)
    assert (after["word_hash"][:late] == 0).all()
    shift = int((after["encoder_age"] == -1).sum() - 2)
    assert np.array_equal(after["encoder"][shift + 2 :], before["encoder"][2:-shift])
    assert np.array_equal(
        after["encoder_age"][shift + 2 :], before["encoder_age"][2:-shift] + shift
    )


def test_what_is_done_to_a_crop_is_not_done_to_its_shard(tmp_path: Path) -> None:
    write_shard(tmp_path, 0)
    held = Corpus(tmp_path)
    held.hold(listing(tmp_path, PLENTY))
    shard = held._held[(0, ("belief", "teach"))]
    states, columns = shard.states.copy(), {n: c.copy() for n, c in shard.columns.items()}
    augment(shard.crop(0, 5, 40), Augmentation(), np.random.default_rng(3))
    assert np.array_equal(shard.states, states)
    assert all(np.array_equal(shard.columns[name], columns[name]) for name in columns)


def test_digital_silence_has_no_level(tmp_path: Path) -> None:
    before, after = drawn(tmp_path, level=15, noisy_bin=1.0, tilt=15, pitch=1.0, encoder_noise=1.0)
    assert (after["person_prosody"][before["person_prosody"][..., 2] == 0][..., 2] == 0).all()
    assert (after["encoder"][~before["encoder"].any(-1)] == 0).all()
    assert (after["person_dmel"][before["person_dmel"] == 0] == 0).all()
    assert np.array_equal(after["own_dmel"], before["own_dmel"])


def over_us(tmp_path: Path, seed: int) -> tuple[list[int], bool]:
    """Levels of 80 micro-turns, with one "okay" from 15 on that lasts 3 and an interruption from 45
    on of which 3 are heard before we stop, and 9 in all; whether only the person's energy moved."""
    held = Corpus(tmp_path)
    held.hold(listing(tmp_path, PLENTY))
    crop, same = (held._held[(0, ("belief", "teach"))].crop(0, 0, 80) for _ in range(2))
    crop.inputs["person_dmel"] = np.full_like(crop.inputs["person_dmel"], 8)
    event, age, person = (crop.labels[name] for name in ("event", "event_age", "person"))
    event[:], age[:], person[:] = streams.NO_EVENT, 0, SILENT
    for first, length, kind, sound in (
        (15, 13, streams.OVERLAP, 3),
        (45, 3, streams.INTERRUPTION, 9),
    ):
        event[first : first + length], age[first : first + length] = kind, np.arange(length)
        person[first : first + sound] = SPEAKING
    augment(crop, replace(NOTHING, level_over_us=3), np.random.default_rng(seed))
    levels = crop.inputs["person_dmel"].reshape(80, -1)
    assert (levels == levels[:, :1]).all()
    energy = [one.inputs["person_prosody"][..., 0] for one in (crop, same)]
    still = (energy[0] == energy[1]).all(-1)
    return levels[:, 0].tolist(), bool(still[levels[:, 0] == 8].all())


def test_what_is_said_over_us_has_a_level_of_its_own_that_tells_nothing(tmp_path: Path) -> None:
    write_shard(tmp_path, 0)
    edges: dict[int, list[tuple[int, int]]] = {15: [], 45: []}
    drawn = set[int]()
    for seed in range(30):
        levels, apart = over_us(tmp_path, seed)
        assert apart
        for first, last in ((15, 17), (45, 53)):
            level = levels[first]
            drawn.add(level)
            assert levels[first : last + 1] == [level] * (last + 1 - first)
            if level != 8:
                begins = next(k for k in range(first, -1, -1) if k == 0 or levels[k - 1] != level)
                ends = next(k for k in range(last, 80) if k == 79 or levels[k + 1] != level)
                edges[first].append((first - begins, ends - last))
    assert len(drawn) == 7
    for found in edges.values():
        # Neither the first sound of an event nor where we stop shows in the level.
        for margins in zip(*found, strict=True):
            assert max(margins) == 10 and len(set(margins)) > 6


def test_the_encoder_rests_where_live_lets_it(tmp_path: Path) -> None:
    """A turn to micro-turn 10, answered from 60 on: its segment is open for 2.5 or 4 s, whichever
    is drawn, and the encoder is asked in each; behind that, and while we speak, every eighth
    time."""
    write_shard(tmp_path, 0)
    held = Corpus(tmp_path)
    held.hold(listing(tmp_path, PLENTY))
    crop = held._held[(0, ("belief", "teach"))].crop(0, 0, 80)
    person, floor = crop.labels["person"], crop.labels["floor"]
    person[:11], person[11:60], person[60:] = SPEAKING, FINISHED, SILENT
    floor[:11], floor[11:60], floor[60:] = LISTEN, TAKE, HOLD
    age, closes = crop.inputs["encoder_age"], set[int]()
    for seed in range(12):
        age[:] = 1
        augment(crop, replace(NOTHING, encoder_rests=1.0), np.random.default_rng(seed))
        closed = int(np.argmax(age > 1))
        closes.add(closed)
        assert age[closed:].tolist() == (np.arange(1, 81 - closed) % 8 + 1).tolist()
    assert closes == {35, 50}
    floor[20:], person[11:] = HOLD, SILENT
    crop.inputs["encoder_age"][:] = 1
    augment(crop, replace(NOTHING, encoder_rests=1.0), np.random.default_rng(1))
    assert (age[:20] == 1).all() and age[20:28].tolist() == [*range(2, 9), 1]


def test_augmentation_refuses_what_is_no_chance() -> None:
    with pytest.raises(ValueError, match="no_words"):
        Augmentation(no_words=1.5)
