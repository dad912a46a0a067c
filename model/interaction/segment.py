"""A person's stretch of speech while it grows: which audio is still open, which words are settled.

Pure values, no torch. The recogniser reads the whole open audio again for every partial, so the
open audio is bounded: once it is long, the words before a pause are settled, and their audio is
let go. Settled words never change; the words of a segment are the settled ones and the open ones.

    segment = Segment.begin(before_and_first_block, start_seconds)
    segment = segment.add(block)                        # every micro-turn
    words = yield from ears.transcribe(segment.audio, segment.guess)
    segment = segment.recognised(words, asked)          # `asked` is the segment as it was asked
    segment.words                                       # in seconds of the stream
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from model.messages import Audio, Word
from model.timebase import HEARING_RATE, samples, seconds

__all__ = ["LONGEST_SECONDS", "Segment", "shifted", "stable_prefix"]

LONGEST_SECONDS: Final = 12.0
"""The most open audio a segment gives to the recogniser."""

SETTLE_SECONDS: Final = 6.0
"""Open audio longer than this is settled up to its last clear pause."""

MUST_SETTLE_SECONDS: Final = 10.0
"""Open audio longer than this is settled at its best word boundary, pause or not."""

UNSETTLED_SECONDS: Final = 1.5
"""Words may still change while less than this was heard after them."""

PAUSE_SECONDS: Final = 0.2
"""A gap between two words is a clear pause from this length on."""

QUIET_SHARE: Final = 0.1
"""And if its level stays under this share of the speech's."""

ENVELOPE_SAMPLES: Final = 320
"""Resolution of the level: 20 ms."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of speech, from a little before its first sound.

    Attributes:
        blocks: the open audio, float32 at 16 kHz, oldest first.
        start_seconds: where the open audio starts, in seconds of the stream.
        settled: words whose audio has been let go.
        open_words: words last recognised in the open audio; they may change.
    """

    blocks: tuple[Audio, ...]
    start_seconds: float
    settled: tuple[Word, ...] = ()
    open_words: tuple[Word, ...] = ()

    @classmethod
    def begin(cls, audio: Audio, start_seconds: float) -> Segment:
        """A segment of the audio so far: about 0.3 s before the first voice, and the voice."""
        return cls((audio,), start_seconds)

    def add(self, block: Audio) -> Segment:
        """The segment with the next block of audio."""
        return replace(self, blocks=(*self.blocks, block))

    @property
    def audio(self) -> Audio:
        """What to transcribe next: the open audio, at most `LONGEST_SECONDS` of it."""
        return np.concatenate(self.blocks)[: samples(LONGEST_SECONDS, HEARING_RATE)]

    @property
    def guess(self) -> tuple[Word, ...]:
        """What to expect at the beginning of `audio`; saves the recogniser work."""
        return self.open_words

    @property
    def end_seconds(self) -> float:
        """Where the audio heard so far ends, in seconds of the stream."""
        return self.start_seconds + seconds(sum(map(len, self.blocks)), HEARING_RATE)

    @property
    def words(self) -> tuple[Word, ...]:
        """All words so far, in seconds of the stream."""
        return self.settled + self.open_words

    @property
    def is_behind(self) -> bool:
        """Whether there is more open audio than one transcription takes."""
        return self.end_seconds - self.start_seconds > LONGEST_SECONDS + 1e-6

    def recognised(self, words: Sequence[Word], asked: Segment) -> Segment:
        """The segment with the outcome of one transcription, settled as far as is due.

        Args:
            words: what was recognised in `asked.audio`, in seconds from its first sample.
            asked: this segment as it was when it was asked; blocks may have been added since.
                An answer to audio that has been let go in the meantime changes nothing.
        """
        if abs(asked.start_seconds - self.start_seconds) > 1e-6:
            return self
        fresh = shifted(words, self.start_seconds)
        audio = asked.audio
        count, cut_samples = _settle(audio, words, must=len(audio) < asked._length)
        if not cut_samples:
            return replace(self, open_words=fresh)
        rest = np.concatenate(self.blocks)[cut_samples:]
        return Segment(
            blocks=(rest,),
            start_seconds=self.start_seconds + seconds(cut_samples, HEARING_RATE),
            settled=self.settled + fresh[:count],
            open_words=fresh[count:],
        )

    @property
    def _length(self) -> int:
        return sum(map(len, self.blocks))


def shifted(words: Sequence[Word], by_seconds: float) -> tuple[Word, ...]:
    """The words, `by_seconds` later."""
    return tuple(
        Word(word.text, word.start_seconds + by_seconds, word.end_seconds + by_seconds)
        for word in words
    )


def stable_prefix(before: Sequence[Word], after: Sequence[Word]) -> int:
    """How many words two successive partials have in common from the start.

    Case and punctuation do not count: "yes." and "Yes," are the same word.
    """
    count = 0
    for old, new in zip(before, after, strict=False):
        if _bare(old.text) != _bare(new.text):
            break
        count += 1
    return count


def _bare(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _settle(audio: Audio, words: Sequence[Word], must: bool) -> tuple[int, int]:
    """How many words to settle and how many samples to let go; zeros when nothing is due."""
    duration = seconds(len(audio), HEARING_RATE)
    if duration <= SETTLE_SECONDS:
        return 0, 0
    must = must or duration > MUST_SETTLE_SECONDS
    level = _level(audio)
    speech = float(np.percentile(level, 90))
    best: tuple[float, int, int] | None = None
    for count in range(len(words) + 1):
        first, last = _gap(words, count, duration - UNSETTLED_SECONDS)
        if last < first:
            continue
        place, quietest, quiet_seconds = _quietest(level, first, last, speech * QUIET_SHARE)
        if quiet_seconds >= PAUSE_SECONDS:
            best = (-1.0, count, place)  # The latest clear pause wins over any other boundary.
        elif must and place > len(audio) // 2 and (best is None or quietest < best[0]):
            best = (quietest, count, place)
    if best is None:
        # No boundary at all: words that cannot be placed are given up with their audio.
        return (len(words), samples(duration - UNSETTLED_SECONDS, HEARING_RATE)) if must else (0, 0)
    return best[1], best[2]


def _gap(words: Sequence[Word], count: int, latest_seconds: float) -> tuple[int, int]:
    """First and last place, in 20 ms steps, at which `count` words can be parted from the rest."""
    after = words[count - 1].end_seconds if count else 0.0
    before = words[count].start_seconds if count < len(words) else latest_seconds
    step = seconds(ENVELOPE_SAMPLES, HEARING_RATE)
    # Word times are true to some 50 ms: look a little to both sides.
    first = int(max(after - 0.04, 0.0) / step)
    return first, int(min(before + 0.04, latest_seconds) / step)


def _quietest(level: Audio, first: int, last: int, quiet: float) -> tuple[int, float, float]:
    """Middle (samples), level and length (seconds) of the longest quiet run in `[first, last]`."""
    part = level[first : last + 1]
    if not len(part):
        return first * ENVELOPE_SAMPLES, float("inf"), 0.0
    edges = np.flatnonzero(np.diff(np.concatenate(([0], part < quiet, [0]))))
    if not len(edges):
        lowest = int(np.argmin(part))
        return (first + lowest) * ENVELOPE_SAMPLES, float(part[lowest]), 0.0
    starts, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - starts))
    middle = (starts[longest] + ends[longest]) // 2
    length = seconds(int(ends[longest] - starts[longest]) * ENVELOPE_SAMPLES, HEARING_RATE)
    return int(first + middle) * ENVELOPE_SAMPLES, float(part.min()), length


def _level(audio: Audio) -> Audio:
    """Root mean square of every 20 ms."""
    whole = len(audio) // ENVELOPE_SAMPLES * ENVELOPE_SAMPLES
    frames = audio[:whole].reshape(-1, ENVELOPE_SAMPLES)
    return np.sqrt(np.mean(frames * frames, axis=1))
