"""Write a safetensors file tensor by tensor, so that no model has to fit into memory at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["Shapes", "write_safetensors"]

Shapes = Mapping[str, tuple[str, tuple[int, ...]]]
"""Name to (safetensors dtype, shape), in the order in which the chunks will arrive."""

NUMPY_OF: Final[Mapping[str, Any]] = {"F32": np.float32, "I8": np.int8}


def write_safetensors(
    path: Path,
    shapes: Shapes,
    chunks: Iterable[npt.NDArray[Any]],
    metadata: Mapping[str, str],
) -> None:
    """Write `path`, asking for one chunk at a time.

    Args:
        path: the file to make; its content is whole only when this returns.
        shapes: every tensor's dtype ("F32" or "I8") and shape, in file order.
        chunks: the tensors' values in the same order; a tensor may come in several chunks of
            rows.
        metadata: free text kept in the header.

    Raises:
        ValueError: the chunks do not add up to the announced shapes.
        OSError: the disk refused; the caller removes the file.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    offset = 0
    for name, (dtype, shape) in shapes.items():
        end = offset + int(np.prod(shape)) * np.dtype(NUMPY_OF[dtype]).itemsize
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format wants the values aligned to 8 bytes
    written = 0
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for chunk in chunks:
            written += file.write(np.ascontiguousarray(chunk).data)
    if written != offset:
        raise ValueError(f"{path.name}: {written} bytes of values for a header of {offset}")
