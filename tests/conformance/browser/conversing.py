"""Conversations that several pages hold at the same time, each written down as one script.

A script is a generator: it acts on its page, and yields what it waits for, as JavaScript that is to
become true in the page or as a function that is. Most of a conversation is waiting, so two go on
at once; what went wrong in one is told when its page is asked for.
"""

from __future__ import annotations

import base64
import inspect
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from model.messages import Audio
from tests.conformance.judging import same
from tests.speech.recordings import read_audio
from tests.speech.wer import normalised

__all__ = [
    "Conversations",
    "Script",
    "begun",
    "check_history",
    "counted",
    "events",
    "later",
    "part",
    "tape",
    "turns",
]

Condition = str | Callable[[], object]
Script = Generator[Condition, None, None]

_AT_ONCE: Final = 2
_LONGEST_SECONDS: Final = 90.0
_POLL_MS: Final = 40
_HEARD_MS: Final = 1_200
_AFTER_MS: Final = 400
_LEAST_WORDS: Final = 12


class _Talk:
    """A script that is under way on its page."""

    def __init__(self, page: Page, script: Script) -> None:
        self.page = page
        self._script = script
        self._condition: Condition = lambda: True
        self._until = float("inf")

    def goes_on(self) -> bool:
        """Go on if what it waits for is true; False once it is over; raises what goes wrong."""
        if self._holds():
            self._condition = next(self._script, "")
            self._until = time.monotonic() + _LONGEST_SECONDS
        elif time.monotonic() > self._until:
            told = self.page.evaluate("() => ({ kinds: page.kinds(), errors: page.errors })")
            raise AssertionError(f"never true: {_named(self._condition)}; came: {told}")
        return self._condition != ""

    def _holds(self) -> bool:
        if isinstance(self._condition, str):
            return bool(self.page.evaluate(self._condition))
        return bool(self._condition())


def _named(condition: Condition) -> str:
    """The condition, or where it is written and what it looks at."""
    if isinstance(condition, str):
        return condition
    seen = inspect.getclosurevars(condition).nonlocals
    looked = {name: getattr(one, "__dict__", one) for name, one in seen.items()}
    return f"line {condition.__code__.co_firstlineno}, where {looked}"


class Conversations:
    """Pages by name, after their scripts ran.

    Args:
        opened: opens a page.
        scripts: each is given its page.
    """

    def __init__(
        self, opened: Callable[[], Page], scripts: Mapping[str, Callable[[Page], Script]]
    ) -> None:
        # All before the first word: a page that loads holds up what is said in the others.
        self._pages = {name: opened() for name in scripts}
        self._errors: dict[str, Exception] = {}
        waiting, going = list(scripts), dict[str, _Talk]()
        while waiting or going:
            while waiting and len(going) < _AT_ONCE:
                name = waiting.pop(0)
                going[name] = _Talk(self._pages[name], scripts[name](self._pages[name]))
            for name, talk in list(going.items()):
                if not self._goes_on(name, talk):
                    del going[name]
            next(iter(self._pages.values())).wait_for_timeout(_POLL_MS)

    def page(self, name: str) -> Page:
        """The page; raises what went wrong with its script."""
        if name in self._errors:
            raise self._errors[name]
        return self._pages[name]

    def close(self) -> None:
        """Close all pages."""
        for page in self._pages.values():
            page.context.close()

    def _goes_on(self, name: str, talk: _Talk) -> bool:
        try:
            return talk.goes_on()
        except Exception as error:
            self._errors[name] = error
            talk.page.goto("about:blank")  # nobody is served there any more
            return False


def begun(page: Page, what: str, *given: str) -> Script:
    """Have the page begin with one of its clients, while the other pages go on."""
    page.evaluate("([what, given]) => page.begin(what, given)", [what, list(given)])
    yield "() => page.begun || page.errors.length"
    errors = page.evaluate("() => page.errors")
    assert errors == [], errors


def counted(kind: str, more_than: int = 0) -> str:
    """More than so many events of a type came."""
    return f"() => page.count('{kind}') > {more_than}"


def later(page: Page, after_ms: int) -> str:
    """A while is over."""
    now = page.evaluate("() => performance.now()")
    return f"() => performance.now() > {now + after_ms}"


def part(page: Page) -> Script:
    """An answer is over: its sound is kept by itself."""
    yield later(page, _AFTER_MS)
    page.evaluate("() => page.part()")


def turns(page: Page, answering: Condition, cut: Condition, over: Condition) -> Script:
    """Two spoken turns, of which the second interrupts the answer to the first."""
    page.evaluate("() => page.say('0')")
    yield answering
    yield later(page, _HEARD_MS)
    if isinstance(cut, str):
        page.evaluate(f"() => {{ page.partAfter({cut}, {_AFTER_MS}); }}")
        page.evaluate("() => page.say('1')")
        yield cut
        yield "() => page.partsOver() > 0"
    else:
        page.evaluate("() => page.say('1')")
        yield cut
        yield from part(page)
    yield over
    yield from part(page)


def tape(page: Page, folder: Path) -> list[Audio]:
    """What the page heard, part by part, 16 kHz."""
    sounds: list[Audio] = []
    for at, encoded in enumerate(page.evaluate("() => page.tape()")):
        path = folder / f"{at}.webm"
        path.write_bytes(base64.b64decode(encoded))
        sounds.append(read_audio(path))
    return sounds


def check_history(told: list[str], sounds: list[Audio]) -> None:
    """The answer that was interrupted, and all that came after it, are what was heard."""
    assert len(told) >= 2 and len(normalised(" ".join(told))) >= _LEAST_WORDS, told
    same(told[0], sounds[0])
    same(" ".join(told[1:]), *sounds[1:])


def events(page: Page, kind: str) -> list[Any]:
    """All events of a type."""
    found: list[Any] = page.evaluate("(kind) => page.events.filter((e) => e.type === kind)", kind)
    return found
