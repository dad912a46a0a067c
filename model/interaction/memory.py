"""One stream's row of Language: what is committed, and the exchange that is under way.

Touched by jobs of the stream's `language` lane only, which run one after another. `committed` is
the row's length after the last exchange that was decided and heard; whatever lies beyond it is a
draft, and beginning another draft forgets it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from torch import Tensor

from model.interaction.chat import shared
from model.interaction.parts import BeyondWindow, LanguagePart, Pieces
from model.interaction.prompt import DEFAULT_INSTRUCTIONS
from model.interaction.wishes import Called, Outcome
from model.messages import Turn

__all__ = ["Memory"]

REMEMBERED_TURNS: Final = 64
"""Turns that are kept as text for a row that loses its place; of usual length, as many as are read
back."""

READ_BACK_TOKENS: Final = 1024
"""The most that is read back of them: half of the usual window, and what a slow machine reads in
some seconds. Nobody is answered before it is read."""

LONGEST_TURN_TOKENS: Final = 512
CUT_TOKENS: Final = 128
"""Of a person's longer turn the end is read: the question usually stands there. Of what we said,
of knowledge and of a tool's answer it is the beginning."""


JUDGED_TOKENS: Final = 48
"""Of a person's turn the last ones are judged: a request stands at the end of a story."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Something remembered as text: a turn, a tool's call or its answer.

    Attributes:
        what: that.
        utterance: the number of the utterance that was a turn of ours; 0 for none.
        before: the part of its text that an earlier utterance said.
    """

    what: Turn | Called | Outcome
    utterance: int = 0
    before: str = ""

    def is_agent(self) -> bool:
        """Whether we said it."""
        return isinstance(self.what, Turn) and self.what.who == "agent"


class Memory:
    """What Language knows of one conversation.

    Attributes:
        language: whose row it is.
        row: the row.
        was_about: the last question was about what was known beside it.
    """

    def __init__(self, language: LanguagePart, row: int) -> None:
        self.language = language
        self.row = row
        self.was_about = False
        self._committed = 0
        self._instructions = ""
        self._kept: deque[_Kept] = deque(maxlen=REMEMBERED_TURNS)
        self._asked: tuple[Turn | Outcome, ...] = ()
        self._about = False
        # What stands in the row behind the committed tokens, a reply left out.
        self._ahead: list[int] = []
        self._reply_start = 0
        self._reply: list[int] = []
        self._last_start = 0

    def prime(self, instructions: str, turns: Sequence[Turn]) -> Pieces[None]:
        """Empty the row, read the instructions, pin them, and read back earlier turns."""
        self._kept = deque(map(_Kept, turns), maxlen=REMEMBERED_TURNS)
        self.was_about = False
        yield from self.begin_anew(instructions)

    def begin_anew(self, instructions: str) -> Pieces[None]:
        """Go on with other instructions; what was said stays."""
        self._instructions = instructions or DEFAULT_INSTRUCTIONS
        yield from self.read_again()

    def ask(self, text: str, outcomes: Sequence[Outcome] = (), beside: str = "") -> Pieces[None]:
        """Begin a draft: the person said `text`, tools gave `outcomes`, either may be nothing; the
        next token is the first of our answer. What is known `beside` it is not remembered as text:
        it is how things were then."""
        yield from self._stand(self._question(text, outcomes, beside))
        self._reply_start = self.language.length(self.row)

    def answer(
        self,
        text: str,
        outcomes: Sequence[Outcome] = (),
        beside: str = "",
        about: bool = False,
    ) -> Pieces[int]:
        """`ask`, and the first token of our answer, sampled in the pass that reads the question,
        which may be `about` what is known beside it."""
        earlier = self._reply  # of a draft that answered other words, and was dropped
        ids = self._question(text, outcomes, beside)
        self._about = about
        kept = shared(self._ahead, ids[:-1])
        yield from self._stand(ids[:kept])
        token = yield from self.language.begin_reply(self.row, ids[kept:], earlier)
        self._ahead = ids
        self._reply_start = self.language.length(self.row) - 1
        return token

    def thought(self, text: str) -> Tensor:
        """What Language makes of the last of the person's words, which `answer` has just read."""
        turn, opened = self._person(text), self.language.person_open(text)
        closing = len(self.language.person_turn(text)) - len(opened)
        words = min(len(opened) - len(self.language.person_open("")), JUDGED_TOKENS)
        end = self._committed + len(turn) - closing
        return self.language.thought(self.row, end - max(words, 1), end)

    def _question(self, text: str, outcomes: Sequence[Outcome], beside: str) -> list[int]:
        said = (Turn("person", text),) if text else ()
        self._asked, self._reply = (*said, *outcomes), []
        self._about = False
        known = self.language.note(beside) if beside else []
        ids = [one for asked in self._asked for one in self._ids(asked, tell=True)]
        return ids + known + self.language.agent_open()

    def read_ahead(self, text: str) -> Pieces[None]:
        """The person has said `text` so far and goes on: read it, so that `ask` has less to read.
        It is not committed."""
        yield from self._stand(self.language.person_open(self._end_of(text)))

    def _stand(self, ids: list[int]) -> Pieces[None]:
        """Let the row hold these ids behind what is committed; of what it holds there already,
        such as the beginning of the same turn, only the rest is read."""
        yield from self.go_back(self._ahead[: shared(self._ahead, ids)])
        kept = len(self._ahead)
        yield from self._append(ids[kept:])
        self._ahead = ids

    def go_back(self, keep: Sequence[int] = ()) -> Pieces[None]:
        """Forget what is not committed, but for `keep`, the first of what stands behind it; read
        the text again, without `keep`, if the row no longer can."""
        self._ahead = list(keep)
        try:
            if self._committed > 0:
                self.language.truncate(self.row, self._committed + len(keep))
                return
        except BeyondWindow:
            pass  # Too much was overwritten since; the text is read again.
        yield from self.read_again()

    def took(self, token: int) -> None:
        """A token of the answer was sampled (and stands in the row)."""
        self._reply.append(token)

    def settle(self, heard: str, cut: bool, utterance: int = 0) -> Pieces[str]:
        """The answer was heard as far as `heard`: commit the exchange so, and mark a cut.

        Tokens that spell a prefix of what was heard stay; the rest is read anew. Returns what the
        row now holds of the answer.
        """
        self.was_about = self._about
        self._kept.extend(map(_Kept, self._asked))
        self._kept.append(_Kept(Turn("agent", heard.strip(), cut), utterance))
        self._ahead = []
        kept, text = self._spelling(heard)
        self.language.truncate(self.row, self._reply_start + kept)
        rest = self.language.encode(heard[len(text) :]) if len(heard) > len(text) else []
        yield from self._append(rest)
        spoken = self.language.length(self.row) - self._reply_start
        held = self.language.held(self.row)[-spoken:] if spoken else []
        yield from self._append(self.language.agent_close(cut))
        self._committed = self.language.length(self.row)
        self._last_start = self._reply_start
        self._reply = []
        return self.language.decode(held)

    def go_on(self, text: str) -> Pieces[int]:
        """Our last turn, which was cut, goes on: the token behind it and `text`, which is said
        again; -1 where it cannot be opened again. `rejoin` closes it."""
        last = self._kept[-1].what if self._kept else None
        if not isinstance(last, Turn) or last.who != "agent" or not 0 < self._last_start:
            return -1
        try:
            self.language.truncate(self.row, self._last_start)
        except BeyondWindow:
            yield from self.read_again()
            return -1
        # Should nothing close it, the row is written anew: what is committed is not in it.
        self._ahead, self._reply, self._committed = [], [], -self._last_start
        ids = self.language.encode(f"{last.text} {text.lstrip()}".strip())[:LONGEST_TURN_TOKENS]
        return (yield from self.language.begin_reply(self.row, ids))

    def rejoin(self, heard: str, cut: bool, utterance: int = 0) -> Pieces[str]:
        """What we said last was cut and then went on: `heard` belongs to the same turn."""
        whole, start, before = heard.strip(), self._last_start, ""
        last = self._kept[-1] if self._kept else None
        if last is not None and isinstance(last.what, Turn) and last.is_agent() and last.what.cut:
            before = f"{last.what.text} "
            self._kept.pop()
        else:
            start = 0  # Something else was said in between.
        turn = Turn("agent", (before + whole).strip(), cut)
        self._kept.append(_Kept(turn, utterance, before))
        yield from self._rewrite(turn, start)
        return whole

    def correct(self, utterance: int, text: str) -> Pieces[str]:
        """Of an utterance that is over only `text` was heard; returns what is remembered of it."""
        places = [at for at, kept in enumerate(self._kept) if kept.utterance == utterance]
        if not utterance or not places:
            return text.strip()  # So long ago that it is forgotten.
        at = places[-1]
        kept = self._kept[at]
        turn = Turn("agent", (kept.before + text).strip(), cut=True)
        if turn.text:
            self._kept[at] = replace(kept, what=turn)
        else:
            del self._kept[at]
        is_last = bool(turn.text) and at == len(self._kept) - 1
        yield from self._rewrite(turn, self._last_start if is_last else 0)
        return text.strip()

    def record(self, what: Turn | Called | Outcome, utterance: int = 0) -> Pieces[str]:
        """Commit what needs no answer, or what we said without Language; returns a turn's text."""
        yield from self.go_back()
        self._reply = []
        kept = _Kept(what, utterance)
        self._kept.append(kept)
        opened = len(self.language.agent_open()) if kept.is_agent() else 0
        self._last_start = self.language.length(self.row) + opened if opened else 0
        yield from self._append(self._ids(what))
        self._committed = self.language.length(self.row)
        return what.text if isinstance(what, Turn) else ""

    def read_again(self) -> Pieces[str]:
        """Write the row anew from the turns as text; returns what was last said by us."""
        # Nothing is committed until the end: abandoned half-way, it is done again.
        self._committed, self._last_start, self._ahead = 0, 0, []
        prefix = self.language.chat_prefix(self._instructions)
        yield from self.language.begin(self.row, prefix)
        for ids in self._latest(READ_BACK_TOKENS):
            yield from self._append(ids)
        self._committed = self.language.length(self.row)
        turns = (kept.what for kept in reversed(self._kept) if kept.is_agent())
        return next((turn.text for turn in turns if isinstance(turn, Turn)), "")

    def text(self) -> str:
        """What the row holds up to what is committed, without the marks between turns."""
        return self.language.decode(self.language.held(self.row)[: max(self._committed, 0)])

    def _spelling(self, heard: str) -> tuple[int, str]:
        """How many tokens of the reply spell a prefix of what was heard, and that prefix."""
        kept, text = 0, ""
        for count in range(1, len(self._reply) + 1):
            so_far = self.language.decode(self._reply[:count])
            if not heard.startswith(so_far):
                break
            kept, text = count, so_far
        return kept, text

    def _rewrite(self, turn: Turn, start: int) -> Pieces[None]:
        """Our last turn, whose text begins at `start` (0: unknown), now is this one."""
        self._ahead = []
        if not start or start > abs(self._committed):
            yield from self.read_again()
            return
        try:
            self.language.truncate(self.row, start)
        except BeyondWindow:
            yield from self.read_again()
            return
        yield from self._append(self._spoken(turn))
        self._committed = self.language.length(self.row)
        self._last_start = start

    def _latest(self, most_tokens: int) -> list[list[int]]:
        """Token ids of the latest turns, oldest first, as many as fit."""
        latest: list[list[int]] = []
        for kept in reversed(self._kept):
            ids = self._ids(kept.what)
            most_tokens -= len(ids)
            if most_tokens < 0:
                break
            latest.append(ids)
        return latest[::-1]

    def _ids(self, what: Turn | Called | Outcome, *, tell: bool = False) -> list[int]:
        """Something as tokens; a tool's answer is to be told the person, or just known."""
        match what:
            case Called(name, arguments):
                return self.language.tool_call(name, arguments)
            case Outcome(called, text, failed):
                return self.language.tool_answer(called.name, self._begin_of(text), failed, tell)
            case Turn("person", text):
                return self._person(text)
            case Turn("knowledge", text):
                return self.language.note(self._begin_of(text))
        return [*self.language.agent_open(), *self._spoken(what)]

    def _spoken(self, turn: Turn) -> list[int]:
        text = self.language.encode(turn.text)[:LONGEST_TURN_TOKENS]
        return [*text, *self.language.agent_close(turn.cut)]

    def _begin_of(self, text: str) -> str:
        """As much of a text from its beginning as is read."""
        text = text[: LONGEST_TURN_TOKENS * 8]  # Of blanks a token holds hundreds.
        ids = self.language.encode(text)
        whole = len(ids) <= LONGEST_TURN_TOKENS
        return text if whole else self.language.decode(ids[:LONGEST_TURN_TOKENS])

    def _person(self, text: str) -> list[int]:
        return self.language.person_turn(self._end_of(text))

    def _end_of(self, text: str) -> str:
        """As much of a text from its end as is read.

        Cut in steps: with another beginning for every word that is added, nothing of what was read
        ahead would count.
        """
        # Four characters a token and more: encoding only what can count bounds the work too.
        text = text[_over(len(text), LONGEST_TURN_TOKENS * 8, CUT_TOKENS * 8) :]
        ids = self.language.encode(text)
        over = _over(len(ids), LONGEST_TURN_TOKENS, CUT_TOKENS)
        return self.language.decode(ids[over:]) if over else text

    def _append(self, ids: Sequence[int]) -> Pieces[None]:
        yield from self.language.append(self.row, ids)


def _over(length: int, most: int, step: int) -> int:
    """How much of the beginning is too much, in whole steps."""
    return -(-max(length - most, 0) // step) * step
