"""From what a person says to a typed request on what is seen: a watch, a count, an end, a reading.

Language decides, bound by a grammar. It has read, once and in a row of its own, some thirty lines
of what people say and what is to be done; it is shown one more line and writes what follows, token
by token among what may stand there. Nothing is looked for in the words themselves. This costs about
twenty tokens of reading; to ask how well each request explains the words, as is done for a client's
tools, costs eight times as much and was right less often (docs/eyes.md).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final, Literal

from model.interaction import watching
from model.interaction.calling import RowPen
from model.interaction.parts import LanguagePart, Pieces
from model.interaction.scene import Key
from model.interaction.tool_grammar import Pen, TooLong
from model.interaction.watching import Way

__all__ = ["Request", "Requests", "grammar"]

log = logging.getLogger(__name__)

EXAMPLES: Final = """\
What a person says to a voice that sees them through a camera, and what is to be done.
"Tell me when I raise my hand." -> watch: a hand is raised
"How are you today?" -> answer
"Say hello when a dog appears." -> say "hello" when: a dog appears
"Tell me a joke about a cup." -> answer
"Stop watching." -> stop
"Tell me when you see a car." -> watch: a car appears
"Say good morning to everybody." -> answer
"Please read this." -> read
"How many people live in Paris?" -> answer
"Let me know when somebody comes in." -> watch: somebody comes in
"Hi there." -> answer
"Count to ten." -> answer
"Count my push-ups." -> count: push-ups
"Please warn me when the bottle is gone." -> watch: the bottle is gone
"I raised my hand." -> answer
"What is different now?" -> answer
"What does it say here?" -> read
"How many squats do I do?" -> count: squats
"What am I holding?" -> answer
"Each time I make a fist, say wow." -> say "wow" when: a hand shows a fist
"You need not count any more." -> stop
"When the cat comes, tell me." -> watch: the cat appears
"I will be back when I am hungry." -> answer
"Let me know when my train leaves." -> watch: something else
"Say welcome when somebody comes in." -> say "welcome" when: somebody comes in
"Is somebody else here?" -> answer
"Tell me when I look away." -> watch: the person looks away
"Can you read the sign?" -> read
"Why is the sky blue?" -> answer
"Tell me when a spoon appears." -> watch: a spoon appears
"Please keep count of my jumping jacks." -> count: jumping jacks
"When nobody is here any more, say good night." -> say "good night" when: everybody has left
"Forget it, you can stop looking." -> stop
"If a horse comes, say neigh." -> say "neigh" when: a horse appears
"Am I in the picture?" -> answer
"Say hi if I put up my right hand." -> say "hi" when: the right hand is raised
"What is your name?" -> answer
"What do you see?" -> answer
"""

ELSE: Final = " something else\n"
"""What nobody can see is no watch: it is answered like anything else."""

MOST_SAID: Final = 160
"""Characters of what was said that are judged, the last ones; a longer speech asks for no watch."""

MOST_WORDS: Final = 6
"""Of the words the person wants to hear."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for.

    Attributes:
        what: `watch` (also to count), `stop` or `read`.
        way: of a watch.
        key: of a watch.
        say: the person's own words to be said when it fires; empty for ours.
    """

    what: Literal["watch", "stop", "read"]
    way: Way = "comes"
    key: Key = ("", "")
    say: str = ""


class Requests:
    """A row of Language that has read the examples; one question at a time.

    Args:
        language: whose row it is.
        row: the row; nobody else's.
    """

    def __init__(self, language: LanguagePart, row: int) -> None:
        self._language = language
        self._row = row
        self._read = 0
        self._asking = False

    def prepare(self) -> Pieces[None]:
        """Read the examples, once, before the first question comes: one to eight seconds of one
        thread, by its kind."""
        while self._asking:
            yield None
        self._asking = True
        try:
            if not self._read:
                yield from self._begin()
        finally:
            self._asking = False

    def _begin(self) -> Pieces[None]:
        self._language.reset(self._row)
        yield from self._language.append(self._row, self._language.encode(EXAMPLES))
        self._read = self._language.length(self._row)

    def ask(self, said: str) -> Pieces[Request | None]:
        """What `said` asks for; None when it is to be answered like anything else."""
        while self._asking:
            yield None
        self._asking = True
        try:
            if not self._read:
                yield from self._begin()
            return (yield from self._ask(said))
        except TooLong:
            log.warning("a request on what is seen did not come to an end; it is answered")
            return None
        finally:
            # Also when the question is abandoned halfway.
            if self._read and self._language.length(self._row) > self._read:
                self._language.truncate(self._row, self._read)
            self._asking = False

    def _ask(self, said: str) -> Pieces[Request | None]:
        words = " ".join(said.replace('"', "").split())[-MOST_SAID:]
        yield from self._language.append(self._row, self._language.encode(f'"{words}" ->'))
        return (yield from grammar(RowPen(self._language, self._row), words))


def grammar(pen: Pen, said: str) -> Pieces[Request | None]:
    """Write what is to be done about `said`, and return it.

    Raises:
        TooLong: it does not come to an end.
    """
    what = yield from pen.choose([" answer", " watch:", ' say "', " count:", " stop", " read"])
    if what == " answer":
        return None
    if what in (" stop", " read"):
        return Request("stop" if what == " stop" else "read")
    say = ""
    if what == ' say "':
        say = yield from pen.choose([f'{span}"' for span in _spans(said)])
        pen.write(" when:")
    wordings = {
        f" {words.removeprefix('count ')}\n": watch
        for words, watch in watching.choices().items()
        if (watch[0] == "counts") == (what == " count:")
    }
    chosen = yield from pen.choose([*wordings, ELSE])
    if chosen == ELSE:
        return None
    return Request("watch", *wordings[chosen], say.rstrip('"'))


def _spans(said: str) -> list[str]:
    """Every few words that stand side by side in what was said: what it may ask us to say."""
    words = [word.strip(".,!?;:") for word in said.split()]
    found = [
        " ".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(start + MOST_WORDS, len(words)) + 1)
    ]
    return [span for span in dict.fromkeys(found) if span.strip()]
