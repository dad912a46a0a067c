"""What begins over our voice is found where it is, and learnt from the bands alone."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from model.interaction import streams
from model.nn.core_onsets import HEARD, OnsetsReader
from model.training import onsets
from model.training.dataset import Corpus, Whole, listing
from model.training.onsets import AHEAD, KINDS, QUIET, Onsets, found, taught
from tests.model.training.tiny_shards import SCRIPT, TINY, write_shard

LENGTH = 2 * (HEARD - 1 + AHEAD)


def corpus(folder: Path, conversations: int = 3) -> Corpus:
    write_shard(folder, 0, conversations=conversations)
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
    counted = torch.ones(count, AHEAD, dtype=torch.bool)
    return Onsets(bins.to(torch.uint8), 1 - wanted.long(), counted)


def test_events_are_found_with_the_second_before_them(tmp_path: Path) -> None:
    made = corpus(tmp_path)
    events = found(made)
    each = [KINDS.index(name) for name in ("acknowledgement", "interruption")] + [3] * QUIET
    assert events.kind.tolist() == each * 3
    begins, at = {}, 0
    for length, _, _, event in SCRIPT:
        begins[event], at = (at, length), at + length
    bins = torch.from_numpy(made.conversations()[1].inputs["person_dmel"]).flatten(0, 1)
    for number, kind in ((0, streams.OVERLAP), (1, streams.INTERRUPTION)):
        first, length = begins[kind]
        wanted = bins[2 * (first - HEARD + 1) :][:LENGTH]
        found_there = events.bins[len(each) + number]
        assert torch.equal(found_there[: len(wanted)], wanted)
        assert not found_there[len(wanted) :].any()
        # Of who interrupts as long as they speak, but not behind our stop.
        labels = made.conversations()[1].labels
        heard = (labels["person"][first:] == onsets.SPEAKING) & np.isin(
            labels["floor"][first:], onsets.OURS
        )
        spoken = int(np.cumprod(heard).sum())
        length = spoken if kind == streams.INTERRUPTION else length
        assert torch.equal(events.counted[len(each) + number], torch.arange(AHEAD) < length)
    assert 0 < spoken <= begins[streams.INTERRUPTION][1]
    assert events.counted[2:8, 0].all() and not events.counted[2:8].all()


@pytest.mark.parametrize(
    ("told", "ended", "kind"),
    [
        (14, 12, "elsewhere"),
        (None, 0, "other sound"),
        (30, 27, "other sound"),
        (14, 8, "other sound"),
    ],
)
def test_what_holds_a_word_is_speech(told: int | None, ended: int, kind: str) -> None:
    """Somebody sounds over our voice in 10 to 19; a word of then, of what came next, or before."""
    columns = streams.nothing(streams.LABELS, 60)
    columns["person"][10:20] = onsets.ELSEWHERE
    inputs = streams.nothing(streams.INPUTS, 60)
    if told is not None:
        inputs["word_hash"][told, 0], inputs["word_age"][told, 0] = 7, told - ended
    assert onsets._heard_as(Whole(inputs, columns, {}), 10) == kind


def test_one_conversation_at_a_time_is_unfolded(tmp_path: Path) -> None:
    """Of an hour the encoder's states alone are 80 MB."""
    made = corpus(tmp_path, conversations=60)
    one = next(made.each()).inputs["encoder"].nbytes
    tracemalloc.start()
    try:
        events = found(made)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    kept = sum(tensor.nbytes for tensor in events)
    assert len(events.kind) == 60 * (2 + QUIET)
    assert most < 3 * kept + 5 * one < 60 * one


def test_without_both_kinds_there_is_nothing_to_learn(tmp_path: Path) -> None:
    made = corpus(tmp_path)
    kind = made._conversations[0][0].columns["event"]
    kind[kind == streams.OVERLAP] = streams.NO_EVENT
    with pytest.raises(ValueError, match="train with onsets 0"):
        found(made)


def test_what_moves_the_other_way_is_told_apart_at_any_level(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Few steps at a rate for few; thousands at the real one take minutes.
    monkeypatch.setattr(onsets, "RATE", 1e-2)

    def learnt(seed: int) -> tuple[OnsetsReader, float]:
        torch.manual_seed(4)
        reader = OnsetsReader(TINY.network)
        return reader, taught(reader, made_up(1, 300), seed, 150)

    reader, loss = learnt(2)
    assert loss < 0.3
    unheard = made_up(3, 200)
    with torch.no_grad():
        odds = reader(unheard.bins)
    right = (odds > 0) == (unheard.kind == 0).unsqueeze(1)
    assert right[:, AHEAD // 2 :].float().mean() > 0.95
    assert (odds[:, 0] < 0).float().mean() > 0.95, "too early to know"
    again, same = learnt(2)
    assert same == loss
    assert all(map(torch.equal, reader.parameters(), again.parameters()))


def test_a_second_is_read_as_it_goes_by() -> None:
    """Each micro-turn's odds are of the ten up to it, and of none later."""
    reader = OnsetsReader(TINY.network)
    bins = made_up(5, 2).bins
    with torch.no_grad():
        read = reader(bins)
        assert read.shape == (2, AHEAD)
        last = reader(bins[:, -2 * HEARD :])
    torch.testing.assert_close(read[:, -1:], last, atol=1e-5, rtol=0)
