"""dMel: 80 mel bands in 16 steps, over 100 ms of sound every 50 ms, never looking ahead.

Like the front end of the published interaction model: Hann window, Slaney's mel scale from 0 to
8 kHz, log10 clamped to [-7, 2]. Ours takes log10 of *power*, of a full-scale sine 100, so that the
range is -90 to 0 dB of full scale and a step 5.6 dB; of magnitudes a step would be 11 dB. Scales
do not depend on the sampling rate, so sound at 24 kHz needs no resampling.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["BANDS", "BINS", "HIGHEST", "LOWEST", "DMel"]

BANDS = 80
BINS = 16
LOWEST = -7.0
HIGHEST = 2.0
TOP_HZ = 8000.0
FULL_SCALE = 100.0


class DMel(nn.Module):
    """Windows of sound to bins.

    Args:
        rate: samples a second, at least 16,000.
    """

    window: Tensor
    bands: Tensor

    def __init__(self, rate: int) -> None:
        super().__init__()
        self.window_samples = rate // 10
        self.hop_samples = rate // 20
        window = torch.hann_window(self.window_samples, dtype=torch.float64)
        # A sine of amplitude 1 has power FULL_SCALE in its strongest frequency.
        window = window / window.sum() * 2 * FULL_SCALE**0.5
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("bands", _filters(rate, self.window_samples), persistent=False)

    def forward(self, windows: Tensor) -> Tensor:
        """Float32 `[…, window_samples]` to bins, uint8 `[…, 80]` in [0, 15]."""
        spectrum = torch.view_as_real(torch.fft.rfft(windows * self.window))
        # In float64: a step and a whole sequence add up in other orders, and must not round apart.
        power = spectrum.double().square().sum(-1) @ self.bands
        level = power.clamp(min=10**LOWEST).log10().clamp(LOWEST, HIGHEST)
        steps = ((level - LOWEST) * (BINS / (HIGHEST - LOWEST))).floor().nan_to_num(0.0)
        return steps.clamp(0, BINS - 1).to(torch.uint8)


def _filters(rate: int, window_samples: int) -> Tensor:
    """Triangles of height 1, equally spaced on the mel scale, float64 `[frequencies, 80]`."""
    top = _mel(torch.tensor(TOP_HZ, dtype=torch.float64))
    edges = _hertz(torch.linspace(0, 1, BANDS + 2, dtype=torch.float64) * top)
    frequencies = torch.arange(window_samples // 2 + 1, dtype=torch.float64) * rate / window_samples
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequencies.unsqueeze(1) - low) / (middle - low)
    falling = (high - frequencies.unsqueeze(1)) / (high - middle)
    return torch.minimum(rising, falling).clamp(min=0)


_LINEAR_HZ = 200.0 / 3.0
_BREAK_HZ = 1000.0
_LOG_STEP = 27.0 / torch.tensor(6.4, dtype=torch.float64).log()


def _mel(hertz: Tensor) -> Tensor:
    """Slaney's scale: linear to 1 kHz, logarithmic above."""
    above = _BREAK_HZ / _LINEAR_HZ + _LOG_STEP * (hertz / _BREAK_HZ).clamp(min=1).log()
    return torch.where(hertz < _BREAK_HZ, hertz / _LINEAR_HZ, above)


def _hertz(mel: Tensor) -> Tensor:
    above = _BREAK_HZ * ((mel - _BREAK_HZ / _LINEAR_HZ) / _LOG_STEP).exp()
    return torch.where(mel < _BREAK_HZ / _LINEAR_HZ, mel * _LINEAR_HZ, above)
