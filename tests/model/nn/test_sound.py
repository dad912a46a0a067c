"""The front end hears what it says it hears. Expected numbers come from the signals."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from model.nn.sound import Sound

RATES = (16_000, 24_000)


def voice(hertz: float, rate: int, level: float = 0.1, seconds: float = 1.0) -> Tensor:
    """A buzz of ten harmonics, falling by 6 dB an octave."""
    time = torch.arange(int(rate * seconds), dtype=torch.float64) / rate
    parts = [(2 * math.pi * hertz * h * time).sin() / h for h in range(1, 11)]
    return (level * torch.stack(parts).sum(0)).float()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hertz", [75.0, 110.0, 143.0, 210.0, 295.0, 420.0])
def test_pitch_is_found_within_a_twentieth_of_an_octave(hertz: float, rate: int) -> None:
    _, prosody = Sound(rate).whole(voice(hertz, rate))
    found = prosody[2:, :, 2].float()
    assert (found - math.log2(hertz / 150)).abs().max() < 0.05
    assert prosody[2:, :, 1].min() > 0.85


@pytest.mark.parametrize("rate", RATES)
def test_noise_has_no_pitch_and_silence_nothing(rate: int) -> None:
    noise = 0.1 * torch.randn(rate, generator=torch.Generator().manual_seed(1))
    _, prosody = Sound(rate).whole(noise)
    assert (prosody[..., 1] > 0.5).float().mean() < 0.02
    dmel, prosody = Sound(rate).whole(torch.zeros(rate))
    assert not dmel.any()
    assert not prosody.any()


@pytest.mark.parametrize("rate", RATES)
def test_energy_is_in_thirties_of_decibels(rate: int) -> None:
    quiet, loud = (Sound(rate).whole(level * voice(100, rate))[1][3:, :, 0] for level in (0.01, 1))
    assert (loud.float() - quiet.float() - 40 / 30).abs().max() < 0.02


@pytest.mark.parametrize("rate", RATES)
def test_a_full_scale_sine_is_at_the_top_and_each_bin_is_5_6_decibels(rate: int) -> None:
    time = torch.arange(rate, dtype=torch.float64) / rate
    sine = (2 * math.pi * 1000 * time).sin().float()
    peaks = [
        int(Sound(rate).whole(sine * 10 ** (-level / 20))[0][3, 0].max()) for level in range(80)
    ]
    assert peaks[0] == 15
    assert peaks == sorted(peaks, reverse=True)
    # A band adds up the neighbours of the strongest frequency, too: it is full at -1.8 dB.
    assert peaks[2] - peaks[79] == pytest.approx(77 / 5.625, abs=1)
    assert Sound(rate).whole(sine)[0][3, 0].argmax() == pytest.approx(26, abs=2)


def test_both_rates_hear_the_same_voice() -> None:
    low, high = (Sound(rate).whole(voice(140, rate)) for rate in RATES)
    differing = (low[0][2:].int() - high[0][2:].int()).abs()
    assert differing.max() <= 1
    assert (differing > 0).float().mean() < 0.02
    assert (low[1][2:] - high[1][2:]).abs().max() < 0.05


@pytest.mark.parametrize("rate", RATES)
def test_every_frame_ends_where_it_should_and_sees_nothing_later(rate: int) -> None:
    """A click only shows in frames that end after it, and in all that overlap it."""
    sound = Sound(rate)
    for milliseconds in (312, 349, 351, 399, 401):
        audio = torch.zeros(rate)
        audio[rate * milliseconds // 1000] = 1.0
        dmel, prosody = sound.whole(audio)
        heard = dmel.view(20, -1).any(1).nonzero()[:, 0].tolist()
        ends = [50 * (i + 1) for i in range(20)]
        # A Hann window is blind at its edges.
        sure = [i for i, end in enumerate(ends) if end - 95 < milliseconds < end - 5]
        assert set(sure) <= set(heard)
        assert all(ends[i] > milliseconds > ends[i] - 101 for i in heard)
        loud = prosody.view(100, -1)[:, 0].nonzero()[:, 0].tolist()
        assert loud == [milliseconds // 10]


def test_what_is_no_sound_is_heard_as_silence_or_as_clipped() -> None:
    sound = Sound(16_000)
    state, active = sound.new_state(2), torch.ones(2, dtype=torch.bool)
    block = torch.full((2, 1600), torch.nan)
    block[1] = 1e30
    for _ in range(2):
        dmel, prosody, state = sound.step(block, state, active)
    assert not dmel[0].any()
    assert prosody.isfinite().all()
    assert state.history[1].max() == 1.0
    with pytest.raises(ValueError, match="resample"):
        Sound(8_000)
