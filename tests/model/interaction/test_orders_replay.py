"""A conversation that was steered, journalled and done again: the same bits."""

from __future__ import annotations

import json
from pathlib import Path

from model.engine.engine import Engine
from model.engine.journal import Journal, JournalRoom
from model.engine.journal_entries import Stepped
from model.engine.journal_file import JournalReader
from model.interaction.counterpoint import CounterpointModel
from model.messages import CloseStream, OpenStream, StreamSettings
from model.orders import (
    Answer,
    Append,
    Cancel,
    ChangeSettings,
    Clear,
    Commit,
    Hold,
    Resume,
    Say,
    ToolAnswer,
    ToolCall,
    ToolSpec,
    Truncate,
)
from model.replay.verdict import replay
from tests.model.interaction.rehearsal import SILENCE, Rehearsal
from tests.model.interaction.room import CUP, Room, Shown, room
from tests.model.interaction.scripted_parts import LOUD, Scribe, scripted_model

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = ToolSpec("get_weather", "Tells the weather.", json.dumps(SCHEMA))
SETTINGS = StreamSettings(tools=(WEATHER,))


def model() -> CounterpointModel:
    wanted = {"the weather": "weather"}
    return scripted_model(Scribe(wanted=wanted, writes='Paris"'), "What is the weather in Paris?")


def steered(engine: Engine) -> None:
    """Every order at least once, and a tool."""
    assert engine.open(OpenStream(1, SETTINGS))
    talk = Rehearsal(engine)
    talk.order(Say("Welcome.", say="a"), Append("It is Monday."))
    talk.wait(30)
    for _ in range(8):
        talk.step(LOUD)
    talk.wait(12)
    (call,) = talk.told(ToolCall)
    talk.step(SILENCE, answers=(ToolAnswer(call.call, "sunny"),))
    talk.wait(4)
    talk.order(Hold())
    talk.wait(4)
    talk.order(Resume(), Say("Now!", "now"))
    talk.wait(30)
    talk.order(ChangeSettings(StreamSettings(instructions="Be brief.", manual_turns=True)))
    for _ in range(6):
        talk.step(LOUD)
    talk.order(Commit(), block=LOUD)
    talk.wait(10)
    talk.order(Answer())
    talk.wait(5)
    talk.order(Cancel(), Clear(), Truncate(1, "Wel"))
    talk.wait(10)
    engine.close(CloseStream(1))


def test_a_steered_conversation_is_the_same_to_the_bit(tmp_path: Path) -> None:
    journal = Journal(JournalRoom(tmp_path, 10**9), dict)
    steered(Engine(model(), journal))
    journal.close()
    (path,) = tmp_path.glob("*.journal")
    entries = [entry for entry in JournalReader(path) if isinstance(entry, Stepped)]
    given = [order for entry in entries for order in entry.turn.orders]
    assert len({type(order) for order in given}) == 10, "all orders are in the journal"
    assert sum(len(entry.turn.answers) for entry in entries) == 1
    verdict, _ = replay(model(), JournalReader(path))
    assert verdict.first is None and not verdict.lost, (verdict.first, verdict.lost)
    assert verdict.seconds[0] > 0


def shown() -> Room:
    """A camera before a cup."""
    return room(eyes=Shown(things=(CUP,)))


def test_what_is_seen_and_stopped_and_switched_off_is_the_same_to_the_bit(tmp_path: Path) -> None:
    live, again = shown(), shown()
    for one in (live, again):
        one.scribe.writes = " watch: a cup appears, tell\n"
    journal = Journal(JournalRoom(tmp_path, 10**9), dict, pictures=True)
    engine = Engine(live.rehearsal.engine.model, journal)
    assert engine.open(OpenStream(1, StreamSettings()))
    live.rehearsal = Rehearsal(engine)
    live.wait(20)
    live.ask("Tell me when a cup appears.", live.scribe.writes)
    assert live.said.endswith("I see a cup.")
    live.rehearsal.step(SILENCE, commands=("stop",))
    live.rehearsal.step(SILENCE, unseen=("camera",))
    live.wait(40, texts=("And now?",))
    engine.close(CloseStream(1))
    journal.close()
    (path,) = tmp_path.glob("*.journal")
    verdict, _ = replay(again.rehearsal.engine.model, JournalReader(path))
    assert verdict.first is None and not verdict.lost, (verdict.first, verdict.lost)
