"""JSON that is kept for long and read seldom. Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["PackedJson"]


class PackedJson(Mapping[str, Any]):
    """An object of JSON, kept as compressed text: as values it takes up to twenty times the room
    that it took in its sender's message."""

    __slots__ = ("_packed",)

    def __init__(self, value: Mapping[str, Any]) -> None:
        text = json.dumps(dict(value), ensure_ascii=False)
        self._packed = zlib.compress(text.encode(errors="surrogatepass"))

    @property
    def packed_bytes(self) -> int:
        """How much room it takes."""
        return len(self._packed)

    def __getitem__(self, name: str) -> Any:
        return self._value()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._value())

    def __len__(self) -> int:
        return len(self._value())

    def _value(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(
            zlib.decompress(self._packed).decode(errors="surrogatepass")
        )
        return value
