"""What is obeyed whatever the model thinks, and what may be said. Pure rules over text.

Quiet: the whole utterance is made of quiet phrases, politeness aside.
Goodbye: an utterance closes with a goodbye phrase, and what stands before it is either set apart
by punctuation or a short sentence of leave-taking, so that *talking about* a goodbye is not one.
"""

from __future__ import annotations

import re
from typing import Final

from model.messages import Command

__all__ = ["Policy"]

_QUIET: Final = frozenset(
    tuple(phrase.split())
    for phrase in (
        "be quiet",
        "be silent",
        "enough",
        "hush",
        "quiet",
        "shut up",
        "shush",
        "silence",
        "stop",
        "stop it",
        "stop speaking",
        "stop talking",
        "that's enough",
    )
)
_POLITE: Final = frozenset(
    "alright can could counterpoint hey just now oh ok okay please so thank thanks uh um wait "
    "will would you".split()
)
_QUIET_WORDS: Final = 64
_GOODBYE: Final = frozenset({"goodbye", "bye", "bye-bye", "byebye"})
_AFTER_GOODBYE: Final = frozenset(
    "a and care counterpoint day evening everyone for good great have later nice night now see "
    "soon take talk then there to tomorrow you".split()
)
_LEAVE_TAKING: Final = frozenset(
    "a alright all and bye cool day everything for fine go going good goodbye got gotta great have "
    "help i i'll i'm it it's its leave leaving me much must my nice now oh ok okay perfect really "
    "right run see so soon talk talking thank thanks that that's the then time to very was we well "
    "with you your".split()
)
_REPORTING: Final = frozenset(
    "say says said saying tell told call called mean means write wrote word words sing sang spell"
    " translate whispered answer answers answered replied repeat repeats repeated".split()
)
"""Whoever uses one of these speaks of a goodbye."""

_THANKED_FOR: Final = frozenset({"answer", "answers", "call"})

_GOODBYE_WORDS: Final = 12
"""Of the sentence that closes, or of what punctuation sets apart at its end."""

_GOOD_BYE: Final = re.compile(r"\bgood[ -]bye\b")
_PUNCTUATION: Final = ".,;:!?—–…"
_TOKEN: Final = re.compile(r"[a-z0-9'-]+|[.,;:!?—–…]")


class Policy:
    """Sees every phrase that is heard and every phrase before it is spoken.

    Replace it by an object with the same two methods to change what is obeyed or allowed.
    """

    def on_heard(self, text: str, *, typed: bool, final: bool, speaking: bool) -> Command | None:
        """What the words demand, or None.

        Args:
            text: the words of one segment so far.
            typed: whether they were typed; typed words are always final.
            final: whether the segment is over. Quiet is obeyed before that, since it is urgent; a
                single word ("stop …") only while we speak, since it may go on to mean another
                thing. Goodbye is obeyed only once it is certain.
            speaking: whether we are being heard.
        """
        tokens = _TOKEN.findall(_GOOD_BYE.sub("goodbye", text.lower().replace("’", "'")))
        words = [token for token in tokens if token not in _PUNCTUATION]
        if _is_quiet(words) and (final or typed or speaking or len(words) > 1):
            return "quiet"
        if (final or typed) and _is_goodbye(tokens):
            return "goodbye"
        return None

    def before_spoken(self, text: str) -> str | None:
        """The phrase as it may be spoken, or None to refuse it.

        Speech is rendered before it reaches us, so the Session can only let a phrase pass
        unchanged; a changed phrase is treated as a refused one.
        """
        return text


def _is_quiet(words: list[str]) -> bool:
    if not words or len(words) > _QUIET_WORDS:
        return False
    rest = tuple(word for word in words if word not in _POLITE)
    return bool(rest) and _tiled(rest)


def _tiled(words: tuple[str, ...]) -> bool:
    if not words:
        return True
    return any(words[:size] in _QUIET and _tiled(words[size:]) for size in (2, 1))


def _is_reported(before: list[str], asks: bool) -> bool:
    """Whether a goodbye behind these, which end in a mark, is somebody else's, or asked about."""
    clause = _last_sentence(before)
    reporting = _REPORTING
    if "thanks" in clause or "thank" in clause:
        reporting = _REPORTING - _THANKED_FOR
    return bool(clause) and (asks or clause[-1] == ":" or not reporting.isdisjoint(clause))


def _last_sentence(tokens: list[str]) -> list[str]:
    """What stands behind the last end of a sentence."""
    ends = max((at for at, token in enumerate(tokens) if token in ".!?"), default=-1)
    return tokens[ends + 1 :]


def _is_goodbye(tokens: list[str]) -> bool:
    last = max((at for at, token in enumerate(tokens) if token in _GOODBYE), default=None)
    if last is None:
        return False
    after = [token for token in tokens[last + 1 :] if token not in _PUNCTUATION]
    if not all(word in _AFTER_GOODBYE for word in after):
        return False
    first = last
    while first and tokens[first - 1] in _GOODBYE:
        first -= 1
    apart = first == 0 or tokens[first - 1] in _PUNCTUATION
    sentence = [] if apart else _last_sentence(tokens[:first])
    before = [token for token in sentence if token not in _PUNCTUATION]
    if len(before) + last + 1 - first + len(after) > _GOODBYE_WORDS:
        return False
    if apart:
        return not _is_reported(tokens[:first], asks=tokens[-1] == "?")
    return all(word in _LEAVE_TAKING for word in before)
