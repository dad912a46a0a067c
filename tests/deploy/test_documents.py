"""What README and the operator's documents name is there: files, commands, settings, metrics."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Final

import pytest

from model.config import EngineConfig
from server.cli import MODULES
from server.settings import Settings, add_arguments

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = ("README.md", "docs/operating.md", "docs/auth.md")
OTHER_COMMANDS: Final = {"serve", "doctor", "key"}
FIELDS: Final = set(Settings.__dataclass_fields__)


def written(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", written(name))
    assert len(links) > 3
    here = (ROOT / name).parent
    assert [link for link in links if ":" not in link and not (here / link).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_flags_and_settings_are_the_servers(name: str) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config")
    add_arguments(parser)
    known = {flag for action in parser._actions for flag in action.option_strings}
    served = re.findall(r"counterpoint serve((?:[^`\n]|\\\n)*)", written(name))
    served += re.findall(r"(?m)^\| `(--.*?)` \|", written(name))
    flags = {flag for words in served for flag in re.findall(r"--[a-z-]+", words)}
    assert flags and flags <= known
    engine = set(re.findall(r"--engine (\w+)=", written(name)))
    assert engine <= set(EngineConfig.__dataclass_fields__)
    named = re.findall(r"COUNTERPOINT_([A-Z_]+)", written(name))
    assert {one.lower() for one in named} <= FIELDS | {"torch_index", "weights"}


def test_the_table_of_limits_is_of_settings() -> None:
    table = written("docs/operating.md").partition("| limit | default |")[2].partition("\n\n")[0]
    named = re.findall(
        r"`([a-z_]+)`", "\n".join(row.split("|")[1] for row in table.split("\n")[2:])
    )
    assert len(named) > 6 and set(named) <= FIELDS


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_and_targets_exist(name: str) -> None:
    words = set(re.findall(r"`(?:\.venv/bin/)?counterpoint (\w+)", written(name)))
    assert words <= OTHER_COMMANDS | set(MODULES)
    made = re.findall(r"`make ([a-z-]+)|^make (\S+)", written(name), re.M)
    targets = set(re.findall(r"(?m)^([a-z-]+):", written("Makefile")))
    assert {one or other for one, other in made} <= targets


def test_metrics_are_those_that_are_told() -> None:
    sources = written("server/metrics.py") + written("server/vitals.py")
    told = set(re.findall(r'"([a-z0-9_]+)", "', sources))
    told |= set(re.findall(r'(?:Gauge\(|^\s+)"([a-z0-9_]+)"', sources, re.M))
    named = set(re.findall(r"`counterpoint_(\w+)`", written("docs/operating.md")))
    assert len(named) > 8 and named <= told
