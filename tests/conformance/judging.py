"""What every client's conversation is held against: what was said, and what was to be heard."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import numpy as np
from scipy.signal import resample_poly

from model.messages import Audio
from tests.bench.stimuli.voices import render
from tests.end_to_end.spoken import CLEAR_VOICE
from tests.speech.checker import transcribe_conversation
from tests.speech.recordings import Recording, human_recordings
from tests.speech.wer import normalised, word_error_rate

__all__ = [
    "CLOCK",
    "DONE",
    "ERRAND",
    "MORE",
    "STORY",
    "TELLER",
    "WEATHER",
    "remembered",
    "said",
    "same",
    "spoken",
    "to_its_end",
    "understood",
]

_CUT_WORD: Final = re.compile(r"\S+-\s*$")


@cache
def said() -> tuple[Recording, Recording]:
    """A person's two turns; the second interrupts the answer to the first."""
    known = {one.name: one for one in human_recordings()}
    return known["austen-0880"], known["austen-0930"]


TELLER: Final = "You are a storyteller. Tell long stories with many details."
"""Whoever is told so gives answers that are long enough to be interrupted."""

STORY: Final = "Please tell me a story about a dragon."

MORE: Final = "Tell me more about this young man."
"""Where there is a tool, the small decoder is sure that this needs none; of `STORY` it is not."""

WEATHER: Final = "What is the weather in Rome?"

CLOCK: Final = "What time is it now?"
"""For the server's own clock, where a client has no tools."""

ERRAND: Final = "Let an assistant look up the next train to Rome."
"""In Live a tool is asked for aloud only, and the model decides; of these words it is sure."""

DONE: Final = "The train leaves at nine."
"""What is answered to that."""


@cache
def spoken(text: str) -> Audio:
    """A synthetic voice, 16 kHz: to be made before a conversation, not in it."""
    return render(CLEAR_VOICE, text)


def understood(text: str, *after: str) -> None:
    """The person's two turns, as a client was told them, and what they said after them."""
    expected = " ".join([*(one.text for one in said()), *after])
    assert word_error_rate(expected, text) <= 0.35, text


def to_its_end(response: Mapping[str, Any]) -> bool:
    """Whether an OpenAI response was heard to its end, which may be where it may grow no longer."""
    reason = (response.get("status_details") or {}).get("reason")
    return response["status"] == "completed" or reason == "max_output_tokens"


def same(told: str, *sounds: Audio) -> None:
    """What a client believes that we said is what it was given to hear, by another recogniser.

    Args:
        told: the words of some answers.
        sounds: these answers, one or more in each, 16 kHz.
    """
    # A word that the recogniser marks as cut ("ill-spo-") was not heard.
    heard = " ".join(_CUT_WORD.sub("", transcribe_conversation(one)) for one in sounds)
    print(f"told  {told!r}\nheard {heard!r}")
    words = len(normalised(told))
    assert words and abs(len(normalised(heard)) - words) <= 2 * len(sounds)
    # Of few words one or two that a cut leaves half said weigh much.
    assert word_error_rate(told, heard) * words <= max(2, 0.35 * words)


def remembered(outcome: Mapping[str, Any]) -> None:
    """What a client on a socket believes was said on both sides, and did, is what happened.

    Args:
        outcome: as `node/talker.js` gives it, of a conversation that it held.
    """
    print([(one["role"], one["status"], one["text"]) for one in outcome["history"]])
    assert outcome["errors"] == [] and "error" not in outcome["kinds"], outcome["errors"]
    assert [city.casefold() for city in outcome["toolCalls"]] == ["rome"]
    history = outcome["history"]
    person = [one["text"] for one in history if one["role"] == "user"]
    assert person.pop() == WEATHER
    understood(" ".join(person))
    ours = [one for one in history if one["role"] == "assistant" and one["text"]]
    statuses = [one["status"] for one in ours]
    assert statuses[0] == "incomplete" and len(statuses) >= 3, statuses
    first, *others = outcome["responses"]
    assert first["status"] == "cancelled" and all(map(to_its_end, others)), outcome["responses"]
    for one in ours:
        pieces = b"".join(base64.b64decode(piece) for piece in outcome["sounds"][one["id"]])
        sound = np.frombuffer(pieces, "<i2").astype(np.float32) / 32_768
        same(one["text"], np.asarray(resample_poly(sound, 2, 3), np.float32))
