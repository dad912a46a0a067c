"""The conversation as OpenAI's Realtime API lists it: items in order, and answers made of them.

An assistant's item holds what was *heard*: while it is being said its transcript grows with what
will be heard, and when it is over it is what was. Pure.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from model.messages import AgentWord
from server.conversation import words_heard
from server.dialects.openai_fields import FieldError

__all__ = ["MAX_ITEMS", "Answer", "Item", "Items", "ms", "new_id"]

MAX_ITEMS: Final = 2_000
"""Of one conversation; beyond it the oldest is forgotten."""

Status = Literal["in_progress", "completed", "incomplete"]


@dataclass(slots=True, eq=False)
class Item:
    """One item.

    Attributes:
        id: unique in its conversation.
        fields: what its kind has beside `id`, `object` and `status`.
        status: as the protocol names it.
        utterance: the utterance that it is, for an item of ours.
        words: of that utterance, as they were announced.
        heard_samples: how much of it was heard (24 kHz), once it is over.
    """

    id: str
    fields: dict[str, Any]
    status: Status = "completed"
    utterance: int | None = None
    words: list[AgentWord] = field(default_factory=list)
    heard_samples: int | None = None

    def told(self) -> dict[str, Any]:
        """As the client is told."""
        head = {"id": self.id, "object": "realtime.item", "status": self.status}
        return {**head, **self.fields}

    @property
    def part(self) -> dict[str, Any]:
        """The only part of a message of ours, or of what the person said."""
        part: dict[str, Any] = self.fields["content"][0]
        return part

    def heard(self, heard_samples: int) -> None:
        """So much of it was heard, and no more will be."""
        self.heard_samples = heard_samples
        kept = self.words[: words_heard(self.words, heard_samples)]
        self.write("".join(word.text for word in kept))

    def write(self, text: str) -> None:
        """Replace its text, whatever form that has."""
        self.part["text" if "text" in self.part else "transcript"] = text.strip()


class Items:
    """The items of one conversation, bounded."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}

    def __iter__(self) -> Iterator[Item]:
        return iter(tuple(self._items.values()))

    def __len__(self) -> int:
        return len(self._items)

    @property
    def last(self) -> str | None:
        """The newest item's id."""
        return next(reversed(self._items), None)

    def get(self, id: Any) -> Item:
        """The item; raises FieldError when there is none."""
        item = self._items.get(id) if isinstance(id, str) else None
        if item is None:
            raise FieldError("item_id", "There is no such item.", "item_not_found")
        return item

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Put it in its place; returns the id of the item before it, None at the front.

        Args:
            item: a new one.
            after: the item to put it behind; "root" for the front, None for the end.

        Raises:
            FieldError: the id is taken, or `after` is not there.
        """
        if item.id in self._items:
            raise FieldError("item.id", "There is an item of this id.", "item_already_exists")
        if after is not None and after != "root" and after not in self._items:
            raise FieldError("previous_item_id", "There is no such item.", "item_not_found")
        before = self.last if after is None else after if after != "root" else None
        order = list(self._items.values())
        if after is None:
            self._items[item.id] = item
        else:
            at = order.index(self._items[after]) + 1 if after != "root" else 0
            order.insert(at, item)
            self._items = {one.id: one for one in order}
        while len(self._items) > MAX_ITEMS:
            del self._items[next(iter(self._items))]
        return before

    def delete(self, id: Any) -> None:
        """Remove it; raises FieldError when there is none."""
        del self._items[self.get(id).id]

    def before(self, item: Item) -> str | None:
        """The id of the item before this one; None at the front, or when it was deleted."""
        order = list(self._items)
        at = order.index(item.id) if item.id in self._items else 0
        return order[at - 1] if at else None


@dataclass(slots=True, eq=False)
class Answer:
    """A *response* of the protocol: one utterance of ours, or calls of functions, or both.

    Attributes:
        id: its name.
        item: the utterance's item, once there is one.
        output: all its items.
        started: whether the first sample was sent.
        asked_seconds: when it was begun, on the session's clock.
        metadata: what the client attached to it.
    """

    id: str
    asked_seconds: float = 0.0
    metadata: dict[str, Any] | None = None
    item: Item | None = None
    output: list[Item] = field(default_factory=list)
    started: bool = False

    @property
    def index(self) -> int:
        """The place of the utterance among the output."""
        return self.output.index(self.item) if self.item is not None else 0


def new_id(kind: str) -> str:
    """A name that nobody else has."""
    return f"{kind}_{secrets.token_hex(10)}"


def ms(time_seconds: float) -> int:
    """Whole milliseconds, from 0."""
    return max(0, round(time_seconds * 1000))
