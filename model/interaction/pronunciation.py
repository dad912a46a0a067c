"""Written words to phonemes, each phoneme knowing the written word it belongs to.

One written word may be spoken as several ("$5", "3:15"), several as fewer, or as nothing at all
(an emoji). The phonemes themselves come from hibari's dictionary and rules.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from model.interaction.signs import KEPT_WHOLE, SIGNS, as_said, spelled

if TYPE_CHECKING:
    from hibari.g2p import G2P

__all__ = [
    "Breath",
    "Pronunciation",
    "is_sentence_end",
    "normalizer",
    "speakable",
    "written_words",
]

MAX_BREATH_PHONEMES = 240
"""Longest run handed to the network at once: about 15 s of speech, 150 ms on one thread."""

SILENT_PHONEMES = frozenset(' ;:,.!?—…"()“”')
"""What the voice's alphabet spells as a pause and not as a sound."""

_CLAUSE_PHONEMES = frozenset(";:,.!?—…")
_WORD = re.compile(r"\s*\S+")
_CLOSERS = "\"'”’)]}*_`"
_NOT_AN_END = frozenset(
    "mr mrs ms dr prof st mt ft gen gov sen rep capt lt col sgt rev hon jr sr vs etc no vol fig "
    "eg ie e.g i.e approx dept inc ltd jan feb mar apr jun jul aug sep sept oct nov dec "
    "cf al a.m p.m u.s u.k".split()
)
_ENDS_MAYBE = frozenset({"no", "etc", "jr", "sr", "inc", "ltd", "a.m", "p.m", "u.s", "u.k", "al"})
_ENDS_BEFORE_SUBJECT = frozenset(
    "st mt ft rd dept inc ltd jan feb mar apr jun jul aug sep sept oct nov dec".split()
)
_SUBJECTS = frozenset(
    "the it its it's he he's she she's they they're we we're you you're this that that's these "
    "there there's but so if when then now what how why let's do does is are can would please "
    "i'm i'll i've my your his her their our in on at for and as".split()
)
"""Words with a capital letter that begin a sentence and no name: behind an initial or a street
they tell that the dot was a full stop. Not "I", which is an initial too."""
_URL = re.compile(r"^(?:https?://|ftp://)?(?:www\.)?([\w-]+(?:\.[\w-]+)+)(?::\d+)?(/\S*)?$", re.I)
_SCHEME = re.compile(r"^(?:https?|ftp)://|^www\.", re.I)
_SITE = re.compile(r"\.(?:com|org|net|edu|gov|io|uk|de|fr|eu|ai|dev)(?:/|$)")
_EMAIL = re.compile(r"^[\w.+-]+@[\w-]+(?:\.[\w-]+)+$")
_SHARP = re.compile(r"(?<![A-Za-z])([A-G])#(?!\w)")
_WHOLE = re.compile(f"([{KEPT_WHOLE}])")
_KEPT_SYMBOLS = frozenset("°×÷±=<>+%$£€¥₹₩¢§¶½¼¾²³µ&@|^~#")


@dataclass(frozen=True, slots=True)
class Breath:
    """A run of phonemes spoken in one go.

    `owners[i]` is the index of the written word that `phonemes[i]` belongs to. `ends_sentence`
    tells a full stop from a cut made only because the run became too long.
    """

    phonemes: str
    owners: tuple[int, ...]
    ends_sentence: bool


def written_words(text: str) -> tuple[str, ...]:
    """Split at white space so that the words, joined, are `text` again.

    White space leads the word after it; what trails the text belongs to the last word.
    """
    words = [match.group() for match in _WORD.finditer(text)]
    rest = text[sum(map(len, words)) :]
    if not words:
        return (text,) if text else ()
    words[-1] += rest
    return tuple(words)


def is_sentence_end(word: str, following: str) -> bool:
    """Whether a sentence ends with `word` when `following` is the next written word."""
    bare = word.strip().rstrip(_CLOSERS)
    if not bare or bare[-1] not in ".!?…":
        return False
    after = following.strip().lstrip("\"'“‘([*_`")
    if after[:1].islower():
        return False
    if bare[-1] != "." or bare.endswith(".."):
        return True
    stem = bare[:-1].lstrip("\"'“‘([*_`").lower()
    initial = len(stem) == 1 and stem.isalpha() and stem != "i"
    if (initial or stem in _ENDS_BEFORE_SUBJECT) and after[:1].isupper():
        if after.rstrip(",").lower().replace("’", "'") in _SUBJECTS:
            return True
    if stem in _NOT_AN_END:
        return stem in _ENDS_MAYBE and after[:1].isupper() and stem not in {"u.s", "u.k"}
    return not initial


@lru_cache(maxsize=4096)
def _is_speakable_letter(character: str) -> bool:
    return "LATIN" in unicodedata.name(character, "") or character.isascii()


def speakable(word: str) -> str:
    """One written word in plain characters that can be read aloud; empty when nothing can."""
    word = word.strip()
    parts = _WHOLE.split(spelled(SIGNS.get(word, word).replace("…", "...")))
    plain = (one if one in KEPT_WHOLE else unicodedata.normalize("NFKC", one) for one in parts)
    word = "".join(plain).strip()
    bare = word.strip("*_`~[](){}<>\"'“”‘’,;!?").rstrip(".:")
    if _EMAIL.match(bare):
        spoken = bare.replace("@", " at ").replace(".", " dot ").replace("_", " ")
        word = word.replace(bare, spoken)
    elif (_SCHEME.match(bare) or _SITE.search(bare)) and (match := _URL.match(bare)):
        word = word.replace(bare, _spoken_address(match.group(1), match.group(2) or ""))
    word = _SHARP.sub(r"\1 sharp", word)
    return " ".join("".join(_spoken_character(c) for c in word).split())


def _spoken_address(host: str, path: str) -> str:
    path = re.split(r"[?#]", path)[0].strip("/")
    parts = [host.replace(".", " dot ").replace("-", " dash ")]
    parts += [re.sub(r"[\W_]+", " ", part) for part in path.split("/")[:3] if part]
    return " slash ".join(parts)


def _spoken_character(character: str) -> str:
    if character.isalpha() and character not in KEPT_WHOLE:
        return character if _is_speakable_letter(character) else " "
    if character in "[]{}*_`\\":
        return " " if character in "_\\" else ""
    if character.isspace():
        return " "
    kind = unicodedata.category(character)
    if kind in ("Nd", "Nl", "No") or kind.startswith("P") or character in _KEPT_SYMBOLS:
        return character
    # Emoji, their joiners and selectors, control characters, stray combining marks.
    return " " if kind.startswith(("S", "Z")) else ""


_BEHIND_FIRST = (
    "is|was|of|and|or|to|in|by|from|with|began|ended|ruled|reigned|became|died"
    "|cancer|diabetes|errors?|trials?"
)


def normalizer() -> Callable[[str], str]:
    """hibari's `normalize`: a sentence with its numbers, dates and abbreviations in words.

    Three of hibari's rules are replaced, for the whole process. Those for Roman numerals match an
    empty numeral ("Queen Victoria": "Queen the zerothVictoria"), the pronoun in "the book I like",
    and the letter in "Type C"; that for titles makes a general of "Gen Z".
    """
    rules: Any = import_module("hibari.g2p.normalize")
    # The numeral is not empty and ends its word. One C or L is a letter, and an I before a verb
    # the pronoun.
    letter = rf"(?! [CL]\b)(?! I (?!(?:{_BEHIND_FIRST})\b)[a-z])"
    numeral = rf"{letter} {rules.ROMAN_NUMERAL}(?<=[IVXLC])(?!\w)"
    kinds, names, titles = map(_any_of, (rules.ROMAN_CARDINAL, rules.ROMAN_ORDINAL, rules.TITLES))
    rules.RE_ROMAN_C = re.compile(rf"\b(?![a-z]+ I\b)({kinds}){numeral}(?![.'’-]\w)")
    rules.RE_ROMAN_O = re.compile(rf"\b({names}){numeral}(?![.'’-](?!s\b)\w)")
    name = r"(?=[A-Z](?:\w|\. [A-Z]|['’]\w{2}))"
    rules.RE_TITLE = re.compile(rf"\b(?!(?:Gen|Rev) (?:[A-Z]|Alpha|Beta)\b)({titles})\.? {name}")
    spell: Callable[[str], str] = rules.normalize
    return spell


def _any_of(words: Sequence[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


class Pronunciation:
    """hibari's text-to-phoneme rules, with the written word of every phoneme kept."""

    def __init__(self, alphabet: frozenset[str]) -> None:
        """Load the dictionaries (about a second).

        Args:
            alphabet: the phonemes the voice knows; others are left out.
        """
        from hibari.g2p import G2P

        self._g2p: G2P = G2P()
        self._normalize = normalizer()
        self._alphabet = alphabet
        # The network for unknown words is loaded lazily by hibari: not in the middle of a turn.
        self._g2p.oov("counterpoint")

    def breaths(self, words: Sequence[str]) -> list[Breath]:
        """The phonemes of written words, sentence by sentence; silent words own none."""
        found: list[Breath] = []
        first = 0
        for index, word in enumerate(words):
            last = index + 1 == len(words)
            if last or is_sentence_end(word, words[index + 1]) or "\n" in words[index + 1]:
                found += self._sentence(words[first : index + 1], first)
                first = index + 1
        return found

    def _sentence(self, words: Sequence[str], offset: int) -> list[Breath]:
        pieces: list[tuple[str, int]] = []
        for index, word in enumerate(words):
            pieces += [(part, index + offset) for part in speakable(word).split()]
        if not pieces:
            return []
        return _cut_long(self._phonemes(pieces))

    def _phonemes(self, pieces: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """Phoneme text and owner of each spoken word of one sentence."""
        spoken = self._normalize(as_said(" ".join(part for part, _ in pieces))).split()
        owners = _owners([part for part, _ in pieces], [owner for _, owner in pieces], spoken)
        sounds = [""] * len(spoken)
        place = 0
        for token in self._g2p.phonemize_tokens(self._g2p.tokenize(" ".join(spoken))):
            known = (c for c in token.phonemes or "" if c in self._alphabet)
            sounds[min(place, len(spoken) - 1)] += "".join(known)
            place += bool(token.whitespace)
        return [(sound.strip(), owner) for sound, owner in zip(sounds, owners, strict=True)]


def _owners(written: list[str], indices: list[int], spoken: list[str]) -> list[int]:
    """For each spoken word the index of the written word it stands for; never decreasing."""
    if not spoken:
        return []
    owners = [-1] * len(spoken)
    for kind, a, b, c, d in SequenceMatcher(None, written, spoken, autojunk=False).get_opcodes():
        for place in range(c, d):
            if kind == "insert":
                owners[place] = indices[max(a - 1, 0)]
            else:
                owners[place] = indices[a + (place - c) * (b - a) // (d - c)]
    return owners


def _cut_long(sounds: list[tuple[str, int]]) -> list[Breath]:
    """Join the words of a sentence into breaths, cutting long ones at a clause if there is one."""
    breaths: list[Breath] = []
    run: list[tuple[str, int]] = []
    length = 0
    for sound, owner in sounds:
        while len(sound) > MAX_BREATH_PHONEMES:
            run.append((sound[:MAX_BREATH_PHONEMES], owner))
            sound = sound[MAX_BREATH_PHONEMES:]
            length = 2 * MAX_BREATH_PHONEMES
        if run and length + len(sound) + 1 > MAX_BREATH_PHONEMES:
            cut = _clause_end(run)
            breaths.append(_breath(run[:cut], ends_sentence=False))
            run = run[cut:]
            length = sum(len(part) + 1 for part, _ in run)
        run.append((sound, owner))
        length += len(sound) + 1
    breaths.append(_breath(run, ends_sentence=True))
    return [breath for breath in breaths if breath.phonemes.strip("".join(SILENT_PHONEMES))]


def _clause_end(run: list[tuple[str, int]]) -> int:
    """How many words of `run` to speak now: up to the last clause in its second half, or all."""
    for count in range(len(run), len(run) // 2, -1):
        if run[count - 1][0][-1:] in _CLAUSE_PHONEMES:
            return count
    return len(run)


def _breath(run: list[tuple[str, int]], *, ends_sentence: bool) -> Breath:
    phonemes, owners = "", []
    for sound, owner in run:
        if not sound:
            continue
        if phonemes:
            phonemes += " "
            owners.append(owner)
        phonemes += sound
        owners += [owner] * len(sound)
    if phonemes and phonemes[-1] not in SILENT_PHONEMES:
        # Without an end the voice swallows its last sound: half as many words are misheard so.
        phonemes, owners = phonemes + ",", [*owners, owners[-1]]
    return Breath(phonemes, tuple(owners), ends_sentence)
