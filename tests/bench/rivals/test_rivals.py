"""The rivals: asked for by name, absent with a reason, called in their own dialect."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from model.config import EngineConfig
from model.interaction.phrases import Phrase
from model.timebase import HEARING_RATE, SPEAKING_RATE
from tests.bench.cli import main
from tests.bench.harness.conversation import utterances_of
from tests.bench.harness.dialects import COUNTERPOINT, Dialect
from tests.bench.rivals import starting
from tests.bench.rivals.pipecat import rival, setup
from tests.bench.rivals.pipecat.parts import SharedParts
from tests.bench.servers import reached

ROOT = Path(__file__).parents[3]


def test_a_rival_is_asked_for_by_name_and_setting() -> None:
    found = starting.wanted(["pipecat", 'pipecat_1s={"turn_stop_seconds": 1}'])
    assert found == [starting.Wanted("pipecat"), starting.Wanted("pipecat_1s", 1.0)]


@pytest.mark.parametrize(
    "words",
    [["livekit"], ["pipecat", "pipecat"], ['pipecat={"speed": 1}'], ["pipecat=["], ["pipecat.a"]],
)  # fmt: skip
def test_a_rival_nobody_knows_is_refused(words: list[str]) -> None:
    with pytest.raises(ValueError):
        starting.wanted(words)


@pytest.mark.parametrize(
    ("address", "url", "dialect"),
    [
        ("http://10.0.0.1:8080", "http://10.0.0.1:8080", COUNTERPOINT),
        ("counterpoint+https://a/b+c", "https://a/b+c", COUNTERPOINT),
        ("pipecat+http://10.0.0.1:7860", "http://10.0.0.1:7860", rival.DIALECT),
        ("http://10.0.0.1/a+http://b", "http://10.0.0.1/a+http://b", COUNTERPOINT),
    ],
)
def test_a_server_that_runs_is_called_in_the_dialect_it_is_named_with(
    address: str, url: str, dialect: Dialect
) -> None:
    target = reached("rival.x.", address)
    assert (target.prefix, target.url, target.dialect) == ("rival.x.", url, dialect)


def test_a_dialect_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--url", "sip+http://a"], ["--target", "rival.x=sip+http://a"]):
        assert main(["turn", *words]) == 2
        assert "known dialects are counterpoint, pipecat" in capsys.readouterr().err


async def test_a_rival_without_its_environment_is_absent_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(setup, "PYTHON", tmp_path / "bin/python")
    async with contextlib.AsyncExitStack() as stack:
        started, absent = await starting.start([starting.Wanted("pipecat")], stack, [])
    assert started == []
    assert "rivals.pipecat.setup" in absent["rival.pipecat"]


async def test_a_rival_that_ends_at_once_is_absent_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 7\n")
    python.chmod(0o755)
    monkeypatch.setattr(setup, "PYTHON", python)
    monkeypatch.setattr(setup, "is_ready", lambda: True)
    async with contextlib.AsyncExitStack() as stack:
        started, absent = await starting.start([starting.Wanted("pipecat")], stack, [])
    assert started == []
    assert "ended with 7" in absent["rival.pipecat"]


async def test_its_parts_are_those_of_the_checkout_where_no_folder_is_named() -> None:
    parts = SharedParts(EngineConfig(language="language-135m", rows=1, threads=1))
    assert parts.language_name == "language-135m"
    spoken = np.frombuffer(await parts.render(Phrase("Good morning.", 0.0)), np.int16)
    heard = resample_poly(spoken / 32768.0, HEARING_RATE, SPEAKING_RATE)
    words = await parts.transcribe((heard * 32767.0).astype(np.int16).tobytes())
    assert "morning" in words.lower()


def test_pipecat_shares_the_versions_the_weights_were_measured_with() -> None:
    pins = setup._constraints()
    assert {pin.split("==")[0].lower() for pin in pins} == {*setup.SHARED, "torch"}


def test_an_offer_to_pipecat_holds_what_its_server_knows() -> None:
    assert set(rival.DIALECT.offer("v=0", "offer", {"greeting": ""})) == {"sdp", "type"}
    assert COUNTERPOINT.offer("v=0", "offer", {"a": 1})["settings"] == {"a": 1}


def test_its_transcripts_are_read_in_order_and_all_else_is_left_alone() -> None:
    said = {"text": "Good morning.", "timestamp": "2026-01-01T00:00:01.500+00:00", "final": True}
    later = said | {"text": "There.", "timestamp": "2026-01-01T00:00:02.000+00:00"}
    first, second = (rival.read({"type": "user-transcription", "data": d}) for d in (said, later))
    assert [word["text"] for word in first["words"]] == ["Good", "morning."]
    assert first["type"] == "person.words" and first["segment"] < second["segment"]
    partial = {"type": "user-transcription", "data": said | {"final": False}}
    assert rival.read(partial) is partial


def test_its_speech_is_read_as_utterances_that_were_cut_or_done() -> None:
    kinds = ["bot-started-speaking", "bot-stopped-speaking", "user-started-speaking",
             "bot-started-speaking", "user-started-speaking", "bot-stopped-speaking",
             "bot-started-speaking"]  # fmt: skip
    told = tuple((float(at), {"type": kind}) for at, kind in enumerate(kinds))
    said = utterances_of(rival.DIALECT.read_call(told))
    assert [(u.started, u.finished, u.ended) for u in said] == [
        (0.0, "done", 1.0), (3.0, "cut", 5.0), (6.0, "open", float("inf")),
    ]  # fmt: skip
    # Words with times it does not tell: `heard` and `voice` must stay empty.
    assert all(u.words == () for u in said)
    assert COUNTERPOINT.read_call(told) is told


@pytest.mark.bench
@pytest.mark.timeout(900)
@pytest.mark.parametrize("more", [["--echo"], []], ids=["transport", "conversation"])
def test_the_real_pipecat_is_called_and_answers(more: list[str]) -> None:
    setup.make()
    command = [sys.executable, "-m", "tests.bench.rivals.pipecat.rival", "--clips", "3", *more]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines[0]["pipecat"] == "1.14.0"
    if more:
        assert len(lines[1]["round_trips_s"]) == 3
    else:
        assert any(line["answered_after_s"][0] is not None for line in lines[1:])
