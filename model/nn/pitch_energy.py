"""Prosody every 10 ms: energy, voicing and pitch, never looking ahead.

Pitch is the highest peak of the normalised correlation of a frame with itself, earlier peaks
preferred a little, since every multiple of a period correlates as well.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["PitchEnergy"]

LOWEST_HZ = 60.0
HIGHEST_HZ = 500.0
CENTRE_HZ = 150.0
QUIET = 1e-9
"""Mean square of -90 dB of full scale."""

HISS = 1e-7
"""Mean square below which nothing counts as voiced."""

LATER = 0.03
"""What a peak loses per octave of lag."""

VOICED = 0.5


class PitchEnergy(nn.Module):
    """Frames of sound to three numbers: energy in [0, 3], voicing in [0, 1], pitch in [-1.4, 1.8].

    Energy is of the last 10 ms, in steps of 30 dB above -90 dB of full scale. Voicing is the
    correlation at the best lag within the last 40 ms. Pitch is in octaves above 150 Hz, and 0
    where voicing is below a half.

    Args:
        rate: samples a second.
    """

    lags: Tensor
    handicap: Tensor

    def __init__(self, rate: int) -> None:
        super().__init__()
        self.rate = rate
        self.hop_samples = rate // 100
        self.window_samples = rate // 25
        first, last = int(rate / HIGHEST_HZ), int(rate / LOWEST_HZ)
        self.first, self.last = first, last
        # One lag more at both ends, or there is no peak at them.
        self.length = self.window_samples - last - 1
        lags = torch.arange(first, last + 1, dtype=torch.float32)
        self.register_buffer("lags", lags, persistent=False)
        self.register_buffer("handicap", 1 - LATER * (lags / first).log2(), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """Float32 `[…, window_samples]`, each ending with its 10 ms, to float32 `[…, 3]`."""
        latest = frames[..., -self.hop_samples :]
        energy = ((latest.double().square().mean(-1) + QUIET).log10() + 9.0).float() / 3.0
        correlation = self._correlation(frames - frames.mean(-1, keepdim=True))
        inner = correlation[..., 1:-1]
        peak = (inner >= correlation[..., :-2]) & (inner >= correlation[..., 2:])
        score = torch.where(peak, inner, torch.zeros_like(inner)) * self.handicap
        best = score.argmax(-1, keepdim=True)
        before, at, after = (correlation.gather(-1, best + i).squeeze(-1) for i in range(3))
        shift = ((before - after) / (2 * (before - 2 * at + after)).clamp(max=-1e-6)).clamp(-1, 1)
        lag = self.lags[best.squeeze(-1)] + shift
        voicing = torch.where(score.amax(-1) > 0, at, torch.zeros_like(at)).clamp(0, 1)
        pitch = torch.where(
            voicing >= VOICED, (self.rate / lag / CENTRE_HZ).log2(), torch.zeros_like(lag)
        )
        return torch.stack([energy, voicing, pitch], -1).nan_to_num(0.0, 0.0, 0.0)

    def _correlation(self, frames: Tensor) -> Tensor:
        """Of the first part of a frame with itself later, `[…, lags + 2]`, in [-1, 1]."""
        size = self.window_samples
        head = torch.fft.rfft(frames[..., : self.length], n=size)
        whole = torch.fft.rfft(frames, n=size)
        # Lags up to `last + 1` do not reach round the end of the frame.
        products = torch.fft.irfft(head.conj() * whole, n=size)[..., self.first - 1 : self.last + 2]
        sums = nn.functional.pad(frames.double().square().cumsum(-1), (1, 0))
        energies = (sums[..., self.length :] - sums[..., : -self.length]).float().clamp(min=0)
        later = energies[..., self.first - 1 : self.last + 2]
        least = HISS * self.length
        return products / ((energies[..., :1] + least) * (later + least)).sqrt()
