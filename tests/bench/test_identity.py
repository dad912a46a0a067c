"""Suite `identity`: journals of streams, replayed in another process, become its two measures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from model.config import EngineConfig
from model.engine.echo import EchoModel
from model.engine.journal_entries import Stepped
from model.engine.journal_file import JournalReader, JournalWriter
from tests.bench import identity
from tests.model.replay.live import Talker, live
from tests.model.replay.test_replay import journals, noise

TURNS = 30


@pytest.mark.timeout(60)
async def test_journals_become_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "SETTLE_SECONDS", 0.0)
    engine = EngineConfig(model="echo", rows=2, threads=1)
    head = {"model": engine.model, "rows": engine.rows, "threads": engine.threads}

    async def talk() -> None:
        with live(EchoModel(2), tmp_path, engine=head, device="cpu", parts={}) as at_work:
            talkers: list[Talker] = [noise(number, TURNS) for number in (1, 2)]
            for talker in talkers:
                at_work.open(talker.stream)
            for _ in range(TURNS):
                at_work.tick(*talkers)
        changed, _ = journals(tmp_path)
        entries = list(JournalReader(changed))
        file = JournalWriter(tmp_path / "other", {"engine": head, "device": "cpu", "parts": {}})
        for entry in entries:
            if isinstance(entry, Stepped) and entry.turn.k in (3, 4, 5):
                entry = replace(entry, speech="0" * 32)
            file.add(entry)
        file.close()
        (tmp_path / "other").replace(changed)

    measures = await identity.measured(tmp_path, talk, 1)
    assert measures["identity.equal"].value == pytest.approx(1 - 3 / (2 * TURNS))
    assert measures["identity.equal"].n == 2 * TURNS
    assert measures["identity.overhead"].n == TURNS
    none = await identity.measured(None, talk, 1)
    assert none["identity.equal"].n == 0
