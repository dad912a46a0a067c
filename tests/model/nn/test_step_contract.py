"""What every streaming module promises: see `Streaming`. Add a module by adding a case to `CASES`.

The same fixed-shape step, looped, is bitwise the same whatever its neighbours hold, whichever rows
are active; an inactive row keeps every bit; a reset row is a new one and no NaN outlives it; and
steps equal the whole sequence within 1e-4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
import torch
from torch import Tensor

from model.nn.checkpoint import load_decoder
from model.nn.decoder import Look
from model.nn.kv_cache import new_state, reset_row, slots
from tests.model.nn import core_steps, tiny

ROWS = 4
STEPS = 12


class Streaming(Protocol):
    """A module together with a state of `ROWS` rows."""

    def sequences(self) -> Tensor:
        """Inputs `[ROWS, STEPS, …]`, all different."""

    def step(self, inputs: Tensor, active: Tensor) -> Tensor:
        """Advance the active rows by `inputs` `[ROWS, …]`; outputs `[ROWS, …]`."""

    def whole(self, sequence: Tensor) -> Tensor:
        """Outputs `[STEPS, …]` of one sequence `[STEPS, …]` in one go, without any state."""

    def row(self, row: int) -> list[Tensor]:
        """Copies of everything the state holds of a row."""

    def poison(self, row: int) -> None:
        """Fill the row with NaN wherever it has room for it."""

    def reset(self, row: int) -> None:
        """Empty the row."""


class DecoderSteps:
    """The decoder over all rows at once, each over all of its slots; it slides, too."""

    def __init__(self, folder: Path, int8: bool, pack: bool = True) -> None:
        tiny.Tiny("qwen2").save(folder, int8)
        self.decoder = load_decoder(folder, weights="int8" if int8 else "float32", pack=pack)
        self.state = new_state(self.decoder.config, ROWS, window=16, draft=4)

    def sequences(self) -> Tensor:
        return torch.randint(0, 96, (ROWS, STEPS), generator=torch.Generator().manual_seed(3))

    def _take(self, inputs: Tensor, active: Tensor) -> None:
        state = self.state
        where = slots(state.lengths.unsqueeze(1), state.pinned, state.capacity).squeeze(1)
        rows = torch.arange(ROWS)
        state.tokens[rows, where] = torch.where(active, inputs, state.tokens[rows, where])
        state.lengths += active

    def step(self, inputs: Tensor, active: Tensor) -> Tensor:
        self._take(inputs, active)
        return self.decoder.logits(self.state, torch.arange(ROWS), active)

    def whole(self, sequence: Tensor) -> Tensor:
        state = new_state(self.decoder.config, 1, window=16, draft=STEPS)
        return tiny.read(self.decoder, state, 0, sequence.tolist(), STEPS)

    def row(self, row: int) -> list[Tensor]:
        state = self.state
        caches = [state.keys[:, row].clone(), state.values[:, row].clone()]
        counts = (state.tokens, state.lengths, state.pinned, state.spoken, state.seeds)
        return caches + [count[row].clone() for count in counts]

    def poison(self, row: int) -> None:
        self.state.keys[:, row] = torch.nan
        self.state.values[:, row] = torch.nan

    def reset(self, row: int) -> None:
        reset_row(self.state, row, self.state.capacity)


class DecoderRows(DecoderSteps):
    """The decoder as the CPU runs it: only the active rows, each over its own slots."""

    def step(self, inputs: Tensor, active: Tensor) -> Tensor:
        self._take(inputs, active)
        rows = active.nonzero()[:, 0]
        looks = tuple(
            Look(slice(at, at + 1), slice(row, row + 1), self.state.capacity, False)
            for at, row in enumerate(rows.tolist())
        )
        outputs = torch.zeros(ROWS, self.decoder.config.vocab_size)
        if len(rows):
            everyone = torch.ones(len(rows), dtype=torch.bool)
            outputs[rows] = self.decoder.logits(self.state, rows, everyone, looks)
        return outputs


CASES: dict[str, Callable[[Path], Streaming]] = {
    "decoder-float32": lambda folder: DecoderSteps(folder, int8=False),
    "decoder-int8": lambda folder: DecoderSteps(folder, int8=True),
    "decoder-int8-unpacked": lambda folder: DecoderSteps(folder, int8=True, pack=False),
    "decoder-int8-rows": lambda folder: DecoderRows(folder, int8=True),
    "core": lambda _: core_steps.CoreSteps(ROWS, STEPS),
    "core-sound-16k": lambda _: core_steps.SoundSteps(ROWS, STEPS, 16_000),
    "core-sound-24k": lambda _: core_steps.SoundSteps(ROWS, STEPS, 24_000),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Streaming]]:
    """Makes new modules of one kind, with the same weights."""
    made = 0

    def make() -> Streaming:
        nonlocal made
        made += 1
        folder = tmp_path / str(made)
        folder.mkdir()
        return CASES[request.param](folder)

    yield make


def run(module: Streaming, masks: Tensor, sequences: Tensor) -> list[Tensor]:
    """Outputs of each row, `[its active steps, …]`, stepping through `masks` `[steps, ROWS]`."""
    used = [0] * ROWS
    outputs: list[list[Tensor]] = [[] for _ in range(ROWS)]
    for active in masks:
        inputs = torch.stack([sequences[row, min(used[row], STEPS - 1)] for row in range(ROWS)])
        found = module.step(inputs, active)
        for row in range(ROWS):
            if active[row]:
                outputs[row].append(found[row].clone())
                used[row] += 1
    return [torch.stack(rows) if rows else torch.zeros(0) for rows in outputs]


def everyone() -> Tensor:
    return torch.ones(STEPS, ROWS, dtype=torch.bool)


def test_steps_equal_the_whole_sequence(case: Callable[[], Streaming]) -> None:
    module = case()
    sequences = module.sequences()
    for row, found in enumerate(run(module, everyone(), sequences)):
        torch.testing.assert_close(found, module.whole(sequences[row]), atol=1e-4, rtol=0)


def test_a_row_never_feels_its_neighbours_or_the_mask(case: Callable[[], Streaming]) -> None:
    module = case()
    sequences = module.sequences()
    wanted = run(module, everyone(), sequences)[0]
    others = case()
    sequences[1:] = sequences[1:].flip(0)
    masks = torch.rand(STEPS * 4, ROWS, generator=torch.Generator().manual_seed(4)) < 0.5
    masks[:, 0] &= masks[:, 0].cumsum(0) <= STEPS
    found = run(others, masks, sequences)[0]
    assert len(found) == STEPS
    assert torch.equal(found, wanted)


def test_an_inactive_row_keeps_every_bit(case: Callable[[], Streaming]) -> None:
    module = case()
    sequences = module.sequences()
    run(module, everyone()[:5], sequences)
    before = module.row(2)
    masks = everyone()
    masks[:, 2] = False
    run(module, masks, sequences)
    assert all(map(torch.equal, before, module.row(2)))
    assert any(bool(part.any()) for part in before)


def test_nan_stays_in_its_row_and_dies_with_it(case: Callable[[], Streaming]) -> None:
    module = case()
    sequences = module.sequences()
    wanted = run(module, everyone(), sequences)
    poisoned = case()
    run(poisoned, everyone()[:3], sequences)
    poisoned.poison(1)
    for row in (0, 2, 3):
        poisoned.reset(row)
    masks = everyone()
    masks[::2, 1] = False
    found = run(poisoned, masks, sequences)
    assert all(torch.equal(found[row], wanted[row]) for row in (0, 2, 3))
    poisoned.reset(1)
    assert all(map(torch.equal, poisoned.row(1), case().row(1)))
    for row in (0, 2, 3):
        poisoned.reset(row)
    assert torch.equal(run(poisoned, everyone(), sequences)[1], wanted[1])
