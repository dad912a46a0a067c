"""What is foretold is what the encoder said of that moment, whenever it said so."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.interaction import streams
from model.training.augment import STATE_SPREAD
from model.training.dataset import Crop
from model.training.ears_ahead import Ahead, EarsAhead, ahead, stacked


def crop(refresh: list[int], age: list[int], states: int) -> Crop:
    """State `i` is `i + 1` spreads in its newest pool."""
    inputs = streams.nothing(
        {name: kind for name, kind in streams.INPUTS.items() if name != "encoder"}, len(refresh)
    )
    inputs["encoder_age"][:] = age
    said = np.zeros((states, streams.ENCODER_POOLS, streams.ENCODER_WIDTH), np.float16)
    said[:, 0] = (np.arange(states)[:, None] + 1) * STATE_SPREAD
    said[:, 1:] = 99.0
    labels = streams.nothing(streams.LABELS, len(refresh))
    return Crop(inputs, labels, np.array(refresh, np.int32), said)


def test_a_state_is_about_the_moment_it_heard_last() -> None:
    """One enters at 2, a micro-turn old; the next at 5, two old, and stays."""
    states, known = ahead(crop([-1, -1, 0, 0, 0, 1, 1], [-1, -1, 1, 2, 3, 2, 3], 2))
    assert np.flatnonzero(known).tolist() == [1, 3]
    assert states[1] == pytest.approx(1.0, abs=2e-3) and states[3] == pytest.approx(2.0, abs=2e-3)
    assert not states[~known].any()


def test_what_is_about_a_time_before_the_crop_or_about_nothing_is_not_known() -> None:
    early = crop([0, 0, 1], [2, 3, 1], 2)
    early.states[1, 0] = 0.0
    assert not ahead(early)[1].any()


def test_the_error_counts_known_moments_only() -> None:
    torch.manual_seed(1)
    head = EarsAhead(8)
    hidden = torch.randn(2, 3, 8, requires_grad=True)
    wanted = head.read(hidden).detach() + 0.5
    known = torch.zeros(2, 3, dtype=torch.bool)
    assert head(hidden, Ahead(wanted, known)).item() == 0.0
    known[1, 2] = True
    wanted[0] = 1e6
    error = head(hidden, Ahead(wanted, known))
    assert error.item() == pytest.approx(0.5 * 0.5**2, rel=1e-4)
    error.backward()
    assert hidden.grad is not None and hidden.grad[0].abs().sum() == 0


def test_a_batch_is_stacked() -> None:
    one = ahead(crop([0, 0], [0, 1], 1))
    made = stacked([one, one], torch.device("cpu"))
    assert (
        made.states.shape == (2, 2, streams.ENCODER_WIDTH)
        and made.known.tolist() == [[True, False]] * 2
    )
