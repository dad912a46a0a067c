"""Conversations that can be resumed, and for how long."""

from __future__ import annotations

import pytest

from server import registry as bounds
from server.errors import Forbidden, NotFound
from server.registry import Entry, Registry


def test_a_parked_conversation_is_resumed_by_its_token_until_it_expires() -> None:
    registry = Registry(resume_seconds=600)
    entry = registry.create(0.0)
    registry.park(entry, 100.0)
    assert registry.resume(entry.token, 699.0) is entry
    assert registry.resume("another token", 699.0) is None
    assert registry.resume(entry.token, 700.0) is None
    assert len(registry) == 0


def test_id_and_token_open_it() -> None:
    registry = Registry(resume_seconds=600)
    entry, other = registry.create(0.0), registry.create(0.0)
    assert registry.open(entry.id, entry.token, 0.0) is entry
    for token in ("", other.token, entry.token[:-1], "\ud800"):
        with pytest.raises(Forbidden):
            registry.open(entry.id, token, 0.0)
    with pytest.raises(NotFound):
        registry.open("unknown", entry.token, 0.0)
    registry.forget(entry)
    with pytest.raises(NotFound):
        registry.open(entry.id, entry.token, 0.0)


def test_tokens_are_not_shown() -> None:
    entry = Registry(1.0).create(0.0)
    assert entry.token not in repr(entry)


def test_the_oldest_of_too_many_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_PARKED", 3)
    registry = Registry(resume_seconds=600)
    entries = [registry.create(float(n)) for n in range(5)]
    for n, entry in enumerate(entries):
        registry.park(entry, float(n))
    assert list(registry) == entries[2:]


def test_what_is_kept_of_it_elsewhere_is_forgotten_with_it() -> None:
    registry = Registry(60.0)
    gone: list[Entry] = []
    registry.on_forget.append(gone.append)
    kept, expired = registry.create(0.0), registry.create(0.0)
    registry.park(expired, 0.0)
    registry.sweep(61.0)
    assert gone == [expired]
    registry.forget(kept)
    assert gone == [expired, kept]
