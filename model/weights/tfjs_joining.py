"""What belongs together in a converted graph: biases, activations, the nodes of a hard swish."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import numpy as np

from model.weights.tfjs_graph import Array

__all__ = ["joined"]

Step = dict[str, Any]
Tensors = dict[str, Array]


def joined(
    steps: list[Step], tensors: Tensors, named: Collection[str]
) -> tuple[list[Step], Tensors]:
    """Fewer steps that compute the same, and the tensors they need.

    Args:
        steps: in the order of computation, see `convert_tfjs.translate`.
        tensors: by name.
        named: what is asked for: it stays as it is.
    """
    steps = _hard_swishes(steps, tensors, named)
    uses = Counter(name for step in steps for name in step["of"])
    made = {step["to"]: step for step in steps}
    gone: set[int] = set()
    for step in steps:
        before = made.get(step["of"][0])
        if before is None or uses[before["to"]] != 1 or before["to"] in named:
            continue
        if "then" in before or not _taken_in(step, before, tensors):
            continue
        gone.add(id(before))
        kept = before | {"to": step["to"]}
        step.clear()
        step.update(kept)
    steps = [step for step in steps if id(step) not in gone]
    wanted = {step["tensors"] for step in steps if not step["op"].startswith("hard_")}
    return steps, {n: value for n, value in tensors.items() if n.split(".")[0] in wanted}


def _taken_in(step: Step, before: Step, tensors: Tensors) -> bool:
    """Let `before` do what `step` does, if it can."""
    if step["op"] in ("relu", "relu6") and before["op"] in ("conv", "add"):
        before["then"] = step["op"]
        return True
    bias = f"{before['tensors']}.bias"
    value = tensors.get(f"{step['tensors']}.value")
    if before["op"] != "conv" or step["op"] != "add_constant" or bias in tensors or value is None:
        return False
    if value.size != tensors[f"{before['tensors']}.weight"].shape[0]:
        return False
    tensors[bias] = tensors.pop(f"{step['tensors']}.value").reshape(-1)
    return True


def _hard_swishes(steps: list[Step], tensors: Tensors, named: Collection[str]) -> list[Step]:
    """`(x / 6) * relu6(x + 3)` to `hard_swish(x)`, and `relu6(x + 3) / 6` to `hard_sigmoid(x)`."""
    made = {step["to"]: step for step in steps}

    def scalar(step: Step | None, op: str, value: float) -> bool:
        if step is None or step["op"] != op:
            return False
        tensor = tensors[f"{step['tensors']}.value"]
        # Sixths were rounded to half precision when the file was made.
        return tensor.size == 1 and abs(float(np.ravel(tensor)[0]) - value) < 1e-3

    def gate(name: str) -> str:
        """The x of `relu6(x + 3)`, if that is what `name` is."""
        outer = made.get(name)
        inner = made.get(outer["of"][0]) if outer and outer["op"] == "relu6" else None
        return str(inner["of"][0]) if inner and scalar(inner, "add_constant", 3.0) else ""

    for step in steps:
        if step["op"] == "multiply":
            left, right = step["of"]
            small = made.get(left)
            if small and scalar(small, "multiply_constant", 1 / 6) and small["of"] == [gate(right)]:
                step.update(op="hard_swish", of=[gate(right)])
        elif scalar(step, "multiply_constant", 1 / 6) and gate(step["of"][0]):
            step.update(op="hard_sigmoid", of=[gate(step["of"][0])])
    return _used(steps, named)


def _used(steps: list[Step], named: Collection[str]) -> list[Step]:
    """Without what nobody needs any more."""
    wanted = set(named)
    kept: list[Step] = []
    for step in reversed(steps):
        if step["to"] in wanted:
            wanted |= set(step["of"])
            kept.append(step)
    return kept[::-1]
