"""One short name for whatever a model gives: equal bits, equal name."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

import numpy as np

__all__ = ["digest"]

DIGEST_BYTES: Final = 16


def digest(value: Any) -> str:
    """BLAKE2b-128 of a value, in hexadecimal.

    Args:
        value: numbers, texts, numpy arrays, tensors, and tuples, lists, mappings and dataclasses
            of them. Of anything else only the name of its class counts.
    """
    found = hashlib.blake2b(digest_size=DIGEST_BYTES)
    _feed(found, value)
    return found.hexdigest()


def _feed(into: Any, value: Any) -> None:
    """Each value is told apart from its neighbours by its kind and its length."""
    if value is None or isinstance(value, bool | int):
        into.update(f"{value!r};".encode())
    elif isinstance(value, float):
        into.update(b"f" + struct.pack("<d", value))
    elif isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        into.update(b"s%d:" % len(text) + text)
    elif isinstance(value, np.ndarray):
        into.update(f"a{value.dtype.str}{value.shape}".encode())
        into.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8))
    elif isinstance(value, np.generic):
        _feed(into, np.asarray(value))
    elif isinstance(value, list | tuple):
        into.update(b"l%d:" % len(value))
        for item in value:
            _feed(into, item)
    elif isinstance(value, Mapping):
        into.update(b"m%d:" % len(value))
        for key in sorted(value):
            _feed(into, key)
            _feed(into, value[key])
    elif is_dataclass(value) and not isinstance(value, type):
        into.update(b"d" + type(value).__name__.encode())
        for field in fields(value):
            _feed(into, getattr(value, field.name))
    elif hasattr(value, "detach"):  # a tensor; torch is not imported here
        _feed(into, value.detach().cpu().numpy())
    else:
        into.update(b"?" + type(value).__name__.encode())
