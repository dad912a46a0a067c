"""Signs of sums, fractions and units as they are said, and abbreviations that are words too. Pure.

hibari reads "no." as "number", "9 - 4" as a range and "10/2" as a date; what is meant shows by
what stands beside it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["KEPT_WHOLE", "NAMED", "SIGNS", "as_said", "spelled"]

_FRACTIONS: Final = {
    sign: unicodedata.name(sign).removeprefix("VULGAR FRACTION ").lower() for sign in "⅓⅔⅛⅜⅝⅞⅕⅖⅗⅘⅙⅚"
}

NAMED: Final = _FRACTIONS | {
    "√": "square root of", "≤": "less than or equal to", "≥": "greater than or equal to",
    "≠": "not equal to", "≈": "approximately", "→": "to", "∞": "infinity",
}  # fmt: skip
"""Signs that are said by name, wherever in a word they stand."""

SIGNS: Final = {
    "×": "times", "*": "times", "÷": "divided by", "−": "minus", "±": "plus or minus",
    "€": "euros", "£": "pounds", "¥": "yen", "$": "dollars",
} | NAMED  # fmt: skip
"""Signs that are said where they stand alone between words."""

KEPT_WHOLE: Final = "½¼¾²³µ"
"""Compatibility forms would make "12" of "1½", "50 m2" of "50 m²", and a Greek letter of "µm"."""

_FRACTION: Final = re.compile(rf"(?<=\d)(?=[½¼¾{''.join(_FRACTIONS)}])")
_NAMED: Final = re.compile(f"[{''.join(NAMED)}]")
_MICRO: Final = re.compile(r"μ(?=[A-Za-z])")
_GREEK: Final = re.compile(
    r"(?<![\u0370-\u03ff\u1f00-\u1fff])[α-ωΑ-Ω](?![\u0370-\u03ff\u1f00-\u1fff])"
)
_BETWEEN_MINUS: Final = re.compile(r"(?<=[\w)])−(?=[\w(])")
_POWER: Final = re.compile(r"(?<=[\w)])\*\*(?=[\w(-])")
_TIMES: Final = re.compile(r"(?<=[\w)])[*×](?=[\w(])")
_CODE: Final = re.compile(r"(?<![\w.,:/+-])0\d{2,}(?![\w:/@-]|[.,]\d)|\d{13,}")

# Words that end sentences; "no. 5" stands before something else.
_WORD_TOO: Final = re.compile(r"(?<![\w.])(no|fig)\.(?=[\"'”’)\]]*$)")
_STAR: Final = re.compile(r"((?<![\w.])(?:\w+ )?)Sun\.(?=[\"'”’)\]]*$)")
_BEFORE_DAYS: Final = frozenset("on this next last every each by until till through".split())
_EQUALS: Final = re.compile(r"=|\b(?:is|are|equals|equal|makes|make|gives|leaves)\b")
_SPACED_MINUS: Final = re.compile(r"(?<=\d) [-−–] (?=\d)")
# Without spaces "8-5" is a range and "3/4" a fraction, unless a result follows.
_RESULT: Final = (
    r"(?=\d[\d.,+/–-]*\s?(?:=|(?:is|equals|makes|gives|leaves) (?:about |exactly )?[-$€£]?\d))"
)
_MINUS: Final = re.compile(rf"(?<=\d)[-–]{_RESULT}")
_OVER: Final = re.compile(rf"(?<=\d)(?!(?<=\b9)/11\b)\s?/\s?{_RESULT}")
_NUMBER: Final = r"\d[\d,]*(?:\.\d+)?"
_ASKED: Final = re.compile(
    r"\b(what is|what's|how much is|calculate|compute) (?!9/11\b|24/7\b|\d{3}-\d{4}\b)"
    rf"({_NUMBER})\s?([-–/])\s?({_NUMBER})(?=\s*(?:[?!,]|\.(?!\d)|$))",
    re.IGNORECASE,
)
_RANGE: Final = re.compile(
    rf"(?<![\w.,/:–-])({_NUMBER}%?)\s?[-–]\s?({_NUMBER})(?![\w/:–-]|\.\d)(?=(%?))"
)
# hibari's fractions, telephone numbers and ranges must not stand before a full stop.
_BEFORE_STOP: Final = re.compile(r"(\d[-–/]\d+)\.(?!\w)")
_LAST_ZERO: Final = re.compile(
    r"(?<![\w.,$£€¥₹₩])(\d+)\.(\d*0)(?![\w%°/-]|[.,]\d| ?(?:dollars?|euros?|pounds?|percent)\b)"
)


def spelled(word: str) -> str:
    """One word with its fractions, signs of sums and Greek letters in words, codes in digits."""
    word = _NAMED.sub(lambda sign: f" {NAMED[sign.group()]} ", _FRACTION.sub(" and ", word))
    word = _GREEK.sub(_letter_name, _MICRO.sub("µ", word))
    word = re.sub(r"−(?=\d)", "-", _BETWEEN_MINUS.sub(" minus ", word)).replace("−", " minus ")
    word = _TIMES.sub(_times, _POWER.sub(" to the power of ", word))
    return _CODE.sub(lambda digits: " ".join(digits.group()), word)


def _letter_name(letter: re.Match[str]) -> str:
    name = unicodedata.name(letter.group()).split()[-1].lower()
    return f" {'lambda' if name == 'lamda' else name} "


def _times(sign: re.Match[str]) -> str:
    """A product, but for words of which letters are hidden ("d*mn")."""
    before = re.split(r"\W", sign.string[: sign.start()])[-1]
    after = re.split(r"\W", sign.string[sign.end() :])[0]
    hides = before.isalpha() and after.isalpha() and (len(before) == 1) != (len(after) == 1)
    return sign.group() if hides and "pi" not in (before, after) else " times "


def as_said(sentence: str) -> str:
    """A sentence with its sums and ranges in words; what ends it is no abbreviation."""
    if (found := _EQUALS.search(sentence)) is not None:
        before, after = sentence[: found.start()], sentence[found.start() :]
        sentence = _SPACED_MINUS.sub(" minus ", before) + after
    sentence = _ASKED.sub(_asked, sentence)
    sentence = _OVER.sub(" divided by ", _MINUS.sub(" minus ", sentence))
    sentence = _BEFORE_STOP.sub(r"\1 .", _RANGE.sub(_range, sentence))
    sentence = _LAST_ZERO.sub(lambda m: f"{m[1]} point {' '.join(m[2])}", sentence)
    return _STAR.sub(_star, _WORD_TOO.sub(r"\1 .", sentence))


def _asked(sum_: re.Match[str]) -> str:
    asks, first, sign, second = sum_.groups()
    if sign == "/":
        return f"{asks} {first} divided by {second}"
    less = float(first.replace(",", "")) < float(second.replace(",", ""))
    return sum_.group() if less else f"{asks} {first} minus {second}"


def _range(found: re.Match[str]) -> str:
    """A range of numbers that hibari would take for something else; whole ones it knows."""
    first, last, percent = found.groups()
    whole = first.isdigit() and last.isdigit() and not percent
    if whole and (len(first) <= 4 or first[0] == "0" or (len(first), len(last)) == (5, 4)):
        return found.group()
    return f"{first} to {last}"


def _star(found: re.Match[str]) -> str:
    before = found.group(1).strip().lower()
    day = not before or before in _BEFORE_DAYS
    return found.group() if day else f"{found.group(1)}Sun ."
