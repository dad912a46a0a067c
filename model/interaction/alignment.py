"""When each word was said: attention to the audio, made into times.

Pure numpy. The decoder attends to the audio of a token while it writes it; the frames are shared
out among the tokens in order, so that the attention they hold is largest, and what is silent at
the edges of a word is taken away from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from model.messages import Audio, Word
from model.timebase import HEARING_RATE, samples, seconds

__all__ = ["place_tokens", "words_of"]

Floats = npt.NDArray[np.float32]

STEP_SAMPLES = 160
"""Resolution of the level by which words are trimmed: 10 ms."""

SILENT_SHARE = 0.06
"""What stays under this share of the loud parts' level is silence, or …"""

SILENT_FLOOR_RATIO = 3.0
"""… what stays under this multiple of the noise between the words."""

SHORTEST_WORD_SECONDS = 0.04

LONGEST_CLOSURE_SECONDS = 0.15


def place_tokens(attention: Floats) -> list[int]:
    """The first frame of each token.

    Args:
        attention: `[tokens, frames]`, how much each token attends to each frame; tokens are in
            the order of time. The last row may be that of the end of the text.

    Returns:
        As many frame numbers as tokens, not falling; every frame from the first to the next
        token's belongs to the token.
    """
    tokens, frames = attention.shape
    if frames < tokens:
        return [i * frames // tokens for i in range(tokens)]
    # best[j] = most attention held by tokens up to i in frames up to j: either token i began
    # earlier, or it begins at j. The running maximum over the beginnings finds all of row i.
    sums: npt.NDArray[np.float64] = np.concatenate(
        (np.zeros((tokens, 1)), np.cumsum(attention, axis=1)), axis=1
    )
    best = sums[0, 1:].copy()
    begins = np.zeros((tokens, frames), np.int64)
    for token in range(1, tokens):
        ahead: npt.NDArray[np.float64] = np.full(frames, -np.inf)
        ahead[1:] = best[:-1] - sums[token, 1:-1]
        ahead[:token] = -np.inf
        running = np.maximum.accumulate(ahead)
        is_new = (ahead >= running) & np.isfinite(ahead)
        begins[token] = np.maximum.accumulate(np.where(is_new, np.arange(frames), 0))
        best = running + sums[token, 1:]
    starts = [0] * tokens
    last = frames - 1
    for token in range(tokens - 1, 0, -1):
        starts[token] = int(begins[token, last])
        last = starts[token] - 1
    return starts


def words_of(
    pieces: Sequence[str], starts: Sequence[int], audio: Audio, hop_seconds: float
) -> tuple[Word, ...]:
    """Tokens joined to words, each trimmed to where it sounds.

    Args:
        pieces: text of each token; one that begins a word begins with a space.
        starts: first frame of each token and, last, that of the end of the text.
        audio: 16 kHz float32 `[samples]` in which they were said.
        hop_seconds: duration of one frame.
    """
    spans: list[tuple[str, float, float]] = []
    for piece, start, end in zip(pieces, starts[:-1], starts[1:], strict=True):
        first, last = start * hop_seconds, end * hop_seconds
        if spans and not piece.startswith(" "):
            text, begun, _ = spans[-1]
            spans[-1] = (text + piece, begun, last)
        else:
            spans.append((piece, first, last))
    level = _level(audio)
    sounding = _sounding(level)
    return tuple(
        Word(text.strip(), *_trimmed(first, last, level, sounding))
        for text, first, last in spans
        if text.strip()
    )


def _level(audio: Audio) -> Floats:
    """Root mean square of every 10 ms."""
    whole = len(audio) // STEP_SAMPLES * STEP_SAMPLES
    frames = audio[:whole].reshape(-1, STEP_SAMPLES)
    return np.sqrt(np.mean(frames * frames, axis=1))


def _sounding(level: Floats) -> npt.NDArray[np.bool_]:
    """For every 10 ms whether something sounds."""
    if not len(level):
        return np.zeros(0, np.bool_)
    loud, floor = np.percentile(level, 90), np.percentile(level, 5)
    return level > max(loud * SILENT_SHARE, min(floor * SILENT_FLOOR_RATIO, loud * 0.3))


def _trimmed(
    first_seconds: float, last_seconds: float, level: Floats, sounding: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """The span without the silence at its edges; as it is if it is silent.

    A silence inside that is longer than any closure of the mouth parts the word from a noise
    before or after it: the louder side is the word.
    """
    step = seconds(STEP_SAMPLES, HEARING_RATE)
    first = samples(first_seconds, HEARING_RATE) // STEP_SAMPLES
    last = max(samples(last_seconds, HEARING_RATE) // STEP_SAMPLES, first + 1)
    found = first + np.flatnonzero(sounding[first:last])
    if len(found):
        gaps = np.flatnonzero(np.diff(found) * step > LONGEST_CLOSURE_SECONDS) + 1
        run = max(np.split(found, gaps), key=lambda run: float(level[run].sum()))
        first_seconds, last_seconds = run[0] * step, (run[-1] + 1) * step
    return float(first_seconds), float(max(last_seconds, first_seconds + SHORTEST_WORD_SECONDS))
