"""What begins over our voice is found where it is, and learnt from the bands alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from model.interaction import streams
from model.nn.core_bands import HEARD, BandsReader
from model.training import onsets
from model.training.dataset import Corpus, listing
from model.training.onsets import AHEAD, Onsets, found, taught
from tests.model.training.tiny_shards import SCRIPT, TINY, write_shard

LENGTH = 2 * (HEARD - 1 + AHEAD)


def corpus(folder: Path) -> Corpus:
    write_shard(folder, 0, conversations=3)
    made = Corpus(folder)
    made.hold(listing(folder, TINY.memory_bytes))
    return made


def made_up(seed: int, count: int) -> Onsets:
    """Interruptions fall from the high bands to the low ones after the first micro-turn of the
    event, acknowledgements rise; each at a level of its own, so that no single bin tells."""
    random = torch.Generator().manual_seed(seed)
    wanted = torch.rand(count, generator=random) < 0.5
    level = torch.randint(2, 8, (count, 1), generator=random)
    bins = torch.zeros(count, LENGTH, streams.DMEL_BANDS)
    begins = 2 * (HEARD - 1)
    for hop in range(begins, LENGTH):
        up = 3.0 * (hop - begins)
        centre = torch.where(wanted, 60.0 - up, 20.0 + up).clamp(5, 75).unsqueeze(1)
        near = (torch.arange(streams.DMEL_BANDS) - centre).abs() < 5
        bins[:, hop] = near * 6 + level
    return Onsets(bins.to(torch.uint8), wanted.float(), torch.ones(count, AHEAD, dtype=torch.bool))


def test_events_are_found_with_the_second_before_them(tmp_path: Path) -> None:
    made = corpus(tmp_path)
    events = found(made)
    assert events.wanted.tolist() == [0.0, 1.0] * 3
    begins, at = {}, 0
    for length, _, _, event in SCRIPT:
        begins[event], at = (at, length), at + length
    bins = torch.from_numpy(made.conversations()[1].inputs["person_dmel"]).flatten(0, 1)
    for number, kind in ((2, streams.OVERLAP), (3, streams.INTERRUPTION)):
        first, length = begins[kind]
        wanted = bins[2 * (first - HEARD + 1) :][:LENGTH]
        assert torch.equal(events.bins[number][: len(wanted)], wanted)
        assert not events.bins[number][len(wanted) :].any()
        counted = torch.arange(AHEAD) < length
        assert torch.equal(events.counted[number], counted)


def test_without_both_kinds_there_is_nothing_to_learn(tmp_path: Path) -> None:
    made = corpus(tmp_path)
    kind = made._conversations[0][0].columns["event"]
    kind[kind == streams.OVERLAP] = streams.NO_EVENT
    with pytest.raises(ValueError, match="train with onsets 0"):
        found(made)


def test_what_moves_the_other_way_is_told_apart_at_any_level(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Sixty steps at a rate for sixty steps; a thousand and a half of the real ones take minutes.
    monkeypatch.setattr(onsets, "RATE", 1e-2)

    def learnt(seed: int) -> tuple[BandsReader, float]:
        torch.manual_seed(4)
        reader = BandsReader(TINY.network)
        return reader, taught(reader, made_up(1, 300), seed, 60)

    reader, loss = learnt(2)
    assert loss < 0.3
    with torch.no_grad():
        known, unheard = (made_up(number, 200) for number in (4, 3))
        x, heard = (
            nn.functional.pad(reader.features(one.bins)[:, AHEAD // 2], (1, 0), value=1.0)
            for one in (known, unheard)
        )
        ridge = x.mT @ x + 1e-2 * torch.eye(x.shape[1])
        way = torch.linalg.solve(ridge, x.mT @ known.wanted)
        right = (heard @ way > 0.5) == unheard.wanted.bool()
    assert right.float().mean() > 0.9
    again, same = learnt(2)
    assert same == loss
    assert all(map(torch.equal, reader.parameters(), again.parameters()))


def test_a_second_is_read_as_it_goes_by() -> None:
    """One vector for each micro-turn, from the ten up to it and none later."""
    reader = BandsReader(TINY.network)
    bins = made_up(5, 2).bins
    with torch.no_grad():
        read = reader(bins)
        assert read.shape == (2, AHEAD, TINY.network.width)
        last = reader(bins[:, -2 * HEARD :])
    torch.testing.assert_close(read[:, -1:], last, atol=1e-5, rtol=0)
