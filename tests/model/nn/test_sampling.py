"""Choosing tokens: seeded, fair, and the same for a row wherever it stands."""

from __future__ import annotations

import pytest
import torch

from model.nn.sampling import Sampling, penalize, sample

DRAWS = 20_000


def draw(logits: list[float], how: Sampling, seed: int = 7) -> torch.Tensor:
    """How often each token is drawn at `DRAWS` positions."""
    rows = torch.tensor([logits]).expand(DRAWS, -1)
    tokens = sample(rows, torch.full((DRAWS,), seed), torch.arange(DRAWS), how)
    return torch.bincount(tokens, minlength=len(logits)) / DRAWS


def test_draws_have_the_distribution_of_the_logits() -> None:
    logits = [0.0, 1.0, 2.0, -1.0]
    how = Sampling(temperature=0.7, top_p=1.0, min_p=0.0)
    wanted = (torch.tensor(logits) / 0.7).softmax(-1)
    for seed in (0, 1, 2**32 - 1):
        assert (draw(logits, how, seed) - wanted).abs().max() < 0.015


def test_candidates_are_limited() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().tolist()

    def drawn(how: Sampling) -> list[int]:
        return draw(logits, how).nonzero()[:, 0].tolist()

    assert drawn(Sampling(1.0, top_p=0.75, min_p=0)) == [0, 1]
    assert drawn(Sampling(1.0, top_p=0.81, min_p=0)) == [0, 1, 2]
    assert drawn(Sampling(1.0, top_p=1, min_p=0.2)) == [0, 1, 2]
    assert drawn(Sampling(1.0, top_p=1, min_p=0, candidates=2)) == [0, 1]
    assert drawn(Sampling(0.0)) == [0]


def test_a_row_draws_the_same_wherever_it_stands() -> None:
    how = Sampling(temperature=1.0)
    torch.manual_seed(0)
    logits, seeds, positions = torch.randn(8, 500), torch.arange(8), torch.arange(8) * 3
    together = sample(logits, seeds, positions, how)
    for row in range(8):
        one = slice(row, row + 1)
        assert sample(logits[one], seeds[one], positions[one], how)[0] == together[row]
    other = sample(logits, seeds + 1, positions, how)
    assert (other != together).any()


def test_the_penalty_touches_recent_tokens_once() -> None:
    logits = torch.tensor([[2.0, -2.0, 1.0, 1.0], [2.0, -2.0, 1.0, 1.0]])
    recent = torch.tensor([[0, 1, 0, 3], [0, 1, 0, 3]])
    found = penalize(logits, recent, torch.tensor([3, 0]), 2.0)
    assert found.tolist() == [[1.0, -4.0, 1.0, 1.0], [2.0, -2.0, 1.0, 1.0]]


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1}, {"top_p": 0}, {"min_p": 2}, {"candidates": 0}]
)
def test_senseless_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Sampling(**wrong)  # type: ignore[arg-type]
