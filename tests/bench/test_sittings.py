"""A run in several sittings: what fails, dies, is missing or changes between two of them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import aiohttp
import numpy as np
import pytest
from aiohttp import web

from tests.bench import cli, command, running, sittings
from tests.bench.beside import Kept, beside
from tests.bench.files import alone, replace_text, whole_lines
from tests.bench.harness.caller import Caller, CallFailed
from tests.bench.metrics.statistics import Measure
from tests.bench.records import MOST_FAILURES, Record, Shard
from tests.bench.results import failures
from tests.bench.rivals import starting
from tests.bench.rivals.pipecat import rival as pipecat
from tests.bench.running import Draw, SittingEnded, Target, Work, gone, run_clips
from tests.bench.stimuli.script import Script

ROOT = Path(__file__).parents[2]
HEAD = {"commit": "abc", "seed": 1, "suite": "turn"}
MACHINE = {"processor": "one", "cores": 2, "load": [0.1, 0.2, 0.3]}
SITTING = {"started": 1, "machine": MACHINE, "calibration": None, "without": {},
           "rivals": {"rival.pipecat": {"pipecat": "1.14.0"}}}  # fmt: skip
ONE = Measure(1.0, 5, 1, (0.9, 1.1))


def failed(reason: str = "busy") -> Record:
    """One call that failed."""
    return Record("", "turn", "one", failure=reason)


class TestFailedCalls:
    def test_a_failed_clip_is_played_again_but_not_for_ever(self, tmp_path: Path) -> None:
        path = tmp_path / "run.shard.jsonl"
        for _ in range(MOST_FAILURES):
            shard = Shard(path, HEAD)
            assert not shard.has("", "one")
            shard.add(failed())
        assert Shard(path, HEAD).has("", "one")
        assert failures(Shard(path, HEAD).records) == {
            "ours": {"n": 1, "calls": 0, "reasons": ["busy"]}
        }

    def test_a_later_success_replaces_it_and_a_later_failure_does_not(self, tmp_path: Path) -> None:
        path = tmp_path / "run.shard.jsonl"
        shard = Shard(path, HEAD)
        for record in (failed(), Record("", "turn", "one", scene="quiet"), failed()):
            shard.add(record)
        for one in (shard, Shard(path, HEAD)):
            assert [record.scene for record in one.records] == ["quiet"]
            assert one.has("", "one")
            assert failures(one.records) == {}

    def test_reasons_are_told_by_target_each_once_and_five_at_most(self) -> None:
        records = [Record("rival.pipecat.", "turn", str(i), failure=f"{i % 7}") for i in range(20)]
        told = failures([*records, Record("", "turn", "well")])
        reasons = ["0", "1", "2", "3", "4"]
        assert told == {"rival.pipecat.": {"n": 20, "calls": 0, "reasons": reasons}}

    def test_calls_that_came_to_nothing_are_told_though_a_later_one_did_not(
        self, tmp_path: Path
    ) -> None:
        shard = Shard(tmp_path / "run.shard.jsonl", HEAD)
        shard.add(Record("", "turn", "one", tried=("busy", "time out")))
        (kept,) = Shard(shard.path, HEAD).records
        told = {"ours": {"n": 0, "calls": 2, "reasons": ["busy", "time out"]}}
        assert failures([kept]) == told

    async def test_whatever_one_call_dies_of_the_others_go_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tried: list[int] = []

        async def play(*_: object) -> None:
            tried.append(1)
            raise json.JSONDecodeError("Expecting value", "Internal Server Error", 0)

        async def at_once(_: float) -> None:
            return

        async def alive(_: Target) -> str:
            return ""

        monkeypatch.setattr(running, "play", play)
        monkeypatch.setattr(running, "gone", alive)
        monkeypatch.setattr("tests.bench.running.asyncio.sleep", at_once)
        monkeypatch.setattr(Draw, "script", silent)
        shard = Shard(tmp_path / "run.shard.jsonl", HEAD)
        works = [Work("turn", "synthetic", i) for i in range(2)]
        await run_clips(shard, works, [Target("", "http://x")], Draw("dev", 1), words=False)
        assert [record.failure.split(":")[0] for record in shard.records] == ["JSONDecodeError"] * 2
        assert len(tried) == 2 * running._TRIES

    async def test_a_refusal_in_plain_text_is_the_calls_failure(self) -> None:
        async def refuse(_: web.Request) -> web.Response:
            return web.Response(status=500, text="Internal Server Error")

        async with serving("POST", "/api/offer", refuse) as url:
            caller = Caller(url, lambda _: np.zeros(320, np.float32))
            with pytest.raises(CallFailed, match="500 Internal Server Error"):
                await caller.connect()
            await caller.close()


def silent(_: Draw, work: Work) -> Script:
    """A clip in which nothing is said."""
    empty = np.zeros(0, np.float32)
    return Script(work.clip, work.suite, work.half, "nobody", (), empty, empty)


@contextlib.asynccontextmanager
async def serving(
    method: str, path: str, handler: Callable[[web.Request], Awaitable[web.Response]]
) -> AsyncIterator[str]:
    """A server with one way in, on 127.0.0.1: its address."""
    app = web.Application()
    app.router.add_route(method, path, handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class _Process:
    """Stands for a server's process."""

    def __init__(self, returncode: int | None) -> None:
        self.returncode = returncode

    def poll(self) -> int | None:
        return self.returncode


def process(returncode: int | None) -> subprocess.Popen[bytes]:
    """One that goes on, or ended with this."""
    return cast("subprocess.Popen[bytes]", _Process(returncode))


class TestServers:
    async def test_one_that_ended_ends_the_sitting_and_the_failure_is_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def play(*_: object) -> None:
            raise CallFailed("no media connection")

        monkeypatch.setattr(running, "play", play)
        monkeypatch.setattr(running, "_TRIES", 1)
        monkeypatch.setattr(Draw, "script", silent)
        shard = Shard(tmp_path / "run.shard.jsonl", HEAD)
        works = [Work("turn", "synthetic", i) for i in range(2)]
        target = Target("baseline.quick.", "http://127.0.0.1:9", process=process(-9))
        with pytest.raises(SittingEnded, match=r"baseline.quick is gone \(it ended with -9\)"):
            await run_clips(shard, works, [target], Draw("dev", 1), words=False)
        assert len(shard.records) == 1

    @pytest.mark.parametrize(
        ("status", "process", "says"),
        [
            (200, process(None), ""),
            (503, process(None), "503"),
            (404, None, ""),
            (503, None, "503"),
        ],
    )
    async def test_what_its_health_says(
        self, status: int, process: subprocess.Popen[bytes] | None, says: str
    ) -> None:
        async def health(_: web.Request) -> web.Response:
            return web.Response(status=status)

        async with serving("GET", "/healthz", health) as url:
            found = await gone(Target("", url, process=process), 0.0)
        assert bool(found) == bool(says) and says in found

    async def test_nobody_answers(self) -> None:
        assert "not answered" in await gone(Target("", "http://127.0.0.1:9"), 0.0)

    def test_a_server_that_is_gone_is_a_status_of_its_own(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async def run(_: object) -> int:
            raise SittingEnded("ours is gone; start the same command again")

        monkeypatch.setattr(cli, "_run", run)
        assert cli.main(["turn", "--url", "http://x"]) == 4
        assert "start the same command again" in capsys.readouterr().err

    @pytest.mark.parametrize("end", ["terminate", "kill"])
    @pytest.mark.timeout(120)
    def test_none_outlives_the_bench(self, end: str) -> None:
        """Whoever holds the pipe's other end still lives."""
        inside = ["sh", "-c", "sleep 150 & echo up; wait"]
        code = f"from tests.bench.harness import bed; bed.enter({inside})"
        bench = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
        assert bench.stdout is not None
        assert bench.stdout.readline() == b"up\n"
        getattr(bench, end)()
        bench.communicate(timeout=60.0)


class TestRivals:
    async def test_one_whose_health_cannot_be_read_is_absent_and_ended(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ended: list[bool] = []

        @contextlib.asynccontextmanager
        async def started(*_: object, **__: object) -> AsyncIterator[tuple[str, object]]:
            try:
                yield "http://127.0.0.1:9", process(None)
            finally:
                ended.append(True)

        async def hung_up(_: str) -> None:
            raise aiohttp.ServerDisconnectedError  # Of aiohttp's errors, one that is no OSError.

        monkeypatch.setattr(pipecat, "running", started)
        monkeypatch.setattr(pipecat, "health", hung_up)
        async with contextlib.AsyncExitStack() as stack:
            found, absent = await starting.start([starting.Wanted("pipecat")], stack, [])
            assert found == [] and ended == [True]
            assert "disconnected" in absent["rival.pipecat"]

    def test_a_kept_run_does_not_begin_without_one(self) -> None:
        with pytest.raises(SittingEnded, match="no environment.*--without-rival"):
            sittings.without({"rival.pipecat": "no environment"}, allowed=False)
        assert sittings.without({"rival.pipecat": "x"}, allowed=True) == {"rival.pipecat": "x"}

    async def test_one_left_out_is_not_started_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def start(asked: list[starting.Wanted], *_: object, **__: object) -> Any:
            return [], {f"rival.{one.name}": "no environment" for one in asked}

        monkeypatch.setattr(starting, "start", start)
        shard = Shard(tmp_path / "run.shard.jsonl", HEAD)
        async with contextlib.AsyncExitStack() as stack:
            options = command.arguments(["all", "--rival", "pipecat"])
            with pytest.raises(SittingEnded):
                await cli._rivals(options, {}, shard, stack)
            options.without_rival = True
            sitting: dict[str, Any] = dict(SITTING)
            assert await cli._rivals(options, sitting, shard, stack) == []
            shard.sit(sitting)
            options.without_rival = False
            assert await cli._rivals(options, {}, Shard(shard.path, HEAD), stack) == []

    def test_versions_of_an_earlier_sitting_are_still_stated(self) -> None:
        later = SITTING | {"rivals": {}}
        assert sittings.versions_of([SITTING, later]) == SITTING["rivals"]
        later |= {"without": {"rival.pipecat": "no environment"}}
        assert sittings.versions_of([SITTING, later]) == {}


class TestBeside:
    async def test_what_could_not_be_measured_is_not_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "run.beside.json"

        async def refused() -> dict[str, Measure]:
            raise CallFailed("refused")

        async def nothing() -> dict[str, Measure]:
            return {}

        async def something() -> dict[str, Measure]:
            return {"transport.round_trip_ms": ONE}

        kept = Kept(path, HEAD)
        for measure in (refused, nothing):
            assert await kept.once("transport", measure) == {}
        assert kept.failed == ["transport: not measured: refused",
                               "transport: not measured: no call succeeded"]  # fmt: skip
        assert not path.exists()
        assert await Kept(path, HEAD).once("transport", something) == await something()
        assert await Kept(path, HEAD).once("transport", refused) == await something()

    def test_a_kill_while_it_is_written_leaves_what_was_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        path = tmp_path / "run.beside.json"
        replace_text(path, "old")
        monkeypatch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            replace_text(path, "new")
        assert path.read_text() == "old"

    async def test_a_load_without_calls_carries_nobody(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = Record("load_1.", "talk", "talk-synthetic-0000", failure="busy")

        async def system(suite: str, *given: Any) -> dict[str, Measure]:
            if suite != "load":
                return {"transport.round_trip_ms": ONE}
            given[-1].append(record)
            return {"capacity.sessions": ONE, "load_1.calls.failed": ONE}

        async def echo(*_: object) -> Target:
            return Target("", "http://x")

        async def start(*_: object, **__: object) -> Any:
            return [], {"rival.pipecat": "no environment"}

        monkeypatch.setattr("tests.bench.beside.run_system", system)
        monkeypatch.setattr("tests.bench.beside.echo_target", echo)
        monkeypatch.setattr(starting, "start", start)
        kept = Kept(tmp_path / "run.beside.json", HEAD)
        out = tmp_path / "run.json"
        options = command.arguments(["all", "--browser", "0", "--json", str(out)])
        theirs = starting.Started(Target("rival.pipecat.", "http://y"), {}, 0)
        found = await beside(kept, options, Draw("dev", 1), (Target("", "http://x"), []), [theirs])
        assert list(found) == ["transport.round_trip_ms"]
        assert [line.partition(":")[0] for line in kept.failed] == [
            "load", "rival.pipecat.transport", "rival.pipecat.load"
        ]  # fmt: skip
        assert "no environment" in kept.failed[1]
        # What was played can be judged again: once by us, once by the rival.
        lines = whole_lines(tmp_path / "run.load.jsonl")
        assert [Record.of_json(line) for line in lines] == [record, record]


def test_two_benches_do_not_write_to_one_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second is refused before it reads or writes; and let in when the first is over."""
    out = tmp_path / "run.json"
    words = ["nulls", "--n", "1", "--json", str(out)]
    with alone(out):
        assert cli.main(words) == 2
        assert "another bench writes to" in capsys.readouterr().err and not out.exists()
    with alone(out), alone(tmp_path / "other.json"):
        pass
