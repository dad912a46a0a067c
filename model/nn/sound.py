"""The streaming front end of one sound stream: blocks of one micro-turn to dMel and prosody.

State is what came before the block, at most 50 ms of it. A block's first dMel frame ends in its
middle, the second and the last prosody frame with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.nn.dmel import DMel
from model.nn.pitch_energy import PitchEnergy

__all__ = ["Sound", "SoundState"]


@dataclass(frozen=True, slots=True)
class SoundState:
    """The last 50 ms of each row, float32 `[rows, rate / 20]`."""

    history: Tensor

    def reset(self, row: int) -> None:
        """Make the row a new one, in place."""
        self.history[row] = 0


class Sound(nn.Module):
    """dMel and prosody of sound at `rate` Hz, a multiple of 8000 and at least 16,000."""

    def __init__(self, rate: int) -> None:
        super().__init__()
        if rate < 16_000 or rate % 8_000:
            raise ValueError(f"sound must be at 16, 24, 32 or 48 kHz, not {rate} Hz: resample it")
        self.block_samples = rate // 10
        self.history_samples = rate // 20
        self.dmel = DMel(rate)
        self.prosody = PitchEnergy(rate)

    def new_state(self, rows: int) -> SoundState:
        """State of rows that have heard nothing."""
        return SoundState(self.dmel.window.new_zeros(rows, self.history_samples))

    def step(
        self, block: Tensor, state: SoundState, active: Tensor
    ) -> tuple[Tensor, Tensor, SoundState]:
        """Hear one micro-turn.

        Args:
            block: float32 in [-1, 1] `[rows, block_samples]`; other values are clamped.
            state: what was heard before; stays as it is.
            active: rows to advance, bool `[rows]`; outputs of others mean nothing.

        Returns:
            bins uint8 `[rows, 2, 80]`; prosody float16 `[rows, 10, 3]`; the next state.
        """
        heard = torch.cat([state.history, _clean(block)], -1)
        dmel, prosody = self._features(heard)
        kept = heard[:, -self.history_samples :]
        return dmel, prosody, SoundState(torch.where(active[:, None], kept, state.history))

    def whole(self, sound: Tensor) -> tuple[Tensor, Tensor]:
        """All of `sound` `[samples]`, filled with zeros to whole micro-turns.

        Returns:
            bins uint8 `[micro-turns, 2, 80]`; prosody float16 `[micro-turns, 10, 3]`.
        """
        missing = -sound.shape[0] % self.block_samples
        heard = nn.functional.pad(_clean(sound), (self.history_samples, missing))
        dmel, prosody = self._features(heard)
        return dmel.view(-1, 2, dmel.shape[-1]), prosody.view(-1, 10, prosody.shape[-1])

    def _features(self, heard: Tensor) -> tuple[Tensor, Tensor]:
        """Frames of `[…, history + n * block_samples]`."""
        dmel = self.dmel(
            heard.unfold(-1, self.dmel.window_samples, self.dmel.hop_samples).contiguous()
        )
        late = heard[..., self.history_samples - self._prosody_history :]
        frames = late.unfold(-1, self.prosody.window_samples, self.prosody.hop_samples)
        return dmel, self.prosody(frames.contiguous()).half()

    @property
    def _prosody_history(self) -> int:
        return self.prosody.window_samples - self.prosody.hop_samples


def _clean(sound: Tensor) -> Tensor:
    return sound.nan_to_num(0.0, 0.0, 0.0).clamp(-1, 1)
