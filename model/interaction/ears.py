"""Ears: Moonshine tiny, English audio to words with times.

Nothing is kept between two calls. Audio is read whole each time, since the network looks both
ways; `model.interaction.segment` keeps what is read short, and a guess makes reading again cheap:
what was written before is checked in one step instead of being written again token by token.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from model.interaction.alignment import place_tokens, words_of
from model.interaction.parts import Ears, Pieces
from model.interaction.segment import LONGEST_SECONDS, Segment, shifted
from model.interaction.vocabulary import Vocabulary
from model.messages import Audio, Word
from model.timebase import HEARING_RATE, samples, seconds

if TYPE_CHECKING:
    from torch import Tensor

    from model.nn.moonshine import Decoding, Moonshine

__all__ = ["MoonshineEars", "Segment", "listen"]

TOKENS_A_SECOND: Final = 6.5
TOKENS_AT_LEAST: Final = 8
"""Nobody speaks faster: a longer text is a loop."""

TOKENS_A_PIECE: Final = 4
"""Tokens written between two yields: some 20 ms on one thread."""

MOST_PROPOSED: Final = 24
"""Expected tokens checked in one step, which takes about as long as four tokens written singly."""

MOST_SKIPPED: Final = 4

SHORTEST_SECONDS: Final = 0.15
SILENT_LEVEL: Final = 0.0005
"""Root mean square of the loudest tenth of a second under which nothing was said."""

AFTER_SECONDS: Final = 0.3
"""Silence put after the audio: without it the last word is heard worse (word error rate of 60
prompts 4.7 % without and 3.7 % with it)."""

KEPT_WORDS: Final = 3
"""So many words are not withdrawn for nothing: who hesitates is recognised with so little certainty
that the last hypothesis of a turn was taken for noise, and the turn was answered by nobody (4 of 17
times one of the bench's dev clips was played)."""

LEAST_LOG_PROBABILITY: Final = -1.2
"""Mean over the tokens; what is less sure than this was not speech. Measured: beginnings of
people's sentences, cut anywhere, -1.1 and more; noise that is written down as a sentence, less."""

BLANK: Final = ("you", "thank you for watching", "thanks for watching")
"""What the network writes down of noise, tones and breath, learnt from captions."""

LAST_LATIN: Final = "\u024f"
"""Hum is written down in letters that are not English."""

SURE_LOG_PROBABILITY: Final = -0.3
"""From here on a longer blank is believed to have been said."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A text as far as it is written: its tokens, and per token log-probability and attention."""

    tokens: list[int]
    log_probabilities: list[float]
    attention: list[Tensor]
    """Of each token read, and so of each token written and the end: `[frames]`."""


class MoonshineEars:
    """An `Ears`. May be shared, by threads too: all that a call knows is its own.

    Args:
        network: the recogniser.
        vocabulary: its tokens' texts.
    """

    max_seconds: float = LONGEST_SECONDS

    def __init__(self, network: Moonshine, vocabulary: Vocabulary) -> None:
        self._network = network
        self._vocabulary = vocabulary

    @classmethod
    def load(cls, directory: Path, device: str = "auto", precision: str = "auto") -> MoonshineEars:
        """Load what `model.weights.convert_moonshine` wrote.

        Args:
            directory: holds `model.safetensors`, `config.json`, `pieces.json`.
            device: a torch device, or "auto": CUDA if there is one, else the CPU.
            precision: "float32", "int8" (CPU only), or "auto": int8 on the CPU.

        Raises:
            FileNotFoundError: a file is missing; run `counterpoint weights fetch --only ears`.
            ValueError: an unknown precision, or weights that do not fit.
        """
        import torch
        from safetensors.torch import load_file

        from model.nn.moonshine import Moonshine, MoonshineConfig

        if not (directory / "model.safetensors").is_file():
            raise FileNotFoundError(
                f"there are no converted ears in {directory}; "
                "run `counterpoint weights fetch --only ears`"
            )
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if precision == "auto":
            precision = "int8" if device == "cpu" else "float32"
        if precision not in ("float32", "int8"):
            raise ValueError(f"precision is {precision!r}; it can be auto, float32 or int8")
        stored = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        heads = tuple((int(layer), int(head)) for layer, head in stored.pop("alignment_heads"))
        network = Moonshine(
            MoonshineConfig(**stored, alignment_heads=heads),
            load_file(directory / "model.safetensors"),
            torch.device(device),
            int8=precision == "int8",
        )
        pieces = json.loads((directory / "pieces.json").read_text(encoding="utf-8"))
        return cls(network, Vocabulary(pieces))

    @property
    def hop_seconds(self) -> float:
        """Time from one encoder state to the next (0.024 s)."""
        return self._network.config.hop_seconds

    def encode(self, audio: Audio) -> Pieces[Tensor]:
        """The encoder's states `[frames, 288]` of 16 kHz float32 `[samples]`.

        Frame `i` starts at `i * hop_seconds`. Audio of less than 0.06 s has no frame.
        """
        import torch

        network = self._network
        if len(audio) < network.config.shortest_samples:
            return torch.zeros(0, network.config.hidden, device=network.device)
        waveform = torch.from_numpy(np.ascontiguousarray(audio, np.float32)).to(network.device)
        return (yield from network.encode(waveform))

    def transcribe(self, audio: Audio, guess: Sequence[Word] = ()) -> Pieces[tuple[Word, ...]]:
        """Recognise 16 kHz float32 `[samples]`; word times are seconds from its first sample.

        Args:
            audio: at most `max_seconds`, with some 0.3 s of silence before the first word.
            guess: what an earlier call heard at the beginning of the same audio; only the texts
                count. It saves work and does not change the outcome.

        Returns:
            The words; none for silence, noise or too little audio.

        Raises:
            ValueError: the audio is longer than `max_seconds` or not one-dimensional.
        """
        duration = _checked(audio, self.max_seconds)
        if duration < SHORTEST_SECONDS or _loudest(audio) < SILENT_LEVEL:
            return ()
        silence = np.zeros(samples(AFTER_SECONDS, HEARING_RATE), np.float32)
        states = yield from self.encode(np.concatenate((audio, silence)))
        written = yield from self._write(states, duration, guess)
        tokens = written.tokens
        pieces = [self._vocabulary.text(token) for token in tokens]
        if not is_speech("".join(pieces), written.log_probabilities):
            return ()
        attention = np.stack([row.float().cpu().numpy() for row in written.attention])
        starts = place_tokens(attention[: len(tokens) + 1])
        if len(starts) == len(tokens):  # The text was broken off before its end.
            starts.append(attention.shape[1])
        return words_of(pieces, starts, audio, self.hop_seconds)

    def _write(
        self, states: Tensor, duration: float, guess: Sequence[Word]
    ) -> Generator[None, None, _Written]:
        """The most likely text, token by token; a guess is checked in one step."""
        config = self._network.config
        most = int(duration * TOKENS_A_SECOND) + TOKENS_AT_LEAST
        expected = self._vocabulary.tokens(" ".join(word.text for word in guess))[:most]
        written = _Written([], [], [])
        state = self._network.start(states, capacity=most + MOST_PROPOSED + 1)
        yield
        token = config.first_token
        while len(written.tokens) < most:
            proposed = expected[:MOST_PROPOSED]
            fresh, state = self._advance([token, *proposed], state, written)
            if not fresh or is_loop(written.tokens):
                break
            token = fresh[-1]
            expected = still_expected(expected, fresh)
            if len(written.tokens) % TOKENS_A_PIECE == 0 or len(proposed) > 1:
                yield
        return written

    def _advance(
        self, reading: list[int], state: Decoding, written: _Written
    ) -> tuple[list[int], Decoding]:
        """Read tokens and write down what the network makes of them.

        Of the tokens read, all but the first are proposals: they count up to the first that the
        network would have written differently. Returns what was written; nothing at the end of
        the text.
        """
        from dataclasses import replace

        import torch

        config = self._network.config
        tokens = torch.tensor(reading, device=self._network.device)
        logits, attention, after = self._network.read(tokens, state)
        chosen = logits.argmax(dim=-1)
        log_probabilities = logits.float().log_softmax(dim=-1).gather(1, chosen[:, None])[:, 0]
        rows = self._towards_audio(attention)
        fresh: list[int] = []
        for token, log_probability in zip(chosen.tolist(), log_probabilities.tolist(), strict=True):
            written.attention.append(rows[len(fresh)])
            if token == config.last_token:
                return [], after
            written.tokens.append(token)
            written.log_probabilities.append(log_probability)
            fresh.append(token)
            if reading[len(fresh) : len(fresh) + 1] != [token]:
                break
        return fresh, replace(after, length=state.length + len(fresh))

    def _towards_audio(self, attention: Tensor) -> Tensor:
        """Attention `[tokens, frames]` out of `[layers, heads, tokens, frames]`."""
        heads = self._network.config.alignment_heads
        if not heads:
            return attention.mean(dim=(0, 1))
        layers, numbers = zip(*heads, strict=True)
        return attention[list(layers), list(numbers)].mean(dim=0)


def listen(ears: Ears, segment: Segment) -> Pieces[Segment]:
    """The segment with all its audio recognised, however long it has grown."""
    while True:
        words = yield from ears.transcribe(segment.audio, segment.guess)
        if not words and len(segment.open_words) >= KEPT_WORDS:
            words = shifted(segment.open_words, -segment.start_seconds)
        was_behind = segment.is_behind
        segment = segment.recognised(words, segment)
        if not was_behind:
            return segment


def still_expected(expected: Sequence[int], fresh: Sequence[int]) -> list[int]:
    """What to propose next, after `fresh` was written where `expected` had been proposed.

    All but the last of `fresh` were as expected. The last may stand for one or a few of the
    expected tokens, such as a comma for a full stop: what comes after them is expected still.
    """
    rest = list(expected[len(fresh) - 1 :])
    near = rest[:MOST_SKIPPED]
    return rest[near.index(fresh[-1]) + 1 :] if fresh[-1] in near else rest[1:]


def is_speech(text: str, log_probabilities: Sequence[float]) -> bool:
    """Whether a text was said, or is what the network makes of noise.

    "You" alone and without a full stop is its word for nothing; somebody's real "you" is lost.
    """
    text = text.strip()
    if not text or any(letter.isalpha() and letter > LAST_LATIN for letter in text):
        return False
    sureness = float(np.mean(log_probabilities))
    if text == "You" or sureness < LEAST_LOG_PROBABILITY:
        return False
    return sureness >= SURE_LOG_PROBABILITY or text.casefold().rstrip(".!") not in BLANK


def is_loop(tokens: Sequence[int]) -> bool:
    """Whether the text ends in the same one to eight tokens over and over."""
    for length in range(1, 9):
        times = 6 if length < 3 else 4
        tail = list(tokens[-length * times :])
        if len(tail) == length * times and tail == tail[:length] * times:
            return True
    return False


def _checked(audio: Audio, max_seconds: float) -> float:
    if audio.ndim != 1:
        raise ValueError(f"audio must be [samples], not {list(audio.shape)}: mix it to mono")
    if len(audio) > samples(max_seconds, HEARING_RATE):
        raise ValueError(
            f"{seconds(len(audio), HEARING_RATE):.1f} s of audio is more than the ears take at "
            f"once ({max_seconds:.0f} s): cut it, as Segment does"
        )
    return seconds(len(audio), HEARING_RATE)


def _loudest(audio: Audio) -> float:
    """Root mean square of the loudest tenth of a second, a constant offset left out."""
    length = samples(0.1, HEARING_RATE)
    whole = max(len(audio) // length, 1) * length
    frames = np.resize(audio, whole).reshape(-1, length)
    return float(frames.std(axis=1).max())
