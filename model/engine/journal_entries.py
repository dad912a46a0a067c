"""What a journal holds: one entry for each thing that entered the model, in order.

    Opened, then any number of Submitted, Sampled, Ran, Stepped, then Closed

`Ran` stands where the piece ended, `Stepped` where the micro-turn was committed. What a job posted
waits until a `Stepped` names it. Done again in this order, on the same build, a stream gives the
same bits; the digests tell.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model import messages, orders, sight
from model.engine.pieces import Ended
from model.messages import MicroTurnInput, OpenStream
from model.sight import SightSource

__all__ = [
    "Closed",
    "Entry",
    "Opened",
    "Ran",
    "Sampled",
    "Stepped",
    "Stopped",
    "Submitted",
    "Withheld",
    "decoded",
    "encoded",
]


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream was given a row."""

    opening: OpenStream
    row: int


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job began to wait; jobs of one micro-turn come in the order in which they were made."""

    number: int
    lane: str


@dataclass(frozen=True, slots=True)
class Ran:
    """A piece of job `number` was run.

    Attributes:
        number: of the job.
        ended: how it ended; see `model.engine.pieces`.
        pauses: how many pauses it came to.
        posted: its value waits for the stream.
        value: digest of the value that was posted, else empty.
    """

    number: int
    ended: Ended
    pauses: int = 0
    posted: bool = False
    value: str = ""


@dataclass(frozen=True, slots=True)
class Sampled:
    """Tokens were sampled for jobs of this stream, in one batch.

    Attributes:
        numbers: of the jobs.
        tokens: of each of them.
        rows: all rows of Language in the batch, those of other streams too.
    """

    numbers: tuple[int, ...]
    tokens: tuple[int, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """A picture that the model was given and the journal was not to keep."""

    source: SightSource
    at_samples: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Stepped:
    """A micro-turn was committed, or failed.

    Attributes:
        turn: what came in, without the pictures that were withheld.
        entered: numbers of the jobs whose results entered, in order.
        speech: digest of the samples that went out.
        events: digest of the events.
        senses: digest of the probabilities behind the decision; empty where the model gives none.
        together: how many streams were stepped in this tick.
        failed: the model raised; nothing went out.
        withheld: what there was to see, where pictures are not kept.
    """

    turn: MicroTurnInput
    entered: tuple[int, ...] = ()
    speech: str = ""
    events: str = ""
    senses: str = ""
    together: int = 1
    failed: bool = False
    withheld: tuple[Withheld, ...] = ()


@dataclass(frozen=True, slots=True)
class Closed:
    """The stream is over; `reason` is empty when the server asked for it."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The journal ends here, though the stream may have gone on: `overflow`, `full` or `ended`."""

    why: str


Entry = Opened | Submitted | Sampled | Ran | Stepped | Closed | Stopped

_ENTRIES: Final = {
    one.__name__: one for one in (Opened, Submitted, Sampled, Ran, Stepped, Closed, Stopped)
}
_PARTS: Final = {Withheld.__name__: Withheld}
_KIND = "$"
_ARRAY = "@"
_MAPPING = "%"


def encoded(entry: Entry) -> tuple[dict[str, Any], bytes]:
    """An entry as plain JSON, and the bytes of its arrays."""
    blobs: list[bytes] = []
    plain: dict[str, Any] = _plain(entry, blobs)
    return plain, b"".join(blobs)


def decoded(plain: dict[str, Any], blob: bytes) -> Entry:
    """The inverse of `encoded`.

    Raises:
        ValueError: it is no entry of this version.
    """
    entry, left = _value(plain, blob)
    if left or type(entry).__name__ not in _ENTRIES:
        raise ValueError("an entry of the journal is not as this version writes it")
    found: Entry = entry
    return found


def _plain(value: Any, blobs: list[bytes]) -> Any:
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value)
        whole = _as_int16(array)
        if whole is not None:
            blobs.append(_planes(whole))
            return {_ARRAY: "audio16", "shape": list(array.shape)}
        blobs.append(_planes(array))
        return {_ARRAY: array.dtype.str, "shape": list(array.shape)}
    if is_dataclass(value) and not isinstance(value, type):
        named = {one.name: _plain(getattr(value, one.name), blobs) for one in fields(value)}
        return {_KIND: type(value).__name__, **named}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return [_plain(item, blobs) for item in value]
    if isinstance(value, dict):
        return {_MAPPING: [[key, _plain(item, blobs)] for key, item in value.items()]}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"a journal cannot hold a {type(value).__name__}")


def _value(plain: Any, blob: bytes) -> tuple[Any, bytes]:
    """A value and what is left of the blob: arrays lie in it in the order of the fields."""
    if isinstance(plain, list):
        items = []
        for item in plain:
            found, blob = _value(item, blob)
            items.append(found)
        return tuple(items), blob  # messages hold tuples only
    if not isinstance(plain, dict):
        return plain, blob
    if _ARRAY in plain:
        return _array(plain[_ARRAY], tuple(plain["shape"]), blob)
    if _MAPPING in plain:
        pairs, blob = _value(plain[_MAPPING], blob)
        return dict(pairs), blob
    kind = str(plain.get(_KIND))
    named = [getattr(part, kind) for part in (messages, orders, sight) if kind in part.__all__]
    made = _ENTRIES.get(kind) or _PARTS.get(kind) or (named[0] if named else None)
    if made is None or not is_dataclass(made):
        raise ValueError(f"a journal of this version holds no {kind!r}")
    known = {one.name for one in fields(made)}
    if unknown := sorted(plain.keys() - known - {_KIND}):
        raise ValueError(f"{kind} has no {unknown}: the journal is of another version")
    values = {}
    for name, item in plain.items():
        if name != _KIND:
            values[name], blob = _value(item, blob)
    return made(**values), blob


def _array(kind: str, shape: tuple[int, ...], blob: bytes) -> tuple[npt.NDArray[Any], bytes]:
    stored = np.dtype("<i2" if kind == "audio16" else kind)
    if stored.hasobject or any(size < 0 for size in shape):
        raise ValueError(f"an array of {kind} cannot be read")
    size = int(np.prod(shape, dtype=np.int64)) * stored.itemsize
    if size > len(blob):
        raise ValueError("an array of the journal is cut off")
    planes = np.frombuffer(blob[:size], np.uint8).reshape(stored.itemsize, -1)
    array = np.ascontiguousarray(planes.T).reshape(-1).view(stored).reshape(shape)
    if kind == "audio16":
        array = array.astype(np.float32) / np.float32(32768)
    return array, blob[size:]


def _as_int16(array: npt.NDArray[Any]) -> npt.NDArray[np.int16] | None:
    """The same samples in half the bytes, where they are the same to the bit."""
    if array.dtype != np.float32 or not array.size or not np.abs(array).max() < 1.0:
        return None
    whole = np.rint(array * np.float32(32768)).clip(-32768, 32767).astype("<i2")
    same = (whole.astype(np.float32) / np.float32(32768)).tobytes() == array.tobytes()
    return whole if same else None


def _planes(array: npt.NDArray[Any]) -> bytes:
    """All first bytes, then all second bytes, …: alike bytes lie together and compress better."""
    whole = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return np.ascontiguousarray(whole.reshape(-1, array.dtype.itemsize).T).tobytes()
