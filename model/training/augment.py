"""What is done to crops so that Core can do without a stream, with a late one, with another level.

No audio is needed for any of it. Our own voice is never touched: it is always known exactly.

Few voices and rooms are learnt by heart: after twenty times through 15 hours 3 % of the pauses of
training were taken and 12 % of those of dev. So each crop is heard through another throat and
device (bands, tilt, pitch), and the encoder's states lose something else each time.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from model.interaction import streams
from model.interaction.core_floor import MOST_REFRESH_MICRO_TURNS, QUIET_MICRO_TURNS
from model.interaction.hearing import DOUBTED_OVER_MICRO_TURNS, OVER_MICRO_TURNS
from model.interaction.overdue import VOICES
from model.training.dataset import Crop

__all__ = ["Augmentation", "augment"]

WORDS_A_SECOND = 2.8
"""Of our voice, pauses between sentences included."""

BIN_ENERGY = 5.625 / 30
"""A dMel step in the unit of prosody's energy."""

PARTS_OVER_US = 8
"""More than a crop has; a ninth gets the level of the first."""

MARGIN_OVER_US = 10
"""Micro-turns before and behind the person's sound in which its level may change."""

BREAK_OVER_US = 5
"""Silent micro-turns that end what the person says."""

OURS = tuple(streams.FLOORS.index(name) for name in ("hold", "yield"))

PITCHES = (-1.4, 1.8)
"""What prosody's pitch can be, in octaves above 150 Hz; 0 where nothing is voiced."""

STATE_SPREAD = 0.2
"""Standard deviation of a feature of the encoder's states over a shard, the median of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How often and how much. Chances are of a whole crop unless said otherwise.

    Attributes:
        no_encoder: no states of the encoder at all.
        late_encoder: its states come up to so many micro-turns later.
        encoder_stall: chance of a stretch of up to two seconds in which it says nothing new.
        encoder_rests: chance that it is asked as rarely as live where nobody is there.
        no_words: Ears say nothing.
        late_words: their words come up to so many micro-turns later.
        unknown_word: chance of each word to be one that was never heard before.
        no_marks: punctuation is not told.
        no_belief: Language's belief is not known.
        late_belief: it comes up to so many micro-turns later still than the words it is about.
        level: the microphone is louder or softer by up to so many dMel steps of 5.6 dB.
        level_over_us: so is, each by itself, what is said over our speech.
        noisy_bin: chance of each of the person's bins to be one higher or lower.
        not_rendered: of the words queued only those are told whose sound is rendered. What is said
            is thought of while it is said, so live they are all that is known.
        clock: the micro-turns' numbers begin anywhere.
        warp: the person's bands lie up to this share higher or lower: another length of the throat.
        tilt: the highest band is up to so many dMel steps louder or softer than the lowest.
        masked_bands: up to so many bands in a row are not heard, twice.
        no_bands: none of the person's bands are heard: voices are known by heart from them, while
            states, pitch and energy are alike for those that were never heard.
        pitch: the person's pitch is up to so many octaves higher or lower.
        encoder_noise: of the encoder's states, each with its own, as a share of their spread.
        encoder_gone: share of the encoder's features that are not told.
    """

    no_encoder: float = 0.1
    late_encoder: int = 2
    encoder_stall: float = 0.2
    encoder_rests: float = 0.5
    no_words: float = 0.1
    late_words: int = 3
    unknown_word: float = 0.15
    no_marks: float = 0.1
    no_belief: float = 0.3
    late_belief: int = 2
    level: int = 2
    level_over_us: int = 1
    noisy_bin: float = 0.05
    not_rendered: float = 0.7
    clock: bool = True
    warp: float = 0.12
    tilt: int = 2
    masked_bands: int = 12
    no_bands: float = 0.2
    pitch: float = 0.4
    encoder_noise: float = 0.5
    encoder_gone: float = 0.15

    def __post_init__(self) -> None:
        """Raise ValueError for what is no chance or no length."""
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if value < 0 or (isinstance(value, float) and value > 1):
                raise ValueError(f"{name} must be a chance in [0, 1] or a length of 0 or more")


NOTHING = Augmentation(
    no_encoder=0.0, late_encoder=0, encoder_stall=0.0, encoder_rests=0.0, no_words=0.0,
    late_words=0, unknown_word=0.0, no_marks=0.0, no_belief=0.0, late_belief=0, level=0,
    noisy_bin=0.0, not_rendered=0.0, level_over_us=0, clock=False, warp=0.0, tilt=0,
    masked_bands=0, no_bands=0.0, pitch=0.0, encoder_noise=0.0, encoder_gone=0.0,
)  # fmt: skip
"""Crops as they are."""


def augment(crop: Crop, how: Augmentation, generator: np.random.Generator) -> None:
    """Change the crop in place; draws do not depend on what the crop holds."""
    _encoder(crop, how, generator)
    late, gone = _words(crop.inputs, how, generator)
    own, unknown = int(generator.integers(0, how.late_belief + 1)), generator.random()
    _belief(crop.inputs, late + own, own)
    if gone or unknown < how.no_belief:
        crop.inputs["belief"][:], crop.inputs["message"][:] = 0.0, 0.0
        crop.inputs["belief_age"][:] = -1
    _level(crop.inputs, how, generator)
    _level_over_us(crop, how, generator)
    if generator.random() < how.not_rendered:
        words, rendered = (crop.inputs["queued"][:, part] for part in (0, 1))
        words[:] = np.minimum(words, np.ceil(rendered * WORDS_A_SECOND))
    shift = int(generator.integers(0, 6000))
    if how.clock:
        crop.inputs["k"] += shift
    _throat(crop.inputs, how, generator)
    _blurred(crop.states, how, generator)


def _encoder(crop: Crop, how: Augmentation, generator: np.random.Generator) -> None:
    age = crop.inputs["encoder_age"]
    late = int(generator.integers(0, how.late_encoder + 1))
    stall, share = generator.random() < how.encoder_stall, generator.random()
    stalled = int(generator.integers(3, 21))
    gone, rests = generator.random() < how.no_encoder, generator.random() < how.encoder_rests
    if rests:
        _rested(crop, generator)
    if late:
        crop.refresh[late:] = crop.refresh[:-late].copy()
        age[late:] = np.where(age[:-late] < 0, -1, age[:-late] + late)
        crop.refresh[:late], age[:late] = -1, -1
    if stall:
        first = int(share * len(age))
        held = slice(first, first + stalled)
        count = len(age[held])
        crop.refresh[held] = crop.refresh[first]
        age[held] = age[first] + np.arange(count) if age[first] >= 0 else -1
    if gone:
        crop.refresh[:], age[:] = -1, -1


def _rested(crop: Crop, generator: np.random.Generator) -> None:
    """What the encoder says stays for `MOST_REFRESH_MICRO_TURNS` where live asks no more often
    (`core_floor`): behind some quiet, once the segment that was heard is closed. When that is live
    decides by Core's doubts, which are not known here: drawn for each silence."""
    person, floor = crop.labels["person"], crop.labels["floor"]
    at = np.arange(len(person))
    voice = np.maximum.accumulate(np.where(np.isin(person, VOICES), at, -1))
    ours = np.isin(floor, OURS)
    begun = np.maximum.accumulate(np.where(ours & ~np.pad(ours, (1, 0))[:-1], at, -1))
    drawn = generator.choice((OVER_MICRO_TURNS, DOUBTED_OVER_MICRO_TURNS), len(person))
    longest = drawn[np.maximum(voice, 0)]
    closed = (voice < 0) | (begun > voice) | (at - voice >= longest)
    rests = closed & (at - voice >= QUIET_MICRO_TURNS)
    age = crop.inputs["encoder_age"]
    kept = 0
    for k in at[1:]:
        if not rests[k] or k - kept >= MOST_REFRESH_MICRO_TURNS:
            kept = int(k)
        elif age[kept] >= 0:
            crop.refresh[k] = crop.refresh[kept]
            age[k] = age[kept] + k - kept


def _belief(inputs: streams.Arrays, late: int, own: int) -> None:
    """At least as much later as the words it is about: a judgement of them never comes before. By
    `own` of it the judging itself is slower."""
    age = inputs["belief_age"]
    if late:
        for column, nothing in ((inputs["belief"], 0.0), (inputs["message"], 0.0), (age, -1)):
            column[late:] = column[:-late].copy()
            column[:late] = nothing
        age[age >= 0] += own


def _words(
    inputs: streams.Arrays, how: Augmentation, generator: np.random.Generator
) -> tuple[int, bool]:
    """Returns how much later they come, and whether none does."""
    hashes, age, flags = (inputs[name] for name in ("word_hash", "word_age", "word_flags"))
    late = int(generator.integers(0, how.late_words + 1))
    unknown = generator.random(hashes.shape) < how.unknown_word
    others = generator.integers(1, 2**32, hashes.shape, dtype=np.uint32)
    unmarked = generator.random() < how.no_marks
    gone = generator.random() < how.no_words
    hashes[unknown & (hashes > 0)] = others[unknown & (hashes > 0)]
    if unmarked:
        flags &= ~np.uint8(streams.WORD_CLAUSE | streams.WORD_SENTENCE | streams.WORD_QUESTION)
    if late:
        for column in (hashes, age, flags):
            column[late:] = column[:-late].copy()
            column[:late] = 0
        age[hashes > 0] += late
    if gone:
        for column in (hashes, age, flags):
            column[:] = 0
    return late, gone


def _level(inputs: streams.Arrays, how: Augmentation, generator: np.random.Generator) -> None:
    _louder(inputs, np.full(len(inputs["k"]), generator.integers(-how.level, how.level + 1)))
    if how.noisy_bin:
        bins = inputs["person_dmel"]
        drawn = generator.integers(0, 256, bins.shape, dtype=np.uint8)
        most = round(256 * how.noisy_bin / 2)
        change = (drawn < most).astype(np.int8) - (drawn >= 256 - most).astype(np.int8)
        inputs["person_dmel"] = _shifted(bins, change)


def _level_over_us(crop: Crop, how: Augmentation, generator: np.random.Generator) -> None:
    """The level changes with neither the event's first sound nor its last label, which is where we
    stop: a jump of the noise floor there would tell an interruption from an "okay"."""
    drawn = generator.integers(-how.level_over_us, how.level_over_us + 1, PARTS_OVER_US)
    margins = generator.integers(0, MARGIN_OVER_US + 1, (PARTS_OVER_US, 2))
    if not drawn.any():
        return
    over = np.isin(crop.labels["event"], (streams.INTERRUPTION, streams.OVERLAP))
    begins = over & ((crop.labels["event_age"] == 0) | ~np.pad(over, (1, 0))[:-1])
    numbers = np.cumsum(begins)
    voice = np.isin(crop.labels["person"], VOICES)
    steps = np.zeros(len(over), np.int64)
    for number in range(1, int(numbers[-1]) + 1):
        its = np.flatnonzero(over & (numbers == number))
        end = _end_of_speech(voice, int(its[0]), int(its[-1]) + 1)
        before, behind = margins[number % PARTS_OVER_US]
        steps[max(its[0] - before, 0) : end + behind] = drawn[number % PARTS_OVER_US]
    _louder(crop.inputs, steps)


def _end_of_speech(voice: npt.NDArray[np.bool_], first: int, otherwise: int) -> int:
    """One past the last micro-turn of what the person begins to say about `first`; `otherwise`
    where they say nothing."""
    spoken = first + np.flatnonzero(voice[first:])
    if not len(spoken) or spoken[0] > first + BREAK_OVER_US:
        return otherwise
    breaks = np.flatnonzero(np.diff(spoken) > BREAK_OVER_US)
    return int(spoken[breaks[0]] if len(breaks) else spoken[-1]) + 1


def _louder(inputs: streams.Arrays, steps: npt.NDArray[np.int64]) -> None:
    """The person by so many dMel steps in each micro-turn."""
    if not steps.any():
        return
    bins, energy = inputs["person_dmel"], inputs["person_prosody"][..., 0]
    inputs["person_dmel"] = _shifted(bins, steps.astype(np.int8)[:, None, None])
    louder = np.clip(energy + (steps * BIN_ENERGY).astype(np.float16)[:, None], 0, 3)
    inputs["person_prosody"][..., 0] = np.where(energy > 0, louder, energy)


def _shifted(
    bins: npt.NDArray[np.uint8], steps: npt.NDArray[np.int8] | np.int8
) -> npt.NDArray[np.uint8]:
    """Silence stays silence: digital zero has no level."""
    moved = np.clip(bins.astype(np.int8) + steps, 0, streams.DMEL_BINS - 1).astype(np.uint8)
    return np.where(bins > 0, moved, bins)


def _throat(inputs: streams.Arrays, how: Augmentation, generator: np.random.Generator) -> None:
    """Another person with another microphone: bands stretched, tilted, some missing; pitch."""
    warp, tilt, pitch = generator.uniform(-1, 1, 3) * (how.warp, how.tilt, how.pitch)
    starts, widths = generator.random(2), generator.random(2)
    gone = generator.random() < how.no_bands
    bins, prosody = inputs["person_dmel"], inputs["person_prosody"]
    bands = np.arange(streams.DMEL_BANDS)
    heard = np.clip(np.round(bands * (1 + warp)), 0, streams.DMEL_BANDS - 1).astype(np.int64)
    steps = np.round(tilt * (bands / (streams.DMEL_BANDS - 1) - 0.5)).astype(np.int8)
    changed = _shifted(bins[..., heard], steps)
    for start, width in zip(starts, widths, strict=True):
        first = int(start * streams.DMEL_BANDS)
        changed[..., first : first + int(width * (how.masked_bands + 1))] = 0
    inputs["person_dmel"] = np.zeros_like(changed) if gone else changed
    voiced = prosody[..., 2]
    moved = np.clip(voiced + np.float16(pitch), *PITCHES)
    prosody[..., 2] = np.where(voiced != 0, moved, 0)


def _blurred(
    states: npt.NDArray[np.float16], how: Augmentation, generator: np.random.Generator
) -> None:
    """The encoder's states, in place: noise on each, and features that are missing throughout."""
    gone = generator.random(states.shape[-1]) < how.encoder_gone
    if how.encoder_noise:
        # Last of all draws: how many there are depends on the crop.
        noise = generator.standard_normal(states.shape, np.float32)
        # An empty pool is digital zero and stays so.
        there = states.any(-1, keepdims=True)
        states += (noise * there * how.encoder_noise * STATE_SPREAD).astype(np.float16)
    states[..., gone] = 0
