"""Asking for a tool: whether, which, and with what.

A small decoder hardly opens a call by itself, and not at the right time: with the usual prompt for
tools the 0.5B did so as often for "hello" as for "what time is it". But it can tell which words fit
which situation. So it is asked how likely what the person said is when a tool is wanted, against
when something else is said: the difference decides. What it writes as arguments is
bound by the tool's schema (`tool_grammar`). Nothing of this stays in the row.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from model.interaction.memory import Memory
from model.interaction.parts import LanguagePart, Pieces
from model.interaction.tool_grammar import TooLong, fill, is_valid, summary
from model.interaction.wishes import Called
from model.orders import ToolSpec

__all__ = ["RowPen", "called", "worth"]

log = logging.getLogger(__name__)

WORTH: Final = 0.56
"""From so much on a tool is asked for. Chosen on fifty requests with the 0.5B, a clock and a
weather tool: 18 of 20 that want one of them, and 1 of 30 others. Of fifty more it was 19 of 20 and
4 of 30."""

MOST_DESCRIBED: Final = 240
"""Characters of a tool's description that are read."""

MOST_JUDGED_TOKENS: Final = 40
"""Of the person's words the last ones are judged: the request stands there."""

MOST_READ: Final = 400
"""Characters of the person's words that arguments are taken from, the last ones."""

MOST_TOKENS: Final = 80
"""Of a call as it is written."""

MOST_CERTAIN: Final = 1_024
"""Characters that follow from the schema alone, between two choices: more than `MOST_TOKENS` hold.
Of them there is no end where a schema asks for a hundred million constants."""

_WORDS: Final = re.compile(r"[^\W\d_]{3,}")

_ELSE: Final = "The person now says something else, for which no tool is needed."
"""Of four wordings each, this and the one in `worth` told fifty requests apart best (AUC .935)."""


def called(
    memory: Memory, said: str, offered: Sequence[ToolSpec], choice: str
) -> Pieces[Called | None]:
    """The call that an answer to `said` begins with; None when it needs none.

    Args:
        memory: nothing is under way in its row; so it is left.
        said: what the person said, and nothing has answered.
        offered: the tools there are.
        choice: `auto`, `required`, or a tool's name.
    """
    tools = [tool for tool in offered if choice in ("auto", "required", tool.name)]
    if not tools or (choice == "auto" and not said):
        return None
    yield from memory.go_back()
    tool = tools[0]
    if said and (len(tools) > 1 or choice == "auto"):
        worths = yield from worth(memory, said, tools)
        best = max(range(len(tools)), key=lambda at: worths[at])
        if choice == "auto" and worths[best] < WORTH:
            return None
        tool = tools[best]
    arguments = yield from _arguments(memory, said, tool)
    return None if arguments is None else Called(tool.name, arguments)


def worth(memory: Memory, said: str, tools: Sequence[ToolSpec]) -> Pieces[list[float]]:
    """How much likelier each tool makes what was said, in nats by the root of its tokens."""
    language = memory.language
    turn = language.person_turn(said)
    opened = len(language.person_open(""))
    body = turn[opened:][-MOST_JUDGED_TOKENS:]
    chances = []
    wants = [f"The person now wants {_called(one)}. {_described(one)}" for one in tools]
    for about in (_ELSE, *wants):
        ids = [*language.note(about), *turn[:opened], *body]
        chances.append((yield from language.likelihood(memory.row, ids, len(body))))
    return [(chance - chances[0]) / len(body) ** 0.5 for chance in chances[1:]]


def _called(tool: ToolSpec) -> str:
    return tool.name.replace("_", " ").replace("-", " ")


def _described(tool: ToolSpec) -> str:
    return (tool.description or _called(tool))[:MOST_DESCRIBED]


def _arguments(memory: Memory, said: str, tool: ToolSpec) -> Pieces[str | None]:
    """Arguments as JSON, valid for the tool's schema; None when there are none to be had."""
    schema: Mapping[str, Any] = json.loads(tool.parameters)
    language = memory.language
    about = f"The tool {tool.name}: {_described(tool)}"
    if parameters := summary(schema)[:MOST_DESCRIBED]:
        about += f" Its arguments: {parameters}."
    turn = language.person_turn(said[-MOST_READ:]) if said else []
    ids = [*language.note(about), *turn, *language.agent_open()]
    yield from language.append(memory.row, ids)
    pen = RowPen(language, memory.row)
    pen.write(f'{{"name": "{tool.name}", "arguments": ')
    value: Any = None
    try:
        value = yield from fill(pen, {"type": "object", **schema})
    except TooLong:
        log.warning("the arguments of %s did not come to an end", tool.name)
    yield from memory.go_back()
    if not isinstance(value, dict) or not is_valid(value, schema):
        log.warning("no arguments for %s could be written that its schema allows", tool.name)
        return None
    return json.dumps(_grounded(value, tool, said[-MOST_READ:]), ensure_ascii=False)


def _grounded(value: dict[str, Any], tool: ToolSpec, said: str) -> dict[str, Any]:
    """Without texts that were only copied out of the tool's description.

    An optional one that has no word of what was said is left out ("Europe/Paris" for "what time is
    it"). One that must be there, and is no more than its own name or description, is what was said
    instead ("What is to be done?" for "find out how much a bicycle costs": so the 0.5B too).
    """
    schema: Mapping[str, Any] = json.loads(tool.parameters)
    known, required = set(_words(said)), schema.get("required", ())
    kept = dict(value)
    for name, one in value.items():
        about = schema.get("properties", {}).get(name, {})
        if not isinstance(one, str) or not isinstance(about, Mapping):
            continue
        if {"enum", "const"} & set(about):
            continue
        words = _words(one)
        if name not in required and not known & set(words):
            del kept[name]
        elif name in required and known and words:
            copied = (name, tool.name, "string", str(about.get("description", "")))
            if words in [_words(one) for one in copied]:
                kept[name] = said
    return kept if is_valid(kept, schema) else value


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.casefold())


class RowPen:
    """A `Pen` on a row of Language. What is certain is read in one go, with the next choice.

    Args:
        language: whose row it is.
        row: the row.
        before: what is to be read before all that is written.
    """

    def __init__(self, language: LanguagePart, row: int, before: Sequence[int] = ()) -> None:
        self._language = language
        self._row = row
        self._before = list(before)
        self._waiting = ""
        self._left = MOST_TOKENS

    def write(self, text: str) -> None:
        """What is certain; raises TooLong where it does not come to an end."""
        self._waiting += text
        if len(self._waiting) > MOST_CERTAIN:
            raise TooLong

    def choose(self, options: Sequence[str], ahead: Sequence[float] = ()) -> Pieces[str]:
        """The likeliest of some texts, token by token; the first ones, which begin with different
        tokens, are so many nats `ahead`."""
        ids: list[int] = []
        text = ""
        while True:
            open_ = [one for one in options if one.startswith(text)]
            if len(open_) == 1:
                self.write(open_[0][len(text) :])
                return open_[0]
            always = [self._language.encode(one[len(text) :])[0] for one in open_]

            def fits(now: str, among: Sequence[str] = open_, least: int = len(text)) -> bool:
                # A token that is half a character adds nothing, and must not be taken for progress.
                return len(now) > least and any(one.startswith(now) for one in among)

            text = yield from self._next(ids, fits, always, () if text else ahead)

    def letters(self, most: int) -> Pieces[str]:
        """The likeliest text, closed by a quote."""
        ids: list[int] = []
        text = ""
        closing = [self._language.encode('"')[0]]

        def fits(now: str) -> bool:
            inner = now.split('"')[0]
            return len(inner) <= most and inner.isprintable() and "\\" not in inner

        while True:
            text = yield from self._next(ids, fits, closing)
            if '"' in text:
                self._take_back(ids)
                inner = text.split('"')[0]
                self.write(inner[len(self._language.decode(ids)) :] + '"')
                return inner.strip()

    def digits(self, form: re.Pattern[str]) -> Pieces[str]:
        """The likeliest number."""
        ids: list[int] = []
        text = ""
        ends = [self._language.encode(end)[0] for end in (",", "}")]
        while True:
            before = text

            def fits(now: str, least: int = len(before)) -> bool:
                return len(now) > least and form.fullmatch(now) is not None

            text = yield from self._next(ids, fits, ends if before.strip("-.") else ())
            if not fits(text):
                self._take_back(ids)
                return before

    def _next(
        self,
        ids: list[int],
        fits: Callable[[str], bool],
        always: Sequence[int],
        ahead: Sequence[float] = (),
    ) -> Pieces[str]:
        """Write one more token behind `ids`; the text of all of them."""
        language, before = self._language, self._language.decode(ids)
        certain = language.encode(self._waiting) if self._waiting else []
        behind = [*self._before, *certain]
        self._before, self._waiting = [], ""
        self._left -= len(certain)
        if self._left < 0:
            raise TooLong

        def allowed(token: int) -> bool:
            now = language.decode([*ids, token])
            whole = now.rstrip("\ufffd")
            return now != before and not language.is_end(token) and fits(whole)

        token = yield from language.choose(self._row, allowed, always, behind, ahead)
        self._left -= 1
        if token < 0 or self._left < 0:
            raise TooLong
        ids.append(token)
        return language.decode(ids)

    def _take_back(self, ids: list[int]) -> None:
        """The last token said that it is enough; it is written again as it should be."""
        ids.pop()
        self._language.truncate(self._row, self._language.length(self._row) - 1)
