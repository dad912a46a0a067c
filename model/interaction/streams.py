"""The streams that Core reads, one token per micro-turn, and what it is taught: the format.

Row `k` of every input is what is known when the last sample of micro-turn `k` has arrived, and
nothing later; the decision of row `k` is heard from micro-turn `k + 1` on. Whoever makes such
arrays, live or for training, makes them as `INPUTS` and `LABELS` say, with a leading dimension of
micro-turns, and `check` tells what is wrong with them. Version 1; a change of any shape, order or
meaning is a new version, and a checkpoint names its version.

Own voice. *As sent* is what goes out of the steps as Playout paces it: what the step of `k` gives
begins to sound with `k + 1` and goes on without a gap; where nothing waits there is digital zero.
A cut fades over the first 40 ms of the micro-turn after it was decided. `queued` is of the same
account, after the sound of `k`; a draft that has not taken the floor is not in it.

Sound. `*_dmel` and `*_prosody` come from `model.nn.sound.Sound`, at 16 kHz for the person and at
24 kHz for our own voice *as sent*, at the time of sending, before any echo path; silence is
digital zero. The person's sound is what the microphone gave: with echo, noise, losses concealed.

Encoder. Means of the states of Ears' encoder over the last 0-0.2, 0.2-0.45, 0.45-0.9 and 0.9-1.8 s
of what it read (`pooled`). It reads the last 2 s, in every second micro-turn; the result enters
when it is ready, and is repeated, with growing age, until the next.

Words. At most `WORD_SLOTS` events enter in a micro-turn, oldest word first, slots from 0; of more,
the latest words are kept. An event is a word that was not told before, or was told otherwise
(`WORD_REVISED`), or was told and is withdrawn (`WORD_WITHDRAWN`, with the hash of the old word).
Whoever said it: what Ears heard of television or our echo is an event, too.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "BACKCHANNEL_PLACE",
    "DMEL_BANDS",
    "DMEL_BINS",
    "DMEL_HOPS",
    "ENCODER_POOLS",
    "ENCODER_POOL_SECONDS",
    "ENCODER_WIDTH",
    "EVENTS",
    "FLOORS",
    "INPUTS",
    "INTERRUPTION",
    "LABELS",
    "MOST_QUEUED_SECONDS",
    "NO_EVENT",
    "OTHER_SOUND",
    "OVERLAP",
    "PAUSE",
    "PERSON_STATES",
    "PICTURE_WIDTH",
    "PROJECTION_SECONDS",
    "PROSODY_FRAMES",
    "PROSODY_VALUES",
    "STREAMS_VERSION",
    "TURN_END",
    "WORD_CLAUSE",
    "WORD_QUESTION",
    "WORD_REVISED",
    "WORD_SENTENCE",
    "WORD_SLOTS",
    "WORD_TYPED",
    "WORD_WITHDRAWN",
    "Arrays",
    "Column",
    "check",
    "nothing",
    "pooled",
    "unfold_encoder",
    "word_flags",
    "word_hash",
]

Arrays = dict[str, npt.NDArray[Any]]
"""Columns by name, each `[micro-turns, …]`."""

STREAMS_VERSION: Final = 1

DMEL_HOPS: Final = 2
"""dMel frames in a micro-turn; frame `i` ends `(i + 1) * 50` ms after its start."""

DMEL_BANDS: Final = 80
DMEL_BINS: Final = 16
PROSODY_FRAMES: Final = 10
"""Prosody frames of 10 ms in a micro-turn."""

PROSODY_VALUES: Final = 3
"""Energy, voicing, pitch, as `model.nn.pitch_energy` scales them."""

ENCODER_POOL_SECONDS: Final = (0.0, 0.2, 0.45, 0.9, 1.8)
"""Edges of the pools, back from the end of what the encoder read."""

ENCODER_POOLS: Final = 4
ENCODER_WIDTH: Final = 288
WORD_SLOTS: Final = 4
PICTURE_WIDTH: Final = 64

MOST_QUEUED_SECONDS: Final = 3.0
"""More that is rendered and not sent counts as so much: an answer may be rendered whole."""

WORD_REVISED: Final = 1
WORD_WITHDRAWN: Final = 2
WORD_CLAUSE: Final = 4
"""Ends with a comma, semicolon, colon or dash, or trails off in dots."""

WORD_SENTENCE: Final = 8
"""Ends with a full stop, exclamation or question mark."""

WORD_QUESTION: Final = 16
WORD_TYPED: Final = 32

FLOORS: Final = ("listen", "take", "hold", "yield", "backchannel")
"""Order of the floor's classes: `model.messages.FloorDecision`.

listen: we are silent and are to stay so. take: it is for us to speak, and nothing of ours has been
sent yet. hold: we speak or have a sentence under way, and go on. yield: we speak and are to stop;
from the micro-turn in which the interruption begins until our last sample. backchannel: we are
silent, and a "mhm" may begin here.
"""

PERSON_STATES: Final = (
    "speaking",
    "pausing",
    "finished",
    "acknowledging",
    "elsewhere",
    "silent",
)
"""Order of the person's states: `model.messages.PersonDoing`.

speaking: to us. pausing: silent, will go on. finished: the turn is over and not yet answered.
acknowledging: "mhm". elsewhere: to somebody else, or other voices, or noise that could be taken for
speech. silent: nothing is owed.
"""

PROJECTION_SECONDS: Final = ((0.0, 0.2), (0.2, 0.6), (0.6, 1.2), (1.2, 2.0))
"""The windows, from the end of micro-turn `k` on, in which voice activity is foretold."""

NO_EVENT: Final = 0
TURN_END: Final = 1
"""From the micro-turn of the person's last voiced sample until our answer: `take` is due."""

PAUSE: Final = 2
"""From the last voiced sample before a pause until the person goes on: `take` is wrong."""

INTERRUPTION: Final = 3
"""From the onset of a real interruption over our voice until we are silent: `yield` is due."""

OVERLAP: Final = 4
"""A backchannel, cough, laugh, noise or other voice over ours and 1 s after: `yield` is wrong."""

BACKCHANNEL_PLACE: Final = 5
"""A place for a backchannel of ours, ± 0.5 s."""

OTHER_SOUND: Final = 6
"""Speech not meant for us, noise, or an acknowledgement while we are silent, and 2 s after:
`take` is wrong."""

EVENTS: Final = (
    "none",
    "turn end",
    "pause",
    "interruption",
    "overlap",
    "backchannel place",
    "other sound",
)


@dataclass(frozen=True, slots=True)
class Column:
    """One array: `[micro-turns, *shape]` of `dtype`, values in [`least`, `most`].

    `absent` is what a micro-turn in which the stream says nothing holds.
    """

    dtype: str
    shape: tuple[int, ...]
    least: float
    most: float
    absent: float
    meaning: str


_DMEL: Final = (DMEL_HOPS, DMEL_BANDS)
_PROSODY: Final = (PROSODY_FRAMES, PROSODY_VALUES)
_POOLS: Final = (ENCODER_POOLS, ENCODER_WIDTH)
_AGE: Final = 32_000.0

INPUTS: Final[Mapping[str, Column]] = {
    "person_dmel": Column("uint8", _DMEL, 0, 15, 0, "bin of each band of the microphone"),
    "person_prosody": Column("float16", _PROSODY, -8, 8, 0, "energy, voicing, pitch"),
    "own_dmel": Column("uint8", _DMEL, 0, 15, 0, "the same of our voice as sent"),
    "own_prosody": Column("float16", _PROSODY, -8, 8, 0, "the same of our voice as sent"),
    "encoder": Column("float16", _POOLS, -1000, 1000, 0, "pooled encoder states, latest first"),
    "encoder_age": Column(
        "int16", (), -1, _AGE, -1, "k minus the last micro-turn the encoder read; -1: none yet"
    ),
    "word_hash": Column("uint32", (WORD_SLOTS,), 0, 2**32 - 1, 0, "`word_hash`; 0: no event"),
    "word_age": Column(
        "int16", (WORD_SLOTS,), 0, _AGE, 0, "k minus the micro-turn in which the word ended"
    ),
    "word_flags": Column("uint8", (WORD_SLOTS,), 0, 63, 0, "sum of the WORD_ constants"),
    "queued": Column(
        "float16",
        (2,),
        0,
        1000,
        0,
        "of what we are saying: words whose sound has not been sent, rendered or not; "
        "seconds of rendered sound not sent",
    ),
    "belief": Column(
        "float16", (), 0, 1, 0, "Language's probability that the person's text is a whole thought"
    ),
    "message": Column(
        "float16", (), 0, 1, 0, "Language's probability that nothing more is said, if it is whole"
    ),
    "belief_age": Column(
        "int16", (), -1, _AGE, -1, "k minus the micro-turn whose words it was about; -1: none"
    ),
    "picture": Column("float16", (PICTURE_WIDTH,), -1000, 1000, 0, "embedding of the last frame"),
    "picture_age": Column("int16", (), -1, _AGE, -1, "k minus the frame's micro-turn; -1: none"),
    "k": Column("int64", (), 0, 2**62, 0, "the micro-turn's number; only its phase is used"),
}
"""What Core reads. Time since anybody's last activity is not given: it is learnt."""

LABELS: Final[Mapping[str, Column]] = {
    "floor": Column("int8", (), -1, 4, -1, "index in FLOORS; -1: unknown"),
    "floor_weight": Column("float16", (), 0, 100, 0, "0: does not count"),
    "person": Column("int8", (), -1, 5, -1, "index in PERSON_STATES; -1: unknown"),
    "person_weight": Column("float16", (), 0, 100, 0, "0: does not count"),
    "projection": Column(
        "float16",
        (2, 4),
        -1,
        1,
        -1,
        "share of each window of PROJECTION_SECONDS in which the person [0] speaks (to anybody, "
        "clean of noise and echo) and we [1] speak (as sent); -1: unknown",
    ),
    "projection_weight": Column("float16", (), 0, 100, 0, "0: does not count"),
    "event": Column("uint8", (), 0, 6, 0, "what is due or wrong now, index in EVENTS"),
    "event_age": Column(
        "int16", (), 0, _AGE, 0, "micro-turns since the event began; 0 in its first, then 1, 2, …"
    ),
    "teacher_end": Column(
        "float16", (), -1, 1, -1, "a pretrained model's probability of a finished turn; -1: none"
    ),
    "live": Column("bool", (), 0, 1, 0, "false where a conversation was padded"),
}
"""What Core is taught."""

_OF_A_WORD: Final = re.compile(r"[^a-z0-9']+")


def word_hash(text: str) -> int:
    """The 32-bit hash of a word, in [1, 2**32): case and punctuation do not count."""
    plain = _OF_A_WORD.sub("", text.lower().replace("’", "'")).strip("'")
    return zlib.crc32(plain.encode()) or 1


def word_flags(text: str, revised: bool = False, withdrawn: bool = False) -> int:
    """The flags of a recognised word with its punctuation ("there?")."""
    plain = text.strip().rstrip("\"'”’)")
    flags = WORD_REVISED * revised + WORD_WITHDRAWN * withdrawn
    if plain.endswith(("...", "…", ",", ";", ":", "-", "–", "—")):
        return flags + WORD_CLAUSE
    if plain.endswith("?"):
        return flags + WORD_SENTENCE + WORD_QUESTION
    return flags + WORD_SENTENCE * plain.endswith((".", "!"))


def pooled(states: npt.NDArray[np.float32], hop_seconds: float) -> npt.NDArray[np.float16]:
    """Means of encoder states `[frames, width]` over the pools, `[4, width]`; an empty one is 0.

    A frame belongs to the pool that its middle falls into, counted back from the last one's end.
    """
    back = (len(states) - 0.5 - np.arange(len(states))) * hop_seconds
    pools = np.zeros((ENCODER_POOLS, states.shape[1]), np.float16)
    for i in range(ENCODER_POOLS):
        inside = (back >= ENCODER_POOL_SECONDS[i]) & (back < ENCODER_POOL_SECONDS[i + 1])
        if inside.any():
            pools[i] = states[inside].mean(0)
    return pools


def unfold_encoder(states: npt.NDArray[np.float16], index: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The column `encoder` from its stored form: one entry per refresh instead of micro-turn.

    Args:
        states: float16 `[refreshes, 4, 288]`.
        index: for each micro-turn the refresh it holds, -1 for none, `[micro-turns]`.
    """
    empty = np.zeros((1, *_POOLS), np.float16)
    return np.concatenate([states, empty])[np.where(index < 0, len(states), index)]


def nothing(columns: Mapping[str, Column], micro_turns: int) -> Arrays:
    """Arrays of a time in which nothing happens; `k` counts from 0."""
    made: Arrays = {
        name: np.full((micro_turns, *column.shape), column.absent, column.dtype)
        for name, column in columns.items()
    }
    if "k" in made:
        made["k"] = np.arange(micro_turns, dtype=np.int64)
    return made


def check(arrays: Mapping[str, npt.NDArray[Any]], columns: Mapping[str, Column]) -> None:
    """Raise ValueError that names the first column which is not as `columns` says."""
    if arrays.keys() != columns.keys():
        raise ValueError(f"columns {sorted(arrays.keys() ^ columns.keys())} are missing or unknown")
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns differ in length: {lengths}")
    for name, column in columns.items():
        array = arrays[name]
        if array.dtype != np.dtype(column.dtype) or array.shape[1:] != column.shape:
            raise ValueError(
                f"{name} is {array.dtype} {array.shape[1:]}, not {column.dtype} {column.shape}"
            )
        if len(array) and not (array.min() >= column.least and array.max() <= column.most):
            raise ValueError(
                f"{name} holds {array.min()} to {array.max()}, "
                f"outside {column.least} to {column.most}"
            )
