"""What every Voice must keep, whatever is behind it. A test module calls `check_voice`."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np

from model.interaction.parts import Pieces, Spoken, Voice
from model.messages import Audio
from model.timebase import SPEAKING_RATE, samples

__all__ = ["PHRASES", "SILENT_PHRASES", "check_spoken", "check_voice", "rendered"]

PHRASES: Final = (
    "Hello.",
    "Mm-hm.",
    " and then we went home,",
    "It costs $5, or 42% of $12.50, at 3:15 pm on Jan. 5th.",
    "Dr. Smith lives at 221B Baker St., e.g. in London.",
    "See https://www.example.com/a/page?x=1 or write to me@example.org!",
    "**Bold** and `code` and _this_ \N{GRINNING FACE} work.",
    "Café, naïve, Zürich; приве́т, 日本語 and hello.",
    "First line.\nSecond line?  Third  line…",
    "no punctuation at the end",
    "[label](/fake/) {braces} <tags> a|b a*b a_b 5*3=15 C++ C# #1 @you ½ ™ ° — – -",
    "  leading and trailing space  ",
    "Well... yes! No? \"Quoted,\" (bracketed) 'single'.",
)
"""Kinds of text a language model writes; each word keeps its time, and nothing is left out."""

SILENT_PHRASES: Final = ("", " ", "\n", "😀", "...", "—", "**", "🎉 🎉", "日本語", "\x00\x07")


_UNTOUCHED: Final = "Nothing happened here, and nobody was ever any the wiser."


def rendered(pieces: Pieces[Spoken]) -> Spoken:
    """Run a render to its end."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            spoken: Spoken = end.value
            return spoken


def check_voice(voice: Voice) -> None:
    """Everything the protocol promises; what is heard is judged elsewhere."""
    for text in PHRASES:
        spoken = rendered(voice.render(text))
        check_spoken(text, spoken)
        assert len(spoken.audio) > samples(0.2, SPEAKING_RATE), text
        _check_trimmed(spoken.audio, text)
    for text in SILENT_PHRASES:
        spoken = rendered(voice.render(text))
        check_spoken(text, spoken)
        assert len(spoken.audio) == 0, text
        assert all(word.start_seconds == word.end_seconds == 0.0 for word in spoken.words), text
    _check_abandoned(voice)
    _check_longest(voice)


def check_spoken(text: str, spoken: Spoken) -> None:
    """One rendered phrase: its audio is playable and its words are the text, in order."""
    assert spoken.audio.dtype == np.float32 and spoken.audio.ndim == 1
    assert np.isfinite(spoken.audio).all()
    assert np.abs(spoken.audio).max(initial=0.0) <= 0.95 + 1e-6
    assert "".join(word.text for word in spoken.words) == text
    duration = len(spoken.audio) / SPEAKING_RATE
    edges = [edge for word in spoken.words for edge in (word.start_seconds, word.end_seconds)]
    assert all(a <= b for a, b in itertools.pairwise([0.0, *edges, duration])), (text, edges)
    for word in spoken.words[1:]:
        assert word.text[:1].isspace(), f"{word.text!r} does not carry its leading space"


def _check_trimmed(audio: Audio, text: str) -> None:
    """No long silence at the ends, no click: the first and the last sample are near zero."""
    loud = np.flatnonzero(np.abs(audio) > 0.02 * np.abs(audio).max())
    assert loud[0] <= samples(0.15, SPEAKING_RATE), text
    assert len(audio) - loud[-1] <= samples(0.15, SPEAKING_RATE), text
    assert abs(float(audio[0])) < 0.005 and abs(float(audio[-1])) < 0.005, text


def _check_abandoned(voice: Voice) -> None:
    """A render may be left at any piece; the next one is as if it had never been."""
    before = rendered(voice.render(_UNTOUCHED))
    left = voice.render("This will be abandoned. It never happened.")
    next(left)
    left.close()
    after = rendered(voice.render(_UNTOUCHED))
    assert before.words == after.words
    np.testing.assert_array_equal(before.audio, after.audio)


def _check_longest(voice: Voice) -> None:
    """Four hundred characters of anything are spoken; more is refused with a reason."""
    for text in ("word " * 80, "7" * 400, "a" * 400, ", " * 200, "$" * 400):
        check_spoken(text[:400], rendered(voice.render(text[:400])))
    try:
        rendered(voice.render("x" * 401))
    except ValueError as error:
        assert "400" in str(error)
    else:
        raise AssertionError("401 characters were accepted")
