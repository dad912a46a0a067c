"""A journalled stream gives the same bits again, whatever was beside it; or says where not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.config import EngineConfig
from model.engine.echo import EchoModel
from model.engine.engine import Engine
from model.engine.journal import Journal, JournalRoom
from model.engine.journal_entries import Entry, Ran, Sampled, Stepped
from model.engine.journal_file import JournalReader, JournalWriter
from model.messages import CloseStream, MicroTurnInput, OpenStream, Picture, Seen
from model.replay.cli import main
from model.replay.verdict import replay
from model.timebase import HEARING_BLOCK_SAMPLES
from tests.model.replay.live import Live, Talker, live
from tests.model.replay.scribble import ScribbleModel

TURNS = 120


def noise(seed: int, blocks: int) -> Talker:
    audio = np.random.default_rng(seed).normal(0, 0.1, blocks * HEARING_BLOCK_SAMPLES)
    return Talker.saying(seed, audio.astype(np.float32))


def journals(folder: Path) -> list[Path]:
    """By stream."""
    return sorted(folder.glob("*.journal"), key=lambda path: int(path.stem.rsplit("-", 1)[1]))


def work(at_work: Live, model: ScribbleModel) -> None:
    """Let the jobs make ten strokes, or all they can: so at each tick some wait, on any machine."""
    enough, until = model.strokes + 10, time.monotonic() + 60
    while model.strokes < enough and at_work.engine.jobs.waiting():
        assert time.monotonic() < until
        time.sleep(0.0005)


def with_neighbours(at_work: Live, model: ScribbleModel) -> None:
    """Stream 1 is there all the time; others come and go, two of them in the same row."""
    talkers = {number: noise(number, TURNS) for number in (1, 2, 3, 4)}
    comes = {1: 0, 2: 20, 3: 30, 4: 80}
    goes = {2: 60, 3: 110, 4: 115}
    there: list[int] = []
    for tick in range(TURNS):
        for number in [one for one, when in comes.items() if when == tick]:
            at_work.open(number)
            there.append(number)
        for number in [one for one, when in goes.items() if when == tick]:
            at_work.close(number)
            there.remove(number)
        at_work.tick(*(talkers[number] for number in there))
        work(at_work, model)
    at_work.close(1)


@pytest.fixture(scope="module")
def scribbled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Journals of four streams with neighbours that change."""
    folder = tmp_path_factory.mktemp("scribbled")
    model = ScribbleModel(3, 0.0004)
    with live(model, folder) as at_work:
        with_neighbours(at_work, model)
    return folder


def rewritten(path: Path, into: Path, change: Callable[[Entry], Entry]) -> JournalReader:
    """The journal with some entries changed."""
    journal = JournalReader(path)
    file = JournalWriter(into, {k: v for k, v in journal.head.items() if k != "version"})
    for entry in journal:
        file.add(change(entry))
    file.close()
    return JournalReader(into)


def test_every_stream_is_equal_alone_whatever_was_beside_it(scribbled: Path) -> None:
    paths = journals(scribbled)
    assert len(paths) == 4
    model, ends = ScribbleModel(3), set[str]()
    for path, turns in zip(paths, (TURNS, 40, 80, 35), strict=True):
        verdict, again = replay(model, JournalReader(path))
        assert (verdict.equal, verdict.turns) == (turns, turns), verdict.lines()
        assert verdict.ended == "closed"
        assert sum(verdict.shared.values()) > 5
        ends |= {ended for *_, ended in again.lanes}
    assert verdict.together.keys() == {2, 3}
    assert ends == {"returned", "closed"}, "no job was abandoned: the test tests less than it says"


def test_what_was_sampled_beside_others_is_there(scribbled: Path) -> None:
    verdict, _ = replay(ScribbleModel(3), JournalReader(journals(scribbled)[0]))
    assert verdict.shared.keys() >= {1, 2}


@pytest.mark.parametrize("k", [0, 37, TURNS - 1])
def test_a_changed_sample_is_found_in_its_micro_turn(
    scribbled: Path, tmp_path: Path, k: int
) -> None:
    def change(entry: Entry) -> Entry:
        if not isinstance(entry, Stepped) or entry.turn.k != k:
            return entry
        audio = entry.turn.audio.copy()
        audio[:10] += 1.0
        return replace(entry, turn=replace(entry.turn, audio=audio))

    journal = rewritten(journals(scribbled)[0], tmp_path / "changed", change)
    verdict, _ = replay(ScribbleModel(3), journal)
    assert verdict.first == (k, ("events", "senses"))
    assert verdict.turns == TURNS
    assert verdict.unequal[0] == k


def test_a_changed_result_and_a_changed_token_are_found(scribbled: Path, tmp_path: Path) -> None:
    path = journals(scribbled)[0]
    entries = list(JournalReader(path))
    token = next(i for i, e in enumerate(entries) if isinstance(e, Sampled))
    value = next(i for i, e in enumerate(entries) if isinstance(e, Ran) and e.posted)
    for at, kind in ((token, "token"), (value, "result")):
        file = JournalWriter(tmp_path / kind, {})
        for number, entry in enumerate(entries):
            if number == at and isinstance(entry, Sampled):
                entry = replace(entry, tokens=(5000,) * len(entry.tokens))
            elif number == at and isinstance(entry, Ran):
                entry = replace(entry, value="0")
            file.add(entry)
        file.close()
        verdict, _ = replay(ScribbleModel(3), JournalReader(tmp_path / kind))
        later = [e.turn.k for e in entries[at:] if isinstance(e, Stepped)]
        assert verdict.first is not None
        assert verdict.first[0] == later[0]
        assert verdict.first[1][0].startswith(kind)


def test_another_order_of_pieces_is_another_run(scribbled: Path, tmp_path: Path) -> None:
    """The rows' jobs share a memory: were the order not kept, nothing would be equal."""
    entries = list(JournalReader(journals(scribbled)[0]))
    swapped = list(entries)
    for i, (one, other) in enumerate(zip(entries, entries[1:], strict=False)):
        if isinstance(one, Ran) and isinstance(other, Ran) and one.number != other.number:
            if one.posted and other.posted:
                swapped[i : i + 2] = other, one
                break
    assert swapped != entries
    file = JournalWriter(tmp_path / "swapped", {})
    for entry in swapped:
        file.add(entry)
    file.close()
    verdict, _ = replay(ScribbleModel(3), JournalReader(tmp_path / "swapped"))
    assert verdict.equal < verdict.turns


@pytest.mark.parametrize("kept", [True, False])
def test_pictures_are_replayed_where_they_were_kept(tmp_path: Path, kept: bool) -> None:
    class Seeing(EchoModel):
        """Says how bright each picture is."""

        def step(self, state: Any, inputs: Any) -> Any:
            state, (row,) = super().step(state, inputs)
            assert row is not None
            seen = tuple(
                Seen(one.source, "light", str(one.pixels.mean()), 1.0, one.at_samples / 16_000)
                for one in inputs[0].turn.pictures
            )
            output = replace(row.output, events=(*row.output.events, *seen))
            return state, (replace(row, output=output),)

    journal = Journal(JournalRoom(tmp_path, 10**9), dict, pictures=kept)
    engine = Engine(Seeing(1), journal)
    engine.open(OpenStream(1))
    silence = np.zeros(HEARING_BLOCK_SAMPLES, np.float32)
    for k in range(4):
        pixels = np.full((8, 8, 3), 50 * k, np.uint8)
        shown = (Picture("camera", 1600 * k, pixels),) if k % 2 else ()
        engine.push(MicroTurnInput(1, k, silence, pictures=shown), now=0.0)
        engine.tick()
    engine.close(CloseStream(1))
    journal.close()
    verdict, _ = replay(Seeing(1), JournalReader(journals(tmp_path)[0]))
    assert (verdict.unequal, verdict.withheld) == (([], 0) if kept else ([1, 3], 2))
    assert any("not kept" in line for line in verdict.lines()) != kept


def test_a_model_that_goes_another_way_is_lost_and_said_to_be(scribbled: Path) -> None:
    verdict, _ = replay(EchoModel(3), JournalReader(journals(scribbled)[0]))
    assert verdict.equal == 0
    assert "no job was begun where job" in verdict.lost
    assert verdict.first == (0, ("lost",))
    assert verdict.turns == TURNS


class TestCommand:
    """`counterpoint replay`, with a model that loads nothing."""

    @pytest.fixture
    def recorded(self, tmp_path: Path) -> Path:
        """A stream of the echo, with speech of its own in it."""
        engine = {name: getattr(EngineConfig(model="echo", rows=2, threads=1), name)
                  for name in ("model", "rows", "threads")}  # fmt: skip
        with live(EchoModel(2), tmp_path, engine=engine, device="cpu", parts={}) as at_work:
            at_work.open(1)
            talker = noise(1, 40)
            for _ in range(20):
                at_work.tick(talker)
            talker.blocks[20:] = [np.zeros(HEARING_BLOCK_SAMPLES, np.float32)] * 20
            for _ in range(20):
                at_work.tick(talker)
            at_work.close(1)
        return journals(tmp_path)[0]

    def test_equal(self, recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
        out = recorded.parent / "found.json"
        assert main([str(recorded), "--json", str(out), "--overhead", "10"]) == 0
        assert "40 of 40 micro-turns are equal to the bit" in capsys.readouterr().out
        found = json.loads(out.read_text())[str(recorded)]
        assert (found["turns"], found["equal"], found["unequal"]) == (40, 40, [])
        assert len(found["overhead"]) == 10
        assert all(fixed > 0 and alone > 0 for fixed, alone in found["overhead"])

    def test_different(self, recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
        def change(entry: Entry) -> Entry:
            if isinstance(entry, Stepped) and entry.turn.k == 7:
                return replace(entry, speech="0" * 32)
            return entry

        changed = recorded.with_suffix(".changed")
        rewritten(recorded, changed, change)
        assert main([str(changed)]) == 1
        assert "first difference at micro-turn 7 (0.7 s): speech" in capsys.readouterr().out

    def test_no_journal(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "other").write_text("{}")
        assert main([str(tmp_path / "other")]) == 2
        assert "no journal" in capsys.readouterr().err

    def test_the_picture_shows_what_happened(self, recorded: Path) -> None:
        out = recorded.parent / "page.html"
        assert main([str(recorded), "--html", str(out)]) == 0
        text = out.read_text()
        HTMLParser().feed(text)
        assert "http" not in text and "src=" not in text
        assert text.count("<svg") == 1
        for shown in ("take 1.00", "listen 1.00", ">one</text>", "micro-turn 39, 3.9 s"):
            assert shown in text, shown
