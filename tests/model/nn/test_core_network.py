"""Core's network beyond the streaming contract: sizes, export, window, ablations, checkpoints."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.interaction import streams
from model.nn.core_config import STREAMS, CoreConfig
from model.nn.core_graph import best_step
from model.nn.core_inputs import CoreInputs
from model.nn.core_network import CoreNetwork, load_core, save_core
from model.nn.core_onsets import HEARD
from tests.model.nn.core_steps import TINY, CoreSteps, flat, made_up, of_arrays, told

ROWS = 4

COLUMNS = {
    "person_bands": ("person_dmel",),
    "encoder": ("encoder", "encoder_age"),
    "words": ("word_hash", "word_age", "word_flags"),
    "belief": ("belief", "message", "belief_age"),
    "message": ("belief", "message", "belief_age"),
    "picture": ("picture", "picture_age"),
    "clock": ("k",),
}
"""Columns of the streams that are not named like their only column; two have one age."""


def network(config: CoreConfig = TINY) -> CoreNetwork:
    torch.manual_seed(8)
    return told(CoreNetwork(config)).requires_grad_(False)


def slice_of(inputs: CoreInputs, start: int, end: int) -> CoreInputs:
    return CoreInputs(*(column[None, start:end] for column in inputs))


def test_the_network_reads_exactly_the_columns_of_the_format() -> None:
    assert CoreInputs._fields == tuple(streams.INPUTS)
    assert CoreConfig().streams_version == streams.STREAMS_VERSION
    outputs = network().whole(slice_of(of_arrays(made_up(1, 3)), 0, 3))
    assert outputs.floor.shape == (1, 3, len(streams.FLOORS))
    assert outputs.person.shape == (1, 3, len(streams.PERSON_STATES))
    assert outputs.projection.shape == (1, 3, 2, len(streams.PROJECTION_SECONDS))


def test_the_default_network_has_about_four_million_weights_and_fits_the_repository() -> None:
    weights = sum(parameter.numel() for parameter in network(CoreConfig()).parameters())
    assert 3.5e6 < weights < 5e6
    assert 4 * weights < 25e6


def test_the_step_at_full_size_is_the_whole_and_the_same_in_every_row() -> None:
    module = CoreSteps(ROWS, 40, CoreConfig(window=16))
    numbers = module.sequences()
    wanted = module.whole(numbers[0])
    everyone = torch.ones(ROWS, dtype=torch.bool)
    for at in range(40):
        found = module.step(numbers[0, at].repeat(ROWS), everyone)
        torch.testing.assert_close(found[0], wanted[at], atol=1e-4, rtol=0)
        assert all(torch.equal(found[0], other) for other in found)


def test_positions_may_come_round() -> None:
    """Long after `period` micro-turns, only what is in the layers' windows counts."""
    steps = 3 * TINY.period + 5
    module = CoreSteps(1, steps)
    numbers = module.sequences()[0]
    for at in range(steps):
        found = module.step(numbers[at : at + 1], torch.ones(1, dtype=torch.bool))
    reach = TINY.layers * (TINY.window - 1) + 1
    assert reach > HEARD
    torch.testing.assert_close(found[0], module.whole(numbers[-reach:])[-1], atol=1e-4, rtol=0)
    shorter = module.whole(numbers[-reach + 1 :])[-1]
    assert (found[0] - shorter).abs().max() > 1e-6


def test_nothing_later_is_seen() -> None:
    net, inputs = network(), of_arrays(made_up(2, 12))
    early = flat(net.whole(slice_of(inputs, 0, 6)))
    torch.testing.assert_close(flat(net.whole(slice_of(inputs, 0, 12)))[:, :6], early)


def test_a_micro_turn_that_failed_can_be_taken_again() -> None:
    net, inputs = network(), of_arrays(made_up(3, 40))
    state, active = net.new_state(1), torch.ones(1, dtype=torch.bool)
    for at in range(20):
        state = net.step(CoreInputs(*(column[at : at + 1] for column in inputs)), state, active)[1]
    spoilt = CoreInputs(*(column[30:31] for column in inputs))
    again = CoreInputs(*(column[20:21] for column in inputs))
    net.step(spoilt, state, active)
    found, _ = net.step(again, state, active)
    wanted = net.whole(slice_of(inputs, 0, 21))
    torch.testing.assert_close(flat(found)[0], flat(wanted)[0, -1], atol=1e-4, rtol=0)


def test_the_step_can_be_exported_and_depends_on_no_value() -> None:
    net = network()
    inputs, active = of_arrays(made_up(4, ROWS)), torch.tensor([True, False, True, True])
    state, other = net.new_state(ROWS), net.new_state(ROWS)
    example = (inputs, state.keys, state.values, state.heard, state.lengths, active)
    exported = torch.export.export(net, example)
    operations = {str(node.target) for node in exported.graph.nodes}
    looking = ("aten.item", "aten._local_scalar_dense", "aten.nonzero", "aten.masked_select")
    assert not {name for name in operations if name.startswith(looking)}
    assert not exported.range_constraints
    # torch 2.13 writes checks that are no Python when one input's name begins another's.
    run = exported.module(check_guards=False)
    for turn in range(12):
        given = of_arrays(made_up(10 + turn, ROWS))
        found, lengths = run(given, state.keys, state.values, state.heard, state.lengths, active)
        state = replace(state, lengths=lengths)
        wanted, other = net.step(given, other, active)
        assert torch.equal(flat(found)[active], flat(wanted)[active])
    assert torch.equal(state.keys, other.keys)
    assert other.lengths.tolist() == [12, 0, 12, 12]


def test_without_an_accelerator_the_best_step_is_the_plain_one() -> None:
    net = network()
    assert best_step(net, net.new_state(1), of_arrays(made_up(1, 1))) == net.step


@pytest.mark.parametrize("stream", STREAMS)
def test_every_stream_counts_and_can_be_left_out(stream: str) -> None:
    inputs, others = of_arrays(made_up(5, 6)), of_arrays(made_up(6, 6))
    changed = inputs._replace(
        **{name: getattr(others, name) for name in COLUMNS.get(stream, (stream,))}
    )
    if stream == "clock":
        changed = inputs._replace(k=inputs.k + 37)
    columns = COLUMNS.get(stream, (stream,))
    readers = [one for one in STREAMS if COLUMNS.get(one, (one,)) == columns]
    full, without = network(), network(TINY.without(*readers))
    before, after = (flat(full.whole(slice_of(given, 0, 6))) for given in (inputs, changed))
    assert (before - after).abs().max() > 1e-4
    before, after = (flat(without.whole(slice_of(given, 0, 6))) for given in (inputs, changed))
    assert torch.equal(before, after)
    assert len(without.state_dict()) < len(full.state_dict())


def test_both_experts_odds_of_a_yield_count_by_their_weights() -> None:
    inputs = slice_of(of_arrays(made_up(12, 6)), 0, 6)

    def odds(own: float, onsets: float) -> torch.Tensor:
        net = network(replace(TINY, yield_weight=own, onsets_weight=onsets))
        chances = net.whole(inputs).floor.softmax(-1)
        return chances[..., streams.FLOORS.index("yield")].logit()

    transformer, both = odds(1.0, 0.0), odds(1.0, 1.0)
    reader = both - transformer
    assert reader.abs().max() > 0.1
    torch.testing.assert_close(odds(0.3, 1.5), 0.3 * transformer + 1.5 * reader, atol=1e-4, rtol=0)
    torch.testing.assert_close(odds(0.0, 1.0), reader, atol=1e-4, rtol=0)
    with pytest.raises(ValueError, match="weight"):
        replace(TINY, yield_weight=-0.1)


def test_what_is_absent_does_not_leak() -> None:
    """Numbers beside an age of -1, and words beside a hash of 0, mean nothing."""
    arrays = made_up(7, 6)
    for name in ("encoder_age", "belief_age", "picture_age"):
        arrays[name][:] = -1
    arrays["word_hash"][:] = 0
    other = dict(arrays)
    for name in ("encoder", "belief", "message", "picture", "word_age", "word_flags"):
        other[name] = made_up(8, 6)[name]
    net = network()
    found = [flat(net.whole(slice_of(of_arrays(a), 0, 6))) for a in (arrays, other)]
    assert torch.equal(*found)


def test_a_saved_network_is_the_same(tmp_path: Path) -> None:
    net = network()
    save_core(net, tmp_path)
    loaded = load_core(tmp_path)
    inputs = slice_of(of_arrays(made_up(9, 5)), 0, 5)
    assert loaded.config == net.config
    assert torch.equal(flat(loaded.whole(inputs)), flat(net.whole(inputs)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "core.safetensors"]


def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train core"):
        load_core(tmp_path)
    save_core(network(), tmp_path)
    good = json.loads((tmp_path / "config.json").read_text())
    for change, message in (
        ({"width": 64}, "does not fit"),
        ({"streams": ["clock"]}, "does not fit"),
        ({"streams": ["smell"]}, "unknown streams"),
        ({"speed": 1}, "speed"),
        ({"format": 2}, "format 1"),
        ({"heads": 3}, "multiple of heads"),
    ):
        (tmp_path / "config.json").write_text(json.dumps(good | change))
        with pytest.raises(ValueError, match=message):
            load_core(tmp_path)


@pytest.mark.gpu
def test_a_captured_step_is_the_plain_one() -> None:
    net = network().to("cuda")
    plain, captured = net.new_state(ROWS), net.new_state(ROWS)
    example = CoreInputs(*(column.to("cuda") for column in of_arrays(made_up(1, ROWS))))
    step = best_step(net, captured, example)
    assert step != net.step
    active = torch.tensor([True, False, True, True], device="cuda")
    for turn in range(12):
        given = CoreInputs(*(column.to("cuda") for column in of_arrays(made_up(turn, ROWS))))
        found, captured = step(given, captured, active)
        wanted, plain = net.step(given, plain, active)
        torch.testing.assert_close(flat(found)[active], flat(wanted)[active], atol=1e-4, rtol=0)
    assert torch.equal(captured.lengths, plain.lengths)
    with pytest.raises(ValueError, match="capture another"):
        step(example, plain, active)
