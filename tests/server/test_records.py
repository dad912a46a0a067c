"""The record of a conversation over HTTP: whole, and made where it holds nobody up."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from pathlib import Path

import pytest

from model.messages import AgentWord, Word
from server import record
from server.conversation import Conversation
from server.engine_journal import forget_sound
from server.registry import Entry
from tests.server.in_app import App, app


async def conversation_of(here: App) -> tuple[Entry, dict[str, str]]:
    """One that begins, with something said on both sides, and the header that opens it."""
    body = (await here.offer()).body
    entry = here.reception.open(body["session"], body["resume_token"])
    said = entry.conversation
    said.person_words(0, tuple(Word(f"wörd{n}", n, n + 0.5) for n in range(50)), final=True)
    said.said(0, (AgentWord(" One", 0, 2_400), AgentWord(" two.", 2_400, 4_800)))
    said.started(0, 60.0)
    said.cut(0, 2_400, "floor")
    return entry, {"Authorization": f"Bearer {body['resume_token']}"}


@pytest.mark.parametrize("kind", ["json", "vtt"])
async def test_a_record_is_made_beside_the_loop(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    made_in = []
    name = "as_text" if kind == "json" else "as_webvtt"
    plain = getattr(record, name)

    def render(conversation: Conversation, *more: str) -> str:
        made_in.append(threading.current_thread())
        text: str = plain(conversation, *more)
        return text

    monkeypatch.setattr(record, name, render)
    async with app() as here:
        entry, header = await conversation_of(here)
        path = f"/api/sessions/{entry.id}/record.{kind}"
        answers = await asyncio.gather(*(here.ask("GET", path, **header) for _ in range(3)))
        more = (entry.id,) if kind == "json" else ()
        whole = plain(entry.conversation, *more)
        assert [one.status for one in answers] == [200] * 3
        body = answers[0].body
        assert (json.dumps(body, ensure_ascii=False) if kind == "json" else body) == whole
        assert "attachment" in answers[0].headers["Content-Disposition"]
    assert len(made_in) == 3 and threading.main_thread() not in made_in


async def test_a_deleted_conversation_leaves_a_mark_for_the_engine_that_is_behind(
    tmp_path: Path,
) -> None:
    async with app(engine={"journal": str(tmp_path)}) as here:
        entry, header = await conversation_of(here)
        written = tmp_path / f"{entry.id}-20260101T000000Z-1-1.journal"
        written.touch()
        answer = await here.ask("DELETE", f"/api/sessions/{entry.id}", **header)
        assert answer.status == 204
        assert os.listdir(tmp_path) == [f"{entry.id}.deleted"]


def test_the_sound_of_a_session_is_deleted_and_no_other(tmp_path: Path) -> None:
    kept = ("abcd-20300101T000000Z-7-1.journal", "xyz-20300101T000000Z-7-2.journal", "abc.jsonl")
    for name in (*kept, "abc-20300101T000000Z-7-3.journal", "abc-20300101T000001Z-8-1.journal"):
        (tmp_path / name).touch()
    forget_sound(tmp_path, "abc")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "abc.deleted"}
    forget_sound(tmp_path / "never made", "abc")
