"""Core's step as the device likes it best: plain on a CPU, one captured graph on CUDA.

Both are called alike. The CUDA path has been written after the rules of graph capture (static
addresses, no synchronisation, nothing that depends on values) but has not run on a CUDA device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from model.nn.core_inputs import CoreInputs, CoreOutputs
from model.nn.core_network import CoreNetwork, CoreState

__all__ = ["CapturedStep", "CoreStep", "best_step"]

CoreStep = Callable[[CoreInputs, CoreState, Tensor], tuple[CoreOutputs, CoreState]]
"""As `CoreNetwork.step`."""

WARM_UPS: Final = 3
"""Steps before capture, in which libraries choose their kernels and take their memory."""


def best_step(network: CoreNetwork, state: CoreState, example: CoreInputs) -> CoreStep:
    """The step for the network's device.

    Args:
        network: on its device, without gradients.
        state: the state that will be stepped; on CUDA its caches are captured and its rows are
            new afterwards.
        example: inputs of the right shapes and types, `[rows, …]`.
    """
    if state.lengths.device.type != "cuda":
        return network.step
    return CapturedStep(network, state, example)


class CapturedStep:
    """A graph of one step over fixed addresses; inputs are copied in, outputs out."""

    def __init__(self, network: CoreNetwork, state: CoreState, example: CoreInputs) -> None:
        device = state.lengths.device
        self._rings = (state.keys, state.values, state.heard)
        self._lengths = state.lengths.clone()
        self._active = torch.zeros_like(state.lengths, dtype=torch.bool)
        self._inputs = CoreInputs(*(column.to(device, copy=True) for column in example))
        bare = (self._inputs, *self._rings, self._lengths, self._active)
        aside: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream(device))
        with torch.no_grad(), torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                network(*bare)
        torch.cuda.current_stream(device).wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.no_grad(), torch.cuda.graph(self._graph):
            self._outputs, self._after = network(*bare)
        for row in range(len(state.lengths)):
            state.reset(row)

    def __call__(
        self, inputs: CoreInputs, state: CoreState, active: Tensor
    ) -> tuple[CoreOutputs, CoreState]:
        """As `CoreNetwork.step`; raises ValueError for a state other than the captured one."""
        given = (state.keys, state.values, state.heard)
        if any(one is not mine for one, mine in zip(given, self._rings, strict=True)):
            raise ValueError("this graph steps the state it was captured with: capture another")
        for mine, column in zip(self._inputs, inputs, strict=True):
            mine.copy_(column, non_blocking=True)
        self._lengths.copy_(state.lengths)
        self._active.copy_(active)
        self._graph.replay()
        outputs = CoreOutputs(*(part.clone() for part in self._outputs))
        return outputs, CoreState(*self._rings, self._after.clone())
