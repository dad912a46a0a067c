"""A journal on the disk: one file a stream, appended chunk by chunk, readable up to where it ends.

    magic (8 bytes), then chunks: mark (4), length unpacked, length packed, CRC-32 of the packed
    (little-endian uint32 each), zlib

The first chunk is the head, JSON: the version, what the engine is and was set to. Every other one
holds entries: length of the JSON, length of the blob (uint32), both. A process that is killed loses
what it had not flushed, at most a second; what a chunk holds is whole or not there.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from model.engine.journal_entries import Entry, decoded, encoded

__all__ = ["SUFFIX", "VERSION", "JournalError", "JournalReader", "JournalWriter"]

SUFFIX: Final = ".journal"
VERSION: Final = 1
MAGIC: Final = b"CNTPJRN\n"
MARK: Final = b"CHNK"
MOST_CHUNK_BYTES: Final = 1 << 28
"""What a reader believes: a damaged length must not take all memory."""

_HEAD = struct.Struct("<4sIII")
_ENTRY = struct.Struct("<II")
_LEVEL: Final = 1


class JournalError(ValueError):
    """A file is no journal, or of another version; the message says which."""


class JournalWriter:
    """Appends to a new file, readable by its owner only.

    Args:
        path: must not exist.
        head: what the engine is; JSON.
    """

    def __init__(self, path: Path, head: Mapping[str, Any]) -> None:
        self.path = path
        self.written_bytes = 0
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file: IO[bytes] = os.fdopen(descriptor, "wb", buffering=0)
        self.written_bytes += self._file.write(MAGIC)
        self._chunk(json.dumps({"version": VERSION, **head}).encode())

    def add(self, entry: Entry) -> None:
        """Add an entry; it is on the disk after `flush`."""
        plain, blob = encoded(entry)
        text = json.dumps(plain, separators=(",", ":")).encode()
        packed = _ENTRY.pack(len(text), len(blob)) + text + blob
        self._waiting.append(packed)
        self._waiting_bytes += len(packed)

    @property
    def waiting_bytes(self) -> int:
        """What `flush` would write, before it is compressed."""
        return self._waiting_bytes

    def flush(self) -> None:
        """Write what was added as one chunk."""
        if self._waiting:
            payload, self._waiting, self._waiting_bytes = b"".join(self._waiting), [], 0
            self._chunk(payload)

    def close(self) -> None:
        """Flush, and write no more."""
        try:
            self.flush()
        finally:
            self._file.close()

    def _chunk(self, payload: bytes) -> None:
        packed = zlib.compress(payload, _LEVEL)
        head = _HEAD.pack(MARK, len(payload), len(packed), zlib.crc32(packed))
        self.written_bytes += self._file.write(head + packed)


class JournalReader:
    """Reads a journal from its beginning, as often as asked.

    Attributes:
        head: what the engine was.
        fault: after the entries were read: empty, or why they end before the file does.

    Raises:
        JournalError: the file is no journal of this version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fault = ""
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise JournalError(f"{path} is no journal of an engine")
            payload = self._read(file)
        if payload is None:
            raise JournalError(f"{path} is cut off in its head: {self.fault or 'it is empty'}")
        self.head: Mapping[str, Any] = json.loads(payload)
        self._begin = len(MAGIC) + _HEAD.size + _HEAD.unpack(self._head_bytes())[2]
        if self.head.get("version") != VERSION:
            raise JournalError(
                f"{path} is of version {self.head.get('version')}, read here is {VERSION}: "
                "replay it with the commit that wrote it"
            )

    def __iter__(self) -> Iterator[Entry]:
        """The entries, up to the end of the file or to the first chunk that is not whole."""
        self.fault = ""
        with self.path.open("rb") as file:
            file.seek(self._begin)
            while (payload := self._read(file)) is not None:
                yield from _entries(payload)

    def _head_bytes(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(len(MAGIC))
            return file.read(_HEAD.size)

    def _read(self, file: IO[bytes]) -> bytes | None:
        head = file.read(_HEAD.size)
        if not head:
            return None
        if len(head) < _HEAD.size:
            self.fault = "the file is cut off"
            return None
        mark, length, packed_length, check = _HEAD.unpack(head)
        if mark != MARK or max(length, packed_length) > MOST_CHUNK_BYTES:
            self.fault = "the file is damaged"
            return None
        packed = file.read(packed_length)
        if len(packed) < packed_length:
            self.fault = "the file is cut off"
            return None
        if zlib.crc32(packed) != check:
            self.fault = "the file is damaged"
            return None
        unpacking = zlib.decompressobj()
        payload = unpacking.decompress(packed, length + 1)
        if len(payload) != length or not unpacking.eof:
            self.fault = "the file is damaged"
            return None
        return payload


def _entries(payload: bytes) -> Iterator[Entry]:
    place = 0
    while place < len(payload):
        text_length, blob_length = _ENTRY.unpack_from(payload, place)
        place += _ENTRY.size
        text = payload[place : place + text_length]
        place += text_length
        yield decoded(json.loads(text), payload[place : place + blob_length])
        place += blob_length
