"""What a run says it was: command, commit, checkpoint, machines, and that there was one."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.bench import cli, command, machine, servers, sittings
from tests.bench.floors import RULES
from tests.bench.harness import bed
from tests.bench.records import Record, Shard, ShardMismatch
from tests.bench.rivals import starting
from tests.bench.rivals.pipecat import setup
from tests.bench.test_sittings import HEAD, MACHINE, SITTING, failed

ROOT = Path(__file__).parents[2]


class TestProvenance:
    def test_a_shard_holds_every_sitting(self, tmp_path: Path) -> None:
        path = tmp_path / "run.shard.jsonl"
        for started in (1, 2):
            shard = Shard(path, HEAD)
            shard.sit(SITTING | {"started": started})
            shard.add(Record("", "turn", str(started)))
        again = Shard(path, HEAD)
        assert [one["started"] for one in again.sittings] == [1, 2]
        assert len(again.records) == 2

    def test_another_processor_is_refused(self) -> None:
        sittings.same_machine([], MACHINE)
        sittings.same_machine([SITTING], MACHINE | {"load": [9.0, 9.0, 9.0]})
        with pytest.raises(ShardMismatch, match="two.*--other-machine"):
            sittings.same_machine([SITTING], MACHINE | {"processor": "two"})

    def test_load_and_unsteady_clips_are_counted(self) -> None:
        records = [
            Record("", "turn", str(i), load=float(i), client={"late_p99": 0.06 if i > 98 else 0.0})
            for i in range(101)
        ]
        found = sittings.conditions([*records, failed(), Record("null.silence.", "turn", "x")])
        assert found == {"clips": 101, "load_p50": 50.0, "load_p95": 95.0, "unsteady": 2,
                         "vad_ms": None}  # fmt: skip
        assert sittings.conditions([])["load_p50"] is None
        heard = [Record("", "turn", "x", client={"late_p99": 0.0, "vad": one})
                 for one in (0.004, 0.0, 0.008)]  # fmt: skip
        assert sittings.conditions(heard)["vad_ms"] == 6.0  # 0: nothing was heard of the agent

    def test_what_servers_are_made_of_is_told_and_a_change_shows(self) -> None:
        records = [Record("", "turn", str(i), parts={"language": name})
                   for i, name in enumerate(("0.5b", "0.5b", "1.5b"))]  # fmt: skip
        assert sittings.parts_of(records) == {"ours": [{"language": "0.5b"}, {"language": "1.5b"}]}
        assert Record.of_json(records[0].as_json()).parts == {"language": "0.5b"}


class TestCommand:
    def full(self) -> list[str]:
        """The words of `make bench-full`, as make has them."""
        done = subprocess.run(["make", "-n", "bench-plan"], cwd=ROOT, capture_output=True,
                              text=True, check=True)  # fmt: skip
        (line,) = [one for one in done.stdout.splitlines() if "counterpoint bench all" in one]
        return shlex.split(line)[2:]

    def test_the_full_run_names_what_it_measures(self) -> None:
        options = command.arguments(self.full())
        assert command.wrong(options) == ""
        assert cli._head(options, 1)["checkpoint"]["path"] == "model/weights/core/core.safetensors"
        assert options.engine == ["threads=1", "language=language-0.5b"]
        assert servers.variants(options) == [] and len(options.baseline) == 6

    async def test_threads_and_language_reach_baselines_and_rivals(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        commands: list[list[str]] = []

        @contextlib.asynccontextmanager
        async def started(words: list[str], *_: object, **__: object) -> AsyncIterator[None]:
            commands.append(words)
            if words:
                raise OSError("only asked")
            yield

        monkeypatch.setattr(bed, "running", started)
        monkeypatch.setattr(setup, "is_ready", lambda: True)
        options = command.arguments(self.full())
        async with contextlib.AsyncExitStack() as stack:
            await starting.start(starting.wanted(options.rival), stack, options.engine)
        commands += [servers.baseline_command(8401, options.engine, "{}")]
        for words in commands:
            assert {"threads=1", "language=language-0.5b"} <= set(words)
        assert f"core={RULES}" in commands[1]
        over = servers.baseline_command(8401, ["core=shipped", "threads=1"], "{}")
        assert "core=shipped" not in over and f"core={RULES}" in over

    def test_a_variant_is_ours_but_for_what_it_names(self) -> None:
        options = command.arguments(
            [*self.full(), "--variant", "core=core=shipped", "--variant", "core_alone=belief=off"]
        )
        assert servers.variants(options) == ["baseline.core.", "baseline.core_alone."]
        assert "baseline.core_alone." in servers.prefixes(options)
        core, alone = (named.partition("=")[2] for named in options.variant)
        words = servers.variant_command(8407, [*options.engine, core], alone)
        assert {"core=shipped", "threads=1", "belief=off"} <= set(words)
        again = servers.variant_command(8407, options.engine, "threads=2")
        assert "threads=2" in again and "threads=1" not in again
        both = servers.variant_command(8407, options.engine, "core=shipped;threads=2")
        assert {"core=shipped", "threads=2"} <= set(both) and "threads=1" not in both
        for wrong in ("alone", "alone=belief", "alone=belief=off;core"):
            told = command.wrong(command.arguments(["turn", "--variant", wrong]))
            assert "NAME=FIELD=VALUE" in told

    def test_the_test_split_needs_a_checkpoint(self, tmp_path: Path) -> None:
        words = ["turn", "--split", "test"]
        assert "--checkpoint" in command.wrong(command.arguments(words))
        missing = [*words, "--checkpoint", str(tmp_path / "none")]
        assert "no such file" in command.wrong(command.arguments(missing))
        shipped = [*words, "--checkpoint", str(command.SHIPPED)]
        assert command.wrong(command.arguments(shipped)) == ""

    def test_a_file_that_is_not_measured_draws_no_clips_of_the_test_split(
        self, tmp_path: Path
    ) -> None:
        """It would be a seed to choose. Of dev whoever asks chooses anyway."""
        words = ["turn", "--checkpoint", __file__]
        told = command.wrong(command.arguments([*words, "--split", "test"]))
        assert "model/weights/core/core.safetensors" in told
        assert command.wrong(command.arguments(words)) == ""
        mine = tmp_path / "core.safetensors"
        mine.write_bytes(b"another")
        test = ["turn", "--split", "test", "--checkpoint", str(mine)]
        assert command.wrong(command.arguments(test))
        for named in (["--engine", f"core={tmp_path}"], ["--variant", f"mine=core={tmp_path}"]):
            assert command.wrong(command.arguments([*test, *named])) == ""

    def test_the_test_split_is_of_a_commit(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(cli, "uncommitted", lambda: "0123")
        words = ["nulls", "--split", "test", "--checkpoint", str(command.SHIPPED)]
        assert cli.main(words) == 2
        assert "differs from HEAD" in capsys.readouterr().err

    def test_changes_are_seen_but_not_in_words_about_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def git(*words: str) -> None:
            who = ["-c", "user.name=a", "-c", "user.email=a@b"]
            subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

        git("init")
        (tmp_path / "code.py").write_text("1\n")
        (tmp_path / "words.md").write_text("1\n")
        git("add", ".")
        git("commit", "-m", "x")
        monkeypatch.setattr(machine, "_ROOT", tmp_path)
        (tmp_path / "words.md").write_text("2\n")
        assert machine.uncommitted() == ""
        (tmp_path / "code.py").write_text("2\n")
        first = machine.uncommitted()
        (tmp_path / "code.py").write_text("3\n")
        assert first and machine.uncommitted() not in ("", first)


class TestRuns:
    def test_a_shards_run_is_logged_when_it_begins_and_once(self, tmp_path: Path) -> None:
        log = tmp_path / "runs.jsonl"
        for _ in range(2):
            shard = Shard(tmp_path / "run.shard.jsonl", HEAD)
            sittings.log_begun(log, HEAD, MACHINE, shard, fresh=False)
            shard.sit(SITTING)
        sittings.log_measured(log, {"run": HEAD, "machine": MACHINE, "measures": {"a": 1}})
        assert self.states(log) == ["begun", "measured"]

    def test_one_without_a_shard_is_logged_once_until_it_ends(self, tmp_path: Path) -> None:
        log = tmp_path / "runs.jsonl"
        log.write_text(json.dumps({"run": dict(HEAD), "machine": {}, "measures": {}}) + "\n")
        for _ in range(2):
            sittings.log_begun(log, HEAD, MACHINE, None, fresh=False)
        result: Mapping[str, Any] = {"run": HEAD | {"n": 5, "half": "both", "seconds": 2},
                                     "machine": MACHINE, "measures": {}}  # fmt: skip
        sittings.log_measured(log, result)
        sittings.log_begun(log, HEAD, MACHINE, None, fresh=False)
        sittings.log_begun(log, HEAD, MACHINE, None, fresh=True)
        assert self.states(log) == [None, "begun", "measured", "begun", "begun"]

    @staticmethod
    def states(log: Path) -> list[str | None]:
        """Of all lines; each has what a line always had."""
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert all({"run", "machine", "measures"} <= line.keys() for line in lines)
        return [line.get("state") for line in lines]
