"""Cut text into phrases to speak while it is still being written.

Pure: a `Splitting` is a value; feeding it gives the next value and the phrases that became
certain; `PhraseSplitter` holds one. The first phrase is short, so that speech starts early; later
ones grow towards whole sentences, because those sound better and there is time. What cannot be
read aloud (markdown, emoji, code blocks) is left out, and every word still knows where it ends in
the written text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Final

from model.interaction.pronunciation import is_sentence_end
from model.interaction.signs import NAMED, SIGNS

__all__ = ["MAX_PHRASE_LENGTH", "Phrase", "PhraseSplitter", "Splitting"]

MAX_PHRASE_LENGTH: Final = 200
"""Characters of the longest phrase."""

SENTENCE_PAUSE_SECONDS: Final = 0.25
CLAUSE_PAUSE_SECONDS: Final = 0.18
COMMA_PAUSE_SECONDS: Final = 0.12

_CLAUSE_LENGTHS: Final = (0, 40, 80, 120)
"""Characters that phrase 0, 1, 2, 3… should have before it may end at a comma: each phrase is
made while the one before it is heard."""
_FIRST_CLAUSE_WORDS: Final = 2
_TELLING_WORDS: Final = 4  # so many behind the last clause say something by themselves
_FIRST_JOINED_WORDS: Final = 4
_FIRST_WORDS: Final = 8
"""Words that a first phrase has at least before it ends at a comma, before a word that joins, or
between any two words that do not cling to each other. A word takes a slow machine a tenth of a
second to think of, and a third of a second to say."""
_CONJUNCTIONS = frozenset(
    "and but because so or which who where when while if although though since unless then than "
    "that whether until before after".split()
)
_PREPOSITIONS = frozenset(
    "in on at from with for to by about into through over under between without as".split()
)
_VERBS = frozenset(
    "is are was were has have had can could will would should may might must do does did".split()
)
"""What stands before these is a subject of several words."""
_JOINING = _CONJUNCTIONS | _PREPOSITIONS | _VERBS
_CLINGING = _JOINING | frozenset(
    "a an the my your our his her its their this that these those of not no very more most some "
    "any i you he she it we they there be been being".split()
)

_RAW_WORD = re.compile(r"(\s*)(\S+)(?=(\s))")
_LAST_WORD = re.compile(r"[A-Za-z]{2,}(?:['’][a-z]+)?[.!?,]$")
_LINE_MARK = re.compile(r"^(?:[-*+•>]|#{1,6}|[-*_=]{3,}|\|?(?:[:\-]+\|)+[:\-]*\|?)$")
_LIST_NUMBER = re.compile(r"^\d{1,3}[.)]$")
_LINK_TARGET = re.compile(r"\]\([^)]*\)?")
_CITATION = re.compile(r"\[\^?\d+\]")
_TAG = re.compile(r"</?[a-zA-Z][\w-]*\s*/?>")
# Behind a number, one letter or a bracket, a sign is a sum's: "2**3", "x**n", "(a+b)*c".
_STRONG = re.compile(r"(?<![\d)])(?<!\b[A-Za-z])(\*{2,3}|__)([^*_]+)\1")
_EMPHASIS = re.compile(
    r"(?<![\d)*])(?<!\b[A-Za-z])\*{2,}|\*{2,}(?![\w(*]|-\d)|(?<!\w)_{2,}|_{2,}(?!\w)|~{2,}|`+"
    r"|^[*_]+|[*_]+$|(?<=[^\w)*])[*_]+|[*_]+(?=[^\w(*])(?!-\d)"
)
_BAR = re.compile(r"^\|+|\|+$")
_CLOSERS = "\"'”’)]"


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something to speak in one go.

    Attributes:
        text: what is spoken and shown; all phrases of a reply, joined, are its text. Begins with
            a space unless it is the first.
        pause_seconds: silence that belongs after it.
    """

    text: str
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class _Word:
    """A word to be spoken: its text without space, how it is set."""

    text: str
    new_line: bool
    glued: bool


@dataclass(frozen=True, slots=True)
class Splitting:
    """Where the cutting of one reply stands. Start with `Splitting()`."""

    _tail: str = ""
    _words: tuple[_Word, ...] = ()
    _phrases: int = 0
    _in_code: bool = False
    _line_start: bool = True
    _spoken: bool = False

    def feed(self, text: str) -> tuple[Splitting, tuple[Phrase, ...]]:
        """Take more written text; give the phrases that no further text can change."""
        state = replace(self, _tail=self._tail + text)._read_words()
        phrases: list[Phrase] = []
        while (cut := _cut_place(state._words, state._phrases)) is not None:
            state, phrase = state._emit(cut)
            phrases.append(phrase)
        return state, tuple(phrases)

    def hasten(self) -> tuple[Splitting, tuple[Phrase, ...]]:
        """The first phrase, if the text so far reads like a whole sentence or clause, or its last
        word like one before which it may end: all but certain, and to know it, the next token,
        takes longer than to render it. Should the word go on after all ("example.com"), its rest
        is spoken as the next word."""
        word = self._tail.strip()
        quoted = any('"' in one.text for one in self._words)
        if self._phrases or self._in_code or quoted or not word:
            return self, ()
        begins = self._tail[0].isspace() and word.lower() in _JOINING
        if begins and _joins((*self._words, _bare(word)), len(self._words)):
            state, phrase = self._emit(len(self._words))
            return state, (phrase,)
        if not _LAST_WORD.match(word) or not (word[-1] == "," or is_sentence_end(word, "")):
            return self, ()
        state, phrases = self.feed(" ")
        if not phrases:
            return self, ()
        return replace(state, _tail=""), phrases  # The space is no part of the written text.

    def flush(self) -> tuple[Phrase, ...]:
        """The phrases that remain when nothing more will be written."""
        state, fed = self.feed("\n")
        phrases = list(fed)
        while state._words:
            state, phrase = state._emit(_last_cut(state._words))
            phrases.append(phrase)
        return tuple(phrases)

    def break_off(self) -> tuple[Phrase, ...]:
        """The phrases that remain of a text that ended anywhere: no half word, and nothing that
        only what is missing would make sense of, unless that is all there is."""
        state, fed = self.feed("\n")
        words = state._words
        ends = (
            number
            for number, word in enumerate(words, 1)
            if _ends_clause(word) or is_sentence_end(word.text, "")
        )
        count, whole = max(ends, default=0), _whole(words)
        count = whole if whole - count >= _TELLING_WORDS else count
        if not count and not state._spoken:
            return self.flush()
        return (*fed, *replace(state, _words=words[:count]).flush())

    def _read_words(self) -> Splitting:
        """Move every complete word from the tail to the words."""
        words = list(self._words)
        in_code, line_start = self._in_code, self._line_start
        place = 0
        for match in _RAW_WORD.finditer(self._tail):
            space, raw = match.group(1), match.group(2)
            line_start = line_start or "\n" in space
            place = match.end()
            fences = raw.count("```")
            if in_code or fences:
                in_code ^= bool(fences % 2)
                continue
            if line_start and _LINE_MARK.match(raw):
                continue
            if clean := _cleaned(raw):
                words += _bounded(clean, new_line=line_start)
                line_start = False
        rest = self._tail[place:]
        if len(rest.strip()) > MAX_PHRASE_LENGTH and (in_code or "```" in rest):
            in_code ^= bool(rest.count("```") % 2)
            # What may be the beginning of a fence is kept.
            opening = len(rest) - len(rest.rstrip("`"))
            place = len(self._tail) - (opening if opening < 3 else 0)
        elif len(rest.strip()) > MAX_PHRASE_LENGTH:  # bound: a "word" without end is cut
            words += _bounded(_cleaned(rest), line_start)
            place, line_start = len(self._tail), False
        return replace(
            self,
            _tail=self._tail[place:],
            _words=tuple(words),
            _in_code=in_code,
            _line_start=line_start,
        )

    def _emit(self, count: int) -> tuple[Splitting, Phrase]:
        spoken, rest = self._words[:count], self._words[count:]
        text = "".join(("" if word.glued else " ") + word.text for word in spoken)
        phrase = Phrase(
            text=text if self._spoken else text.lstrip(),
            pause_seconds=_pause(spoken[-1], rest),
        )
        state = replace(self, _words=rest, _phrases=self._phrases + 1, _spoken=True)
        return state, phrase


class PhraseSplitter:
    """Holds the `Splitting` of one reply, of which something was said before if it was `begun`."""

    def __init__(self, begun: bool = False) -> None:
        self._splitting = Splitting(_phrases=int(begun), _spoken=begun)

    def feed(self, text: str) -> tuple[Phrase, ...]:
        """Take more written text; give the phrases that no further text can change."""
        self._splitting, phrases = self._splitting.feed(text)
        return phrases

    def hasten(self) -> tuple[Phrase, ...]:
        """See `Splitting.hasten`."""
        self._splitting, phrases = self._splitting.hasten()
        return phrases

    def flush(self) -> tuple[Phrase, ...]:
        """The phrases that remain when nothing more will be written; then begin anew."""
        splitting, self._splitting = self._splitting, Splitting()
        return splitting.flush()

    def break_off(self) -> tuple[Phrase, ...]:
        """See `Splitting.break_off`; then begin anew."""
        splitting, self._splitting = self._splitting, Splitting()
        return splitting.break_off()


def _cleaned(raw: str) -> str:
    """One written word without what is there only for the eye."""
    if raw in SIGNS:
        return raw
    if "://" in raw and "](" not in raw:
        return raw.strip("<>`*")
    word = html.unescape(_TAG.sub("", _CITATION.sub("", raw)))
    word = _LINK_TARGET.sub("", word).replace("![", "").replace("[", "").replace("]", "")
    word = _EMPHASIS.sub("", _STRONG.sub(r"\2", _BAR.sub("", word))).replace("`", "")
    kept = (c for c in word if unicodedata.category(c) not in _UNSPEAKABLE or c in "°™®©^")
    word = "".join("".join(kept).split())
    return word if any(c.isalnum() or c in NAMED for c in word) or word in _BARE else ""


_UNSPEAKABLE = frozenset({"So", "Sk", "Cs", "Co", "Cn", "Cf", "Cc"})
_BARE = frozenset({"-", "–", "—", "...", "…", "+", "=", "&", "%", "<", ">", "/", "!", "?", "."})


def _bounded(text: str, new_line: bool) -> list[_Word]:
    pieces = [
        text[i : i + MAX_PHRASE_LENGTH - 1] for i in range(0, len(text), MAX_PHRASE_LENGTH - 1)
    ]
    return [_Word(piece, new_line and not i, bool(i)) for i, piece in enumerate(pieces)]


def _cut_place(words: tuple[_Word, ...], phrases: int) -> int | None:
    """How many words make the next phrase, or None while more text should be awaited."""
    length = 0
    for index, word in enumerate(words):
        length += len(word.text) + 1
        following = words[index + 1] if index + 1 < len(words) else None
        if length > MAX_PHRASE_LENGTH:
            return _best_cut(words[: index or 1])
        if following is not None and following.new_line:
            return index + 1
        if _ends_sentence(words, index):
            return index + 1
        if _ends_clause(word) and length >= _CLAUSE_LENGTHS[min(phrases, len(_CLAUSE_LENGTHS) - 1)]:
            if phrases > 0 or index + 1 >= _FIRST_CLAUSE_WORDS:
                return index + 1
        if phrases == 0 and following is not None and _joins(words, index + 1):
            return index + 1
    return None


def _last_cut(words: tuple[_Word, ...]) -> int:
    length = 0
    for index, word in enumerate(words):
        length += len(word.text) + 1
        if length > MAX_PHRASE_LENGTH:
            return _best_cut(words[: index or 1])
    return len(words)


def _whole(words: tuple[_Word, ...]) -> int:
    """How many words of a text that broke off can end it: the last may be half of one, and one that
    clings to another begins something."""
    count = max(len(words) - 1, 0)
    while count and words[count - 1].text.lower() in _CLINGING:
        count -= 1
    return count


def _ends_sentence(words: tuple[_Word, ...], index: int) -> bool:
    word = words[index]
    if word.new_line and _LIST_NUMBER.match(word.text):
        return False
    if is_sentence_end(word.text, ""):
        return True
    # What may be an abbreviation ("p.m.", "No.") shows by the word after it.
    return index + 1 < len(words) and is_sentence_end(word.text, words[index + 1].text)


def _bare(text: str) -> _Word:
    """A word of which only the text matters."""
    return _Word(text, new_line=False, glued=False)


def _ends_clause(word: _Word) -> bool:
    bare = word.text.rstrip(_CLOSERS)
    return bare[-1:] in (",", ";", ":", "—", "–") and any(c.isalnum() for c in bare)


def _joins(words: tuple[_Word, ...], index: int) -> bool:
    """Whether a first phrase may end before the joining word at `index`."""
    before, text = words[index - 1].text.lower(), words[index].text.lower()
    if before in _CLINGING or words[index].new_line:
        return False
    if text in _JOINING:
        return index >= _FIRST_JOINED_WORDS
    return index >= _FIRST_WORDS


def _best_cut(words: tuple[_Word, ...]) -> int:
    """Where to end a phrase that has become too long: a clause, a joining word, or anywhere."""
    for place in range(len(words), len(words) // 3, -1):
        if _ends_clause(words[place - 1]):
            return place
    for place in range(len(words) - 1, len(words) // 2, -1):
        if words[place].text.lower() in _CONJUNCTIONS:
            return place
    return len(words)


def _pause(last: _Word, rest: tuple[_Word, ...]) -> float:
    bare = last.text.rstrip(_CLOSERS)
    if bare[-1:] in (".", "!", "?", "…"):
        return SENTENCE_PAUSE_SECONDS
    if bare[-1:] == ",":
        return COMMA_PAUSE_SECONDS
    if bare[-1:] in (";", ":", "—", "–"):
        return CLAUSE_PAUSE_SECONDS
    return SENTENCE_PAUSE_SECONDS if rest and rest[0].new_line else 0.0
