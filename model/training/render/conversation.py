"""Conversation `index` of a seed, whole: the same whatever was rendered before or beside it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from model.interaction import streams
from model.messages import Audio
from model.timebase import MICRO_TURN_SECONDS, SPEAKING_BLOCK_SAMPLES, SPEAKING_RATE
from model.training.render.cast import Split
from model.training.render.ears import Partial, ears_model, eased, partials, word_columns
from model.training.render.labels import labels
from model.training.render.mix import mix
from model.training.render.parts import Conversation, OwnPart
from model.training.render.stage import stage

__all__ = ["CONVERSATION_SECONDS", "Rendered", "render"]

CONVERSATION_SECONDS: Final = (40.0, 80.0)


@dataclass(frozen=True)
class Rendered:
    """One conversation ready to be taught.

    Attributes:
        heard: the microphone, float32 at 16 kHz `[micro-turns * 1600]`.
        sent: our voice as sent, float32 at 24 kHz `[micro-turns * 2400]`.
        inputs: the columns of `streams.INPUTS` that need no network: words, queued, k.
        labels: the columns of `streams.LABELS`.
        script: who said what when.
        told: what Ears told.
        meta: what was drawn: voice, room, noise, echo, network.
    """

    heard: Audio
    sent: Audio
    inputs: streams.Arrays
    labels: streams.Arrays
    script: Conversation
    told: tuple[Partial, ...]
    meta: dict[str, str]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.script.micro_turns * MICRO_TURN_SECONDS


def render(seed: int, index: int, split: Split = "train") -> Rendered:
    """Conversation `index`: a pure function of its arguments and this code.

    Raises:
        VoiceMissing: a synthesiser is not installed.
    """
    generator = np.random.default_rng([seed, zlib.crc32(split.encode()), index])
    script = stage(generator, split, float(generator.uniform(*CONVERSATION_SECONDS)))
    mixed = mix(generator, split, script)
    # Formant voices are heard badly, others badly only now and then.
    hard = generator.random() < (0.5 if script.persona.voice.engine == "espeak" else 0.15)
    # People are heard better than synthesisers: the fit is the worst that happens.
    ears = eased(ears_model("hard" if hard else "clear"), float(generator.uniform(0.15, 1.0)))
    told = partials(generator, script, ears)
    inputs = word_columns(told, script.micro_turns)
    inputs["queued"] = _queued(generator, script)
    inputs["k"] = np.arange(script.micro_turns, dtype=np.int64)
    return Rendered(
        mixed.heard, mixed.sent, inputs, labels(script), script, tuple(told), mixed.meta
    )


def _queued(generator: np.random.Generator, script: Conversation) -> np.ndarray:
    """Words and rendered seconds of ours that have not been sent, `[micro-turns, 2]`.

    Phrases are rendered one ahead, as far as the voice keeps up; a cut empties both.
    """
    queued = np.zeros((script.micro_turns, 2), np.float16)
    for own in script.own:
        last = own.k + -(-own.sent // SPEAKING_BLOCK_SAMPLES)
        ahead = generator.uniform(0.6, streams.MOST_QUEUED_SECONDS)
        total = _played(own, len(own.audio))
        for k in range(max(own.k, 0), min(last, script.micro_turns)):
            sent = min((k + 1 - own.k) * MICRO_TURN_SECONDS, len(own.audio) / SPEAKING_RATE)
            if own.faded and k == last - 1:
                continue
            left = sum(word.end_seconds > sent for word in own.words)
            queued[k] = left, min(total - _played(own, round(sent * SPEAKING_RATE)), ahead)
    return queued


def _played(own: OwnPart, upto: int) -> float:
    """Seconds of speech in the first `upto` samples, without what stood still."""
    still = sum(max(min(end, upto) - start, 0) for start, end in own.holes)
    return (upto - still) / SPEAKING_RATE
