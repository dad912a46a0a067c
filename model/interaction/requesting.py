"""From what a person says to a typed request on what is seen: a watch, a count, an end, a reading.

Language decides, bound by a grammar. It has read, once and in a row of its own, some sixty lines
of what people say and what is to be done; it is shown one more line and writes what follows, token
by token among what may stand there. Nothing is looked for in the words themselves. Where the intent
is known (`intent.py`) only what is left open is written: which thing, which hand, whose words.
Without, the kind is written too, which costs a pass before every answer and is wrong more often
(docs/eyes.md).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from model.interaction import watching
from model.interaction.calling import RowPen
from model.interaction.chat import shared
from model.interaction.intent import Intent
from model.interaction.parts import LanguagePart, Pieces
from model.interaction.scene import Key
from model.interaction.tool_grammar import Pen, TooLong
from model.interaction.watching import Way

__all__ = ["EXAMPLES", "Request", "Requests", "grammar"]

log = logging.getLogger(__name__)

EXAMPLES: Final = """\
What a person says to a voice that sees them through a camera, and what is to be done.
"Tell me when I raise my hand." -> watch: a hand is raised, tell
"How are you today?" -> answer
"Read out what is on this page." -> read
"Say hello when a dog appears." -> watch: a dog appears, say "hello"
"Tell me a joke about a cup." -> answer
"We went to the lake last summer." -> answer
"Stop watching." -> stop
"That is enough counting." -> stop
"Tell me when you see a car." -> watch: a car appears, tell
"Say good morning to everybody." -> answer
"Please write down your address and wait here." -> answer
"Please read this." -> read
"How many people live in Paris?" -> answer
"Let me know when somebody comes in." -> watch: somebody comes in, tell
"Somebody knocked at the door last night." -> answer
"Hi there." -> answer
"Tell me what is on the desk." -> look
"Count to ten." -> answer
"Read me a story about pirates." -> answer
"Count my push-ups." -> count: push-ups
"Please warn me when the bottle is gone." -> watch: the bottle is gone, tell
"I raised my hand." -> answer
"Tell me how a clock works." -> answer
"What is different now?" -> look
"What does it say here?" -> read
"She bought a horse and two sheep." -> answer
"How many squats do I do?" -> count: squats
"What am I holding?" -> look
"Each time I make a fist, say wow." -> watch: a hand shows a fist, say "wow"
"Call my brother and ask him." -> answer
"When the cat comes, tell me." -> watch: the cat appears, tell
"I will be back when I am hungry." -> answer
"Repeat after me: the cat is asleep." -> answer
"Can you see this?" -> look
"Let me know when my train leaves." -> watch: something else
"Say welcome when somebody comes in." -> watch: somebody comes in, say "welcome"
"You should see a doctor about it." -> answer
"How many dogs do you see?" -> look
"Is somebody else here?" -> look
"Tell me when I look away." -> watch: the person looks away, tell
"Can you read the sign?" -> read
"The man walked in and closed the window." -> answer
"Why is the sky blue?" -> answer
"Do you see that cat?" -> look
"Could you say that louder?" -> answer
"Tell me when a spoon appears." -> watch: a spoon appears, tell
"Let me think about it." -> answer
"Please keep count of my jumping jacks." -> count: jumping jacks
"When nobody is here any more, say good night." -> watch: everybody has left, say "good night"
"Forget it, you can stop looking." -> stop
"Could you help me find a present for her?" -> answer
"If a horse comes, say neigh." -> watch: a horse appears, say "neigh"
"Say stop when a bus appears." -> watch: a bus appears, say "stop"
"Am I in the picture?" -> look
"I stopped smoking when she left." -> answer
"You need not count any more." -> stop
"And what is this thing?" -> look
"Say hi if I put up my right hand." -> watch: the right hand is raised, say "hi"
"What is your name?" -> answer
"Say sorry to him for me." -> answer
"What do you see?" -> look
"""

ELSE: Final = " something else\n"
"""What nobody can see is no watch. Where intents are known it is refused, else answered as anything
is."""

_WATCH: Final = " watch:"
_COUNT: Final = " count:"

SURELY: Final = 0.7
"""Nats by which a request must be likelier than an answer. With 39 examples and none, a third of
ordinary sentences were taken for requests; now 6 of 173 are, and 38 of 40 requests
(`python -m tests.bench.visual.asking`). With 1.3 they are one and 34."""

LOOKS: Final = 1.5
"""Nats by which an answer beside what is seen may be less likely than one without: the one too
many costs half a second, the one too few says that nothing is seen."""

BEYOND: Final = 1.5
"""Nats by which a thing that Eyes do not know must be likelier than each they know, where a watch
is meant for sure."""

TOLD: Final = 1.5
"""Nats by which words of the person's own must be likelier than ours, where no probe tells whose
are meant. They tell little: with 1.5 we say "heads-up" to who asked for a heads-up, with 2.5
"hello" is not said to a dog any more."""

MOST_SAID: Final = 160
"""Characters of what was said that are judged, the last ones; a longer speech asks for no watch."""

MOST_WORDS: Final = 6
"""Of the words the person wants to hear."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for.

    Attributes:
        what: `look` (answer beside what is seen), `watch` (also to count), `stop`, `read`, or
            `beyond`: to watch for what Eyes do not know.
        way: of a watch.
        key: of a watch.
        say: the person's own words to be said when it fires; empty for ours.
    """

    what: Literal["look", "watch", "stop", "read", "beyond"]
    way: Way = "comes"
    key: Key = ("", "")
    say: str = ""


class Requests:
    """A row of Language that has read the examples, for one stream at a time.

    Args:
        language: whose row it is.
        row: the row; nobody else's.
        first: another that may have read the examples: they are copied then.
    """

    def __init__(self, language: LanguagePart, row: int, first: Requests | None = None) -> None:
        self._language = language
        self.row = row
        self._first = first
        self._read = 0

    def prepare(self) -> Pieces[None]:
        """Read the examples, before the first question comes: one to eight seconds of one thread,
        by its kind; or milliseconds, to copy them; or nothing, where the row holds them."""
        if self._read:
            return
        examples = self._language.encode(EXAMPLES)
        if self._first is not None and self._first._read:
            self._language.reset(self.row)
            self._language.fork(self._first.row, self.row)
            self._language.truncate(self.row, self._first._read)
        elif self._language.held(self.row) != examples:
            self._language.reset(self.row)
            yield from self._language.append(self.row, examples)
        self._read = self._language.length(self.row)

    def forget(self) -> None:
        """Another stream begins: nothing stays of what was said in the last."""
        if self._read:
            self._language.truncate(self.row, self._read)

    def read_ahead(self, said: str) -> Pieces[None]:
        """Read what the person has said so far, so that less is left to read when it is judged."""
        yield from self.prepare()
        if len(said) <= MOST_SAID:
            ids = self._language.encode(f'"{_plain(said)}')
            yield from self._language.append(self.row, ids[self._reach(ids) :])

    def ask(self, said: str, intents: Sequence[Intent] = ()) -> Pieces[Request | None]:
        """What `said` asks for; None when it is to be answered like anything else, unseeing.
        Where its likely `intents` are known the row is asked for no more than is left open."""
        what = intents[0].what if intents else "watch"
        if what != "watch":
            return None if what == "answer" else Request(what)
        # The words stay in the row: whoever pauses and goes on is judged again, and most was read.
        yield from self.prepare()
        try:
            return (yield from self._ask(_plain(said), intents))
        except TooLong:
            log.warning("a request on what is seen did not come to an end; it is answered")
            return None

    def _ask(self, words: str, intents: Sequence[Intent]) -> Pieces[Request | None]:
        ids = self._language.encode(f'"{words}" ->')
        rest = ids[self._reach(ids) :]
        return (yield from grammar(RowPen(self._language, self.row, rest), words, intents))

    def _reach(self, ids: Sequence[int]) -> int:
        """Go back as far as these ids stand behind the examples, and say how many do."""
        there = self._language.held(self.row)[self._read :]
        same = shared(there, ids)
        self._language.truncate(self.row, self._read + same)
        return same


def grammar(pen: Pen, said: str, intents: Sequence[Intent] = ()) -> Pieces[Request | None]:
    """Write what is to be done about `said`, and return it.

    Args:
        pen: writes behind the examples and what was said.
        said: that.
        intents: what may be watched for; empty where nothing is known.

    Raises:
        TooLong: it does not come to an end.
    """
    if intents:
        counts = {intent.way == "counts" for intent in intents}
        what = yield from pen.choose([_COUNT if one else _WATCH for one in sorted(counts)])
        return (yield from _watch(pen, said, what, intents))
    what = yield from pen.choose(
        [" answer", " look", _WATCH, _COUNT, " stop", " read"], (SURELY, SURELY + LOOKS)
    )
    if what == " answer":
        return None
    if what == " look":
        return Request("look")
    if what in (" stop", " read"):
        return Request("stop" if what == " stop" else "read")
    return (yield from _watch(pen, said, what, ()))


def _watch(pen: Pen, said: str, what: str, intents: Sequence[Intent]) -> Pieces[Request | None]:
    """Write what is watched for or counted, and whose words are to be said."""
    end = "\n" if what == _COUNT else ","
    wordings = {
        f" {words.removeprefix('count ')}{end}": watch
        for words, watch in watching.choices().items()
        if (watch[0] == "counts") == (what == _COUNT)
        and (not intents or any(one.fits(*watch) for one in intents))
    }
    # Who speaks of people or hands can be obeyed; of things there are more than Eyes know.
    beyond = not intents or "object" in {one.kind for one in intents}
    options = [*([ELSE] if beyond else []), *wordings]
    chosen = yield from pen.choose(options, (-BEYOND,) if intents and beyond else ())
    if chosen == ELSE:
        return Request("beyond") if intents else None
    say = ""
    whose = [" tell\n", ' say "'] if not intents else [' say "' if intents[0].own else " tell\n"]
    if what == _WATCH and (yield from pen.choose(whose, (TOLD,))) == ' say "':
        say = yield from pen.choose([f'{span}"' for span in _spans(said)])
    return Request("watch", *wordings[chosen], say.rstrip('"'))


def _plain(said: str) -> str:
    """What is judged of what was said."""
    return " ".join(said.replace('"', "").split())[-MOST_SAID:]


def _spans(said: str) -> list[str]:
    """Every few words that stand side by side in what was said: what it may ask us to say."""
    words = [word.strip(".,!?;:") for word in said.split()]
    found = [
        " ".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(start + MOST_WORDS, len(words)) + 1)
    ]
    return [span for span in dict.fromkeys(found) if span.strip()]
