"""The journal: what enters the model is read back to the bit, whatever becomes of the engine."""

from __future__ import annotations

import multiprocessing
import os
import stat
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.config import EngineConfig
from model.engine import journal as journal_module
from model.engine import worker
from model.engine.echo import EchoModel
from model.engine.engine import Engine
from model.engine.journal import Journal, JournalRoom
from model.engine.journal_digest import digest
from model.engine.journal_entries import (
    Closed,
    Entry,
    Opened,
    Ran,
    Sampled,
    Stepped,
    Stopped,
    Submitted,
    Withheld,
    decoded,
    encoded,
)
from model.engine.journal_file import JournalError, JournalReader, JournalWriter
from model.messages import (
    Audio,
    CloseStream,
    FromEngine,
    Heard,
    MicroTurnInput,
    MicroTurnOutput,
    OpenStream,
    Picture,
    StreamSettings,
    Turn,
)
from model.timebase import HEARING_BLOCK_SAMPLES


@pytest.fixture(autouse=True)
def awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing waits for the writer, longer than a service would that is told to end."""
    monkeypatch.setattr(journal_module, "CLOSE_SECONDS", 60.0)


QUIET = np.zeros(HEARING_BLOCK_SAMPLES, np.float32)
LOUD = np.full(HEARING_BLOCK_SAMPLES, 0.5, np.float32)

SETTINGS = StreamSettings("Be brief.", "", 0.25, "Hello — 🙂")
STRANGE = np.array([0.0, -0.0, np.nan, np.inf, 1e-40, 1.0, -1.0, 0.1], np.float32)
PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)

ENTRIES: tuple[Entry, ...] = (
    Opened(OpenStream(7, SETTINGS, (Turn("person", "Hi."), Turn("agent", "Yes", cut=True)), 3), 1),
    Submitted(12, "language"),
    Ran(12, "paused", pauses=4),
    Ran(12, "asked"),
    Sampled((12, 13), (31, 7), (0, 4, 1)),
    Ran(12, "emitted", posted=True, value="ab"),
    Stepped(
        MicroTurnInput(
            7, 3, LOUD, ("typed",), (Heard(1, 2400, cut=True),), ("stop",),
            pictures=(Picture("camera", 4000, PIXELS),),
        ),
        (12, 12), "a", "b", "c", together=2,
    ),
    Stepped(MicroTurnInput(7, 4, STRANGE), failed=True),
    Stepped(MicroTurnInput(7, 5, LOUD), withheld=(Withheld("screen", 8000, 1280, 720),)),
    Closed("the model failed"),
    Stopped("full"),
)  # fmt: skip


def describe() -> Mapping[str, Any]:
    return {"device": "cpu"}


def journals(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.journal"))


def noise(seed: int) -> Audio:
    generator = np.random.default_rng(seed)
    return generator.normal(0, 0.2, HEARING_BLOCK_SAMPLES).astype(np.float32)


def written(folder: Path) -> list[Entry]:
    """What can be read of the first journal there; nothing before its head is whole."""
    try:
        return list(JournalReader(journals(folder)[0]))
    except (IndexError, JournalError):
        return []


def stopped(folder: Path) -> bool:
    """Whether the one journal there has come to its end."""
    return any(isinstance(entry, Stopped) for entry in written(folder))


def talk(engine: Engine, stream: int, turns: int, first: int = 0) -> None:
    for k in range(first, first + turns):
        engine.push(MicroTurnInput(stream, k, LOUD if k % 2 else QUIET), now=0.0)
        engine.tick()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: type(entry).__name__)
def test_an_entry_survives(entry: Entry) -> None:
    assert digest(decoded(*encoded(entry))) == digest(entry)


def test_sound_of_sixteen_bits_takes_half_the_room() -> None:
    noise = np.random.default_rng(1).integers(-32767, 32768, 1600).astype(np.float32) / 32768
    finer: Audio = (noise * 0.99996).astype(np.float32)
    given: list[tuple[Audio, int]] = [(finer, 6400), (noise.astype(np.float32), 3200)]
    for audio, size in given:
        turn = MicroTurnInput(1, 0, audio)
        plain, blob = encoded(Stepped(turn))
        assert len(blob) == size
        found = decoded(plain, blob)
        assert isinstance(found, Stepped)
        assert found.turn.audio.tobytes() == audio.tobytes()


def test_a_digest_tells_bits_apart() -> None:
    values: list[Any] = [0.0, -0.0, 0, False, None, "", (), ((),), ("a", "b"), ("ab",), {"a": 1}]
    values += [np.zeros(2, np.float32), np.zeros(2, np.float64), np.zeros((1, 2), np.float32)]
    values += [np.array([0.0, -0.0], np.float32), Heard(1, 2), Heard(2, 1)]
    assert len({digest(value) for value in values}) == len(values)
    assert digest([1, 2]) == digest((1, 2))


def test_a_file_is_read_back_and_only_its_owner_can(tmp_path: Path) -> None:
    path = tmp_path / "one.journal"
    file = JournalWriter(path, {"device": "cpu"})
    for number, entry in enumerate(ENTRIES):
        file.add(entry)
        if number % 3 == 2:
            file.flush()
    file.close()
    journal = JournalReader(path)
    assert journal.head["device"] == "cpu"
    assert [digest(entry) for entry in journal] == [digest(entry) for entry in ENTRIES]
    assert journal.fault == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_whatever_is_left_of_a_file_is_a_prefix(tmp_path: Path) -> None:
    path = tmp_path / "one.journal"
    file = JournalWriter(path, describe())
    ends = [file.written_bytes]
    for entry in ENTRIES:
        file.add(entry)
        file.flush()
        ends.append(file.written_bytes)
    file.close()
    whole = path.read_bytes()
    for length in range(ends[0], len(whole), 7):
        path.write_bytes(whole[:length])
        journal = JournalReader(path)
        count = sum(end <= length for end in ends) - 1
        assert [digest(e) for e in journal] == [digest(e) for e in ENTRIES[:count]]
        assert bool(journal.fault) == (length not in ends)
    for at in range(ends[3], ends[4]):
        damaged = bytearray(whole)
        damaged[at] ^= 64
        path.write_bytes(damaged)
        journal = JournalReader(path)
        assert len(list(journal)) == 3
        assert journal.fault
    path.write_bytes(b"something else entirely")
    with pytest.raises(JournalError, match="no journal"):
        JournalReader(path)


def test_an_engine_writes_what_entered_its_model(tmp_path: Path) -> None:
    journal = Journal(JournalRoom(tmp_path / "kept", 10**9), describe)
    engine = Engine(EchoModel(2), journal)
    for stream in (4, 5):
        engine.open(OpenStream(stream, session="abc"))
    for k in range(6):
        engine.push(MicroTurnInput(4, k, LOUD), now=0.0)
        if k < 3:
            engine.push(MicroTurnInput(5, k, QUIET, texts=("Hi",)), now=0.0)
        engine.tick()
    engine.close(CloseStream(5))
    journal.close()
    assert all(path.name.startswith("abc-") for path in journals(tmp_path / "kept"))
    first, second = (list(JournalReader(path)) for path in journals(tmp_path / "kept"))
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700
    assert isinstance(first[0], Opened) and isinstance(second[0], Opened)
    assert (first[0].row, second[0].row) == (0, 1)
    steps = [entry for entry in first if isinstance(entry, Stepped)]
    assert [step.turn.k for step in steps] == list(range(6))
    assert [step.together for step in steps] == [2, 2, 2, 1, 1, 1]
    assert len({step.speech for step in steps}) == 6
    assert first[-1] == Stopped("ended")
    assert second[-1] == Closed()


@pytest.mark.parametrize("kept", [False, True])
def test_what_is_seen_is_kept_only_where_that_was_asked_for(tmp_path: Path, kept: bool) -> None:
    journal = Journal(JournalRoom(tmp_path, 10**9), describe, pictures=kept)
    engine = Engine(EchoModel(1), journal)
    engine.open(OpenStream(1))
    picture = Picture("camera", 4000, PIXELS)
    engine.push(MicroTurnInput(1, 0, LOUD, pictures=(picture,)), now=0.0)
    engine.tick()
    engine.close(CloseStream(1))
    journal.close()
    (path,) = journals(tmp_path)
    (step,) = (entry for entry in JournalReader(path) if isinstance(entry, Stepped))
    assert digest(step.turn.pictures) == digest((picture,) if kept else ())
    assert step.withheld == (() if kept else (Withheld("camera", 4000, 4, 2),))


def test_a_stream_that_fails_says_so(tmp_path: Path) -> None:
    class Fragile(EchoModel):
        def step(self, state: Any, inputs: Any) -> Any:
            if any(given is not None and given.turn.texts for given in inputs):
                raise RuntimeError("typed text breaks this one")
            return super().step(state, inputs)

    journal = Journal(JournalRoom(tmp_path, 10**9), describe)
    engine = Engine(Fragile(1), journal)
    engine.open(OpenStream(1))
    talk(engine, 1, 2)
    engine.push(MicroTurnInput(1, 2, LOUD, texts=("boom",)), now=0.0)
    engine.tick()
    journal.close()
    *_, broken, closed = JournalReader(journals(tmp_path)[0])
    assert isinstance(broken, Stepped)
    assert (broken.turn.k, broken.failed) == (2, True)
    assert closed == Closed("the model failed in this conversation")


def test_a_queue_that_is_full_ends_the_journal_and_delays_nothing(tmp_path: Path) -> None:
    stuck = threading.Event()

    def slow() -> Mapping[str, Any]:
        stuck.wait(60)
        return {}

    journal = Journal(JournalRoom(tmp_path, 10**9), slow, most_entries=8)
    engine = Engine(EchoModel(1), journal)
    engine.open(OpenStream(1))
    talk(engine, 1, 100)  # Nobody reads the queue: this would never end if a tick waited for it.
    stuck.set()
    until = time.monotonic() + 60
    while not stopped(tmp_path):
        assert time.monotonic() < until
        time.sleep(0.02)
    engine.close(CloseStream(1))
    engine.open(OpenStream(2))
    talk(engine, 2, 3)
    engine.close(CloseStream(2))
    journal.close()
    first, second = (list(JournalReader(path)) for path in journals(tmp_path))
    assert first[-1] == Stopped("overflow")
    steps = [entry.turn.k for entry in first if isinstance(entry, Stepped)]
    assert steps == list(range(len(steps)))
    assert 0 < len(steps) < 100
    assert second[-1] == Closed()
    assert sum(isinstance(entry, Stepped) for entry in second) == 3


def test_what_was_deleted_before_it_was_written_is_never_written(tmp_path: Path) -> None:
    """The queue holds a whole conversation while the engine still reads its weights."""
    ready = threading.Event()

    def slow() -> Mapping[str, Any]:
        ready.wait(60)
        return {}

    journal = Journal(JournalRoom(tmp_path, 10**9), slow)
    engine = Engine(EchoModel(2), journal)
    for stream, session in ((1, "abc"), (2, "kept")):
        engine.open(OpenStream(stream, session=session))
        talk(engine, stream, 3)
        engine.close(CloseStream(stream))
    old, mark = tmp_path / "old.deleted", tmp_path / "abc.deleted"
    for path in (old, mark):
        path.touch()
    os.utime(old, (1, 1))
    ready.set()
    journal.close()
    assert [path.name.split("-")[0] for path in journals(tmp_path)] == ["kept"]
    assert list(JournalReader(journals(tmp_path)[0]))[-1] == Closed()
    assert mark.exists() and not old.exists(), "a mark is kept for an hour"


def test_old_journals_make_room(tmp_path: Path) -> None:
    for number in range(4):
        path = tmp_path / f"{number}.journal"
        path.write_bytes(bytes(100))
        os.utime(path, (number, number))
    room = JournalRoom(tmp_path, 450)
    room.look()
    assert room.take(40, set())
    assert len(journals(tmp_path)) == 4
    assert room.take(100, {tmp_path / "0.journal"})
    assert [path.stem for path in journals(tmp_path)] == ["0", "2", "3"]
    keep = {tmp_path / "0.journal", tmp_path / "3.journal"}
    assert not room.take(200, keep)
    assert set(journals(tmp_path)) == keep


def test_a_journal_without_room_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "FLUSH_SECONDS", 0.01)
    journal = Journal(JournalRoom(tmp_path, 60_000), describe)
    engine = Engine(EchoModel(1), journal)
    engine.open(OpenStream(1))
    until, k = time.monotonic() + 60, 0
    while not stopped(tmp_path):
        assert time.monotonic() < until
        engine.push(MicroTurnInput(1, k, noise(k)), now=0.0)
        engine.tick()
        k += 1
        time.sleep(0.005)
    journal.close()
    assert list(JournalReader(journals(tmp_path)[0]))[-1] == Stopped("full")
    assert journals(tmp_path)[0].stat().st_size < 80_000


def test_without_a_journal_nothing_of_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("this engine has no journal")

    monkeypatch.setattr(journal_module, "Journal", never)
    monkeypatch.setattr(Engine, "_write_down", never)
    threads = threading.active_count()
    engine = Engine(EchoModel(1))
    engine.open(OpenStream(1))
    talk(engine, 1, 5)
    engine.close(CloseStream(1))
    assert threading.active_count() <= threads


def test_an_engine_that_is_killed_leaves_what_it_had_written(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    config = EngineConfig(model="echo", rows=1, journal=str(tmp_path))
    process = spawn.Process(target=worker.run, args=(theirs, config))
    process.start()
    theirs.close()

    def received() -> FromEngine:
        assert ours.poll(60)
        message: FromEngine = ours.recv()
        return message

    try:
        received()
        ours.send(OpenStream(9))
        k, until = 0, time.monotonic() + 60
        while not any(isinstance(entry, Stepped) for entry in written(tmp_path)):
            assert time.monotonic() < until
            ours.send(MicroTurnInput(9, k, noise(k)))
            k += 1
            # Answered before the next one goes: a full inbox drops what is too much.
            while not isinstance(received(), MicroTurnOutput):
                pass
            time.sleep(0.01)
        process.kill()
        process.join(60)
        journal = JournalReader(journals(tmp_path)[0])
        assert journal.head["engine"]["model"] == "echo"
        assert journal.head["packages"]["numpy"] == np.__version__
        opened, *steps = journal
        assert isinstance(opened, Opened)
        numbers = [step.turn.k for step in steps if isinstance(step, Stepped)]
        assert numbers
        assert numbers == list(range(len(numbers)))
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()
